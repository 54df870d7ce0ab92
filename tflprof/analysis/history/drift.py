"""What noise between profiles may look like, and regression under each of these models (docs/history.md)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_FLICKER = (0.1, 0.5, 3.0)
_WALK = (0.003, 0.03, 0.3, 3.0, 100.0)
_NEIGHBOURS = (0.5, 0.8, 0.95)
_WHITE_WEIGHT = 0.15


@dataclass(frozen=True)
class NoiseModel:
    """Noise of one kind for a series of n, as the matrix that makes it white.

    Attributes:
        weight: how likely this kind is before any profile was seen.
        whiten: [n, n], lower triangular.
        log_det: logarithm of the covariance's determinant.
        one: [n] the whitened constant.
        steps: [n, n] the whitened steps; column c is a step that begins at point c.
    """

    weight: float
    whiten: FloatArray
    log_det: float
    one: FloatArray
    steps: FloatArray


@functools.lru_cache(maxsize=64)
def noise_models(n: int) -> tuple[NoiseModel, ...]:
    """White noise; white noise with 1/f drift or a random walk of several strengths; and noise like its neighbour."""
    at = np.arange(n)
    lag = np.abs(np.subtract.outer(at, at))
    identity = np.eye(n)
    covariances = [identity]
    covariances += [identity + ratio * _flicker(lag) for ratio in _FLICKER]
    covariances += [identity + ratio * (np.minimum.outer(at, at) + 1.0) for ratio in _WALK]
    covariances += [phi**lag for phi in _NEIGHBOURS]
    others = (1.0 - _WHITE_WEIGHT) / (len(covariances) - 1)
    weights = [_WHITE_WEIGHT] + [others] * (len(covariances) - 1)
    return tuple(_model(weight, each) for weight, each in zip(weights, covariances, strict=True))


def _model(weight: float, covariance: FloatArray) -> NoiseModel:
    # One size for all kinds, so that one least noise holds for all: that of neighbours' differences.
    size = (covariance[0, 0] + covariance[1, 1]) / 2 - covariance[0, 1]
    root = np.linalg.cholesky(covariance / size)
    whiten = np.linalg.inv(root)
    # A sum over the columns from c on is the whitened step at c.
    steps = np.cumsum(whiten[:, ::-1], axis=1)[:, ::-1]
    log_det = 2.0 * float(np.log(np.diag(root)).sum())
    return NoiseModel(weight, whiten, log_det, steps[:, 0].copy(), steps)


def _flicker(lag: npt.NDArray[np.int64]) -> FloatArray:
    """Covariance of 1/f noise, averaged over unit times; it is known up to a constant, which a mean takes up."""
    t = np.arange(-1.0, lag.shape[0] + 1.0)
    integral = 0.5 * t**2 * np.log(np.maximum(np.abs(t), 1e-300))
    by_lag = -np.diff(integral, 2)
    return np.asarray(by_lag[lag] - by_lag.min() + 1.0, dtype=np.float64)


@dataclass(frozen=True)
class Fit:
    """What fitting a level and steps at some points with one kind of noise leaves; for every series of this length.

    Attributes:
        model: the kind of noise.
        remainder: [n, n] a series times this is what the fit leaves of it, whitened.
        steps: [n, n] what it leaves of each whitened step.
        products: [n, n] a series times this is the product of each step with what is left of the series.
        log_det: of the information about what was fitted.
        fitted: number of coefficients.
    """

    model: NoiseModel
    remainder: FloatArray
    steps: FloatArray
    products: FloatArray
    log_det: float
    fitted: int

    @functools.cached_property
    def step_information(self) -> FloatArray:
        """[n]: inverse variance of a further step at each point, in units of the noise."""
        return np.asarray((self.steps**2).sum(axis=0), dtype=np.float64)

    @functools.cached_property
    def stretch_information(self) -> FloatArray:
        """[n, n]: the same of a stretch from one point until before another."""
        own = self.step_information
        return np.asarray(np.add.outer(own, own) - 2 * (self.steps.T @ self.steps), dtype=np.float64)

    @functools.cached_property
    def stretch_variance(self) -> FloatArray:
        """[n, n]: its inverse above the diagonal, 0 below."""
        information = np.maximum(self.stretch_information, 1e-12)
        return np.asarray(np.triu(1.0 / information, 1), dtype=np.float64)


def fits(n: int, at: tuple[int, ...]) -> tuple[Fit, ...]:
    """A level and a step at each of these points, for every kind of noise and any series of n."""
    return _level_only(n) if not at else tuple(_fit(model, at) for model in noise_models(n))


@functools.lru_cache(maxsize=32)
def _level_only(n: int) -> tuple[Fit, ...]:
    return tuple(_fit(model, ()) for model in noise_models(n))


def _fit(model: NoiseModel, at: tuple[int, ...]) -> Fit:
    known = np.column_stack([model.one, *(model.steps[:, point] for point in at)])
    basis, triangle = np.linalg.qr(known)
    remainder = model.whiten - basis @ (basis.T @ model.whiten)
    steps = model.steps - basis @ (basis.T @ model.steps)
    log_det = 2.0 * float(np.log(np.abs(np.diag(triangle))).sum())
    return Fit(model, remainder, steps, steps.T @ remainder, log_det, 1 + len(at))
