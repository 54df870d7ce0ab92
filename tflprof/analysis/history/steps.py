"""Where a series of profiles changes its level for good, and which profile was the first (docs/history.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from tflprof.analysis.history.drift import FloatArray
from tflprof.analysis.history.search import CONFIRM, STRETCH, Window, step_size
from tflprof.analysis.history.selection import LEAST_CHANGE

MIN_POINTS = 6
"""With fewer noisy profiles nothing is said."""
EXACT_RELATIVE = 0.001
EXACT_ABSOLUTE = 1000.0
"""An exact count has changed if it differs by more than the larger of both."""
WINDOW = 200
"""Longer series are looked at in windows of so many profiles, each half over the last."""

_AGREED = 0.8
"""More than this share of the points of a short level must be nearer to it than to the levels beside it."""
_MOST_ROUNDS = 10
_LEAST_NOISE = 0.0013  # the narrowest interval that a measurement claims, as a standard deviation


@dataclass(frozen=True)
class Shift:
    """A change of level.

    Attributes:
        index: the first point of the new level.
        before: mean of the level before, in the unit of the points; after: from there on until the next shift.
        change: of the step itself, relative: without the drift that is in both means where costs are noisy; lo,
            hi: its 99 % interval, equal to it where counts are exact.
        p: probability of as clear a step where there is none; None where counts are exact.
    """

    index: int
    before: float
    after: float
    change: float
    lo: float | None = None
    hi: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class Judged:
    """A series looked at.

    Attributes:
        shifts: changes of level, in time order.
        suspects: the last one or two points if they lie off their level as far as a step would: too few to tell.
        conclusive: False if there were too few points to tell anything.
    """

    shifts: tuple[Shift, ...]
    suspects: tuple[int, ...] = ()
    conclusive: bool = True


def exact_shifts(values: npt.NDArray[Any]) -> Judged:
    """Shifts of counts [n] that do not vary: every change beyond max(0.1 %, 1000), at once or little by little."""
    points = np.asarray(values, dtype=np.float64)
    shifts: list[Shift] = []
    level = float(points[0]) if len(points) else 0.0
    for index in range(1, len(points)):
        now, last = float(points[index]), float(points[index - 1])
        reference = max((level, last), key=lambda old: abs(now - old))
        if abs(now - reference) > max(EXACT_RELATIVE * abs(reference), EXACT_ABSOLUTE):
            change = now / reference - 1 if reference else math.inf
            shifts.append(Shift(index, reference, now, change, change, change))
            level = now
    return Judged(tuple(shifts), conclusive=len(points) >= 2)


def noisy_shifts(
    values: npt.NDArray[Any], spread: npt.NDArray[Any] | None = None, *, least: float = LEAST_CHANGE
) -> Judged:
    """Shifts of measured costs.

    Args:
        values: costs in time order, positive, [n].
        spread: half-width of each one's 95 % interval, in their unit, NaN if unknown, [n].
        least: relative change that matters.
    """
    points = np.asarray(values, dtype=np.float64)
    if len(points) < MIN_POINTS:
        return Judged((), conclusive=False)
    logs = np.log(points)
    noise = _own_noise(points, spread)
    calm = logs.copy()
    for _ in range(_MOST_ROUNDS):
        clipped = _without_outliers(calm, noise)
        found = _search(clipped, noise, least)
        if not _move_strays(calm, sorted(found)):
            break
    shifts = _as_shifts(clipped, noise, found)
    return Judged(shifts, _suspects(logs, noise, shifts, np.log1p(least)))


def _search(clipped: FloatArray, noise: float, least: float) -> dict[int, float]:
    """Where steps are, and their p-values."""
    found: dict[int, float] = {}
    for start in _windows(len(clipped)):
        window = Window(clipped[start : start + WINDOW], noise, float(np.log1p(least)))
        _merge(found, {start + at: p for at, p in window.search().items()})
    return found


def _move_strays(logs: FloatArray, cuts: list[int]) -> bool:
    """A short level that not nearly all of its points are at is none: move those points to the others' median.

    Several outliers close to each other look like a level otherwise. False: there is no such level.
    """
    levels = np.split(logs, cuts)
    for number, level in enumerate(levels):
        if len(level) >= 2 * STRETCH:
            continue
        for other in levels[max(number - 1, 0) : number] + levels[number + 1 : number + 2]:
            middle = (level.mean() + np.median(other)) / 2
            at = (level > middle) == (level.mean() > middle)
            if at.sum() <= _AGREED * len(level):
                # The level is a view of the series.
                level[at] = np.median(level[~at])
                return True
    return False


def _merge(found: dict[int, float], new: dict[int, float]) -> None:
    """Add a window's steps to those of the windows before: where they overlap, both may see one step."""
    before = dict(found)
    for at, p in new.items():
        near = [other for other in before if abs(at - other) < 2 * STRETCH]
        if all(p < before[other] for other in near):
            for other in near:
                found.pop(other, None)
            found[at] = p


