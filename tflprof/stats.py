"""The numbers of a measurement and how far they can be trusted; docs/statistics.md explains each on one page.

Data are durations (int ns) or other costs with the process and the block that each inference ran in. A
statistic that cannot be computed is None, or NaN inside an array; it is never 0.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

LEVEL = 0.95
"""Of the intervals."""
NOISE_LEVEL = 0.99
"""Share of A/A comparisons that stay below the noise floor."""
MIN_PROCESSES = 10
MIN_BATCHES = 20
BATCH_NS = 100e6
"""Least measured time of a batch."""
HORIZON = 100.0
"""The interval is for the result of a measurement so many times as long."""
WIDENING = 1.5
"""Factor on the drift's standard deviation: real machines change in jumps (tuned on replayed measurements)."""
FLOOR = 0.0025
"""Least half-width, relative: nothing is claimed to be known better, unless all values are identical."""

_MAX_POINTS = 96
RATIOS = np.concatenate([[0.0], np.geomspace(0.02, 50.0, 15)])
"""Of the strength of 1/f drift to that of noise, which are tried [ratios]."""
WEIGHTS = np.concatenate([[0.5], np.full(15, 0.5 / 15)])
"""How probable each ratio is beforehand."""


@dataclass(frozen=True)
class Interval:
    """An interval of a typical cost.

    Attributes:
        lo: lower end, in the unit of the values; never below 0.
        hi: upper end.
        level: share of measurements in which such an interval is meant to cover.
        n_processes: processes it rests on.
        n_batches: batches of at least 100 ms it rests on.
    """

    lo: float
    hi: float
    level: float
    n_processes: int
    n_batches: int

    @property
    def half_width(self) -> float:
        """Half the width, in the unit of the values."""
        return (self.hi - self.lo) / 2


@dataclass(frozen=True)
class Steady:
    """First steady block (0 if there is none); not ``steady`` if blocks settle later than half-way, or never."""

    index: int
    steady: bool


def central_half(totals: Numbers) -> BoolArray:
    """Mask [n] of the inferences whose rank by total lies in the central half; ties keep their order.

    A quarter (rounded down) is left out at either end, so one to three inferences are all central.
    """
    cut = len(totals) // 4
    mask = np.zeros(len(totals), dtype=np.bool_)
    mask[np.argsort(totals, kind="stable")[cut : len(totals) - cut]] = True
    return mask


def typical(values: Numbers) -> float:
    """Interquartile mean of values [n]: the mean over their central half; NaN of nothing."""
    if not len(values):
        return float("nan")
    return float(_mean(np.asarray(values)[central_half(values)]))


def total_interval(
    values: Numbers,
    process: Numbers,
    block: Numbers,
    start: Numbers | None = None,
    *,
    looks: int = 1,
    level: float = LEVEL,
) -> Interval | None:
    """Interval of the typical duration; None with fewer than 10 processes or 20 batches of 100 ms.

    Args:
        values: duration of each inference, ns, [n].
        process: process of each inference, [n]; their numbers are in time order.
        block: block of each inference, counted within its process, [n].
        start: start time of each inference's block, [n], of which only differences within a process count: a
            device that was restarted counts its time anew.
        looks: how often the interval has been looked at, this time included.
        level: wanted coverage.
    """
    batches = _count_batches(values, process, block, start)
    if batches < MIN_BATCHES or not np.all(np.isfinite(values)):
        return None
    column = np.asarray(values)[:, np.newaxis]
    points = _process_points(column, np.asarray(values), process)
    half = _half_width(points, (1.0 - level) / looks**0.75)
    if half is None:
        return None
    middle = typical(values)
    width = max(float(half[0]), FLOOR * abs(middle)) if half[0] > 0 else 0.0
    # A cost is not negative.
    return Interval(max(middle - width, min(middle, 0.0)), middle + width, level, len(points), batches)


