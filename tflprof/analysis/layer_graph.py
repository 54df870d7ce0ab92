"""The layers of a profile as a graph: who feeds whom, and what a layer's neighbourhood looks like."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.profile.meta import LayerInfo, ProfileMeta

IntArray = npt.NDArray[np.int64]

OUTSIDE = -1
"""In the place of a producer: a model's input, or a layer that never ran."""


@dataclass(frozen=True)
class LayerGraph:
    """Layers that ran, in file order, and their wiring by position.

    Attributes:
        producers: per layer, of each of its inputs the layer that makes it, or ``OUTSIDE``.
        consumers: per layer, the layers that read what it makes, ascending.
    """

    layers: tuple[LayerInfo, ...]
    producers: tuple[tuple[int, ...], ...]
    consumers: tuple[tuple[int, ...], ...]

    def inputs_of(self, layer: int) -> tuple[object, ...]:
        """Shape and dtype of every computed input; None where it comes from outside."""
        makers = (None if maker == OUTSIDE else self.layers[maker] for maker in self.producers[layer])
        return tuple(None if maker is None else (maker.shape, maker.dtype) for maker in makers)


def equal_inputs(one: Sequence[object], other: Sequence[object]) -> bool:
    """True unless what is known of two layers' inputs differs (:meth:`LayerGraph.inputs_of`)."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(x == y or None in (x, y) for x, y in pairs)


def is_wired(meta: ProfileMeta) -> bool:
    """True if the profile tells which tensors its layers read and make."""
    return any(layer.inputs or layer.outputs for layer in meta.model.layers)


def layer_graph(meta: ProfileMeta, *, wired: bool) -> LayerGraph:
    """The layers of a profile's rows; not ``wired``: each reads what the one before it makes."""
    seen = {layer for row in meta.alignment.rows for layer in row.layers}
    layers = tuple(layer for layer in meta.model.layers if layer.id in seen)
    producers = _wiring(layers) if wired else tuple((place - 1,) for place in range(len(layers)))
    consumers: list[set[int]] = [set() for _ in layers]
    for place, makers in enumerate(producers):
        for maker in makers:
            if maker != OUTSIDE:
                consumers[maker].add(place)
    return LayerGraph(layers, producers, tuple(tuple(sorted(readers)) for readers in consumers))


def _wiring(layers: Sequence[LayerInfo]) -> tuple[tuple[int, ...], ...]:
    """Names of tensors hold within a subgraph."""
    subgraphs = [layer.id.partition("/")[0] for layer in layers]
    makers = {
        (subgraph, name): place
        for place, (subgraph, layer) in enumerate(zip(subgraphs, layers, strict=True))
        for name in layer.outputs
    }
    return tuple(
        tuple(makers.get((subgraph, name), OUTSIDE) for name in layer.inputs)
        for subgraph, layer in zip(subgraphs, layers, strict=True)
    )


class Codes:
    """Equal things of two graphs as equal numbers."""

    def __init__(self) -> None:
        self._codes: dict[Hashable, int] = {}

    def of(self, things: Sequence[Any]) -> IntArray:
        """A number for each thing, [things]."""
        return np.array([self._codes.setdefault(thing, len(self._codes)) for thing in things], dtype=np.int64)

    def wider(self, graph: LayerGraph, inner: IntArray, *, upstream: bool) -> IntArray:
        """Numbers of neighbourhoods one step wider than ``inner``, [layers], towards inputs or towards outputs."""
        known = inner.tolist()
        if upstream:
            around = [tuple(OUTSIDE if p < 0 else known[p] for p in makers) for makers in graph.producers]
        else:
            around = [tuple(sorted(known[c] for c in readers)) for readers in graph.consumers]
        return self.of([(upstream, code, near) for code, near in zip(known, around, strict=True)])
