"""What an alignment lacks where a tool added up partitions, or printed operators out of order."""

from __future__ import annotations

from dataclasses import replace

from tflprof.measure.log_events import LogEvents
from tflprof.measure.nesting import OPERATOR
from tflprof.measure.partition import static_ops
from tflprof.model.graph import Model
from tflprof.profile.meta import Alignment, Row


def with_merged_kernels(alignment: Alignment, model: Model, events: LogEvents) -> Alignment:
    """Kernels added up over partitions as one group with all layers that a delegate took."""
    merged = [place for place, placed in enumerate(events.placed) if placed.merged]
    if not merged:
        return alignment
    rows = list(alignment.rows)
    taken = {layer for row in rows for layer in row.layers}
    for subgraph in sorted({events.placed[place].event.m2 for place in merged}):
        places = tuple(place for place in merged if events.placed[place].event.m2 == subgraph)
        graph = model.subgraphs[subgraph]
        static = static_ops(graph)
        listed = {
            one.event.m1 for one in events.placed if (one.event.type, one.event.m2) == (OPERATOR, subgraph)
        }
        layers = tuple(op.id for op in graph.ops if op.index not in static | listed and op.id not in taken)
        if not layers:
            continue
        dearest = max(places, key=lambda place: events.placed[place].mean_ns)
        rows.append(Row(layers, events.placed[dearest].event.tag, {"0": places}, "ambiguous"))
        rows += [
            Row((graph.ops[index].id,), None, {}, "static")
            for index in sorted(static)
            if graph.ops[index].id not in taken
        ]
    return replace(alignment, rows=_in_model_order(model, rows))


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
