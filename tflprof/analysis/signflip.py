"""Is the mean of paired differences 0? A sign-flip test of many columns together, with intervals that agree with it.

If nothing differs, a pair's differences are as likely to have one sign as the other. So whole pairs are flipped at
random, which keeps how the columns go together, and the largest studentised mean of each flip says how large it gets by
chance (max-T, with the step-down of Westfall and Young 1993). No distribution of the differences is assumed.

Now and then a process is far off as a whole. So that it does not hide what the others say, values beyond 1.5 standard
deviations are drawn in to there, as in Huber's (1964) estimate of a location: for the test about 0, whose scale (the
median size) flipping does not change, for estimate and interval about the estimate.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MIN_PAIRS = 10
"""With fewer, no set of signs is rare enough for any of the levels that are used."""
FLIPS = 4096
"""Sets of signs; where there are no more than that, each of them once."""

CLIP = 1.5
"""Standard deviations, as told by the median absolute deviation, beyond which a value counts no more."""

SMALL = 2.0
"""Intervals are wider by so much over the number of pairs: few pairs know little of their own limits (simulated)."""

_NORMAL = 1.4826
"""Standard deviation over the median absolute deviation, of normal values."""
_STEPS = 15
"""Of the iteration for the location; each at least halves what is missing."""
_SEED = 20261121
_TINY = 1e-12
"""Differences of squared cosines that are rounding."""
_EDGE = 1e-9
"""Where an interval that excludes 0 ends at least."""


@dataclass(frozen=True)
class SignFlip:
    """What is known of every column; NaN and False where it cannot be told. All arrays are [columns].

    Attributes:
        estimate: Huber's location of the pairs, also of columns that cannot be tested.
        lo: lower end of the interval; all intervals hold together at 1 - alpha. They exclude 0 where ``rejected``
            and nowhere else.
        hi: upper end.
        p: adjusted p-value of *no difference*.
        rejected: there is a difference; with probability 1 - alpha none of these is wrong.
    """

    estimate: FloatArray
    lo: FloatArray
    hi: FloatArray
    p: FloatArray
    rejected: BoolArray


def sign_flip(values: FloatArray, alpha: float, resolution: FloatArray | None = None) -> SignFlip:
    """Test and estimate all columns together.

    A column is tested if it has at least 10 values that are not all the same: without any spread it cannot be told
    what chance does. Other columns do not feel those that are not tested.

    Args:
        values: differences of each pair, NaN if unknown, [pairs, columns].
        alpha: probability that any column is rejected wrongly.
        resolution: step of the clock in the unit of each column, by which its interval is widened at either end,
            [columns]; None: none.
    """
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    lo, hi, p = (np.full(len(counts), np.nan) for _ in range(3))
    filled = np.where(known, values, 0.0)
    estimate, centred, inside = _location(filled, known)
    spread = np.sqrt((centred**2).sum(axis=0) / np.maximum(counts - 1, 1))
    tested = np.flatnonzero(
        (counts >= MIN_PAIRS) & (spread > _TINY * np.abs(filled).max(axis=0, initial=0.0))
    )
    found = SignFlip(estimate, lo, hi, p, np.zeros(len(counts), np.bool_))
    if not len(tested):
        return found
    flips, counts, centred = _signs(len(values)), counts[tested], centred[:, tested]
    p[tested] = _adjusted(flips, _drawn_in(filled, known)[:, tested], counts)
    found.rejected[tested] = p[tested] <= alpha
    error = spread[tested] / np.sqrt(counts) / inside[tested]
    half = _critical(flips, centred, counts, alpha) * error * (1 + SMALL / counts)
    if resolution is not None:
        half = half + resolution[tested]
    lo[tested], hi[tested] = _agreeing(estimate[tested], half, found.rejected[tested])
    return found


def _median(values: FloatArray, known: BoolArray) -> FloatArray:
    """Median of the known values, [columns]; infinite of none."""
    # Unknown ones are sorted behind the others.
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    last = np.maximum(known.sum(axis=0) - 1, 0)
    columns = np.arange(values.shape[1])
    return np.asarray((ordered[last // 2, columns] + ordered[(last + 1) // 2, columns]) / 2, dtype=np.float64)


def _limits(values: FloatArray, known: BoolArray) -> FloatArray:
    """Size [columns] beyond which values about 0 count no more; infinite where most of them are 0."""
    size = _median(np.abs(values), known)
    return np.where(size > 0, CLIP * _NORMAL * size, np.inf)


def _drawn_in(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values [pairs, columns] with those beyond their limits about 0 drawn in to there."""
    limits = _limits(values, known)
    return np.asarray(np.clip(values, -limits, limits), dtype=np.float64)


