"""Where a series of profiles changes its level for good, and which profile was the first (docs/history.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import stdtrit

from tflprof.analysis.history.drift import FloatArray
from tflprof.analysis.history.search import CONFIRM, STRETCH, Window

MIN_POINTS = 6
"""With fewer noisy profiles nothing is said."""
LEAST_CHANGE = 0.01
"""Relative change below which a new level of noisy profiles is not worth a word."""
EXACT_RELATIVE = 0.001
EXACT_ABSOLUTE = 1000.0
"""An exact count has changed if it differs by more than the larger of both."""
WINDOW = 200
"""Longer series are looked at in windows of so many profiles, each half over the last."""

_LEAST_NOISE = 0.0013  # the narrowest interval that a measurement claims, as a standard deviation


@dataclass(frozen=True)
class Shift:
    """A change of level.

    Attributes:
        index: the first point of the new level.
        before: level before, in the unit of the points; after: from there on until the next shift.
        change: relative; lo, hi: its 99 % interval, None if unknown, equal to it where counts are exact.
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
    clipped = _without_outliers(logs, noise)
    found: dict[int, float] = {}
    for start in _windows(len(points)):
        window = Window(clipped[start : start + WINDOW], noise, float(np.log1p(least)))
        _merge(found, {start + at: p for at, p in window.search().items()})
    shifts = _as_shifts(points, clipped, noise, found)
    return Judged(shifts, _suspects(logs, noise, shifts, np.log1p(least)))


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


def _as_shifts(
    points: FloatArray, clipped: FloatArray, noise: float, found: dict[int, float]
) -> tuple[Shift, ...]:
    cuts = sorted(found)
    shifts = []
    for start, cut, end in zip([0, *cuts], cuts, [*cuts[1:], len(points)], strict=False):
        before, after = clipped[start:cut], clipped[cut:end]
        size = float(after.mean() - before.mean())
        rest = np.concatenate([before - before.mean(), after - after.mean()])
        free = max(len(rest) - 2, 1)
        sd = max(float(np.sqrt((rest**2).sum() / free)), noise)
        half = float(-stdtrit(free, 0.005)) * sd * np.sqrt(1 / len(before) + 1 / len(after))
        lo, hi = float(np.expm1(size - half)), float(np.expm1(size + half))
        levels = float(np.exp(before.mean())), float(np.exp(after.mean()))
        shifts.append(Shift(cut, *levels, float(np.expm1(size)), lo, hi, found[cut]))
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
