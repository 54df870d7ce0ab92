"""The table of layers in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.profile.summary import Estimate
from tflprof.report.columns import Column, Grid
from tflprof.report.text import plain
from tflprof.report.view import LayerRow, View

_BAR = 6


def print_layers(view: View, console: Console, top: int | None, in_order: bool) -> None:
    """Print the table of layers, most expensive first or in file order, and what no layer accounts for."""
    rows = _chosen(view, top, in_order)
    summary, unit = view.profile.summary, view.profile.meta.unit
    shown = [row for row in rows if row.rank]
    hidden = [row for row in view.ranked if row not in shown]
    rest = _rest(hidden, summary.unattributed, summary.unattributed_share)
    largest = max((row.layer.share or 0.0 for row in view.ranked), default=0.0)
    grid = Grid(
        [
            Column("#", [*(str(row.rank or "") for row in rows), *[""] * len(rest)], 45),
            Column("id", [*(plain(row.layer.info.id) for row in rows), *[""] * len(rest)], 55, False),
            Column(
                "layer",
                [*(_name(row) for row in rows), *(Text(r[0], "italic") for r in rest)],
                100,
                False,
                20,
            ),
            Column("op", [*(plain(row.op) for row in rows), *[""] * len(rest)], 60, False, 14),
            Column("kernel", [*(_kernel(row) for row in rows), *[""] * len(rest)], 10, False, 16, "dim"),
            Column(
                units.unit_name(unit),
                [*(_value(row, unit) for row in rows), *(units.format_value(r[1], unit) for r in rest)],
                95,
            ),
            Column("±", [*(_spread(row) for row in rows), *[""] * len(rest)], 70),
            Column(
                "share",
                [*(share_cell(row.layer.share) for row in rows), *(units.format_share(r[2]) for r in rest)],
                80,
            ),
            Column("", [*(bar_cell(row.layer.share, largest) for row in rows), *[""] * len(rest)], 50, False),
            Column("sum", [*(share_cell(row.cumulative) for row in rows), *[""] * len(rest)], 40),
            Column("MACs", [*(_macs(row) for row in rows), *[""] * len(rest)], 20),
            Column(units.rate_name(unit), [*(_rate(row) for row in rows), *[""] * len(rest)], 30),
        ]
    )
    if all(_spread(row) in ("", "exact") for row in rows):
        grid.columns = [column for column in grid.columns if column.title != "±"]
    grid.print(console)
    console.print()


def _chosen(view: View, top: int | None, in_order: bool) -> list[LayerRow]:
    ranked = [row for row in view.ranked if top is None or (row.rank or 0) <= top]
    kept = {member for row in ranked for member in row.members}
    without = [row for row in view.rows if row.rank is None and not row.counted_in and top is None]
    if in_order:
        return [row for row in view.rows if row.layer.info.id in kept or row in without]
    by_id = {row.layer.info.id: row for row in view.rows}
    return [*(by_id[member] for row in ranked for member in row.members), *without]


def _rest(
    hidden: Sequence[LayerRow], unattributed: Estimate, share: float | None
) -> list[tuple[str, float | None, float | None]]:
    rest: list[tuple[str, float | None, float | None]] = []
    if hidden:
        typical = sum(row.layer.estimate.typical or 0.0 for row in hidden)
        shares = [row.layer.share for row in hidden if row.layer.share is not None]
        rest.append((f"{len(hidden)} more layers", typical, sum(shares) if shares else None))
    rest.append(("unattributed", unattributed.typical, share))
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
