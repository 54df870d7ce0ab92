"""The table of layers in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.report.columns import Column, Grid
from tflprof.report.text import plain
from tflprof.report.view import LayerRow, View

_BAR = 6
_FEW_IDLE = 3
"""Layers that run nothing are worth a line each, unless there are more."""


def print_layers(view: View, console: Console, top: int | None, in_order: bool) -> None:
    """Print the table of layers, most expensive first or in file order, and what no layer accounts for."""
    rows = _chosen(view, top, in_order)
    columns = _columns(view, rows)
    if all(_spread(row) in ("", "exact") for row in rows):
        columns = [column for column in columns if column.title != "±"]
    Grid(columns).print(console)
    console.print()


def _columns(view: View, rows: Sequence[LayerRow]) -> list[Column]:
    unit = view.profile.meta.unit
    rest = _rest(view, rows)
    blank = [""] * len(rest)
    largest = max((row.layer.share or 0.0 for row in view.ranked), default=0.0)
    names: list[Text | str] = [*map(_name, rows), *(Text(line[0], "italic") for line in rest)]
    values = [*(_value(row, unit) for row in rows), *(units.format_value(line[1], unit) for line in rest)]
    shares = [*(share_cell(row.layer.share) for row in rows), *(units.format_share(line[2]) for line in rest)]
    bars: list[Text | str] = [*(bar_cell(row.layer.share, largest) for row in rows), *blank]
    return [
        Column("#", [*(str(row.rank or "") for row in rows), *blank], weight=45),
        Column("id", [*(plain(row.layer.info.id) for row in rows), *blank], weight=55, right=False),
        Column("layer", names, weight=100, right=False, least=20),
        Column("op", [*(plain(row.op) for row in rows), *blank], weight=60, right=False, least=14),
        Column("kernel", [*map(_kernel, rows), *blank], weight=10, right=False, least=12, style="dim"),
        Column(units.value_name(unit, view.profile.meta.provenance), values, weight=95),
        *counts_column(view, [*(row.instructions for row in rows), *(line[3] for line in rest)], 85),
        Column("±", [*map(_spread, rows), *blank], weight=70),
        Column("share", shares, weight=80),
        Column("", bars, weight=50, right=False),
        Column("sum", [*(share_cell(row.cumulative) for row in rows), *blank], weight=40),
        Column("MACs", [*map(_macs, rows), *blank], weight=20),
        Column(units.rate_name(unit), [*map(_rate, rows), *blank], weight=30),
    ]


def _chosen(view: View, top: int | None, in_order: bool) -> list[LayerRow]:
    ranked = [row for row in view.ranked if top is None or (row.rank or 0) <= top]
    kept = {member for row in ranked for member in row.members}
    without = [row for row in view.rows if row.rank is None and not row.counted_in and top is None]
    if in_order:
        return [row for row in view.rows if row.layer.info.id in kept or row in without]
    idle = [row for row in without if row.layer.note == "static"]
    if len(idle) > _FEW_IDLE:
        without = [row for row in without if row not in idle]
    by_id = {row.layer.info.id: row for row in view.rows}
    return [*(by_id[member] for row in ranked for member in row.members), *without]


def _rest(view: View, rows: Sequence[LayerRow]) -> list[tuple[str, float | None, float | None, float | None]]:
    """Name, value, share and instructions of what the rows leave out."""
    summary = view.profile.summary
    rest: list[tuple[str, float | None, float | None, float | None]] = []
    hidden = [row for row in view.ranked if row not in rows]
    if hidden:
        typical = sum(row.layer.estimate.typical or 0.0 for row in hidden)
        shares = [row.layer.share for row in hidden if row.layer.share is not None]
        counts = sum(row.instructions or 0.0 for row in hidden)
        rest.append((f"{len(hidden)} more layers", typical, sum(shares) if shares else None, counts))
    idle = sum(row.layer.note == "static" for row in view.rows)
    if idle > _FEW_IDLE and not any(row.layer.note == "static" for row in rows):
        rest.append((f"{idle} run nothing", None, None, None))
    left = None if view.counts is None else view.counts.unattributed.typical
    rest.append(("unattributed", summary.unattributed.typical, summary.unattributed_share, left))
    return rest


def _name(row: LayerRow) -> Text:
    name = plain(row.layer.info.name)
    if row.counted_in:
        return Text(f"└ {name}", style="dim")
    return Text(name) if row.rank else Text(name, style="dim")


def _kernel(row: LayerRow) -> str:
    if row.counted_in:
        return f"counted in {row.counted_in}"
    if row.layer.note == "static":
        return "nothing to run"
    return plain(row.layer.kernel) if row.layer.kernel else units.UNKNOWN


def _value(row: LayerRow, unit: str) -> str:
    return "" if row.counted_in else units.format_value(row.layer.estimate.typical, unit)


def _spread(row: LayerRow) -> str:
    estimate = row.layer.estimate
    return units.format_spread(estimate.typical, estimate.lo, estimate.hi) if row.rank else ""


def counts_column(view: View, counts: Sequence[float | None], weight: int) -> list[Column]:
    """Exact instructions beside predicted times; no column where these are no predictions."""
    if view.counts is None:
        return []
    return [
        Column("instr.", ["" if count is None else units.format_count(count) for count in counts], weight)
    ]


def share_cell(share: float | None) -> str:
    """A share in percent; empty if unknown."""
    return "" if share is None else units.format_share(share)


def _macs(row: LayerRow) -> str:
    return "" if row.counted_in else units.format_count(row.macs)


def _rate(row: LayerRow) -> str:
    return "" if row.rate is None else units.digits(row.rate)


def bar_cell(share: float | None, largest: float) -> Text:
    """A bar as long as ``share`` is of ``largest``, in eighths of a character."""
    if not share or share < 0 or not largest:
        return Text("")
    eighths = max(1, round(share / largest * _BAR * 8))
    full, part = divmod(eighths, 8)
    return Text("█" * full + " ▏▎▍▌▋▊▉"[part].strip(), style="cyan")
