"""Kernel events to layers: the alignment that a profile stores.

An operator the runtime ran itself names its layer exactly. Kernels of a delegate do not, so each
delegated part is aligned (:mod:`tflprof.measure.align`) by how well kernel families fit operators
and by expected cost. Layers that cannot be told apart become one row, a group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.measure import kernels
from tflprof.measure.align import Segment, align
from tflprof.measure.nesting import Reading, Run, read_events
from tflprof.measure.partition import static_ops
from tflprof.model.graph import Model, Op, Subgraph
from tflprof.profile.meta import Alignment, EventInfo, Row, StructureInfo

VERSION = 1
"""Version of the alignment; stored, so that old profiles can be aligned anew."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EventList:
    """Events of one kind of inference, with the typical elapsed value of each, [events]."""

    events: tuple[EventInfo, ...]
    elapsed: FloatArray


@dataclass(frozen=True)
class _Share:
    """Layers and the events (positions) that serve them in one structure."""

    layers: tuple[str, ...]
    events: tuple[int, ...]


def attribute(
    model: Model, subgraph: int, structures: Sequence[EventList], work: Mapping[str, float | None]
) -> Alignment:
    """Align all kinds of inferences of a model with its layers.

    Args:
        model: the model that ran.
        subgraph: subgraph of the signature that was run.
        structures: the event lists that occurred.
        work: expected relative cost of each layer by id; None where unknown.
    """
    groups = _Groups()
    shares: list[list[_Share]] = []
    infos: list[StructureInfo] = []
    for structure in structures:
        reading = read_events(model, subgraph, structure.events)
        infos.append(StructureInfo(structure.events, tuple(reading.parent)))
        found = _shares(model, structure, reading, work)
        shares.append(found)
        for share in found:
            groups.join(share.layers)
    return Alignment(VERSION, tuple(infos), _rows(model, structures, shares, groups))


def _shares(
    model: Model, structure: EventList, reading: Reading, work: Mapping[str, float | None]
) -> list[_Share]:
    found = [_Share((layer,), (event,)) for event, layer in reading.operators.items()]
    for run in reading.runs:
        found.extend(_align_run(model.subgraphs[run.subgraph], structure, run, work))
    return found


def _align_run(
    graph: Subgraph, structure: EventList, run: Run, work: Mapping[str, float | None]
) -> list[_Share]:
    ops = [graph.ops[index] for index in run.part.ops]
    penalty = _Penalty(graph, ops, structure, run.events, work)
    segments = align(len(ops), len(run.events), penalty)
    shares: list[_Share] = []
    for segment in segments:
        members = ops[segment.first : segment.last]
        events = run.events[segment.start : segment.stop]
        if events:
            shares.append(_Share(tuple(op.id for op in members), events))
        else:
            shares.extend(_absorbed(graph, op, penalty.static) for op in members)
    return _attach_orphans(shares, segments)


def _attach_orphans(shares: list[_Share], segments: list[Segment]) -> list[_Share]:
    """Kernels that came before any operator belong to the first one."""
    if segments and segments[0].first == segments[0].last and len(shares) > 1:
        first, second, *rest = shares
        return [_Share(second.layers, first.events + second.events), *rest]
    return shares


def _absorbed(graph: Subgraph, op: Op, static: frozenset[int]) -> _Share:
    """A layer without a kernel of its own: with the neighbour that does its work, else alone."""
    if op.index in static:
        return _Share((op.id,), ())
    for neighbour in _consumers(graph, op):
        if kernels.absorbs(op, neighbour, neighbour_is_consumer=True):
            return _Share((op.id, neighbour.id), ())
    producer = next((p for p in graph.ops if op.inputs and op.inputs[0] in p.outputs), None)
    if producer is not None and kernels.absorbs(op, producer, neighbour_is_consumer=False):
        return _Share((op.id, producer.id), ())
    return _Share((op.id,), ())


def _consumers(graph: Subgraph, op: Op) -> list[Op]:
    return [other for other in graph.ops if set(op.outputs) & set(other.inputs)]


