"""The search for steps in a stretch of a noisy series: generalised least squares under every kind of noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from tflprof.analysis.history.drift import Design, FloatArray, level_only

CONFIRM = 3
"""The last level of noisy profiles is one of at least so many: one or two may be outliers."""
STRETCH = 5
"""A level between two others has at least so many."""
ALPHA = 0.003
"""Bound of the corrected p-value of a step."""
_OUTSIDE = 0.01
"""Probability that a step's size lies outside its interval."""

Mask = npt.NDArray[np.bool_]


class Choice(NamedTuple):
    """Where the best candidate has its step or steps, and its corrected p-value."""

    at: tuple[int, ...]
    p: float


class Size(NamedTuple):
    """Logarithm of how many times the cost is since a step, with its 99 % interval."""

    estimate: float
    lo: float
    hi: float


class Window:
    """A stretch of a series [n], searched for steps one after the other.

    For every kind of noise the size of a step is Student's t; kinds are weighted by the restricted likelihood of the
    series with that step in it, as :mod:`tflprof.stats` does it for intervals. A candidate is a step, or a stretch
    that comes back to its level. Bonferroni's correction is for all candidates.

    Args:
        series: logarithms of the costs.
        noise: least standard deviation of the noise.
        least: change of the logarithm that matters.
    """

    def __init__(self, series: FloatArray, noise: float, least: float) -> None:
        self.series = series - series.mean()
        self.noise = noise
        self.least = least

    def search(self) -> dict[int, float]:
        """Beginning of each step and its p-value."""
        found: dict[int, float] = {}
        while len(found) < len(self.series) // CONFIRM:
            best = self._further(tuple(sorted(found)))
            if best is None:
                break
            found.update(dict.fromkeys(best.at, best.p))
        return self._refined(found)

    def _refined(self, found: dict[int, float]) -> dict[int, float]:
        """Every step moved to where it fits best among the others; those that are none among them are dropped."""
        kept = dict(found)
        if len(found) < 2:
            return kept
        for at in sorted(found, key=lambda point: -found[point]):
            del kept[at]
            below = max((point for point in kept if point < at), default=0)
            above = min((point for point in kept if point > at), default=len(self.series))
            fitted = _Fitted(self, tuple(sorted(kept)))
            best = fitted.best_step(below, above)
            if best is not None:
                kept[best.at[0]] = best.p
        return kept

    def _further(self, at: tuple[int, ...]) -> Choice | None:
        """The likeliest step beside these that is significant, or stretch if there is none."""
        fitted = _Fitted(self, at)
        return fitted.best_step(0, len(self.series)) or fitted.best_stretch()