def _location(values: FloatArray, known: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Huber's location of values that are 0 where unknown.

    Returns:
        The location, NaN of nothing, [columns]; the values about it, drawn in, 0 where unknown, [pairs, columns]; and
        the share of them that was within the limits, [columns].
    """
    counts = known.sum(axis=0)
    some = np.maximum(counts, 1)
    location = np.where(counts > 0, _median(values, known), 0.0)
    limits = _limits(values - location, known)
    for _ in range(_STEPS):
        centred = np.where(known, np.clip(values - location, -limits, limits), 0.0)
        location = location + centred.sum(axis=0) / some
    inside = (known & (np.abs(values - location) <= limits)).sum(axis=0) / some
    return np.where(counts > 0, location, np.nan), centred, np.maximum(inside, 0.5)


@functools.lru_cache(maxsize=8)
def _signs(pairs: int) -> FloatArray:
    """Sets of signs [flips, pairs], the first all +1.

    A set and its opposite give the same absolute mean, so the first pair is never flipped.
    """
    if 2 ** (pairs - 1) <= FLIPS:
        bits = np.arange(2 ** (pairs - 1))[:, np.newaxis] >> np.arange(pairs) & 1
        signs = 1.0 - 2.0 * np.roll(bits, 1, axis=1)
    else:
        signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], (FLIPS, pairs))
        signs[:, 0] = 1.0
        signs[0] = 1.0
    signs.setflags(write=False)
    return signs


def _squared_cosines(flips: FloatArray, values: FloatArray, counts: npt.NDArray[np.int64]) -> FloatArray:
    """[flips, columns]: squared mean over mean square, from 0 to 1. Flipping changes no square, so only the mean."""
    length = np.sqrt((values**2).sum(axis=0) * counts)
    cosines: FloatArray = flips @ (values / length)
    return np.square(cosines, out=cosines)


def _squared_t(cosines: FloatArray, counts: npt.NDArray[np.int64]) -> FloatArray:
    """Squared Student's t of squared cosines [..., columns]."""
    return np.asarray((counts - 1) * cosines / np.maximum(1.0 - cosines, _TINY), dtype=np.float64)


def _comparable(cosines: FloatArray, counts: npt.NDArray[np.int64]) -> FloatArray:
    """What orders all columns as their t does; of as many pairs each, the cosines do, which are had for less."""
    return cosines if np.all(counts == counts[0]) else _squared_t(cosines, counts)


def _adjusted(flips: FloatArray, values: FloatArray, counts: npt.NDArray[np.int64]) -> FloatArray:
    """Step-down p-values [columns]: each is compared with the largest of those no larger than itself."""
    # Equal within rounding is equal, and speaks for chance.
    unflipped = np.maximum(_squared_cosines(flips[:1], values, counts)[0] - _TINY, 0.0)
    observed = _comparable(unflipped, counts)
    order = np.argsort(observed, kind="stable")
    chance = _comparable(_squared_cosines(flips, values[:, order], counts[order]), counts[order])
    np.maximum.accumulate(chance, axis=1, out=chance)
    share = (chance >= observed[order]).mean(axis=0)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(share[::-1])[::-1]
    return adjusted


def _critical(flips: FloatArray, centred: FloatArray, counts: npt.NDArray[np.int64], alpha: float) -> float:
    """The |t| that the largest of all columns exceeds with probability alpha, if all means were 0."""
    cosines = _squared_cosines(flips, centred, counts)
    if np.all(counts == counts[0]):
        cosines, counts = cosines.max(axis=1, keepdims=True), counts[:1]
    largest = np.sort(_squared_t(cosines, counts).max(axis=1))
    rank = math.ceil((1.0 - alpha) * len(largest) - _TINY)
    return math.sqrt(largest[min(max(rank, 1), len(largest)) - 1])


def _agreeing(estimate: FloatArray, half: FloatArray, rejected: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Intervals around estimates that exclude 0 exactly where it is rejected."""
    size = np.abs(estimate)
    # The end towards 0, seen from an estimate above it.
    near = np.where(rejected, np.maximum(size - half, np.minimum(_EDGE, size)), np.minimum(size - half, 0.0))
    lo = np.where(estimate >= 0, near, estimate - half)
    hi = np.where(estimate >= 0, estimate + half, -near)
    return lo, hi
