"""Aligning a sequence of kernels to a sequence of operators: dynamic programming over all alignments.

Both sequences are in order of execution, so an alignment is a monotone path through the grid of
(operators done, kernels done). A path's penalty is the sum of how badly each operator goes with its
kernels. Instead of one best path, all paths are summed (a pair hidden Markov model, as in R. Durbin et
al., *Biological Sequence Analysis*, ch. 4): grid points that practically every likely path visits are
certain *cuts*, and what lies between two cuts belongs together. So a tie yields a group, not a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAX_KERNELS = 6
"""Most kernels one operator may take."""

CERTAIN = 0.98
"""Probability from which a cut counts as certain."""

FloatArray = npt.NDArray[np.float64]
Penalty = Callable[[int, int, int], float]


@dataclass(frozen=True)
class Segment:
    """Operators [first, last) served by kernels [start, stop); all four are positions."""

    first: int
    last: int
    start: int
    stop: int


def align(operators: int, kernels: int, penalty: Penalty) -> list[Segment]:
    """Cut both sequences into segments that certainly belong together.

    Args:
        operators: how many.
        kernels: how many.
        penalty: of operator ``i`` taking the kernels [start, stop), in nats; infinity if impossible.

    Returns:
        Segments in order, which cover both sequences.
    """
    if operators == 0:
        return [Segment(0, 0, 0, kernels)] if kernels else []
    moves = _moves(operators, kernels, penalty)
    forward, backward = _forward(moves), _backward(moves)
    whole = forward[operators, kernels]
    if not np.isfinite(whole):
        return [Segment(0, operators, 0, kernels)]
    visited = np.exp(forward + backward - whole)
    cuts = [(int(i), int(j)) for i, j in np.argwhere(visited >= CERTAIN)]
    return [
        Segment(i, last, j, stop)
        for (i, j), (last, stop) in zip(cuts, cuts[1:], strict=False)
    ]


def _moves(operators: int, kernels: int, penalty: Penalty) -> FloatArray:
    """[operators, kernels + 1, width]: log-weight of operator i taking w kernels from position j."""
    width = min(MAX_KERNELS, kernels) + 1
    moves = np.full((operators, kernels + 1, width), -np.inf)
    for i in range(operators):
        for j in range(kernels + 1):
            for w in range(min(width, kernels - j + 1)):
                moves[i, j, w] = -penalty(i, j, j + w)
    return moves


def _forward(moves: FloatArray) -> FloatArray:
    operators, columns, width = moves.shape
    table = np.full((operators + 1, columns), -np.inf)
    table[0, 0] = 0.0
    for i in range(operators):
        for w in range(width):
            reach = table[i, : columns - w] + moves[i, : columns - w, w]
            table[i + 1, w:] = np.logaddexp(table[i + 1, w:], reach)
    return table


def _backward(moves: FloatArray) -> FloatArray:
    operators, columns, width = moves.shape
    table = np.full((operators + 1, columns), -np.inf)
    table[operators, columns - 1] = 0.0
    for i in range(operators - 1, -1, -1):
        for w in range(width):
            reach = table[i + 1, w:] + moves[i, : columns - w, w]
            table[i, : columns - w] = np.logaddexp(table[i, : columns - w], reach)
    return table


def best_share(positions: Sequence[int], cost: FloatArray) -> int:
    """The position among ``positions`` with the highest cost."""
    return max(positions, key=lambda position: cost[position])
