"""How a measurement went in time: whether it drifted, and whether it fell into two levels (docs/trust.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from tflprof import stats
from tflprof.profile.samples import BlockSamples

FloatArray = npt.NDArray[np.float64]

DRIFT_CHANGE = 0.03
"""Least change over the session, relative, that is called a drift."""
DRIFT_CHANCE = 0.003
"""A trend is a drift if noise and 1/f wander give one as steep less often."""
MODES_APART = 0.03
"""Least distance of two levels, relative, that is worth a word."""
MODES_SHARE = 0.25
"""Least share of the points on the smaller level."""

WITHIN_CHANGE = 0.03
"""Least change from the first steady block of a process to its last, relative, that is not steady."""
WITHIN_SIGMAS = 5.0
"""The processes' own trends must agree so well: their mean in units of its standard error."""

_TRIMMED = 0.05
_CLIPPED = 5.0
_NEIGHBOURS = 2
_LEAST_SPREAD = 0.001
_LEAST_ON_A_LEVEL = 3


@dataclass(frozen=True)
class Drift:
    """A trend over the session: relative change from the first process to the last; how probable it is by chance."""

    change: float
    chance: float


@dataclass(frozen=True)
class Modes:
    """Two levels with little between them.

    Attributes:
        low, high: typical values of both, in the unit of the points.
        share: of the points that are on the higher level.
        distance: Ashman's D, the distance of the levels in units of their own spread.
    """

    low: float
    high: float
    share: float
    distance: float

    @property
    def apart(self) -> float:
        """The higher level over the lower one, minus 1."""
        return self.high / self.low - 1


def process_points(blocks: Sequence[BlockSamples]) -> FloatArray:
    """Typical value of each process [processes] in time order."""
    values: dict[int, list[int]] = {}
    for block in blocks:
        values.setdefault(block.process, []).extend(block.values)
    return np.array([stats.typical(np.array(values[process])) for process in sorted(values)])


def block_points(blocks: Sequence[BlockSamples]) -> FloatArray:
    """Median of each block [blocks] in time order."""
    return np.array([float(np.median(block.values)) for block in blocks])


def find_drift(points: FloatArray) -> Drift | None:
    """A trend of points [processes], all positive, beyond what their noise and wander make; None if there is none.

    Of the logarithms a straight line is fitted by generalised least squares, for noise of which some part is 1/f
    wander: the ratios and the likelihood by which they are weighted are those of the interval
    (docs/statistics.md), after the line is taken out. A trend counts if its p-value, averaged over the ratios,
    is below ``DRIFT_CHANCE`` and the line changes by ``DRIFT_CHANGE`` or more. Fewer than 10 points have none.
    """
    n = len(points)
    if n < stats.MIN_PROCESSES or np.min(points) <= 0:
        return None
    variances, modes = stats.drift_modes(n)
    line, seen = modes.T @ np.linspace(-0.5, 0.5, n), modes.T @ _clipped(np.log(points))
    trust = 1.0 / (1.0 + stats.RATIOS[:, np.newaxis] * variances)
    length = trust @ line**2
    slope = (trust @ (line * seen)) / length
    left = (trust * (seen - slope[:, np.newaxis] * line) ** 2).sum(axis=1)
    left = np.maximum(left, 1e-12)  # values without noise have no likelihood
    fit = np.log(left) * (n - 2) - np.log(trust).sum(axis=1) + np.log(length)
    weight = stats.WEIGHTS * np.exp(0.5 * (fit.min() - fit))
    weight /= weight.sum()
    steepness = np.abs(slope) / np.sqrt(left / (n - 2) / length)
    # Half the degrees of freedom, as of the interval.
    chance = float(weight @ (2 * stdtr((n - 2) / 2, -steepness)))
    change = float(np.expm1(weight @ slope))
    return Drift(change, chance) if chance < DRIFT_CHANCE and abs(change) >= DRIFT_CHANGE else None


