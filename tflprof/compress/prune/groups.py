"""Groups of channels: what a network's channels can be cut by, from its graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tflprof.compress.prune.channels import Channels, Numbers
from tflprof.compress.prune.rules import follow
from tflprof.compress.prune.walk import Values, Walk
from tflprof.model.graph import Model, Op, Subgraph


@dataclass(frozen=True)
class Slot:
    """A dimension of a tensor along which a group's channels lie.

    Attributes:
        tensor: index in the main subgraph.
        dim: the dimension.
        places: number of the group's channel at each position, -1 at those of other groups.
    """

    tensor: int
    dim: int
    places: Numbers = field(compare=False)

    def cut(self, keep: Sequence[int]) -> int:
        """How many positions go if only some channels are kept."""
        return int(np.count_nonzero((self.places >= 0) & ~np.isin(self.places, keep)))


@dataclass(frozen=True)
class Group:
    """Channels that layers make and that are cut together wherever they go.

    Attributes:
        name: id of the first layer that makes them.
        size: how many there are; number i is channel i of the first layer.
        producers: ids of the layers that make them; of several, sums or the like tie the channels.
        slots: where they are in tensors, computed and constant.
        layers: ids of all layers that work on them.
        reason: why they cannot be cut, None if they can.
    """

    name: str
    size: int
    producers: tuple[str, ...]
    slots: tuple[Slot, ...] = field(repr=False)
    layers: tuple[str, ...]
    reason: str | None

    def slots_of(self, op: Op) -> list[tuple[str, int, Slot]]:
        """Slots of an operator's tensors: ``inputs`` or ``outputs``, position among them, slot."""
        by_tensor: dict[int, list[Slot]] = {}
        for slot in self.slots:
            by_tensor.setdefault(slot.tensor, []).append(slot)
        sides = (("inputs", op.inputs), ("outputs", op.outputs))
        return [
            (side, place, slot)
            for side, tensors in sides
            for place, tensor in enumerate(tensors)
            for slot in by_tensor.get(tensor, ())
        ]


def model_groups(model: Model) -> tuple[Group, ...]:
    """All groups of the main subgraph of a model, in the order of their first layers."""
    return graph_groups(model.subgraphs[0], lambda tensor: model.data(0, tensor))


def graph_groups(graph: Subgraph, values: Values) -> tuple[Group, ...]:
    """All groups of a graph; ``values`` are the data of its constants."""
    walk = Walk(graph, values)
    follow(walk)
    roots = {name: walk.channels.roots(numbers) for name, numbers in walk.producers.items()}
    members = _members(roots)
    numbers = {root: i for found in members for i, root in enumerate(_ordered(roots, found))}
    owner = {root: i for i, found in enumerate(members) for root in _ordered(roots, found)}
    slots: list[list[Slot]] = [[] for _ in members]
    for tensor, dims in walk.channels.axes.items():
        for dim, labels in dims.items():
            found = walk.channels.roots(labels).tolist()
            for group in sorted({owner[root] for root in found if root in owner}):
                places = [numbers[root] if owner.get(root) == group else -1 for root in found]
                slots[group].append(Slot(tensor, dim, np.array(places, np.int64)))
    return tuple(
        _group(graph, walk.channels, found, _ordered(roots, found), slots[i])
        for i, found in enumerate(members)
    )


def _group(
    graph: Subgraph, channels: Channels, producers: list[str], roots: Sequence[int], slots: list[Slot]
) -> Group:
    tensors = {slot.tensor for slot in slots}
    layers = tuple(op.id for op in graph.ops if tensors & {*op.inputs, *op.outputs})
    return Group(
        name=producers[0],
        size=len(roots),
        producers=tuple(producers),
        slots=tuple(slots),
        layers=layers,
        reason=channels.reason(roots),
    )


def _members(roots: dict[str, Numbers]) -> list[list[str]]:
    """Layers that make channels, those together that share some."""
    found: list[tuple[set[int], list[str]]] = []
    for name, numbers in roots.items():
        mine, names = set(numbers.tolist()), [name]
        for other in [each for each in found if each[0] & mine]:
            found.remove(other)
            mine, names = mine | other[0], [*other[1], *names]
        found.append((mine, names))
    order = list(roots)
    members = [sorted(names, key=order.index) for _, names in found]
    return sorted(members, key=lambda names: order.index(names[0]))


def _ordered(roots: dict[str, Numbers], names: Iterable[str]) -> list[int]:
    return list(dict.fromkeys(root for name in names for root in roots[name].tolist()))