def layer_intervals(
    rows: Numbers, process: Numbers, block: Numbers, totals: Numbers | None = None, *, level: float = LEVEL
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper ends [layers] of every layer's typical cost, each at ``level`` by itself.

    Args:
        rows: cost of every layer in every inference, [n, layers].
        process: process of each inference, [n].
        block: block of each inference, [n].
        totals: what ranks the inferences, [n]; None: the sum of their layers.
        level: wanted coverage.

    Returns:
        NaN where there are fewer than 10 processes.
    """
    middle, half = _columns(rows, process, block, totals, 1.0 - level)
    half = np.where(half > 0, np.maximum(half, FLOOR * np.abs(middle)), half)
    return np.maximum(middle - half, np.minimum(middle, 0.0)), middle + half


def noise_floor(
    rows: Numbers,
    process: Numbers,
    block: Numbers,
    totals: Numbers | None = None,
    *,
    level: float = NOISE_LEVEL,
) -> FloatArray:
    """Relative difference [columns] that two such measurements of one thing exceed in 1 - ``level`` of cases.

    Takes what :func:`layer_intervals` takes; a single column is a total. NaN with fewer than 10 processes
    and for a column whose typical cost is 0.
    """
    middle, half = _columns(rows, process, block, totals, 1.0 - level)
    relative = np.divide(half, np.abs(middle), out=np.full(len(middle), np.nan), where=middle != 0)
    # Two measurements at different times share no drift: their errors add as independent ones do.
    floored = np.where(relative > 0, np.maximum(relative, FLOOR), relative)
    return np.asarray(np.sqrt(2.0) * floored, dtype=np.float64)


def steady_start(block_values: Numbers) -> Steady:
    """First block of the steady state, from one value (a median) per block of a process, in time order.

    The second half is taken as settled, with its median m and its robust spread s (at least 1 % of m). The
    steady state begins at the first of two consecutive blocks in the first half within m ± 3 s. There is none
    if no such pair exists, or if what remains has a trend (Mann-Kendall, |z| > 3) of more than 2 % of m.
    """
    values = np.asarray(block_values, dtype=np.float64)
    n = len(values)
    if n < 4 or not np.all(np.isfinite(values)):
        return Steady(0, False)
    settled = values[n // 2 :]
    middle = float(np.median(settled))
    spread = max(1.4826 * float(np.median(np.abs(settled - middle))), 0.01 * abs(middle))
    near = np.abs(values - middle) <= 3 * spread
    pairs = np.flatnonzero(near[: n // 2] & near[1 : n // 2 + 1])
    if not len(pairs) or _has_trend(values[pairs[0] :], 0.02 * abs(middle)):
        return Steady(0, False)
    return Steady(int(pairs[0]), True)


def _has_trend(values: FloatArray, tolerance: float) -> bool:
    n = len(values)
    earlier, later = np.triu_indices(n, 1)
    score = float(np.sign(values[later] - values[earlier]).sum())
    z = score / np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    slope = float(np.median((values[later] - values[earlier]) / (later - earlier)))
    return abs(z) > 3 and abs(slope) * (n - 1) > tolerance


def _mean(values: Numbers) -> FloatArray:
    """Mean over the first axis, about the first value: exact for equal ones, at any magnitude."""
    return np.asarray(values[0] + (values - values[0]).mean(axis=0, dtype=np.float64), dtype=np.float64)


def _count_batches(values: Numbers, process: Numbers, block: Numbers, start: Numbers | None) -> int:
    """Batches of 100 ms that the processes' blocks span, or fill with inferences if that is more."""
    if not len(values):
        return 0
    pairs, first, where = np.unique(
        np.stack([process, block]), axis=1, return_index=True, return_inverse=True
    )
    spent = np.bincount(where.ravel(), weights=np.asarray(values, dtype=np.float64))
    batches = 0
    for name in np.unique(pairs[0]):
        own = pairs[0] == name
        span = spent[own].sum()
        if start is not None:
            begins = np.asarray(start)[first[own]]
            span = max(span, begins.max() - begins.min())
        batches += int(span // BATCH_NS)
    return batches


def _process_points(rows: Numbers, totals: Numbers, process: Numbers) -> FloatArray:
    """Typical cost of every column in each process, [processes, columns], in time order."""
    names, where = np.unique(process, return_inverse=True)
    points = np.empty((len(names), rows.shape[1]))
    by_process = np.split(np.argsort(where, kind="stable"), np.cumsum(np.bincount(where))[:-1])
    for position, members in enumerate(by_process):
        points[position] = _mean(rows[members[central_half(totals[members])]])
    return points


def _columns(
    rows: Numbers, process: Numbers, block: Numbers, totals: Numbers | None, alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Typical cost and half-width of every column; NaN where unknown."""
    rows = np.asarray(rows)
    unknown = np.full(rows.shape[1], np.nan)
    if not len(rows):
        return unknown, unknown
    if len(process) != len(rows) or len(block) != len(rows):
        raise ValueError(f"{len(rows)} inferences, but {len(process)} processes and {len(block)} blocks")
    ranked = rows.sum(axis=1) if totals is None else np.asarray(totals)
    half = _half_width(_process_points(rows, ranked, process), alpha)
    return _mean(rows[central_half(ranked)]), unknown if half is None else half


@functools.lru_cache(maxsize=256)
def drift_modes(n: int) -> tuple[FloatArray, FloatArray]:
    """Variances [n-1] and contrasts [n, n-1] of 1/f drift averaged over n consecutive equal times.

    The covariance of 1/f noise is -ln|t| up to a constant, which contrasts do not feel; averaged over unit
    times it is minus the second difference of t² ln|t| / 2.
    """
    t = np.arange(-1.0, n + 1.0)
    integral = 0.5 * t**2 * np.log(np.maximum(np.abs(t), 1e-300))
    covariance = -np.diff(integral, 2)
    lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    # Helmert contrasts: an orthonormal basis of all that does not feel a common shift.
    step = np.arange(1, n)
    contrasts = np.triu(np.ones((n, n - 1)))
    contrasts[step, step - 1] = -step
    contrasts /= np.sqrt(step * (step + 1.0))
    variances, vectors = np.linalg.eigh(contrasts.T @ covariance[lags] @ contrasts)
    return np.maximum(variances, 0.0), contrasts @ vectors


def _half_width(points: FloatArray, alpha: float) -> FloatArray | None:
    """Half-width [columns] of the interval of the long-run mean of points [processes, columns].

    The points are noise, which averages out, plus 1/f drift, which does not; for every ratio r of drift to
    noise the error of the mean is Student's t with variance s² (1/n + WIDENING² r ln HORIZON). The ratios are
    weighted by the restricted likelihood of the points (Patterson and Thompson 1971), a priori by ``WEIGHTS``.
    """
    if len(points) < MIN_PROCESSES:
        return None
    if len(points) > _MAX_POINTS:
        groups = np.array_split(points, _MAX_POINTS)
        points = np.stack([_mean(group) for group in groups])
    n = len(points)
    variances, modes = drift_modes(n)
    deviations = points - _mean(points)
    size = np.abs(deviations).max(axis=0)
    size[size == 0] = 1.0
    energy = (modes.T @ (deviations / size)) ** 2
    spread = 1.0 + RATIOS[:, np.newaxis] * variances
    total = (1.0 / spread) @ energy
    fit = np.log(np.maximum(total, 1e-300)) * (n - 1) + np.log(spread).sum(axis=1)[:, np.newaxis]
    weight = WEIGHTS[:, np.newaxis] * np.exp(0.5 * (fit.min(axis=0) - fit))
    error = np.sqrt(total / (n - 1) * (1.0 / n + WIDENING**2 * np.log(HORIZON) * RATIOS[:, np.newaxis]))
    # Half the degrees of freedom: jumps make the few points of a short session say less than normal noise would.
    half: FloatArray = size * _mixture_quantile(error, weight / weight.sum(axis=0), (n - 1) / 2, alpha)
    return half


def _mixture_quantile(scale: FloatArray, weight: FloatArray, freedom: float, alpha: float) -> FloatArray:
    """The |x| exceeded with probability alpha under a mixture [components, columns] of scaled t, by bisection."""
    quantile = -stdtrit(freedom, alpha / 2)
    low, high = quantile * scale.min(axis=0), quantile * scale.max(axis=0)
    safe = np.maximum(scale, 1e-300)
    for _ in range(50):
        middle = (low + high) / 2
        beyond = (weight * 2 * stdtr(freedom, -middle / safe)).sum(axis=0)
        low, high = np.where(beyond > alpha, middle, low), np.where(beyond > alpha, high, middle)
    return np.asarray(high, dtype=np.float64)