def change_within(blocks: Sequence[BlockSamples]) -> float | None:
    """Relative change from the first steady block of a process to its last that most processes share; None if none.

    For processes too short to be judged one by one. Of each process Kendall's rank correlation of its blocks with
    their order is taken, whatever makes neighbouring blocks alike within it; over 10 processes or more their mean
    must be ``WITHIN_SIGMAS`` standard errors from 0.
    """
    by_process: dict[int, list[float]] = {}
    for block in blocks:
        by_process.setdefault(block.process, []).append(float(np.median(block.values)))
    courses = [np.array(values) for values in by_process.values() if len(values) > 1]
    if len(courses) < stats.MIN_PROCESSES:
        return None
    trends = np.array([_kendall(course) for course in courses])
    error = max(float(trends.std(ddof=1)), 0.1) / np.sqrt(len(trends))
    change = float(np.median([course[-1] / course[0] - 1 for course in courses]))
    agreed = abs(trends.mean()) > WITHIN_SIGMAS * error
    return change if agreed and abs(change) >= WITHIN_CHANGE else None


def _kendall(values: FloatArray) -> float:
    earlier, later = np.triu_indices(len(values), 1)
    return float(np.sign(values[later] - values[earlier]).mean())


def find_modes(points: FloatArray, independent: int | None = None) -> Modes | None:
    """Two levels of points [n], all positive, in any order; None if they may as well have one.

    The logarithms, without the outermost 5 % at either end, are cut in two where the squares within both parts are
    least; each part has a quarter of them or more. Ashman's D of the parts must exceed 4.5 + 55 / n, which of
    uniform noise, of all that has one peak the one easiest to cut, one set in a thousand does, or fewer.

    Args:
        points: values that are to have two levels.
        independent: how many of them count as independent of each other; None: all.
    """
    n = len(points)
    known = n if independent is None else min(independent, n)
    if known < stats.MIN_PROCESSES or np.min(points) <= 0:
        return None
    trimmed = int(np.ceil(n * _TRIMMED))
    ranked = np.sort(np.log(points))[trimmed : n - trimmed]
    cut = _best_cut(ranked)
    low, high = ranked[:cut], ranked[cut:]
    apart = float(high.mean() - low.mean())
    spread = float(np.sqrt((low.var(ddof=1) + high.var(ddof=1)) / 2))
    distance = apart / max(spread, 1e-9)
    if distance < 4.5 + 55 / known or np.expm1(apart) < MODES_APART:
        return None
    border = (low[-1] + high[0]) / 2
    share = float(np.mean(np.log(points) > border))
    return Modes(float(np.exp(low.mean())), float(np.exp(high.mean())), share, distance)


def turns(points: FloatArray, modes: Modes) -> int:
    """How often points [n] in time order went from one level to the other."""
    upper = points > np.sqrt(modes.low * modes.high)
    return int(np.sum(upper[1:] != upper[:-1]))


def _clipped(values: FloatArray) -> FloatArray:
    """Outliers among their neighbours drawn in, so that none makes or hides a trend."""
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(values, _NEIGHBOURS, mode="reflect"), 2 * _NEIGHBOURS + 1
    )
    usual = np.median(around, axis=1)
    away = values - usual
    most = _CLIPPED * max(1.4826 * float(np.median(np.abs(away))), _LEAST_SPREAD)
    clipped: FloatArray = usual + np.clip(away, -most, most)
    return clipped


def _best_cut(ranked: FloatArray) -> int:
    """Where sorted values are cut into two parts with the least squares within them."""
    n = len(ranked)
    least = max(_LEAST_ON_A_LEVEL, int(np.ceil(MODES_SHARE * n)))
    cuts = np.arange(least, n - least + 1)
    sums = np.concatenate([[0.0], np.cumsum(ranked - ranked[0])])
    between = sums[cuts] ** 2 / cuts + (sums[-1] - sums[cuts]) ** 2 / (n - cuts)
    return int(cuts[np.argmax(between)])
