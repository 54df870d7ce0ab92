"""A comparison in the terminal: the verdict first, how it came about, then the layers that differ most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.analysis.compare import DRIFT
from tflprof.analysis.comparison import Comparison, Difference, Part, Status
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.mismatch import shown_value
from tflprof.report.columns import Column, Grid
from tflprof.report.compare_words import (
    both_provenances,
    confidence,
    match_words,
    matching_sentence,
    method_sentences,
    verdict_sentence,
)
from tflprof.report.describe import describe_run, describe_state
from tflprof.report.layer_table import share_cell
from tflprof.report.text import plain

STYLES: dict[Status, str] = {
    "faster": "green",
    "slower": "red",
    "same": "dim",
    "inconclusive": "yellow",
    "new": "magenta",
    "gone": "magenta",
    "incomparable": "yellow",
}
_CHANGED = ("slower", "faster", "new", "gone", "incomparable")
_SEVERITY = {"doubt": "yellow", "taint": "red"}


@dataclass(frozen=True)
class _Line:
    """One line of the table that is no layer: what is not shown, what no layer explains, the total."""

    name: str
    a: float | None
    b: float | None
    difference: float | None
    change: str = ""
    interval: str = ""
    status: Status | None = None
    style: str = "italic"


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
    _print_rows(comparison, shown, console)
    _print_hidden(comparison, shown, console)
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
    if not comparison.forced:
        console.print(Text(method_sentences(comparison), style="dim"))
    console.print(Text(matching_sentence(comparison), style="dim"))
    for note in comparison.notes:
        if note != DRIFT:
            console.print(Text(plain(note), style="dim"))
    for found in comparison.mismatches:
        style = "dim" if comparison.method == "devices" else "yellow"
        console.print(
            Text(
                f"  differs: {plain(found.key)}: A {plain(shown_value(found.a))}, B {plain(shown_value(found.b))}",
                style=style,
            )
        )


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


def _print_rows(comparison: Comparison, rows: Sequence[Difference], console: Console) -> None:
    lines = _lines(comparison, rows)

    def cells(
        of_row: Callable[[Difference], Text | str], of_line: Callable[[_Line], Text | str]
    ) -> list[Text | str]:
        return [*map(of_row, rows), *map(of_line, lines)]

    devices, incomparable = comparison.method == "devices", comparison.total.status == "incomparable"
    a_unit, b_unit = comparison.a.unit, comparison.b.unit
    columns = [
        Column("status", cells(_status, lambda line: _word(line.status)), 100, False),
        Column("id", cells(_ids, lambda _: ""), 35, False),
        Column("layer", cells(_name, lambda line: Text(line.name, line.style)), 99, False, 18),
        Column("op", cells(_op, lambda _: ""), 45, False, 14),
        Column("match", cells(_match, lambda _: ""), 60, False),
        Column("A", cells(lambda row: _cost(row.a, a_unit), lambda line: _value(line.a, a_unit)), 90),
        Column("B", cells(lambda row: _cost(row.b, b_unit), lambda line: _value(line.b, b_unit)), 91),
        Column("B − A", cells(lambda row: _signed(row, a_unit), lambda line: _signed(line, a_unit)), 70),
        Column("B / A" if incomparable else "change", cells(_change, lambda line: line.change), 95),
        Column(f"{confidence(comparison)} interval", cells(_interval, lambda line: line.interval), 65),
        Column("share", cells(lambda row: _share(row.b or row.a), lambda _: ""), 30),
        Column("of A", cells(lambda row: _share(row.a), lambda _: ""), 92),
        Column("of B", cells(lambda row: _share(row.b), lambda _: ""), 93),
    ]
    # Of two devices nothing is judged: shares and ratios say more than statuses and differences.
    left_out = {"status", "B − A", "share"} if devices else {"of A", "of B"}
    Grid([each for each in columns if any(map(str, each.cells)) and each.title not in left_out]).print(
        console
    )
    console.print()


def _lines(comparison: Comparison, rows: Sequence[Difference]) -> list[_Line]:
    shown = {id(row) for row in rows}
    hidden = [row for row in comparison.layers if id(row) not in shown]
    lines = [_hidden(hidden)] if hidden else []
    for name, row in (("unattributed", comparison.unattributed), ("total", comparison.total)):
        if row is not None:
            lines.append(
                _Line(
                    name,
                    row.a.typical if row.a else None,
                    row.b.typical if row.b else None,
                    row.difference,
                    _change(row),
                    _interval(row),
                    row.status if name == "total" else None,
                    "bold" if name == "total" else "italic",
                )
            )
    return lines


def _hidden(rows: Sequence[Difference]) -> _Line:
    """What is not shown, summed up."""
    a, b = (_sum([getattr(row, side) for row in rows]) for side in ("a", "b"))
    differences = [row.difference for row in rows if units.known(row.difference)]
    return _Line(f"{len(rows)} more", a, b, sum(differences) if differences else None)


def _print_hidden(comparison: Comparison, shown: Sequence[Difference], console: Console) -> None:
    """What the layers are that are not shown."""
    seen = {id(row) for row in shown}
    counts = Counter(row.status for row in comparison.layers if id(row) not in seen)
    if comparison.method == "paired":
        console.print(
            Text("A and B are each one's own cost; B − A and change come from the pairs", style="dim")
        )
    if counts:
        told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        console.print(Text(f"not shown: {told}; --all shows them", style="dim"))


def _sum(parts: Sequence[Part | None]) -> float | None:
    """Of what has a cost: layers that run nothing, or that are only in the other model, have none."""
    costs = [part.typical for part in parts if part is not None and units.known(part.typical)]
    return sum(costs) if costs else None


def _status(row: Difference) -> Text:
    return _word(row.status)


def _word(status: Status | None) -> Text:
    return Text("") if status is None else Text(status, style=STYLES[status])


def _ids(row: Difference) -> str:
    a, b = (_id(part) for part in (row.a, row.b))
    if a == b:
        return a
    return f"{a or '·'} → {b or '·'}"


def _id(part: Part | None) -> str:
    if part is None:
        return ""
    more = f"+{len(part.layers) - 1}" if len(part.layers) > 1 else ""
    return plain(part.layers[0] if part.layers else "") + more


def _name(row: Difference) -> str:
    """The layer's name; where it has another in B, both."""
    names = dict.fromkeys(_side_name(part) for part in (row.a, row.b) if part is not None)
    return " → ".join(names)


