"""A profile in the terminal: total, layers by cost, operator types, what it is worth."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.profile.meta import Finding
from tflprof.profile.profile import Profile
from tflprof.report.columns import Column, Grid
from tflprof.report.describe import (
    at_least,
    describe_counts,
    describe_prediction,
    describe_run,
    describe_side_costs,
    describe_spread,
    describe_state,
    describe_total,
)
from tflprof.report.endurance import describe_counters, describe_endurance
from tflprof.report.layer_table import bar_cell, counts_column, print_layers, share_cell
from tflprof.report.text import plain
from tflprof.report.view import View, make_view

_SEVERITY = {"note": "cyan", "doubt": "yellow", "taint": "red"}


def print_profile(
    profile: Profile, console: Console, *, top: int | None = None, in_order: bool = False
) -> None:
    """Print a profile; ``top`` limits the layers shown, ``in_order`` keeps file order instead of rank."""
    view = make_view(profile)
    _print_head(view, console)
    print_layers(view, console, top, in_order)
    _print_ops(view, console)
    _print_findings(profile, console)


def _print_head(view: View, console: Console) -> None:
    meta = view.profile.meta
    console.print(Text(plain(meta.model.name), style="bold"), Text(describe_counts(view), style="dim"))
    console.print(Text(describe_run(meta), style="dim"))
    console.print()
    _print_total(view, console)
    for line in describe_side_costs(view):
        console.print(Text(line, style="dim"))
    if counters := describe_counters(view.profile):
        console.print(Text(counters, style="dim"))
    if endurance := describe_endurance(view.profile):
        console.print(Text(endurance))
    console.print()


def _print_total(view: View, console: Console) -> None:
    profile, total = view.profile, view.profile.summary.total
    unit = profile.meta.unit
    line = Text.assemble("Total  ", (_with_unit(total.typical, unit), "bold"))
    line.append(f"  {describe_spread(profile)}")
    line.append(f"  [{plain(view.provenance)}]", "cyan")
    console.print(line)
    if prediction := describe_prediction(profile.meta):
        console.print(Text(f"{prediction}: {describe_spread(profile)}"))
    console.print(Text(describe_total(profile), style="dim"))


def _with_unit(value: float | None, unit: str) -> str:
    text = units.format_value(value, unit)
    return text if unit == "ns" else f"{text} {unit}"


def _print_ops(view: View, console: Console) -> None:
    if len(view.ops) < 2:
        return
    unit = view.profile.meta.unit
    largest = max((op.share or 0.0 for op in view.ops), default=0.0)
    Grid(
        [
            Column("by operator", [plain(op.op) for op in view.ops], 100, False, 14),
            Column("layers", [str(op.layers) for op in view.ops], 40),
            Column(
                units.value_name(unit, view.profile.meta.provenance),
                [units.format_value(op.typical, unit) for op in view.ops],
                95,
            ),
            *counts_column(view, [op.instructions for op in view.ops], 85),
            Column("share", [share_cell(op.share) for op in view.ops], 90),
            Column("", [bar_cell(op.share, largest) for op in view.ops], 30, False),
            Column("MACs", [at_least(op.macs, op.unknown_macs) for op in view.ops], 20),
            Column(
                units.rate_name(unit),
                ["" if op.rate is None else units.digits(op.rate) for op in view.ops],
                25,
            ),
        ]
    ).print(console)
    console.print()


def _print_findings(profile: Profile, console: Console) -> None:
    console.print(describe_verdict(profile))
    for finding in profile.meta.findings:
        console.print(_finding(finding))
        if finding.remedy:
            console.print(Text(f"    → {plain(finding.remedy)}"))


def describe_verdict(profile: Profile) -> Text:
    """One line: whether the profile deserves belief."""
    return Text.assemble("Trust  ", (describe_state(profile.meta), "bold"))


def _finding(finding: Finding) -> Text:
    style = _SEVERITY.get(finding.severity, "")
    return Text.assemble(
        "  ", (f"{finding.severity} {plain(finding.code)}", style), f"  {plain(finding.message)}"
    )
