"""A comparison in the terminal: the verdict first, how it came about, then the layers that differ most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.analysis.compare import DRIFT
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.mismatch import Mismatch, shown_value
from tflprof.report.compare_grid import STYLES, comparison_grid, ids_cell, interval_cell, name_cell
from tflprof.report.compare_words import (
    both_provenances,
    matching_sentence,
    method_sentences,
    verdict_sentence,
)
from tflprof.report.describe import describe_prediction, describe_run, describe_state
from tflprof.report.text import plain

_CHANGED = ("slower", "faster", "new", "gone", "incomparable")
_SEVERITY = {"doubt": "yellow", "taint": "red"}


def print_comparison(
    comparison: Comparison, console: Console, *, top: int | None = None, show_all: bool = False
) -> None:
    """Print a comparison.

    Args:
        comparison: what to print.
        console: where to.
        top: most layers to show, None: all that are not the same.
        show_all: layers that are the same, too, and in the order of B.
    """
    _print_head(comparison, console)
    _print_how(comparison, console)
    _print_doubts(comparison, console)
    console.print()
    shown = _shown(comparison, top, show_all)
    comparison_grid(comparison, shown).print(console)
    console.print()
    _print_hidden(comparison, shown, console, "--all" if top is None else "without --top, --all")
    _print_reasons(shown, console)
    _print_structure(comparison, console)


def _print_head(comparison: Comparison, console: Console) -> None:
    console.print(
        Text(
            verdict_sentence(comparison),
            style=f"bold {STYLES[comparison.total.status]}".replace("dim", "green"),
        )
    )
    if comparison.total.status in ("inconclusive", "incomparable"):
        console.print(Text(f"  {plain(comparison.total.reason)}", style="yellow"))
    console.print()
    for side, meta in (("A", comparison.a), ("B", comparison.b)):
        console.print(
            Text.assemble((side, "bold"), f"  {plain(meta.model.name)}", (f"  {plain(meta.created)}", "dim"))
        )
    runs = [describe_run(meta) for meta in (comparison.a, comparison.b)]
    for line in dict.fromkeys(runs) if runs[0] == runs[1] else (f"A  {runs[0]}", f"B  {runs[1]}"):
        console.print(Text(line, style="dim"))


def _print_how(comparison: Comparison, console: Console) -> None:
    console.print(Text(f"[{plain(both_provenances(comparison))}]", style="cyan"))
    for line in dict.fromkeys(map(describe_prediction, (comparison.a, comparison.b))):
        if line is not None:
            console.print(Text(line, style="dim"))
    if not comparison.forced:
        console.print(Text(method_sentences(comparison), style="dim"))
    console.print(Text(matching_sentence(comparison), style="dim"))
    for note in comparison.notes:
        if note != DRIFT:
            console.print(Text(plain(note), style="dim"))
    for found in comparison.mismatches:
        style = "dim" if comparison.method == "devices" else "yellow"
        values = f"A {plain(shown_value(found.a))}, B {plain(shown_value(found.b))}"
        console.print(Text(f"  {_relation(found)}: {plain(found.key)}: {values}", style=style))


def _relation(found: Mismatch) -> str:
    return "may differ" if found.a is None and found.b is None else "differs"


def _print_doubts(comparison: Comparison, console: Console) -> None:
    """Findings against the profiles, as far as they are doubts; a trusted profile is not mentioned."""
    for side, meta in (("A", comparison.a), ("B", comparison.b)):
        if side in comparison.doubted:
            console.print(Text.assemble("Trust  ", (f"{side} is {describe_state(meta)}", "bold")))
            _print_findings(meta, console)


def _print_findings(meta: ProfileMeta, console: Console) -> None:
    for finding in meta.findings:
        if finding.severity in _SEVERITY:
            head = (f"{finding.severity} {plain(finding.code)}", _SEVERITY[finding.severity])
            console.print(Text.assemble("  ", head, f"  {plain(finding.message)}"))


def _shown(comparison: Comparison, top: int | None, show_all: bool) -> list[Difference]:
    """Layers that changed, by how much, then those of which it cannot be said, then those that are the same."""
    if show_all and top is None:
        return list(comparison.layers)
    ordered = sorted(comparison.layers, key=lambda row: (_group(row), -_size(row)))
    kept = [row for row in ordered if show_all or row.status != "same"]
    return kept if top is None else kept[:top]


def _group(row: Difference) -> int:
    return 0 if row.status in _CHANGED else 1 if row.status == "inconclusive" else 2


def _size(row: Difference) -> float:
    if units.known(row.difference):
        return abs(row.difference)
    return max((part.typical for part in (row.a, row.b) if part and units.known(part.typical)), default=-1.0)


def _print_hidden(comparison: Comparison, shown: Sequence[Difference], console: Console, option: str) -> None:
    """What the layers are that are not shown, and which option shows them."""
    seen = {id(row) for row in shown}
    counts = Counter(row.status for row in comparison.layers if id(row) not in seen)
    if comparison.method == "paired":
        console.print(
            Text(
                "A and B are each one's own cost; changes, and B − A of layers and total, come from the pairs",
                style="dim",
            )
        )
    if counts:
        told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        console.print(Text(f"not shown: {told}; {option} shows them", style="dim"))


def _print_reasons(rows: Sequence[Difference], console: Console) -> None:
    """Why nothing can be said of layers that have no interval to show it."""
    open_rows = [row for row in rows if row.status == "inconclusive" and not interval_cell(row)]
    reasons = Counter(row.reason for row in open_rows)
    for reason, count in reasons.most_common():
        layers = "1 layer" if count == 1 else f"{count} layers"
        console.print(Text(f"inconclusive, {layers}: {plain(reason)}", style="yellow"))


def _print_structure(comparison: Comparison, console: Console) -> None:
    """What became of the layers, and which went elsewhere."""
    if comparison.matching == "identity":
        return
    counts = Counter(row.match for row in comparison.layers)
    told = ", ".join(f"{count} {match}" for match, count in counts.most_common())
    console.print(Text(f"Structure  {told}", style="dim"))
    for row in comparison.layers:
        if row.match == "moved":
            console.print(Text(f"  moved  {name_cell(row)}  {ids_cell(row)}", style="dim"))
