"""Where a series of profiles changes its level for good, and which profile was the first (docs/history.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import stdtr, stdtrit

from tflprof.analysis.history.drift import Fit, FloatArray, fits

MIN_POINTS = 6
"""With fewer noisy profiles nothing is said."""
CONFIRM = 3
"""The last level of noisy profiles is one of at least so many: one or two may be outliers."""
STRETCH = 5
"""A level between two others has at least so many."""
ALPHA = 0.003
"""Probability of a step where there is none, per window of a series."""
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
        window = _Window(clipped[start : start + WINDOW], noise, np.log1p(least))
        for at, p in window.search().items():
            _keep_clearer(found, start + at, p)
    shifts = _as_shifts(points, clipped, noise, found)
    return Judged(shifts, _suspects(logs, noise, shifts, np.log1p(least)))


def _keep_clearer(found: dict[int, float], at: int, p: float) -> None:
    """Two windows that overlap may place one step differently."""
    near = [other for other in found if abs(at - other) < 2 * STRETCH]
    if all(p < found[other] for other in near):
        for other in near:
            del found[other]
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


class _Window:
    """A stretch of a series, searched for steps one after the other (generalised least squares).

    For every kind of noise the best step is Student's t; kinds are weighted by the restricted likelihood of the
    series with that step in it, as :mod:`tflprof.stats` does it for intervals. A candidate is a step, or a stretch
    that comes back to its level. Bonferroni's correction is for all candidates of a kind.
    """

    def __init__(self, series: FloatArray, noise: float, least: float) -> None:
        self.series = series - series.mean()
        self.noise = noise
        self.least = least

    def search(self) -> dict[int, float]:
        """Beginning of each step and its p-value, corrected."""
        found: dict[int, float] = {}
        while len(found) < len(self.series) // CONFIRM:
            best = self._best(tuple(sorted(found)))
            if best is None:
                break
            found.update(dict.fromkeys(best[0], best[1]))
        return self._refined(found)

    def _refined(self, found: dict[int, float]) -> dict[int, float]:
        """Every step moved to where it fits best among the others; those that are none among them are dropped."""
        if len(found) < 2:
            return found
        kept: dict[int, float] = dict(found)
        for at in sorted(found, key=lambda point: -found[point]):
            others = tuple(sorted(point for point in kept if point != at))
            below = max((point for point in others if point < at), default=0)
            above = min((point for point in others if point > at), default=len(self.series))
            best = self._best(others, (below, above))
            del kept[at]
            if best is not None:
                kept[best[0][0]] = best[1]
        return kept

    def _best(
        self, at: tuple[int, ...], within: tuple[int, int] | None = None
    ) -> tuple[tuple[int, ...], float] | None:
        """The likeliest further step (or stretch, unless looked for ``within``) that is significant."""
        n = len(self.series)
        known = fits(n, at)
        allowed = _allowed(n, at)
        if within is not None:
            places = np.arange(n)
            allowed &= (places > within[0]) & (places < within[1])
        products = [fit.products @ self.series for fit in known]
        choice = self._choose(known, products, [fit.step_information for fit in known], allowed)
        if choice is None and within is None and self._may_have_stretch(known, products, allowed):
            differences = [np.subtract.outer(product, product) for product in products]
            information = [fit.stretch_information for fit in known]
            choice = self._choose(known, differences, information, _stretches(allowed))
        return choice

    def _may_have_stretch(
        self, known: tuple[Fit, ...], products: list[FloatArray], allowed: npt.NDArray[np.bool_]
    ) -> bool:
        """False if even the clearest stretch is not clear enough: what is usual, and fast to see."""
        count = int(_stretches(allowed).sum())
        free = len(self.series) - known[0].fitted - 1
        if free < 1 or not count:
            return False
        least = -stdtrit(free, ALPHA / (4 * count))
        for fit, product in zip(known, products, strict=True):
            gain = float((np.subtract.outer(product, product) ** 2 * fit.stretch_variance).max())
            left = float(((fit.remainder @ self.series) ** 2).sum())
            if gain > least**2 * max((left - gain) / free, self.noise**2):
                return True
        return False

    def _choose(
        self,
        known: tuple[Fit, ...],
        products: list[FloatArray],
        information: list[FloatArray],
        allowed: npt.NDArray[np.bool_],
    ) -> tuple[tuple[int, ...], float] | None:
        """The likeliest of the allowed candidates that are significant and matter."""
        places = np.nonzero(allowed)
        count = len(places[0])
        free = len(self.series) - known[0].fitted - 1
        if not count or free < 1:
            return None
        num = np.array([product[places] for product in products])
        den = np.maximum(np.array([each[places] for each in information]), 1e-12)
        left = np.array([[((fit.remainder @ self.series) ** 2).sum()] for fit in known])
        rest = np.maximum(left - num**2 / den, 0.0)
        t = np.abs(num) / np.sqrt(den * np.maximum(rest / free, self.noise**2))
        # No mixture of kinds is clearer than the clearest of them.
        hopeful = t.max(axis=0) > -stdtrit(free, ALPHA / (4 * count))
        if not hopeful.any():
            return None
        num, den, rest, t = (each[:, hopeful] for each in (num, den, rest, t))
        bend = np.array([[fit.model.log_det + fit.log_det] for fit in known]) + np.log(den)
        prior = np.log([[fit.model.weight] for fit in known])
        logs = prior - 0.5 * (free * np.log(rest + free * self.noise**2 / 4) + bend)
        top = logs.max(axis=0)
        weights = np.exp(logs - top)
        evidence = top + np.log(weights.sum(axis=0))
        weights /= weights.sum(axis=0)
        chance = (weights * 2.0 * stdtr(free, -t)).sum(axis=0) * count * 2
        change = np.abs((weights * num / den).sum(axis=0))
        right = (chance < ALPHA) & (change >= self.least)
        if not right.any():
            return None
        best = int(np.argmax(np.where(right, evidence, -np.inf)))
        return tuple(int(axis[hopeful][best]) for axis in places), float(chance[best])


def _allowed(n: int, at: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """[n]: a step may begin there, with enough points to both sides until the next."""
    places = np.arange(n)
    allowed = (places >= CONFIRM) & (places <= n - CONFIRM)
    for point in at:
        allowed &= np.abs(places - point) >= STRETCH
    return allowed


def _stretches(allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """[n, n]: a stretch may begin at the first and end before the second."""
    places = np.arange(len(allowed))
    length = np.subtract.outer(places, places).T
    return np.logical_and.outer(allowed, allowed) & (length >= STRETCH)


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
