"""The range that a tensor's integers are to cover: all of its values, or less of them in finer steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.compress.activations import Histogram

_Sums = Callable[[int, npt.NDArray[np.float64]], npt.NDArray[np.float64]]

_LEVELS = 255
_CUTS = 96  # candidates for each end


@dataclass(frozen=True)
class Range:
    """What integers cover, and what that costs.

    Attributes:
        low, high: the ends; zero is between them, as the format demands.
        loss: expected squared error per value, of rounding within the range and of saturation beyond it.
    """

    low: float
    high: float
    loss: float


def full_range(histogram: Histogram) -> Range:
    """From the least to the greatest value seen."""
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    return Range(low, high, float(_losses(histogram, np.array([low]), np.array([high]))[0, 0]))


def best_range(histogram: Histogram) -> Range:
    """The range of least loss, searched over both ends; never worse than :func:`full_range`.

    A few values far out cost all others their precision: it may be cheaper to saturate those few.
    """
    whole = full_range(histogram)
    lows, highs = _candidates(whole.low), _candidates(whole.high)
    losses = _losses(histogram, lows, highs)
    place = np.unravel_index(int(losses.argmin()), losses.shape)
    found = float(losses[place])
    return Range(float(lows[place[0]]), float(highs[place[1]]), found) if found < whole.loss else whole


def _candidates(end: float) -> npt.NDArray[np.float64]:
    """Ends from the whole way down to a hundredth of it; zero alone if the end is zero."""
    if end == 0:
        return np.zeros(1)
    linear = np.linspace(1.0, 0.1, _CUTS - 16)
    return end * np.concatenate([linear, np.geomspace(0.09, 0.01, 16)])


def _losses(
    histogram: Histogram, lows: npt.NDArray[np.float64], highs: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Loss per value for all pairs of ends, of shape (lows, highs).

    Zeros are exact in any range, so they lose nothing. Sums up to any end come from running sums over the bins.
    """
    total = float(histogram.counts.sum())
    counts = histogram.counts.copy()
    width = (histogram.high - histogram.low) / len(counts)
    if total == 0 or width <= 0:
        return np.zeros((len(lows), len(highs)))
    counts[int(np.clip(-histogram.low / width, 0, len(counts) - 1))] -= histogram.zeros
    edges = np.linspace(histogram.low, histogram.high, len(counts) + 1)
    moments = [np.concatenate([[0.0], np.cumsum(counts * histogram.centres**n)]) for n in range(3)]

    def below(power: int, at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(np.interp(at, edges, moments[power]))

    under = _square(below, lows, lows)
    over = _square(lambda power, at: moments[power][-1] - below(power, at), highs, highs)
    inside = below(0, highs)[None, :] - below(0, lows)[:, None]
    steps = (highs[None, :] - lows[:, None]) / _LEVELS
    loss: npt.NDArray[np.float64] = (inside * steps**2 / 12 + under[:, None] + over[None, :]) / total
    return np.maximum(loss, 0.0)


def _square(
    sums: _Sums, at: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Sum of ``(x - end)²`` over the values that ``sums`` counts."""
    squares: npt.NDArray[np.float64] = sums(2, at) - 2 * end * sums(1, at) + end**2 * sums(0, at)
    return np.maximum(squares, 0.0)