def _own_noise(points: FloatArray, spread: npt.NDArray[Any] | None) -> float:
    """Standard deviation that the profiles claim for themselves: less is not believed of a series of them."""
    if spread is None:
        return _LEAST_NOISE
    relative = np.asarray(spread, dtype=np.float64) / points / 1.96
    known = relative[np.isfinite(relative)]
    return max(float(np.median(known)), _LEAST_NOISE) if len(known) else _LEAST_NOISE


def _scatter(logs: FloatArray, noise: float) -> float:
    """Robust standard deviation of neighbours' difference, over the square root of two."""
    return max(1.4826 * float(np.median(np.abs(np.diff(logs)))) / math.sqrt(2.0), noise)


def _without_outliers(logs: FloatArray, noise: float) -> FloatArray:
    """Points off the five before *and* the five after them are moved to the nearer of both medians.

    A few outliers cannot make a step then; the first points of a new level agree with those that follow.
    """
    reach = 3 * _scatter(logs, noise)
    before = logs - _medians_before(logs)
    after = logs - _medians_before(logs[::-1])[::-1]
    # The first and last have neighbours on one side only.
    before[0], after[-1] = after[0], before[-1]
    nearer = np.where(np.abs(before) <= np.abs(after), before, after)
    outlying = (np.sign(before) == np.sign(after)) & (np.abs(nearer) > reach)
    return np.where(outlying, logs - nearer, logs)


def _medians_before(logs: FloatArray) -> FloatArray:
    """Median of the up to five points before each, [n]; of the first there is none."""
    medians = np.full(len(logs), np.nan)
    for i in range(1, min(STRETCH, len(logs))):
        medians[i] = np.median(logs[:i])
    if len(logs) > STRETCH:
        medians[STRETCH:] = np.median(sliding_window_view(logs[:-1], STRETCH), axis=1)
    return medians


def _windows(n: int) -> list[int]:
    """Where the windows begin: half over each other, the last at the end."""
    if n <= WINDOW:
        return [0]
    return [*range(0, n - WINDOW, WINDOW // 2), n - WINDOW]


def _as_shifts(clipped: FloatArray, noise: float, found: dict[int, float]) -> tuple[Shift, ...]:
    cuts = sorted(found)
    levels = [float(np.exp(part.mean())) for part in np.split(clipped, cuts)]
    shifts = []
    for cut, (before, after) in zip(cuts, pairwise(levels), strict=True):
        start = max(min(cut - WINDOW // 2, len(clipped) - WINDOW), 0)
        part = clipped[start : start + WINDOW]
        others = tuple(other - start for other in cuts if other != cut and 0 < other - start < len(part))
        change, lo, hi = (float(np.expm1(each)) for each in step_size(part, cut - start, others, noise))
        shifts.append(Shift(cut, before, after, change, lo, hi, found[cut]))
    return tuple(shifts)


def _suspects(logs: FloatArray, noise: float, shifts: tuple[Shift, ...], least: float) -> tuple[int, ...]:
    """The last points, fewer than make a level, that all lie off the level before them to one side."""
    start = shifts[-1].index if shifts else 0
    reach = max(least, 5 * _scatter(logs, noise))
    for count in range(CONFIRM - 1, 0, -1):
        level, last = logs[start : len(logs) - count], logs[len(logs) - count :]
        if len(level) < CONFIRM:
            continue
        off = last - np.median(level)
        if (np.abs(off) > reach).all() and len(set(np.sign(off))) == 1:
            return tuple(range(len(logs) - count, len(logs)))
    return ()
