"""The table of a comparison: its lines, its columns, and what stands in each cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from tflprof import units
from tflprof.analysis.comparison import Comparison, Difference, Part, Status
from tflprof.report.columns import Column, Grid
from tflprof.report.compare_words import confidence, match_words
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


def comparison_grid(comparison: Comparison, rows: Sequence[Difference]) -> Grid:
    """The rows, and below them what is not among them and the total; columns without any text are left out."""
    lines = _lines(comparison, rows)

    def cells(
        of_row: Callable[[Difference], Text | str], of_line: Callable[[_Line], Text | str]
    ) -> list[Text | str]:
        return [*map(of_row, rows), *map(of_line, lines)]

    devices, incomparable = comparison.method == "devices", comparison.total.status == "incomparable"
    a_unit, b_unit = comparison.a.unit, comparison.b.unit
    columns = [
        Column("status", cells(_status, lambda line: _word(line.status)), 100, False),
        Column("id", cells(ids_cell, lambda _: ""), 35, False),
        Column("layer", cells(name_cell, lambda line: Text(line.name, line.style)), 99, False, 18),
        Column("op", cells(_op, lambda _: ""), 45, False, 14),
        Column("match", cells(_match, lambda _: ""), 60, False),
        Column("A", cells(lambda row: _cost(row.a, a_unit), lambda line: _value(line.a, a_unit)), 90),
        Column("B", cells(lambda row: _cost(row.b, b_unit), lambda line: _value(line.b, b_unit)), 91),
        Column("B − A", cells(lambda row: _signed(row, a_unit), lambda line: _signed(line, a_unit)), 70),
        Column("B / A" if incomparable else "change", cells(_change, lambda line: line.change), 95),
        Column(f"{confidence(comparison)} interval", cells(interval_cell, lambda line: line.interval), 75),
        Column("share", cells(lambda row: _share(row.b or row.a), lambda _: ""), 30),
        Column("of A", cells(lambda row: _share(row.a), lambda _: ""), 92),
        Column("of B", cells(lambda row: _share(row.b), lambda _: ""), 93),
    ]
    # Of two devices nothing is judged: shares and ratios say more than statuses and differences.
    left_out = {"status", "B − A", "share"} if devices else {"of A", "of B"}
    return Grid([each for each in columns if any(map(str, each.cells)) and each.title not in left_out])


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
                    interval_cell(row),
                    row.status if name == "total" else None,
                    "bold" if name == "total" else "italic",
                )
            )
    return lines


def _hidden(rows: Sequence[Difference]) -> _Line:
    """What is not shown, summed up."""
    a, b = (_sum([getattr(row, side) for row in rows]) for side in ("a", "b"))
    differences = [row.difference for row in rows if _has_cost(row)]
    known = [each for each in differences if units.known(each)]
    whole = bool(known) and len(known) == len(differences)
    return _Line(f"{len(rows)} more", a, b, sum(known) if whole else None)


def _has_cost(row: Difference) -> bool:
    return any(part is not None and units.known(part.typical) for part in (row.a, row.b))


def _sum(parts: Sequence[Part | None]) -> float | None:
    """Of what has a cost: layers that run nothing, or that are only in the other model, have none."""
    costs = [part.typical for part in parts if part is not None and units.known(part.typical)]
    return sum(costs) if costs else None


def _status(row: Difference) -> Text:
    return _word(row.status)


def _word(status: Status | None) -> Text:
    return Text("") if status is None else Text(status, style=STYLES[status])


def ids_cell(row: Difference) -> str:
    """Id of the first layer on either side."""
    a, b = (_id(part) for part in (row.a, row.b))
    if a == b:
        return a
    return f"{a or '·'} → {b or '·'}"


def _id(part: Part | None) -> str:
    if part is None:
        return ""
    more = f"+{len(part.layers) - 1}" if len(part.layers) > 1 else ""
    return plain(part.layers[0] if part.layers else "") + more


def name_cell(row: Difference) -> str:
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


def interval_cell(row: Difference) -> str:
    """Empty for counts, which have none."""
    return "" if row.ratio_lo == row.ratio_hi else units.format_change_interval(row.ratio_lo, row.ratio_hi)


def _share(part: Part | None) -> str:
    return "" if part is None else share_cell(part.share)
