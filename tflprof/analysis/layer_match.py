"""Which layer of one graph is which of another: alignment in order by likeness, then what was moved.

Likeness is that of the layer itself (operator, shape, type, work, weights) and of its neighbourhood in the graph
(Weisfeiler and Lehman 1968). An equal name is a hint among others: names may all differ, or mean other layers.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tflprof.analysis.layer_graph import OUTSIDE, Codes, IntArray, LayerGraph
from tflprof.profile.meta import LayerInfo

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

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
_NEAR: dict[str, dict[int, float]] = {
    "op": {1: 0.1, 2: 0.1, 4: 0.1},
    "shape": {0: 0.3, 1: 0.1, 2: 0.1, 4: 0.1},
    "all": {0: 0.5, 1: 0.2, 2: 0.1, 4: 0.1},
}
"""What an equal neighbourhood of so many steps counts, by what is looked at; from 1 on in either direction."""


_MOST_CELLS = 4_000_000
"""Pairs of layers that are looked at all at once; larger graphs are cut where they agree."""


@dataclass(frozen=True)
class LayerPairs:
    """Positions of layers that belong together, in the order of the first graph; ``moved`` are those out of order."""

    pairs: tuple[tuple[int, int], ...]
    moved: frozenset[tuple[int, int]]


def match_layers(a: LayerGraph, b: LayerGraph) -> LayerPairs:
    """Pairs of layers of one operator; every layer is in one pair at most."""
    if not a.layers or not b.layers:
        return LayerPairs((), frozenset())
    likeness = _Likeness(a, b)
    pieces = _pieces(likeness.anchors(), len(a.layers), len(b.layers))
    for _ in range(2):
        pairs = [pair for piece in pieces for pair in _align(likeness, *piece)]
        likeness.favour_neighbours(pairs)
    moved = _out_of_order(likeness, pairs)
    return LayerPairs(tuple(sorted([*pairs, *moved])), frozenset(moved))


class _Likeness:
    """How alike layers of two graphs are, worked out for the layers asked for."""

    def __init__(self, a: LayerGraph, b: LayerGraph) -> None:
        self.graphs = (a, b)
        self._ops = _coded(a, b, lambda layer: layer.op)
        self._names = _coded(a, b, lambda layer: layer.name)
        self._named = tuple(_distinct_names(graph) for graph in (a, b))
        self._sizes = tuple(_sizes(graph) for graph in (a, b))
        self._works = tuple(_works(graph) for graph in (a, b))
        self._equal: list[tuple[float, tuple[IntArray, IntArray]]] = [
            (_PARAMETERS, _coded(a, b, lambda layer: layer.parameters)),
            (_DTYPE, _coded(a, b, lambda layer: layer.dtype)),
        ]
        for label, weights in _NEAR.items():
            self._equal.extend(_neighbourhoods(a, b, label, weights))
        self._favoured: dict[int, dict[int, float]] = {}

    def of(self, rows: IntArray, columns: IntArray) -> FloatArray:
        """Likeness of some layers of the first graph to some of the second, [rows, columns]; of others -inf."""
        score = np.full((len(rows), len(columns)), _OWN)
        score += _NAME * self.named_alike(rows, columns)
        for weight, (one, other) in self._equal:
            score += weight * np.equal.outer(one[rows], other[columns])
        score -= _PER_DOUBLING * _doublings(self._sizes[0][rows], self._sizes[1][columns])
        score -= _WORK_PER_DOUBLING * _doublings(self._works[0][rows], self._works[1][columns])
        same_op = np.equal.outer(self._ops[0][rows], self._ops[1][columns])
        found = np.where(same_op & (score >= _LEAST), score, -np.inf)
        self._favour(found, rows, columns)
        return found

    def named_alike(self, rows: IntArray, columns: IntArray) -> BoolArray:
        """True for layers of exactly the same name, which no other layer of their model has, [rows, columns]."""
        known = np.logical_and.outer(self._named[0][rows], self._named[1][columns])
        return np.asarray(known & np.equal.outer(self._names[0][rows], self._names[1][columns]))

    def favour_neighbours(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Let the neighbours of these pairs speak for each other, in place of those of earlier pairs."""
        a, b = self.graphs
        self._favoured = {}
        for one, other in pairs:
            near = [*zip(a.producers[one], b.producers[other], strict=False)]
            near += zip(a.consumers[one], b.consumers[other], strict=False)
            for neighbour, same in near:
                if OUTSIDE not in (neighbour, same):
                    bonus = self._favoured.setdefault(neighbour, {})
                    bonus[same] = bonus.get(same, 0.0) + _NEIGHBOUR

    def _favour(self, score: FloatArray, rows: IntArray, columns: IntArray) -> None:
        column_of = {int(layer): place for place, layer in enumerate(columns)}
        for row, one in enumerate(rows.tolist()):
            for other, bonus in self._favoured.get(one, {}).items():
                if other in column_of:
                    score[row, column_of[other]] += bonus

    def anchors(self) -> list[tuple[int, int]]:
        """Layers whose like there is but one of in either graph, in order; of large graphs only."""
        a, b = self.graphs
        if len(a.layers) * len(b.layers) <= _MOST_CELLS:
            return []
        codes = Codes()
        whole = [
            codes.of(list(zip(*(pair[side].tolist() for _, pair in self._equal), strict=True))).tolist()
            for side in (0, 1)
        ]
        times = [Counter(side) for side in whole]
        there = {code: place for place, code in enumerate(whole[1]) if times[1][code] == 1}
        single = [
            (i, there[code]) for i, code in enumerate(whole[0]) if times[0][code] == 1 and code in there
        ]
        return _increasing(single)


