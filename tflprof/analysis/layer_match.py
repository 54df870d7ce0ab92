"""Which layer of one graph is which of another: alignment in order by likeness, then what was moved.

Likeness is that of the layer itself (operator, shape, type, work, weights) and of its neighbourhood in the graph
(Weisfeiler and Lehman 1968). An equal name is a hint among others: names may all differ, or mean other layers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.analysis.layer_graph import OUTSIDE, Codes, IntArray, LayerGraph

FloatArray = npt.NDArray[np.float64]

_OWN = 1.0
"""Likeness of two layers of one operator; of different ones there is none."""
_NAME = 0.8
_PARAMETERS = 0.2
_DTYPE = 0.05
_PER_DOUBLING = 0.2
_WORK_PER_DOUBLING = 0.05
_MOST_DOUBLINGS = 8.0
_LEAST = 0.2
"""Layers less alike are not the same layer."""
_NEIGHBOUR = 0.3
"""For a pair whose neighbours belong together."""
_MOVED, _MOVED_BY_NAME = 2.2, 1.4
"""Likeness from which layers are the same although their order is not."""
_NEAR = (
    ("op", {1: 0.1, 2: 0.1, 4: 0.1}),
    ("shape", {0: 0.3, 1: 0.1, 2: 0.1, 4: 0.1}),
    ("all", {0: 0.5, 1: 0.2, 2: 0.1, 4: 0.1}),
)
"""What an equal neighbourhood of so many steps counts, by what is looked at; from 1 on in either direction."""


@dataclass(frozen=True)
class LayerPairs:
    """Positions of layers that belong together, in the order of the first graph; ``moved`` are those out of order."""

    pairs: tuple[tuple[int, int], ...]
    moved: frozenset[tuple[int, int]]


def match_layers(a: LayerGraph, b: LayerGraph) -> LayerPairs:
    """Pairs of layers of one operator; every layer is in one pair at most."""
    if not a.layers or not b.layers:
        return LayerPairs((), frozenset())
    likeness = _likeness(a, b)
    pairs = _align(likeness)
    likeness = likeness + _consistency(a, b, pairs)
    pairs = _align(likeness)
    moved = _out_of_order(likeness, _equal_names(a, b), pairs)
    return LayerPairs(tuple(sorted([*pairs, *moved])), frozenset(moved))


def _likeness(a: LayerGraph, b: LayerGraph) -> FloatArray:
    """[layers of a, layers of b]; what is not alike is minus infinity."""
    codes = Codes()
    same_op = np.equal.outer(
        codes.of([layer.op for layer in a.layers]), codes.of([layer.op for layer in b.layers])
    )
    score = np.full(same_op.shape, _OWN)
    score += _NAME * _equal_names(a, b)
    score += _PARAMETERS * _equal(a, b, "parameters") + _DTYPE * _equal(a, b, "dtype")
    score -= _PER_DOUBLING * _doublings(*(_sizes(graph) for graph in (a, b)))
    score -= _WORK_PER_DOUBLING * _doublings(*(_works(graph) for graph in (a, b)))
    for label, weights in _NEAR:
        _add_neighbourhoods(score, a, b, label, weights)
    return np.where(same_op & (score >= _LEAST), score, -np.inf)


def _equal(a: LayerGraph, b: LayerGraph, field: str) -> npt.NDArray[np.bool_]:
    codes = Codes()
    one, other = (codes.of([getattr(layer, field) for layer in graph.layers]) for graph in (a, b))
    return np.asarray(np.equal.outer(one, other))


def _equal_names(a: LayerGraph, b: LayerGraph) -> npt.NDArray[np.bool_]:
    """True for layers of exactly the same name, which no other layer of their model has."""
    codes = Codes()
    columns = []
    for graph in (a, b):
        times = Counter(layer.name for layer in graph.layers)
        known = np.array([bool(layer.name) and times[layer.name] == 1 for layer in graph.layers])
        columns.append((codes.of([layer.name for layer in graph.layers]), known))
    (one, known), (other, known_too) = columns
    return np.asarray(np.equal.outer(one, other) & np.logical_and.outer(known, known_too))


def _sizes(graph: LayerGraph) -> FloatArray:
    return np.array(
        [np.nan if layer.shape is None else np.prod(np.abs(layer.shape or (1,))) for layer in graph.layers]
    )


def _works(graph: LayerGraph) -> FloatArray:
    return np.array([layer.macs or np.nan for layer in graph.layers], dtype=float)


def _doublings(one: FloatArray, other: FloatArray) -> FloatArray:
    """How many times one has to be doubled to be the other, [one, other]; 0 where unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(np.subtract.outer(np.log2(one), np.log2(other)))
    return np.asarray(np.minimum(np.nan_to_num(apart, nan=0.0, posinf=_MOST_DOUBLINGS), _MOST_DOUBLINGS))


