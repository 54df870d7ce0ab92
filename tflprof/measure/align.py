"""Aligning a sequence of kernels to a sequence of operators: dynamic programming over all alignments.

Both sequences are in order of execution, so an alignment is a monotone path through the grid of
(operators done, kernels done). A path's penalty is the sum of how badly each operator goes with its
kernels. Instead of one best path, all paths are summed (a pair hidden Markov model, as in R. Durbin et
al., *Biological Sequence Analysis*, ch. 4): grid points that practically every likely path visits are
certain *cuts*, and what lies between two cuts belongs together. So a tie yields a group, not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

MAX_KERNELS = 6
"""Most kernels one operator may take."""

CERTAIN = 0.98
"""Probability from which a cut counts as certain."""

SURPRISE = 0.5
"""Weight of the logarithm of actual to expected cost, and the most it may count, in nats."""
MOST_SURPRISE = 1.0

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """What speaks against each pairing, in nats.

    Attributes:
        absence: [operators] having no kernel.
        main: [operators, kernels] the kernel doing the operator's main work.
        before: [operators, kernels] the kernel doing side work of the operator before its main work.
        after: [operators, kernels] the same, after it.
        elapsed: [kernels] cost of each kernel.
        expected: [operators] expected cost of each operator, NaN where unknown.
    """

    absence: FloatArray
    main: FloatArray
    before: FloatArray
    after: FloatArray
    elapsed: FloatArray
    expected: FloatArray


@dataclass(frozen=True)
class Segment:
    """Operators [first, last) served by kernels [start, stop); all four are positions."""

    first: int
    last: int
    start: int
    stop: int


def align(evidence: Evidence) -> list[Segment]:
    """Cut operators and kernels into segments that certainly belong together.

    Returns:
        Segments in order, which cover both sequences.
    """
    operators, kernels = evidence.main.shape
    if operators == 0:
        return [Segment(0, 0, 0, kernels)] if kernels else []
    moves = _moves(evidence)
    forward, backward = _forward(moves), _backward(moves)
    whole = forward[operators, kernels]
    if not np.isfinite(whole):
        return [Segment(0, operators, 0, kernels)]
    visited = np.exp(forward + backward - whole)
    cuts = [(int(i), int(j)) for i, j in np.argwhere(visited >= CERTAIN)]
    return [Segment(i, last, j, stop) for (i, j), (last, stop) in pairwise(cuts)]


def _moves(evidence: Evidence) -> FloatArray:
    """[operators, kernels + 1, width]: log-weight of operator i taking w kernels from position j."""
    operators, kernels = evidence.main.shape
    width = min(MAX_KERNELS, kernels) + 1
    moves = np.full((operators, kernels + 1, width), -np.inf)
    moves[:, :, 0] = -evidence.absence[:, np.newaxis]
    for w in range(1, width):
        starts = kernels - w + 1
        spent = _windows(evidence.elapsed[np.newaxis, :], 0, w, starts)[0]
        best = np.min([_pairing(evidence, at, w, starts) for at in range(w)], axis=0)
        moves[:, :starts, w] = -(best + _surprise(spent, evidence.expected))
    return moves


def _pairing(evidence: Evidence, at: int, width: int, starts: int) -> FloatArray:
    """[operators, starts]: penalty of taking ``width`` kernels of which the one at ``at`` does the main work."""
    main = evidence.main[:, at : at + starts]
    return main + _windows(evidence.before, 0, at, starts) + _windows(evidence.after, at + 1, width, starts)


def _windows(values: FloatArray, first: int, last: int, starts: int) -> FloatArray:
    """[rows, starts]: sums of ``values`` over the window [start + first, start + last) of every start."""
    total = np.zeros((values.shape[0], starts))
    for offset in range(first, last):
        total = total + values[:, offset : offset + starts]
    return total


def _surprise(spent: FloatArray, expected: FloatArray) -> FloatArray:
    """[operators, starts]: how far the cost of the kernels is from what the operator should cost."""
    ratio = np.log((spent + 1.0)[np.newaxis, :] / (expected + 1.0)[:, np.newaxis])
    return np.nan_to_num(np.minimum(SURPRISE * np.abs(ratio), MOST_SURPRISE), nan=0.0)


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
