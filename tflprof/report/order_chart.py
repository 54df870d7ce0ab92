"""Every layer's contribution in execution order, as bars up and down, readable for hundreds of layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tflprof import units
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.report.axis import Axis, fit_axis
from tflprof.report.waterfall import contribution

_THIN = 0.9
"""Bars below this part of the width, in percent, are drawn without patterns and gaps."""


@dataclass(frozen=True)
class Bar:
    """A bar of the chart in execution order, in percent of its width and height; ``row`` is its table row."""

    row: int
    kind: str
    x: float
    width: float
    y: float
    height: float
    whisker: tuple[float, float] | None


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
    axis = fit_axis([0.0, *known], comparison.unit)
    if max(known) <= 0:
        axis = Axis(axis.low, 0.0, False, comparison.unit)
    slot = 100 / len(changes)
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


def _bar(i: int, row: Difference, change: float, axis: Axis, slot: float) -> Bar:
    zero, end = 100 - axis.place(0.0), 100 - axis.place(change)
    gap = 0.16 * slot if slot >= _THIN else 0.0
    whisker = None
    if slot > 1.5 and units.known(row.lo) and units.known(row.hi):
        whisker = (round(100 - axis.place(row.hi), 2), round(100 - axis.place(row.lo), 2))
    return Bar(
        row=i,
        kind=row.status,
        x=round(i * slot + gap / 2, 3),
        width=round(slot - gap, 3),
        y=round(min(zero, end), 2),
        height=round(abs(zero - end), 2),
        whisker=whisker,
    )
