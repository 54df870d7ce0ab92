"""Numbers of factorised layers: the closest product of thinner layers, on the inputs that really come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.compress.low_rank_stages import SPATIAL, SVD

Floats = npt.NDArray[np.float64]

_RIDGE = 1e-6
"""Of the mean energy of a channel, added to all: what never came in calibration is still kept at full rank."""

_SWEEPS = 4


@dataclass(frozen=True)
class Factor:
    """Weights (outputs, rows, columns, inputs) and bias (outputs) of one stage, in float64."""

    weights: Floats
    bias: Floats


def factorise(
    form: str,
    ranks: Sequence[int],
    weights: Floats,
    bias: Floats,
    moments: Floats | None,
    mean: Floats | None,
) -> list[Factor]:
    """Thinner layers whose product is closest to a layer; each pair shares its scales evenly (√S | √S).

    Args:
        form: as of :func:`tflprof.compress.low_rank_stages.stages`.
        ranks: likewise, not above what the layer has.
        weights: (outputs, rows, columns, inputs).
        bias: (outputs).
        moments: mean of ``x xᵀ`` over what comes in, (inputs, inputs); None is the closest in plain weights.
        mean: of what comes in, (inputs); what lies between 1×1 layers is centred then.
    """
    if form == SVD:
        return _svd(ranks[0], weights, bias, moments, mean)
    if form == SPATIAL:
        return _spatial(ranks[0], weights, bias, moments)
    return _tucker(ranks[0], ranks[1], weights, bias, moments)


def numerical_rank(weights: Floats, floor: float = 1e-5) -> int:
    """How many directions of a layer's matrix (outputs, all else) matter at all."""
    matrix = weights.reshape(len(weights), -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    energies = np.linalg.eigvalsh(small)
    return int((energies > floor**2 * max(energies[-1], 1e-30)).sum())


def _svd(
    rank: int, weights: Floats, bias: Floats, moments: Floats | None, mean: Floats | None
) -> list[Factor]:
    matrix = weights[:, 0, 0, :]
    centre = np.zeros(matrix.shape[1]) if mean is None else mean
    spread = None if moments is None else moments - np.outer(centre, centre)
    left, values, _ = _decomposed(matrix @ _root(spread, matrix.shape[1]))
    # Projected onto what comes out: no inverse of the root is needed.
    even = _even(values[:rank])
    first = (left[:, :rank].T @ matrix) / even[:, None]
    second = left[:, :rank] * even
    return [
        Factor(first[:, None, None, :], -first @ centre),
        Factor(second[:, None, None, :], bias + matrix @ centre),
    ]


def _spatial(rank: int, weights: Floats, bias: Floats, moments: Floats | None) -> list[Factor]:
    o, kh, kw, i = weights.shape
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


def _tucker(r_in: int, r_out: int, weights: Floats, bias: Floats, moments: Floats | None) -> list[Factor]:
    root = _root(moments, weights.shape[3])
    whitened = weights @ root
    by_input = _leading(whitened, 3, r_in)
    for _ in range(_SWEEPS):
        by_output = _leading(whitened @ by_input, 0, r_out)
        by_input = _leading(np.tensordot(by_output.T, whitened, 1), 3, r_in)
    core = np.tensordot(by_output.T, whitened @ by_input, 1)
    before = _even(np.sqrt((core**2).sum((0, 1, 2))))
    after = _even(np.sqrt((core**2).sum((1, 2, 3))))
    first = np.linalg.solve(root, by_input).T * before[:, None]
    core = core / before / after[:, None, None, None]
    return [
        Factor(first[:, None, None, :], np.zeros(r_in)),
        Factor(core, np.zeros(r_out)),
        Factor((by_output * after)[:, None, None, :], bias),
    ]


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


def _root(moments: Floats | None, size: int) -> Floats:
    """Symmetric root of moments, slightly lifted; the identity if there are none."""
    if moments is None:
        return np.eye(size)
    values, vectors = np.linalg.eigh((moments + moments.T) / 2)
    values = np.maximum(values, 0.0)
    lift = _RIDGE * float(values.mean()) or 1.0
    return np.asarray((vectors * np.sqrt(values + lift)) @ vectors.T)
