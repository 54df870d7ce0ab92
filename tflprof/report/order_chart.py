"""Every layer's contribution in execution order, as bars up and down, readable for hundreds of layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tflprof import units
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.report.axis import Axis, fit_axis
from tflprof.report.waterfall import contribution

_WHISKERS = 1.5
"""Bars below this part of the width have no intervals."""
_FARTHEST = 4
"""So many times the largest bar an interval makes the axis; beyond, it would flatten all bars, and ends in an arrow."""
_THIN = 0.9
"""Bars below this part of the width, in percent, are drawn without patterns and gaps."""


@dataclass(frozen=True)
class Bar:
    """A bar of the chart in execution order, in percent of its width and height; ``row`` is its table row;
    ``beyond`` are the ends of the interval, 0 or 100, that lie outside of the chart.
    """

    row: int
    kind: str
    x: float
    width: float
    y: float
    height: float
    whisker: tuple[float, float] | None
    beyond: tuple[float, ...]


@dataclass(frozen=True)
class OrderChart:
    """Contributions of all layers in execution order. ``zero``: place of no difference, in percent from the top;
    ``thin``: bars are too narrow for patterns.
    """

    bars: tuple[Bar, ...]
    zero: float
    thin: bool
    ticks: tuple[tuple[float, str], ...]
    labels: tuple[tuple[float, str], ...]


def make_order_chart(comparison: Comparison) -> OrderChart | None:
    """The chart of a comparison; None if there is no difference to draw, or the units differ."""
    changes = [contribution(row) for row in comparison.layers]
    known = [change for change in changes if change is not None]
    if not any(known) or comparison.a.unit != comparison.b.unit:
        return None
    slot = 100 / len(changes)
    reached = [0.0, *known, *(_ends(comparison.layers, known) if slot > _WHISKERS else ())]
    axis = fit_axis(reached, comparison.unit)
    if max(reached) <= 0:
        axis = Axis(axis.low, 0.0, False, comparison.unit)
    bars = [
        _bar(i, row, change, axis, slot)
        for i, (row, change) in enumerate(zip(comparison.layers, changes, strict=True))
        if change is not None
    ]
    step = max(1, math.ceil(len(changes) / 8))
    labels = [
        (round((i + 0.5) * slot, 2), comparison.layers[i].subject) for i in range(0, len(changes), step)
    ]
    ticks = tuple((100 - place, label) for place, label in axis.ticks(6))
    return OrderChart(tuple(bars), 100 - axis.place(0.0), slot < _THIN, ticks, tuple(labels))


def _ends(rows: Sequence[Difference], changes: Sequence[float]) -> list[float]:
    """Ends of the intervals, as far as the axis is to cover them."""
    most = _FARTHEST * max(abs(change) for change in changes)
    ends = [end for row in rows for end in (row.lo, row.hi) if units.known(end)]
    return [min(max(end, -most), most) for end in ends]


def _bar(i: int, row: Difference, change: float, axis: Axis, slot: float) -> Bar:
    zero, end = 100 - axis.place(0.0), 100 - axis.place(change)
    gap = 0.16 * slot if slot >= _THIN else 0.0
    whisker: tuple[float, float] | None = None
    beyond: tuple[float, ...] = ()
    if slot > _WHISKERS and units.known(row.lo) and units.known(row.hi):
        whisker = (round(100 - axis.place(row.hi), 2), round(100 - axis.place(row.lo), 2))
        beyond = (0.0,) * (row.hi > axis.high) + (100.0,) * (row.lo < axis.low)
    return Bar(
        row=i,
        kind=row.status,
        x=round(i * slot + gap / 2, 3),
        width=round(slot - gap, 3),
        y=round(min(zero, end), 2),
        height=round(abs(zero - end), 2),
        whisker=whisker,
        beyond=beyond,
    )
