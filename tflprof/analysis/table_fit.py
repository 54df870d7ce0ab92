"""Prices of features that explain a family's rows: non-negative least squares, chosen by leaving rows out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

FloatArray = npt.NDArray[np.float64]

_GAIN = 0.98
"""A further feature must leave at most this much of the error."""
_MOST = 10
_EXACT = 1e-9
_CLOSE = 0.95
"""Leverage beyond which a row decides its own prediction: leaving it out says nothing, and counts as it is at this."""


@dataclass(frozen=True)
class Fit:
    """Prices of features.

    Attributes:
        prices: of every feature, 0 of those that were not chosen, [features].
        left_out: relative errors of the rows, each predicted without itself, as natural logarithms of
            true over predicted, [n].
        residuals: likewise with itself.
        parameters: how many features have a price.
    """

    prices: FloatArray
    left_out: FloatArray
    residuals: FloatArray
    parameters: int

    @property
    def error(self) -> float:
        """Root mean square of the errors of rows that were left out."""
        return float(np.sqrt(np.mean(self.left_out**2)))


def fit_all(features: FloatArray, values: FloatArray) -> Fit:
    """Prices of all features at once [n, features] for values [n], by relative errors."""
    scaled, scale = _scaled(features, values)
    found, _ = nnls(scaled, np.ones(len(values)), maxiter=20 * scaled.shape[1])
    return _fit(scaled, scale, found)


def fit_best(features: FloatArray, values: FloatArray) -> Fit:
    """Prices of as few features as explain the values: one is added while rows left out are predicted better."""
    scaled, scale = _scaled(features, values)
    most = min(_MOST, max(1, len(values) // 2), scaled.shape[1])
    chosen: list[int] = []
    best: Fit | None = None
    while len(chosen) < most:
        trials = [
            (_subset(scaled, scale, [*chosen, extra]), extra)
            for extra in range(scaled.shape[1])
            if extra not in chosen and scaled[:, extra].any()
        ]
        if not trials:
            break
        fit, extra = min(trials, key=lambda trial: trial[0].error)
        if best is not None and fit.error > _GAIN * best.error:
            break
        best, chosen = fit, [*chosen, extra]
        if fit.error < _EXACT:
            break
    return best or fit_all(features, values)


def _scaled(features: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Features over values with columns of length 1, and their lengths."""
    relative = features / values[:, None]
    scale = np.sqrt((relative**2).sum(axis=0))
    scale[scale == 0] = 1.0
    return relative / scale, scale


def _subset(scaled: FloatArray, scale: FloatArray, chosen: list[int]) -> Fit:
    found = np.zeros(scaled.shape[1])
    part, _ = nnls(scaled[:, chosen], np.ones(len(scaled)), maxiter=100 * len(chosen))
    found[chosen] = part
    return _fit(scaled, scale, found)


def _fit(scaled: FloatArray, scale: FloatArray, found: FloatArray) -> Fit:
    active = scaled[:, found > 0]
    predicted = scaled @ found
    residuals = 1.0 - predicted
    if active.shape[1]:
        basis, triangle = np.linalg.qr(active)
        independent = np.abs(np.diag(triangle)) > _EXACT
        leverage = (basis[:, independent] ** 2).sum(axis=1)
    else:
        leverage = np.zeros(len(scaled))
    without = residuals / (1.0 - np.minimum(leverage, _CLOSE))
    return Fit(found / scale, _logarithm(without), _logarithm(residuals), int((found > 0).sum()))


def _logarithm(errors: FloatArray) -> FloatArray:
    """Errors relative to the true value as logarithms of true over predicted, kept finite."""
    logarithm: FloatArray = -np.log(np.clip(1.0 - errors, 0.05, 20.0))
    return logarithm