class _Penalty:
    """Penalty of operator ``i`` of a part taking kernels [start, stop) of its run, in nats."""

    def __init__(
        self,
        graph: Subgraph,
        ops: Sequence[Op],
        structure: EventList,
        events: Sequence[int],
        work: Mapping[str, float | None],
    ) -> None:
        self.ops = ops
        self.static = static_ops(graph)
        self.tags = [structure.events[event].tag for event in events]
        self.elapsed = np.concatenate([[0.0], np.cumsum([structure.elapsed[event] for event in events])])
        self.expected = self._expected([work.get(op.id) for op in ops])
        self.absence = [self._absence(graph, op) for op in ops]

    def _expected(self, work: Sequence[float | None]) -> list[float | None]:
        known = sum(value for value in work if value)
        total = float(self.elapsed[-1])
        return [value / known * total if value and known else None for value in work]

    def _absence(self, graph: Subgraph, op: Op) -> float:
        alone = len(_absorbed(graph, op, self.static).layers) == 1
        penalty = kernels.absence_penalty(op, static=op.index in self.static)
        return penalty + kernels.MISMATCH if alone and op.index not in self.static else penalty

    def __call__(self, i: int, start: int, stop: int) -> float:
        if start == stop:
            return self.absence[i]
        op, tags = self.ops[i], self.tags[start:stop]
        helpers = [kernels.helper_penalty(op, tag) for tag in tags]
        main = min(kernels.main_penalty(op, tag) - helper for tag, helper in zip(tags, helpers, strict=True))
        static = kernels.MISMATCH if op.index in self.static else 0.0
        return main + sum(helpers) + static + self._surprise(i, start, stop)

    def _surprise(self, i: int, start: int, stop: int) -> float:
        expected = self.expected[i]
        if expected is None:
            return 0.0
        actual = float(self.elapsed[stop] - self.elapsed[start])
        return min(0.5 * abs(math.log((actual + 1) / (expected + 1))), 2.0)


class _Groups:
    """Union of layers that share a row anywhere."""

    def __init__(self) -> None:
        self._leader: dict[str, str] = {}

    def find(self, layer: str) -> str:
        while (leader := self._leader.setdefault(layer, layer)) != layer:
            layer = leader
        return layer

    def join(self, layers: Sequence[str]) -> None:
        for layer in layers:
            self._leader[self.find(layer)] = self.find(layers[0])


def _rows(
    model: Model, structures: Sequence[EventList], shares: list[list[_Share]], groups: _Groups
) -> tuple[Row, ...]:
    order = [op.id for op in model.ops()]
    members: dict[str, list[str]] = {}
    touched = {layer for found in shares for share in found for layer in share.layers}
    for layer in order:
        if layer in touched:
            members.setdefault(groups.find(layer), []).append(layer)
    events: dict[str, dict[str, tuple[int, ...]]] = {leader: {} for leader in members}
    for number, found in enumerate(shares):
        for share in found:
            mine = events[groups.find(share.layers[0])]
            mine[str(number)] = (*mine.get(str(number), ()), *share.events)
    return tuple(_row(structures, tuple(layers), events[leader]) for leader, layers in members.items())


def _row(structures: Sequence[EventList], layers: tuple[str, ...], events: dict[str, tuple[int, ...]]) -> Row:
    own = {number: tuple(sorted(positions)) for number, positions in events.items() if positions}
    if not own:
        return Row(layers, None, {}, "static")
    costs: dict[str, float] = {}
    most = 0
    for number, positions in own.items():
        structure = structures[int(number)]
        most = max(most, len(positions))
        for position in positions:
            tag = structure.events[position].tag
            costs[tag] = costs.get(tag, 0.0) + float(structure.elapsed[position])
    kernel = max(costs, key=lambda tag: costs[tag])
    return Row(layers, kernel, own, _note(len(layers), most))


def _note(layers: int, events: int) -> str:
    if layers == 1:
        return "exact" if events == 1 else "split"
    return "fused" if events == 1 else "ambiguous"
