"""Kernel events to layers: the alignment that a profile stores.

An operator the runtime ran itself names its layer exactly. Kernels of a delegate do not, so each
delegated part is aligned (:mod:`tflprof.measure.align`) by how well kernel families fit operators
and by expected cost. Layers that cannot be told apart become one row, a group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.measure import kernels
from tflprof.measure.align import Evidence, align
from tflprof.measure.nesting import PHASE, Reading, Run, read_events
from tflprof.model.graph import Model, Op, Subgraph
from tflprof.model.partition import static_ops
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
    static = static_ops(graph)
    segments = align(_evidence(graph, structure, run, work, static))
    shares: list[_Share] = []
    for segment in segments:
        members = ops[segment.first : segment.last]
        events = run.events[segment.start : segment.stop]
        if events:
            shares.append(_Share(tuple(op.id for op in members), events))
        else:
            shares.extend(_absorbed(graph, op, static) for op in members)
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


def _evidence(
    graph: Subgraph, structure: EventList, run: Run, work: Mapping[str, float | None], static: frozenset[int]
) -> Evidence:
    """What speaks for and against each operator of a part and each kernel of its run."""
    ops = [graph.ops[index] for index in run.part.ops]
    tags = [structure.events[event].tag for event in run.events]
    pairs = list(zip(tags, [*tags[1:], None], strict=True))
    elapsed = np.array([structure.elapsed[event] for event in run.events], dtype=float)
    unlikely = np.array([_reluctance(graph, op, static) for op in ops])
    weights = np.array([work.get(op.id) or np.nan for op in ops], dtype=float)
    return Evidence(
        absence=np.array([_absence(graph, op, static) for op in ops]),
        main=np.array([[kernels.main_penalty(op, tag) for tag in tags] for op in ops])
        + unlikely[:, np.newaxis],
        before=np.array([[kernels.helper_penalty(op, *pair, before=True) for pair in pairs] for op in ops]),
        after=np.array([[kernels.helper_penalty(op, tag, before=False) for tag in tags] for op in ops]),
        elapsed=elapsed,
        expected=weights / max(float(np.nansum(weights)), 1.0) * float(elapsed.sum()),
    )


def _absence(graph: Subgraph, op: Op, static: frozenset[int]) -> float:
    if op.index in static or _may_vanish(graph, op):
        return 0.0
    folded = op.code in kernels.IN_PASSING or len(_absorbed(graph, op, static).layers) > 1
    return kernels.absence_penalty(op) if folded else kernels.NEVER


def _reluctance(graph: Subgraph, op: Op, static: frozenset[int]) -> float:
    """What speaks against any kernel being this operator's, in nats."""
    if op.index in static:
        return kernels.MISMATCH
    return kernels.HELPER if _may_vanish(graph, op) else 0.0


def _may_vanish(graph: Subgraph, op: Op) -> bool:
    """Whether the delegate may make nothing of this operator, or one kernel with the only one behind it."""
    if op.code not in kernels.RESHAPING:
        return kernels.vanishes(op)
    consumers = _consumers(graph, op)
    outside = set(op.outputs) & set(graph.outputs)
    return len(consumers) == 1 and not outside and kernels.merges(op, consumers[0])


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
    own: dict[str, list[tuple[int, _Share]]] = {leader: [] for leader in members}
    for number, found in enumerate(shares):
        for share in found:
            own[groups.find(share.layers[0])].append((number, share))
    return tuple(_row(structures, tuple(layers), own[leader]) for leader, layers in members.items())


def _row(
    structures: Sequence[EventList], layers: tuple[str, ...], shares: Sequence[tuple[int, _Share]]
) -> Row:
    events: dict[str, tuple[int, ...]] = {}
    costs: dict[str, float] = {}
    kernels_at_once = 0
    for number, share in shares:
        if not share.events:
            continue
        structure = structures[number]
        events[str(number)] = tuple(sorted((*events.get(str(number), ()), *share.events)))
        run = [event for event in share.events if structure.events[event].type != PHASE]
        kernels_at_once = max(kernels_at_once, len(run))
        for event in run:
            tag = structure.events[event].tag
            costs[tag] = costs.get(tag, 0.0) + float(structure.elapsed[event])
    if not costs:
        return Row(layers, None, {}, "static")
    kernel = max(costs, key=lambda tag: costs[tag])
    return Row(layers, kernel, events, _note(len(layers), kernels_at_once))


def _note(layers: int, kernels_at_once: int) -> str:
    if layers == 1:
        return "exact" if kernels_at_once == 1 else "split"
    return "fused" if kernels_at_once == 1 else "ambiguous"
