"""A profile as the protobuf message that ``benchmark_model`` writes, for programs that read its profiles.

The message has a row per operator and per kernel of a delegate: calls of a row are added up, whichever partition or
iteration of a loop they were in. It has neither the total nor an interval, and no word on what kind of numbers it has:
only measured time is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tflprof.errors import UsageError
from tflprof.logs.report import KERNEL, OPERATOR, PROTO, RUN, RUN_ORDER, LogRow, LogTable, Spread
from tflprof.logs.write_message import write_profile_message
from tflprof.profile import events
from tflprof.profile.meta import EventInfo, LayerInfo
from tflprof.profile.profile import Profile
from tflprof.profile.samples import IntArray, select_events, select_inferences, select_statistics
from tflprof.stats import central_half

_NS_PER_US = 1000.0


@dataclass
class _Calls:
    """All calls of one node in the inferences counted: durations in ns, None where they are not known."""

    event: EventInfo
    sum: float = 0.0
    count: int = 0
    first: float | None = None
    last: float | None = None
    min: float | None = None
    max: float | None = None
    std: float | None = None


def _calls(event: EventInfo, columns: Sequence[tuple[IntArray, IntArray]]) -> _Calls:
    """Calls of a node that has a column for each of its places in event lists: inferences, [n], and durations, [n]."""
    order = np.concatenate([where for where, _ in columns])
    values = np.concatenate([elapsed for _, elapsed in columns])[np.argsort(order, kind="stable")]
    return _Calls(
        event=event,
        sum=float(values.sum()),
        count=len(values),
        first=float(values[0]),
        last=float(values[-1]),
        min=float(values.min()),
        max=float(values.max()),
        std=float(values.std()),
    )


def benchmark_proto(profile: Profile) -> bytes:
    """A ``BenchmarkProfilingData`` message; ``sum`` over ``count`` is the mean that this profile shows as typical.

    The inferences counted are those that ``typical`` is the mean of: the central half by their total.

    Raises:
        UsageError: the numbers are no measured time, or no layer has a time of its own.
    """
    meta = profile.meta
    if meta.unit != "ns" or meta.provenance != "measured":
        raise UsageError(
            f"benchmark-proto has measured time only, and this profile has {meta.provenance} {meta.unit}",
            "export csv, json, markdown, chrome-trace or model-explorer instead",
        )
    nodes, inferences = _averages(profile) if meta.kind == "aggregate" else _samples(profile)
    if not nodes:
        raise UsageError(
            "benchmark-proto needs times of layers, and this profile has none", "measure it again"
        )
    return write_profile_message(meta.model.path, _tables(profile, nodes, inferences))


def _samples(profile: Profile) -> tuple[list[_Calls], int]:
    """Calls in the central half of the steady profiled inferences, and how many these are."""
    table, unit = profile.table, profile.meta.unit
    central = central_half(select_inferences(table, "profiled", unit).values)
    nodes: dict[EventInfo, list[tuple[IntArray, IntArray]]] = {}
    for number, structure in enumerate(profile.meta.alignment.structures):
        elapsed, where = select_events(table, unit, number, len(structure.events))
        chosen = central[where]
        for place, event in enumerate(structure.events):
            if event.type != events.PHASE and chosen.any():
                nodes.setdefault(event, []).append((where[chosen], elapsed[chosen, place]))
    return [_calls(event, columns) for event, columns in nodes.items()], int(central.sum())


def _averages(profile: Profile) -> tuple[list[_Calls], int]:
    """What another tool told of each node's calls, and of how many inferences."""
    told = {
        kind: select_statistics(profile.table, kind, "steady")
        for kind in ("mean", "count", "calls", "min", "max", "std")
    }
    inferences = told["count"].get(None) or 1
    nodes: list[_Calls] = []
    listed = [event for structure in profile.meta.alignment.structures for event in structure.events]
    for place, event in enumerate(listed):
        mean = told["mean"].get(place)
        if event.type == events.PHASE or mean is None:
            continue
        smallest, largest, std = (told[kind].get(place) for kind in ("min", "max", "std"))
        count = told["calls"].get(place) or inferences
        nodes.append(_Calls(event, float(mean) * inferences, count, min=smallest, max=largest, std=std))
    return nodes, inferences


def _tables(profile: Profile, nodes: Sequence[_Calls], inferences: int) -> list[LogTable]:
    """A table per subgraph, rows in the order in which they first ran."""
    layers = {layer.id: layer for layer in profile.meta.model.layers}
    rows: dict[int, list[LogRow]] = {}
    for calls in nodes:
        own = rows.setdefault(calls.event.m2, [])
        own.append(_row(calls, inferences, layers, len(own)))
    return [
        LogTable(RUN, RUN_ORDER, PROTO, subgraph, tuple(own), observed=len(own))
        for subgraph, own in sorted(rows.items())
    ]


def _row(calls: _Calls, inferences: int, layers: Mapping[str, LayerInfo], order: int) -> LogRow:
    event = calls.event
    kernel = event.type in events.KERNELS
    return LogRow(
        kind=KERNEL if kernel else OPERATOR,
        type=event.tag,
        name=event.tag if kernel else _outputs(layers.get(f"{event.m2}/{event.m1}"), event),
        index=event.m1 if event.m1 >= 0 else None,
        spread=_spread(calls),
        calls=max(1, calls.count // inferences),
        order=order,
    )


def _outputs(layer: LayerInfo | None, event: EventInfo) -> str:
    """Names of an operator's outputs as the tools write them."""
    if layer is None:
        return f"[{event.tag}]"
    return f"[{', '.join(layer.outputs or (layer.name,))}]"


def _spread(calls: _Calls) -> Spread:
    return Spread(
        count=calls.count,
        avg=_us(calls.sum / calls.count),
        first=_us(calls.first),
        last=_us(calls.last),
        min=_us(calls.min),
        max=_us(calls.max),
        std=_us(calls.std),
    )


def _us(value: float | None) -> float | None:
    return None if value is None else value / _NS_PER_US
