"""When something becomes slower for good: the throttling point of an endurance run (docs/statistics.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MIN_POINTS = 20
"""With fewer points nothing is said."""
LEAST_CHANGE = 0.02
"""Relative change below which a new level is not worth a word."""
NOISE_FACTOR = 4.0
"""A new level differs by more than so many typical differences of neighbouring stretches."""

_MAX_CELLS = 240
_STRETCHES = 20
_LEAST_NOISE = 0.0025


@dataclass(frozen=True)
class Slowdown:
    """The first lasting change to a slower level.

    Attributes:
        index: number of the first point of the slower level.
        before: median of the level before, in the unit of the points.
        after: median of everything from there on.
    """

    index: int
    before: float
    after: float


def first_slowdown(points: npt.NDArray[Any]) -> Slowdown | None:
    """The first change of points [n], all positive and in time order, to a level that stays higher.

    The logarithms of the points, averaged in at most 240 cells, are cut into levels by penalised least squares
    (optimal partitioning). A cut counts if everything after it is above the level before it by more than 2 % and
    more than four times the typical difference of neighbouring twentieths of the run, which drift and bursts are
    part of. None: there is no such cut, or there are fewer than 20 points.
    """
    values = np.asarray(points, dtype=np.float64)
    if len(values) < MIN_POINTS:
        return None
    groups = np.array_split(np.arange(len(values)), min(len(values), _MAX_CELLS))
    cells = np.log([float(np.median(values[group])) for group in groups])
    stretch = max(3, len(cells) // _STRETCHES)
    noise = _noise(cells, stretch)
    least = max(np.log1p(LEAST_CHANGE), NOISE_FACTOR * noise)
    cuts = _cuts(cells, stretch, noise**2 * stretch / 2)
    for start, cut in zip([0, *cuts], cuts, strict=False):
        before, after = np.median(cells[start:cut]), np.median(cells[cut:])
        if after - before > least and np.median(cells[cut : cut + stretch]) - before > least / 2:
            index = int(groups[cut][0])
            begin = int(groups[start][0])
            return Slowdown(index, float(np.median(values[begin:index])), float(np.median(values[index:])))
    return None


def _noise(cells: FloatArray, stretch: int) -> float:
    """Typical difference of the means of neighbouring stretches: changes are few, so the median ignores them."""
    count = len(cells) // stretch
    means = cells[: count * stretch].reshape(count, stretch).mean(axis=1)
    return max(1.4826 * float(np.median(np.abs(np.diff(means)))), _LEAST_NOISE)


def _cuts(cells: FloatArray, least: int, variance: float) -> list[int]:
    """Where levels of at least ``least`` cells begin: least squares over ``variance``, with a price per level."""
    n = len(cells)
    price = 3.0 * np.log(n) * variance
    sums = np.concatenate([[0.0], np.cumsum(cells - cells[0])])
    squares = np.concatenate([[0.0], np.cumsum((cells - cells[0]) ** 2)])
    best = np.full(n + 1, np.inf)
    best[0] = -price
    previous = np.zeros(n + 1, dtype=np.int64)
    for end in range(least, n + 1):
        starts = np.arange(end - least + 1)
        width = end - starts
        error = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / width
        costs = best[starts] + error + price
        previous[end] = int(np.argmin(costs))
        best[end] = costs[previous[end]]
    cuts = []
    at = int(previous[n])
    while at > 0:
        cuts.append(at)
        at = int(previous[at])
    return cuts[::-1]
