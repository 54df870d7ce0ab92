"""What noise between profiles may look like, and regression under each kind of it (docs/history.md).

A series y of n points is a level and steps, X b, and noise of covariance s² V. Everything that is needed to add a step
to X follows from the products of all possible steps with each other and with y in the metric of V, so that nothing
is solved but as many equations as there are steps.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_FLICKER = (0.1, 0.5, 3.0)
_WALK = (0.003, 0.03, 0.3, 3.0, 100.0)
_NEIGHBOURS = (0.5, 0.8, 0.95)
_WHITE_WEIGHT = 0.15


@dataclass(frozen=True)
class NoiseKinds:
    """All kinds of noise of a series of n; m is their number.

    Attributes:
        log_weight: [m] logarithm of how likely each is before any profile was seen.
        log_det: [m] logarithm of the determinant of its covariance.
        precision: [m, n, n] inverse of its covariance.
        products: [m, n, n] of a step at one point with a step at another; a step at 0 is the level.
    """

    log_weight: FloatArray
    log_det: FloatArray
    precision: FloatArray
    products: FloatArray


@functools.lru_cache(maxsize=16)
def noise_kinds(n: int) -> NoiseKinds:
    """Independent noise; the same on 1/f drift or a random walk of several strengths; noise like its neighbour."""
    covariances = np.array(list(_covariances(n)))
    # One size for all kinds, so that one least noise holds for all: that of neighbours' differences.
    size = (covariances[:, 0, 0] + covariances[:, 1, 1]) / 2 - covariances[:, 0, 1]
    covariances /= size[:, np.newaxis, np.newaxis]
    others = (1.0 - _WHITE_WEIGHT) / (len(covariances) - 1)
    weights = np.array([_WHITE_WEIGHT] + [others] * (len(covariances) - 1))
    precision = np.linalg.inv(covariances)
    # A step is 1 from its point on: its product sums rows and columns from there on.
    products = np.flip(np.flip(precision, (1, 2)).cumsum(axis=1).cumsum(axis=2), (1, 2))
    log_det = np.linalg.slogdet(covariances)[1]
    return NoiseKinds(np.log(weights), log_det, precision, np.ascontiguousarray(products))


def _covariances(n: int) -> Iterator[FloatArray]:
    at = np.arange(n)
    lag = np.abs(np.subtract.outer(at, at))
    identity = np.eye(n)
    yield identity
    flicker, walk = _flicker(lag), np.minimum.outer(at, at) + 1.0
    for ratio in _FLICKER:
        yield identity + ratio * flicker
    for ratio in _WALK:
        yield identity + ratio * walk
    for phi in _NEIGHBOURS:
        yield np.asarray(phi**lag, dtype=np.float64)


def _flicker(lag: npt.NDArray[np.int64]) -> FloatArray:
    """Covariance of 1/f noise, averaged over unit times; it is known up to a constant, which a mean takes up."""
    t = np.arange(-1.0, lag.shape[0] + 1.0)
    integral = 0.5 * t**2 * np.log(np.maximum(np.abs(t), 1e-300))
    by_lag = -np.diff(integral, 2)
    return np.asarray(by_lag[lag] - by_lag.min() + 1.0, dtype=np.float64)


@dataclass(frozen=True)
class Design:
    """A level and some steps, for each of m kinds of noise and any series of n.

    Attributes:
        kinds: of noise.
        known: where its steps are, and 0 for the level; k of them.
        root: [m, k, k] of the coefficients' information.
        explained: [m, n, k] a step at each point, as far as they explain it.
    """

    kinds: NoiseKinds
    known: tuple[int, ...]
    root: FloatArray
    explained: FloatArray

    @classmethod
    def of(cls, n: int, at: tuple[int, ...]) -> Design:
        """A level, and a step at each of these points."""
        kinds, known = noise_kinds(n), [0, *at]
        root: FloatArray = np.linalg.cholesky(kinds.products[:, known][:, :, known]).astype(np.float64)
        explained = np.linalg.solve(root, kinds.products[:, known, :]).transpose(0, 2, 1)
        return cls(kinds, tuple(known), root, np.ascontiguousarray(explained))

    @functools.cached_property
    def log_det(self) -> FloatArray:
        """[m]: of the noise's covariance, and of the coefficients' information."""
        diagonal = np.diagonal(self.root, axis1=1, axis2=2)
        return np.asarray(self.kinds.log_det + 2.0 * np.log(diagonal).sum(axis=1))

    @functools.cached_property
    def step_information(self) -> FloatArray:
        """[m, n]: inverse variance of a further step at each point, in units of the noise's."""
        own = np.diagonal(self.kinds.products, axis1=1, axis2=2)
        return np.asarray(np.maximum(own - (self.explained**2).sum(axis=2), 1e-12))

    @functools.cached_property
    def stretch_information(self) -> FloatArray:
        """[m, n, n]: the same of a stretch from one point until before another."""
        return np.array([self._stretches(kind) for kind in range(len(self.root))])

    def _stretches(self, kind: int) -> FloatArray:
        shared = self.kinds.products[kind] - self.explained[kind] @ self.explained[kind].T
        own = np.diagonal(shared)
        return np.asarray(np.maximum(np.add.outer(own, own) - 2 * shared, 1e-12))

    def fit(self, series: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What the fit leaves of a series [n].

        Returns:
            Its products with a further step at each point [m, n], and its sum of squares [m].
        """
        weighted = self.kinds.precision @ series
        product = np.flip(np.flip(weighted, 1).cumsum(axis=1), 1)
        of_series = np.linalg.solve(self.root, product[:, list(self.known), np.newaxis])
        left = weighted @ series - (of_series[..., 0] ** 2).sum(axis=1)
        return product - (self.explained @ of_series)[..., 0], np.maximum(left, 0.0)


@functools.lru_cache(maxsize=16)
def level_only(n: int) -> Design:
    """The design without steps, which most series are looked at with only."""
    return Design.of(n, ())
