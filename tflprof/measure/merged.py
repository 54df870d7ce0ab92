"""What an alignment lacks where a tool added up partitions, or printed operators out of order."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from tflprof.measure.log_events import LogEvents
from tflprof.measure.nesting import OPERATOR
from tflprof.measure.unmerge import MergedKernel, Share, share_out
from tflprof.model.graph import Model, Subgraph
from tflprof.model.partition import partition, static_ops
from tflprof.profile.meta import Alignment, Row


def with_merged_kernels(alignment: Alignment, model: Model, events: LogEvents) -> Alignment:
    """Kernels added up over partitions, shared out as far as that is certain, else as one group."""
    merged = [place for place, placed in enumerate(events.placed) if placed.merged]
    if not merged:
        return alignment
    rows = list(alignment.rows)
    taken = {layer for row in rows for layer in row.layers}
    for subgraph in sorted({events.placed[place].event.m2 for place in merged}):
        places = [place for place in merged if events.placed[place].event.m2 == subgraph]
        graph = model.subgraphs[subgraph]
        static = static_ops(graph)
        for share in _shares(graph, static, places, events, taken):
            dearest = max(share.events, key=lambda place: events.placed[place].mean_ns)
            note = "exact" if len(share.layers) == 1 else "ambiguous"
            rows.append(Row(share.layers, events.placed[dearest].event.tag, {"0": share.events}, note))
        idle = [graph.ops[index].id for index in sorted(static) if graph.ops[index].id not in taken]
        rows += [Row((layer,), None, {}, "static") for layer in idle]
    return replace(alignment, rows=_in_model_order(model, rows))


def _shares(
    graph: Subgraph, static: Set[int], places: Sequence[int], events: LogEvents, taken: Set[str]
) -> list[Share]:
    listed = {
        one.event.m1 for one in events.placed if (one.event.type, one.event.m2) == (OPERATOR, graph.index)
    }
    delegated = {op.index for op in graph.ops if op.index not in listed and op.id not in taken}
    parts = [
        [graph.ops[index] for index in part.ops if index not in static]
        for part in partition(graph, delegated)
        if part.delegated
    ]
    kernels = [
        MergedKernel(placed.event.m1, placed.event.tag, max(1, round(placed.calls)), place)
        for place in places
        if (placed := events.placed[place])
    ]
    shares = share_out([part for part in parts if part], kernels)
    if shares is not None:
        return shares
    layers = tuple(op.id for op in graph.ops if op.index in delegated and op.index not in static)
    return [Share(layers, tuple(places))] if layers else []


def with_known_delegates(alignment: Alignment, model: Model, events: LogEvents) -> Alignment:
    """Delegates' nodes of which the runtime told what they stand for."""
    rows = list(alignment.rows)
    taken = {layer for row in rows for layer in row.layers}
    for place, placed in enumerate(events.placed):
        layers = tuple(layer for layer in placed.replaced if layer not in taken)
        if layers:
            taken.update(layers)
            rows.append(
                Row(layers, placed.event.tag, {"0": (place,)}, "exact" if len(layers) == 1 else "fused")
            )
    return replace(alignment, rows=_in_model_order(model, rows))


def with_lost_operators(alignment: Alignment, model: Model, events: LogEvents) -> Alignment:
    """Operators that fitted no part of the graph: their index still says whose they are."""
    rows = list(alignment.rows)
    used = {place for row in rows for places in row.events.values() for place in places}
    taken = {layer for row in rows for layer in row.layers}
    for place, placed in enumerate(events.placed):
        event = placed.event
        if event.type != OPERATOR or place in used or not 0 <= event.m2 < len(model.subgraphs):
            continue
        ops = model.subgraphs[event.m2].ops
        if 0 <= event.m1 < len(ops) and ops[event.m1].id not in taken:
            taken.add(ops[event.m1].id)
            rows.append(Row((ops[event.m1].id,), event.tag, {"0": (place,)}, "exact"))
    return replace(alignment, rows=_in_model_order(model, rows))


def _in_model_order(model: Model, rows: list[Row]) -> tuple[Row, ...]:
    order = {op.id: number for number, op in enumerate(model.ops())}
    return tuple(sorted(rows, key=lambda row: order[row.layers[0]]))
