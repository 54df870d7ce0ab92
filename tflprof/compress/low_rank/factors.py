"""Numbers of factorised layers: the closest product of thinner layers, on the inputs that really come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tflprof.compress.low_rank.stages import SPATIAL, SVD

Floats = npt.NDArray[np.float64]

_LEAST_LIFT, _LIFT = 1e-6, 0.25
"""Of the mean energy of a channel, added to all: what never came in calibration may come all the same. The second
is for as many places as channels, and less the more there were."""

WIDE = 4096
"""Inputs beyond which moments are of each alone: a matrix of all pairs would take hours and all memory."""

_SWEEPS = 4

READ, MADE, SUMS = "read", "made", "sums"
"""What lies between stages at full rank: what the layer reads, what it makes, sums that make it up."""


@dataclass(frozen=True)
class Factor:
    """Weights (outputs, rows, columns, inputs) and bias (outputs) of one stage, in float64."""

    weights: Floats
    bias: Floats


@dataclass(frozen=True)
class Moments:
    """What comes into a layer.

    Attributes:
        second: mean of ``x xᵀ``, (inputs, inputs); of a :data:`WIDE` 1×1 layer its diagonal, (inputs).
        mean: mean of ``x``, (inputs).
        count: places seen.
    """

    second: Floats
    mean: Floats
    count: int

    @property
    def spread(self) -> Moments:
        """The same about the mean."""
        if self.second.ndim == 1:
            return Moments(self.second - self.mean**2, np.zeros(len(self.mean)), self.count)
        return Moments(self.second - np.outer(self.mean, self.mean), np.zeros(len(self.mean)), self.count)


def factorise(
    form: str, ranks: Sequence[int], weights: Floats, bias: Floats, moments: Moments | None
) -> list[Factor]:
    """Thinner layers whose product is closest to a layer; each pair shares its scales evenly (√S | √S).

    Args:
        form: as of :func:`tflprof.compress.low_rank.stages.stages`.
        ranks: likewise.
        weights: (outputs, rows, columns, inputs).
        bias: (outputs).
        moments: of what comes in, about whose mean what lies between 1×1 layers is centred; None is the closest in
            plain weights.
    """
    return Decomposition(weights, bias, moments).factors(form, ranks)


class Decomposition:
    """A layer taken apart once, for factors of any rank; arguments as of :func:`factorise`."""

    def __init__(self, weights: Floats, bias: Floats, moments: Moments | None) -> None:
        self._weights = weights
        self._bias = bias
        self._moments = moments

    def factors(self, form: str, ranks: Sequence[int]) -> list[Factor]:
        """The stages of a form at some ranks, as :func:`factorise` gives them."""
        if form == SVD:
            return self._svd(ranks[0])
        if form == SPATIAL:
            return self._spatial(ranks[0])
        return self._tucker(ranks[0], ranks[1])

    @cached_property
    def _root(self) -> Floats:
        return _root(self._moments, self._weights.shape[3])

    @cached_property
    def _svd_parts(self) -> tuple[Floats, Floats]:
        matrix = self._weights[:, 0, 0, :]
        moments = self._moments
        if matrix.shape[1] > WIDE:
            return _left(matrix if moments is None else matrix * _roots(moments.spread))
        root = _root(None if moments is None else moments.spread, matrix.shape[1])
        return np.linalg.svd(matrix @ root, full_matrices=False)[:2]

    @cached_property
    def _spatial_parts(self) -> tuple[Floats, Floats, Floats]:
        """The kernel as a matrix (rows × inputs, columns × outputs), with its singular values and right side."""
        o, kh, kw, i = self._weights.shape
        kernel = self._weights.transpose(1, 3, 2, 0)  # rows, inputs, columns, outputs
        whitened = np.einsum("ab,hbwo->hawo", self._root, kernel).reshape(kh * i, kw * o)
        _, values, right = np.linalg.svd(whitened, full_matrices=False)
        return kernel.reshape(kh * i, kw * o), values, right

    @cached_property
    def _whitened(self) -> Floats:
        return np.asarray(self._weights @ self._root)

    @cached_property
    def _by_input(self) -> Floats:
        """All directions of the inputs, those of most energy first."""
        return _leading(self._whitened, 3, self._weights.shape[3])

    def _svd(self, rank: int) -> list[Factor]:
        matrix, moments = self._weights[:, 0, 0, :], self._moments
        centre = np.zeros(matrix.shape[1]) if moments is None else moments.mean
        left, values = self._svd_parts
        rank = min(rank, len(values))
        # Projected onto what comes out: no inverse of the root is needed.
        even = _even(values[:rank])
        first = (left[:, :rank].T @ matrix) / even[:, None]
        second = left[:, :rank] * even
        return [
            Factor(first[:, None, None, :], -first @ centre),
            Factor(second[:, None, None, :], self._bias + matrix @ centre),
        ]

    def _spatial(self, rank: int) -> list[Factor]:
        o, kh, kw, i = self._weights.shape
        rank = min(rank, kh * i, kw * o)
        matrix, values, right = self._spatial_parts
        even = _even(values[:rank])
        first = matrix @ right[:rank].T / even
        second = right[:rank] * even[:, None]
        return [
            Factor(first.reshape(kh, 1, i, rank).transpose(3, 0, 1, 2), np.zeros(rank)),
            Factor(second.reshape(rank, 1, kw, o).transpose(3, 1, 2, 0), self._bias),
        ]

    def _tucker(self, r_in: int, r_out: int) -> list[Factor]:
        outputs, inputs = self._weights.shape[0], self._weights.shape[3]
        r_in, r_out = min(r_in, inputs), min(r_out, outputs)
        whitened = self._whitened
        by_input = self._by_input[:, :r_in]
        for _ in range(_SWEEPS):
            by_output = _leading(whitened @ by_input, 0, r_out)
            by_input = _leading(np.tensordot(by_output.T, whitened, 1), 3, r_in)
        found: list[Factor] = []
        core = self._weights
        if r_in < inputs:
            core = whitened @ by_input
            before = _even(np.sqrt((core**2).sum((0, 1, 2))))
            first = np.linalg.solve(self._root, by_input).T * before[:, None]
            found.append(Factor(first[:, None, None, :], np.zeros(r_in)))
            core = core / before
        if r_out == outputs:
            return [*found, Factor(core, self._bias)]
        core = np.tensordot(by_output.T, core, 1)
        after = _even(np.sqrt((core**2).sum((1, 2, 3))))
        last = Factor((by_output * after)[:, None, None, :], self._bias)
        return [*found, Factor(core / after[:, None, None, None], np.zeros(r_out)), last]


def kept(form: str, ranks: Sequence[int], target: Factor) -> tuple[list[Factor], str] | None:
    """Two stages at full rank, one with the layer's own numbers and one of ones; None at less than full rank.

    Returns:
        The stages, and what lies between: :data:`READ`, :data:`MADE` or :data:`SUMS`.
    """
    outputs, high, wide, inputs = target.weights.shape
    read, made = high * inputs, wide * outputs
    if form not in (SVD, SPATIAL) or ranks[0] < min(read, made):
        return None
    if read <= made:
        last = target.weights.transpose(0, 2, 1, 3).reshape(outputs, 1, wide, read)
        passing = np.eye(read).reshape(read, high, 1, inputs)
        return [Factor(passing, np.zeros(read)), Factor(last, target.bias)], READ
    if wide == 1:
        return [target, Factor(np.eye(outputs)[:, None, None, :], np.zeros(outputs))], MADE
    columns = target.weights.transpose(2, 0, 1, 3).reshape(made, high, 1, inputs)
    adding = np.eye(made).reshape(wide, outputs, 1, made).transpose(1, 2, 0, 3)
    return [Factor(columns, np.zeros(made)), Factor(adding, target.bias)], SUMS


def numerical_rank(weights: Floats, floor: float = 1e-5) -> int:
    """How many directions of a layer's matrix (outputs, all else) matter at all."""
    matrix = weights.reshape(len(weights), -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    energies = np.linalg.eigvalsh(small)
    return int((energies > floor**2 * max(energies[-1], 1e-30)).sum())


def _leading(tensor: Floats, axis: int, rank: int) -> Floats:
    unfolded = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    return np.linalg.eigh(unfolded @ unfolded.T)[1][:, ::-1][:, :rank]


def _even(values: Floats) -> Floats:
    """Root of singular values, to be given to both sides; directions without weight keep theirs."""
    least = 1e-8 * max(float(values.max(initial=0.0)), 1e-30)
    return np.sqrt(np.maximum(values, least))


def _left(matrix: Floats) -> tuple[Floats, Floats]:
    """Left singular vectors and singular values, largest first, by way of a matrix of the smaller side."""
    if matrix.shape[0] > matrix.shape[1]:
        return np.linalg.svd(matrix, full_matrices=False)[:2]
    energies, vectors = np.linalg.eigh(matrix @ matrix.T)
    return vectors[:, ::-1], np.sqrt(np.maximum(energies[::-1], 0.0))


def _roots(moments: Moments) -> Floats:
    """Roots of moments of each input alone, slightly lifted."""
    energies = np.maximum(moments.second, 0.0)
    share = max(_LEAST_LIFT, _LIFT / max(moments.count, 1))
    return np.sqrt(energies + (share * float(energies.mean()) or 1.0))


def _root(moments: Moments | None, size: int) -> Floats:
    """Symmetric root of moments, slightly lifted; the identity if there are none."""
    if moments is None:
        return np.eye(size)
    values, vectors = np.linalg.eigh((moments.second + moments.second.T) / 2)
    values = np.maximum(values, 0.0)
    share = max(_LEAST_LIFT, _LIFT * size / max(moments.count, 1))
    lift = share * float(values.mean()) or 1.0
    return np.asarray((vectors * np.sqrt(values + lift)) @ vectors.T)
