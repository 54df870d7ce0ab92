"""Numbers of factorised layers: the closest product of thinner layers, on the inputs that really come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.compress.low_rank_stages import SPATIAL, SVD

Floats = npt.NDArray[np.float64]

_LEAST_LIFT, _LIFT = 1e-6, 0.25
"""Of the mean energy of a channel, added to all: what never came in calibration may come all the same. The second
is for as many places as channels, and less the more there were."""

_SWEEPS = 4


@dataclass(frozen=True)
class Factor:
    """Weights (outputs, rows, columns, inputs) and bias (outputs) of one stage, in float64."""

    weights: Floats
    bias: Floats


@dataclass(frozen=True)
class Moments:
    """What comes into a layer.

    Attributes:
        second: mean of ``x xᵀ``, (inputs, inputs).
        mean: mean of ``x``, (inputs).
        count: places seen.
    """

    second: Floats
    mean: Floats
    count: int

    @property
    def spread(self) -> Moments:
        """The same about the mean."""
        return Moments(self.second - np.outer(self.mean, self.mean), np.zeros(len(self.mean)), self.count)


def factorise(
    form: str, ranks: Sequence[int], weights: Floats, bias: Floats, moments: Moments | None
) -> list[Factor]:
    """Thinner layers whose product is closest to a layer; each pair shares its scales evenly (√S | √S).

    Args:
        form: as of :func:`tflprof.compress.low_rank_stages.stages`.
        ranks: likewise.
        weights: (outputs, rows, columns, inputs).
        bias: (outputs).
        moments: of what comes in, about whose mean what lies between 1×1 layers is centred; None is the closest in
            plain weights.
    """
    if form == SVD:
        return _svd(ranks[0], weights, bias, moments)
    if form == SPATIAL:
        return _spatial(ranks[0], weights, bias, moments)
    return _tucker(ranks[0], ranks[1], weights, bias, moments)


def numerical_rank(weights: Floats, floor: float = 1e-5) -> int:
    """How many directions of a layer's matrix (outputs, all else) matter at all."""
    matrix = weights.reshape(len(weights), -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    energies = np.linalg.eigvalsh(small)
    return int((energies > floor**2 * max(energies[-1], 1e-30)).sum())


def _svd(rank: int, weights: Floats, bias: Floats, moments: Moments | None) -> list[Factor]:
    matrix = weights[:, 0, 0, :]
    centre = np.zeros(matrix.shape[1]) if moments is None else moments.mean
    root = _root(None if moments is None else moments.spread, matrix.shape[1])
    left, values, _ = _decomposed(matrix @ root)
    rank = min(rank, len(values))
    # Projected onto what comes out: no inverse of the root is needed.
    even = _even(values[:rank])
    first = (left[:, :rank].T @ matrix) / even[:, None]
    second = left[:, :rank] * even
    return [
        Factor(first[:, None, None, :], -first @ centre),
        Factor(second[:, None, None, :], bias + matrix @ centre),
    ]


def _spatial(rank: int, weights: Floats, bias: Floats, moments: Moments | None) -> list[Factor]:
    o, kh, kw, i = weights.shape
    rank = min(rank, kh * i, kw * o)
    matrix = weights.transpose(1, 3, 2, 0)  # rows, inputs, columns, outputs
    whitened = np.einsum("ab,hbwo->hawo", _root(moments, i), matrix)
    _, values, right = _decomposed(whitened.reshape(kh * i, kw * o))
    even = _even(values[:rank])
    first = matrix.reshape(kh * i, kw * o) @ right[:rank].T / even
    second = right[:rank] * even[:, None]
    return [
        Factor(first.reshape(kh, 1, i, rank).transpose(3, 0, 1, 2), np.zeros(rank)),
        Factor(second.reshape(rank, 1, kw, o).transpose(3, 1, 2, 0), bias),
    ]


def _tucker(r_in: int, r_out: int, weights: Floats, bias: Floats, moments: Moments | None) -> list[Factor]:
    outputs, inputs = weights.shape[0], weights.shape[3]
    r_in, r_out = min(r_in, inputs), min(r_out, outputs)
    root = _root(moments, inputs)
    whitened = weights @ root
    by_input = _leading(whitened, 3, r_in)
    for _ in range(_SWEEPS):
        by_output = _leading(whitened @ by_input, 0, r_out)
        by_input = _leading(np.tensordot(by_output.T, whitened, 1), 3, r_in)
    found: list[Factor] = []
    core = weights
    if r_in < inputs:
        core = whitened @ by_input
        before = _even(np.sqrt((core**2).sum((0, 1, 2))))
        first = np.linalg.solve(root, by_input).T * before[:, None]
        found.append(Factor(first[:, None, None, :], np.zeros(r_in)))
        core = core / before
    if r_out == outputs:
        return [*found, Factor(core, bias)]
    core = np.tensordot(by_output.T, core, 1)
    after = _even(np.sqrt((core**2).sum((1, 2, 3))))
    last = Factor((by_output * after)[:, None, None, :], bias)
    return [*found, Factor(core / after[:, None, None, None], np.zeros(r_out)), last]


def _leading(tensor: Floats, axis: int, rank: int) -> Floats:
    unfolded = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    return np.linalg.eigh(unfolded @ unfolded.T)[1][:, ::-1][:, :rank]


def _decomposed(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return left, values, right


def _even(values: Floats) -> Floats:
    """Root of singular values, to be given to both sides; directions without weight keep theirs."""
    least = 1e-8 * max(float(values.max(initial=0.0)), 1e-30)
    return np.sqrt(np.maximum(values, least))


def _root(moments: Moments | None, size: int) -> Floats:
    """Symmetric root of moments, slightly lifted; the identity if there are none."""
    if moments is None:
        return np.eye(size)
    values, vectors = np.linalg.eigh((moments.second + moments.second.T) / 2)
    values = np.maximum(values, 0.0)
    share = max(_LEAST_LIFT, _LIFT * size / max(moments.count, 1))
    lift = share * float(values.mean()) or 1.0
    return np.asarray((vectors * np.sqrt(values + lift)) @ vectors.T)