class _Fitted:
    """A window fitted with a level and some steps; m kinds of noise."""

    def __init__(self, window: Window, at: tuple[int, ...]) -> None:
        n = len(window.series)
        self.window = window
        self.design = Design.of(n, at) if at else level_only(n)
        self.product, self.left = self.design.fit(window.series)
        self.free = n - len(self.design.known) - 1
        places = np.arange(n)
        self.allowed = (places >= CONFIRM) & (places <= n - CONFIRM)
        for point in at:
            self.allowed &= np.abs(places - point) >= STRETCH

    def best_step(self, after: int, before: int) -> Choice | None:
        """The likeliest step between two points that is significant."""
        places = np.arange(len(self.allowed))
        allowed = self.allowed & (places > after) & (places < before)
        information = self.design.step_information
        clear = allowed & (self.product**2 / information > self._bound(allowed)[:, np.newaxis]).any(axis=0)
        at = np.flatnonzero(clear)
        return self._likeliest((at,), self.product[:, at], information[:, at], allowed)

    def best_stretch(self) -> Choice | None:
        """The likeliest stretch that leaves the level and comes back."""
        places = np.arange(len(self.allowed))
        length = np.subtract.outer(places, places).T
        allowed = np.logical_and.outer(self.allowed, self.allowed) & (length >= STRETCH)
        information = self.design.stretch_information
        clear = np.zeros_like(allowed)
        # One kind after the other: small arrays stay in the cache, and mostly nothing is clear.
        for product, each, bound in zip(self.product, information, self._bound(allowed), strict=True):
            gain = np.subtract.outer(product, product) ** 2 / each
            if gain.max() > bound:
                clear |= gain > bound
        first, last = np.nonzero(clear & allowed)
        product = self.product[:, first] - self.product[:, last]
        return self._likeliest((first, last), product, information[:, first, last], allowed)

    def _bound(self, allowed: Mask) -> FloatArray:
        """[m]: of the gain of a candidate, without which its p-value cannot be small enough for any mixture."""
        count = int(allowed.sum())
        if not count or self.free < 1:
            return np.full(len(self.left), np.inf)
        least = float(stdtrit(self.free, ALPHA / (4 * count))) ** 2
        return np.maximum(least * self.window.noise**2, least * self.left / (self.free + least))

    def _likeliest(
        self,
        at: tuple[npt.NDArray[np.intp], ...],
        product: FloatArray,
        information: FloatArray,
        allowed: Mask,
    ) -> Choice | None:
        """Of candidates [c], products and information [m, c], the likeliest that is significant and matters."""
        if not len(at[0]):
            return None
        free = self.free
        rest, weights, evidence = self._weighed(product, information)
        t = np.abs(product) / np.sqrt(information) / self._deviation(rest)
        p = (weights * 2.0 * stdtr(free, -t)).sum(axis=0) * int(allowed.sum()) * 2
        change = np.abs((weights * product / information).sum(axis=0))
        right = (p < ALPHA) & (change >= self.window.least)
        if not right.any():
            return None
        best = int(np.argmax(np.where(right, evidence, -np.inf)))
        return Choice(tuple(int(axis[best]) for axis in at), float(p[best]))

    def size(self, at: int) -> Size:
        """A step at a point, all kinds of noise considered."""
        product, information = self.product[:, [at]], self.design.step_information[:, [at]]
        rest, weights, _ = self._weighed(product, information)
        estimates = product / information
        scales = self._deviation(rest) / np.sqrt(information)
        mixture = estimates[:, 0], scales[:, 0], weights[:, 0], self.free
        lo, hi = (_quantile(*mixture, share) for share in (_OUTSIDE / 2, 1 - _OUTSIDE / 2))
        return Size(float((weights * estimates).sum()), lo, hi)

    def _weighed(
        self, product: FloatArray, information: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of candidates [c]: what each leaves [m, c], weights of the kinds [m, c], and its evidence [c]."""
        rest = np.maximum(self.left[:, np.newaxis] - product**2 / information, 0.0)
        bend = self.design.log_det[:, np.newaxis] + np.log(information)
        least = self.free * self.window.noise**2 / 4
        logs = self.design.kinds.log_weight[:, np.newaxis] - 0.5 * (self.free * np.log(rest + least) + bend)
        top = logs.max(axis=0)
        weights = np.exp(logs - top)
        total = weights.sum(axis=0)
        return rest, weights / total, top + np.log(total)

    def _deviation(self, rest: FloatArray) -> FloatArray:
        """Standard deviation of the noise that leaves this much."""
        return np.asarray(np.sqrt(np.maximum(rest / self.free, self.window.noise**2)))


def step_size(series: FloatArray, at: int, others: tuple[int, ...], noise: float) -> Size:
    """How large a step in the logarithms of costs [n] is, among others; ``noise`` as in :class:`Window`."""
    return _Fitted(Window(series, noise, 0.0), others).size(at)


def _quantile(
    estimates: FloatArray, scales: FloatArray, weights: FloatArray, free: int, share: float
) -> float:
    """Of a mixture of Student's t [m], by halving."""
    each = estimates + scales * stdtrit(free, share)
    lo, hi = float(each.min()), float(each.max())
    for _ in range(50):
        middle = (lo + hi) / 2
        if (weights * stdtr(free, (middle - estimates) / scales)).sum() < share:
            lo = middle
        else:
            hi = middle
    return (lo + hi) / 2
