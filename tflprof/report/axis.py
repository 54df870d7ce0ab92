"""Scales of the charts that are drawn without a script: places in percent of the width, round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tflprof import units

_LEAST_WIDTH = 0.04
"""An axis covers at least this part of its largest value: what is smaller is no difference to look at."""
_CUT_BELOW = 0.7
"""An axis begins at zero unless all its values are above this part of the largest."""


@dataclass(frozen=True)
class Axis:
    """A linear axis from ``low`` to ``high``; ``cut``: it does not begin at zero, so lengths say nothing."""

    low: float
    high: float
    cut: bool
    unit: str

    def place(self, value: float) -> float:
        """Where a value stands, in percent; at the edge if it is outside."""
        width = self.high - self.low
        return round(min(max(100 * (value - self.low) / width, 0.0), 100.0), 3) if width else 0.0

    def ticks(self, count: int = 4) -> list[tuple[float, str]]:
        """Places and labels of round values, the unit at each."""
        factor, suffix = units.scale_of(max(abs(self.low), abs(self.high)), self.unit)
        low, high = self.low / factor, self.high / factor
        step = _round_step((high - low) / count)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        return [
            (self.place(i * step * factor), f"{i * step:.{decimals}f} {suffix}".strip().replace("-", "−"))
            for i in range(first, last + 1)
        ]


def fit_axis(values: Iterable[float], unit: str) -> Axis:
    """An axis for ``values``: from zero, or cut off where zero is far away."""
    found = [value for value in values if units.known(value)] or [0.0]
    low, high = min(found), max(found)
    if low > _CUT_BELOW * high > 0:
        width = max(1.3 * (high - low), _LEAST_WIDTH * high)
        middle = (low + high) / 2
        return Axis(max(0.0, middle - 0.6 * width), middle + 0.6 * width, True, unit)
    low = min(low, 0.0)
    spare = 0.06 * ((high - low) or 1.0)
    return Axis(low - spare if low < 0 else 0.0, high + spare, False, unit)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next(each * power for each in (1.0, 2.0, 5.0, 10.0) if each * power >= rough * (1 - 1e-9))