def _labels(graph: LayerGraph, label: str) -> list[tuple[object, ...]]:
    if label == "op":
        return [(layer.op,) for layer in graph.layers]
    if label == "shape":
        return [(layer.op, layer.shape) for layer in graph.layers]
    return [(x.op, x.shape, x.dtype, x.macs, x.parameters, x.weight_bytes) for x in graph.layers]


def _add_neighbourhoods(
    score: FloatArray, a: LayerGraph, b: LayerGraph, label: str, weights: dict[int, float]
) -> None:
    codes = Codes()
    start = [codes.of(_labels(graph, label)) for graph in (a, b)]
    if 0 in weights:
        score += weights[0] * np.equal.outer(*start)
    for upstream in (True, False):
        one, other = start
        for radius in range(1, max(weights) + 1):
            one = codes.wider(a, one, upstream=upstream)
            other = codes.wider(b, other, upstream=upstream)
            if radius in weights:
                score += weights[radius] * np.equal.outer(one, other)


def _consistency(a: LayerGraph, b: LayerGraph, pairs: list[tuple[int, int]]) -> FloatArray:
    """What speaks for pairs because their neighbours are paired, [layers of a, layers of b]."""
    bonus = np.zeros((len(a.layers), len(b.layers)))
    for one, other in pairs:
        for maker, same in zip(a.producers[one], b.producers[other], strict=False):
            if OUTSIDE not in (maker, same):
                bonus[maker, same] += _NEIGHBOUR
        for reader, same in zip(a.consumers[one], b.consumers[other], strict=False):
            bonus[reader, same] += _NEIGHBOUR
    return bonus


def _align(likeness: FloatArray) -> list[tuple[int, int]]:
    """The pairs in order whose likeness sums up to most."""
    n, m = likeness.shape
    best = np.zeros((n + 1, m + 1))
    for i in range(n):
        row = np.maximum(best[i, 1:], best[i, :-1] + likeness[i])
        best[i + 1, 1:] = np.maximum.accumulate(row)
    pairs: list[tuple[int, int]] = []
    i, j = n, m
    while i and j:
        if best[i, j] == best[i - 1, j - 1] + likeness[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _out_of_order(
    likeness: FloatArray, named: npt.NDArray[np.bool_], pairs: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pairs of what the alignment left, the most alike first."""
    left: list[IntArray] = [
        np.setdiff1d(np.arange(size), [pair[side] for pair in pairs])
        for side, size in enumerate(likeness.shape)
    ]
    rest = likeness[np.ix_(*left)]
    enough = (rest >= _MOVED) | ((rest >= _MOVED_BY_NAME) & named[np.ix_(*left)])
    found = sorted(np.argwhere(enough).tolist(), key=lambda at: (-rest[at[0], at[1]], at))
    moved: list[tuple[int, int]] = []
    for i, j in found:
        pair = (int(left[0][i]), int(left[1][j]))
        if all(pair[0] != one and pair[1] != other for one, other in moved):
            moved.append(pair)
    return moved