def _increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs whose second grows with the first."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        at = bisect_left(ends, place)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [place]
        last[at : at + 1] = [number]
    chain: list[tuple[int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _pieces(anchors: Sequence[tuple[int, int]], n: int, m: int) -> list[tuple[IntArray, IntArray]]:
    """Stretches of both graphs that are aligned by themselves: cut at anchors, if need be at equal parts."""
    cuts = [(0, 0), *anchors, (n, m)]
    pieces: list[tuple[IntArray, IntArray]] = []
    for (i, j), (until_i, until_j) in pairwise(cuts):
        parts = max(1, math.ceil(math.sqrt((until_i - i) * (until_j - j) / (4 * _MOST_CELLS))))
        rows, columns = (
            np.array_split(np.arange(i, until_i), parts),
            np.array_split(np.arange(j, until_j), parts),
        )
        pieces.extend(zip(rows, columns, strict=True))
    return pieces


def _coded(a: LayerGraph, b: LayerGraph, key: Callable[[LayerInfo], Hashable]) -> tuple[IntArray, IntArray]:
    codes = Codes()
    return codes.of([key(layer) for layer in a.layers]), codes.of([key(layer) for layer in b.layers])


def _distinct_names(graph: LayerGraph) -> BoolArray:
    times = Counter(layer.name for layer in graph.layers)
    return np.array([bool(layer.name) and times[layer.name] == 1 for layer in graph.layers], dtype=np.bool_)


def _sizes(graph: LayerGraph) -> FloatArray:
    shapes = (layer.shape for layer in graph.layers)
    return np.array(
        [np.nan if shape is None else math.prod(map(abs, shape)) for shape in shapes], dtype=float
    )


def _works(graph: LayerGraph) -> FloatArray:
    return np.array([layer.macs or np.nan for layer in graph.layers], dtype=float)


def _doublings(one: FloatArray, other: FloatArray) -> FloatArray:
    """How many times one has to be doubled to be the other, [one, other]; 0 where unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(np.subtract.outer(np.log2(one), np.log2(other)))
    known = np.nan_to_num(apart, nan=0.0, posinf=_MOST_DOUBLINGS)
    return np.asarray(np.minimum(known, _MOST_DOUBLINGS))


_LABELS: dict[str, Callable[[LayerInfo], Hashable]] = {
    "op": lambda x: x.op,
    "shape": lambda x: (x.op, x.shape),
    "all": lambda x: (x.op, x.shape, x.dtype, x.macs, x.parameters, x.weight_bytes),
}


def _neighbourhoods(
    a: LayerGraph, b: LayerGraph, label: str, weights: Mapping[int, float]
) -> Iterator[tuple[float, tuple[IntArray, IntArray]]]:
    codes = Codes()
    start = tuple(codes.of([_LABELS[label](layer) for layer in graph.layers]) for graph in (a, b))
    if 0 in weights:
        yield weights[0], (start[0], start[1])
    for upstream in (True, False):
        one, other = start
        for radius in range(1, max(weights) + 1):
            one = codes.wider(a, one, upstream=upstream)
            other = codes.wider(b, other, upstream=upstream)
            if radius in weights:
                yield weights[radius], (one, other)


def _align(likeness: _Likeness, rows: IntArray, columns: IntArray) -> list[tuple[int, int]]:
    """The pairs in order whose likeness sums up to most; of equals the first: what is more of them comes behind."""
    alike = likeness.of(rows, columns)
    n, m = alike.shape
    # best[i, j]: of what is left from row i and column j on.
    best = np.zeros((n + 1, m + 1))
    for i in range(n - 1, -1, -1):
        row = np.maximum(best[i + 1, :-1], best[i + 1, 1:] + alike[i])
        best[i, :-1] = np.maximum.accumulate(row[::-1])[::-1]
    pairs: list[tuple[int, int]] = []
    i, j = 0, 0
    while i < n and j < m:
        if best[i, j] == best[i + 1, j + 1] + alike[i, j]:
            pairs.append((int(rows[i]), int(columns[j])))
            i, j = i + 1, j + 1
        elif best[i, j] == best[i + 1, j]:
            i += 1
        else:
            j += 1
    return pairs


def _out_of_order(likeness: _Likeness, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs of what the alignment left, the most alike first."""
    rows, columns = (
        np.setdiff1d(np.arange(len(graph.layers)), [pair[side] for pair in pairs])
        for side, graph in enumerate(likeness.graphs)
    )
    alike = likeness.of(rows, columns)
    enough = (alike >= _MOVED) | ((alike >= _MOVED_BY_NAME) & likeness.named_alike(rows, columns))
    found = sorted(np.argwhere(enough).tolist(), key=lambda at: (-alike[at[0], at[1]], at))
    taken: tuple[set[int], set[int]] = (set(), set())
    moved: list[tuple[int, int]] = []
    for i, j in found:
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            moved.append((int(rows[i]), int(columns[j])))
    return moved
