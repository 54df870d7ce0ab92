"""Layers that took the place of others: one split in several, several fused into one, several regrouped.

A region of one graph and one of the other are the same work if the same layers feed them, the same layers read
them, and what leaves them has the same shapes and types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tflprof.analysis.layer_graph import OUTSIDE, LayerGraph, equal_inputs
from tflprof.analysis.layer_match import LayerPairs
from tflprof.profile.meta import LayerInfo

ACTIVATIONS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "TANH"})
"""Operators that a converter makes part of the layer before."""

_NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Link:
    """Layers, by position, that are the same work together."""

    a: frozenset[int]
    b: frozenset[int]


def link_regions(a: LayerGraph, b: LayerGraph, found: LayerPairs) -> tuple[Link, ...]:
    """All that belongs together: the pairs, some of them with layers that had none, and regions without a pair."""
    return _Linker(a, b, found).link()


class _Linker:
    def __init__(self, a: LayerGraph, b: LayerGraph, found: LayerPairs) -> None:
        self.a, self.b = a, b
        self.there = dict(found.pairs)
        self.left = (
            _components(a, set(range(len(a.layers))) - set(self.there)),
            _components(b, set(range(len(b.layers))) - set(self.there.values())),
        )

    def link(self) -> tuple[Link, ...]:
        regions = self._replaced()
        grown = {one: self._grown(one, other) for one, other in self.there.items()}
        return (*(grown[one] for one in sorted(grown)), *regions)

    def _replaced(self) -> list[Link]:
        """Regions without any pair between the same layers."""
        places: dict[object, list[frozenset[int]]] = {}
        for region in self.left[1]:
            places.setdefault(self._surroundings(self.b, region, None), []).append(region)
        links: list[Link] = []
        for region in list(self.left[0]):
            around = self._surroundings(self.a, region, self.there)
            same = [one for one in places.get(around, ()) if self._interchangeable(region, one)]
            if around != (_NOTHING, _NOTHING) and len(same) == 1:
                links.append(Link(region, same[0]))
                places[around].remove(same[0])
                self.left[0].remove(region)
                self.left[1].remove(same[0])
        return links

    def _interchangeable(self, one: frozenset[int], other: frozenset[int]) -> bool:
        alone = len(one) == len(other) == 1
        return alone or _leaving(self.a, one) == _leaving(self.b, other)

    def _grown(self, one: int, other: int) -> Link:
        """A pair with those layers next to it that do a part of its work on one side."""
        near_a = [region for region in self.left[0] if _touches(self.a, region, one)]
        near_b = [region for region in self.left[1] if _touches(self.b, region, other)]
        for more_a, more_b in _choices(near_a, near_b):
            link = Link(frozenset({one}.union(*more_a)), frozenset({other}.union(*more_b)))
            if self._same_work(link, one, other):
                self.left[0][:] = [region for region in self.left[0] if region not in more_a]
                self.left[1][:] = [region for region in self.left[1] if region not in more_b]
                return link
        return Link(frozenset({one}), frozenset({other}))

    def _same_work(self, link: Link, one: int, other: int) -> bool:
        if _leaving(self.a, link.a) != _leaving(self.b, link.b):
            return False
        there = self._surroundings(self.a, link.a, self.there)
        if there != self._surroundings(self.b, link.b, None):
            return False
        alone_a, alone_b = link.a - {one}, link.b - {other}
        return _does_part(self.b, alone_b, self.a, one, other) or _does_part(
            self.a, alone_a, self.b, other, one
        )

    def _surroundings(
        self, graph: LayerGraph, region: frozenset[int], there: dict[int, int] | None
    ) -> object:
        """Who feeds a region and who reads it, as layers of the second graph; what has no pair there is OUTSIDE."""
        place: Callable[[int], int] = (
            (lambda layer: layer) if there is None else (lambda layer: there.get(layer, OUTSIDE))
        )
        makers = {maker for layer in region for maker in graph.producers[layer] if maker not in region}
        readers = {reader for layer in region for reader in graph.consumers[layer] if reader not in region}
        return frozenset(map(place, makers)), frozenset(map(place, readers))


def _does_part(graph: LayerGraph, added: frozenset[int], before: LayerGraph, was: int, now: int) -> bool:
    """True if something says that layers ``added`` beside ``now`` do what ``was`` did by itself before."""
    if not added:
        return False
    old, new = before.layers[was], graph.layers[now]
    layers = [graph.layers[place] for place in added]
    activations = [layer for layer in layers if layer.op in ACTIVATIONS]
    if old.activation != new.activation and any(layer.op == old.activation for layer in activations):
        return True
    if None in (old.activation, new.activation) and _has_its_name(activations, old, new):
        return True
    if old.parameters != new.parameters and any(layer.parameters for layer in layers):
        return True
    return not equal_inputs(before.inputs_of(was), graph.inputs_of(now))


def _has_its_name(layers: Sequence[LayerInfo], old: LayerInfo, new: LayerInfo) -> bool:
    """True if one of the layers makes what ``old`` made by its name, and ``new`` does not."""
    return old.name != new.name and any(layer.name and layer.name == old.name for layer in layers)


def _leaving(graph: LayerGraph, region: frozenset[int]) -> list[tuple[object, ...]]:
    """Shapes and types of what leaves a region, sorted."""
    last = [
        place
        for place in region
        if not graph.consumers[place] or any(reader not in region for reader in graph.consumers[place])
    ]
    return sorted(((graph.layers[place].shape, graph.layers[place].dtype) for place in last), key=repr)


def _touches(graph: LayerGraph, region: frozenset[int], layer: int) -> bool:
    around = {*graph.producers[layer], *graph.consumers[layer]}
    return bool(around & region)


def _choices(
    near_a: Sequence[frozenset[int]], near_b: Sequence[frozenset[int]]
) -> Iterable[tuple[Sequence[frozenset[int]], Sequence[frozenset[int]]]]:
    """What to try: everything near, one side of it, a single region."""
    if near_a and near_b:
        yield near_a, near_b
    if near_b:
        yield (), near_b
    if near_a:
        yield near_a, ()
    if len(near_b) > 1:
        yield from (((), (region,)) for region in near_b)
    if len(near_a) > 1:
        yield from (((region,), ()) for region in near_a)


def _components(graph: LayerGraph, layers: set[int]) -> list[frozenset[int]]:
    """Connected parts of some layers, by their first layer."""
    parts: list[frozenset[int]] = []
    waiting = set(layers)
    for first in sorted(layers):
        if first not in waiting:
            continue
        part, edge = {first}, [first]
        waiting.discard(first)
        while edge:
            layer = edge.pop()
            near = {*graph.producers[layer], *graph.consumers[layer]} & waiting
            waiting -= near
            part |= near
            edge.extend(near)
        parts.append(frozenset(part))
    return parts