def _side_name(part: Part) -> str:
    more = len(part.layers) - 1
    return plain(part.name) + (f" +{more}" if more > 0 else "")


def _op(row: Difference) -> str:
    ops = dict.fromkeys(plain(part.op) for part in (row.a, row.b) if part is not None)
    return " → ".join(ops)


def _match(row: Difference) -> str:
    return "" if row.match in ("same", "inserted", "removed") else match_words(row)


def _cost(part: Part | None, unit: str) -> str:
    return "" if part is None else units.format_value(part.typical, unit)


def _value(value: float | None, unit: str) -> str:
    return units.format_value(value, unit)


def _signed(row: Difference | _Line, unit: str) -> str:
    return units.format_difference(row.difference, unit) if units.known(row.difference) else ""


def _change(row: Difference) -> str:
    if row.status == "incomparable" and units.known(row.ratio):
        return units.format_ratio(row.ratio)
    return units.format_change(row.ratio) if units.known(row.ratio) else ""


def _interval(row: Difference) -> str:
    """Empty for counts, which have none."""
    return "" if row.ratio_lo == row.ratio_hi else units.format_change_interval(row.ratio_lo, row.ratio_hi)


def _share(part: Part | None) -> str:
    return "" if part is None else share_cell(part.share)


def _print_reasons(rows: Sequence[Difference], console: Console) -> None:
    """Why nothing can be said of layers that have no interval to show it."""
    open_rows = [row for row in rows if row.status == "inconclusive" and not _interval(row)]
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
            console.print(Text(f"  moved  {_name(row)}  {_ids(row)}", style="dim"))
