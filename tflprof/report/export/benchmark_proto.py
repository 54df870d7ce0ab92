"""A profile as the protobuf message that ``benchmark_model`` writes, for programs that read its profiles.

The message has a row per operator and per kernel of a delegate: calls of a row are added up, whichever partition or
iteration of a loop they were in. It has neither the total nor an interval, and no word on what kind of numbers it has:
only measured time is written.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """All calls of one node in the inferences counted: durations of single calls in ns, or what is known of them."""

    event: EventInfo
    sum: float = 0.0
    count: int = 0
    first: float | None = None
    last: float | None = None
    min: float | None = None
    max: float | None = None
    squares: float | None = 0.0
    std: float | None = None

    def add(self, values: IntArray) -> None:
        """Durations of calls, [calls], in order of time."""
        if not len(values):
            return
        self.first = float(values[0]) if self.first is None else self.first
        self.last = float(values[-1])
        self.min = min(float(values.min()), self.min if self.min is not None else np.inf)
        self.max = max(float(values.max()), self.max if self.max is not None else 0.0)
        self.sum += float(values.sum())
        self.squares = (self.squares or 0.0) + float(np.square(values.astype(np.float64)).sum())
        self.count += len(values)

    def spread(self) -> Spread:
        """In microseconds."""
        average = self.sum / self.count
        std = self.std
        if std is None and self.squares:
            std = float(np.sqrt(max(0.0, self.squares / self.count - average**2)))
        return Spread(
            count=self.count,
            avg=average / _NS_PER_US,
            first=_us(self.first),
            last=_us(self.last),
            min=_us(self.min),
            max=_us(self.max),
            std=_us(std),
        )


Nodes = dict[tuple[int, int, int, str], _Calls]


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


def _samples(profile: Profile) -> tuple[Nodes, int]:
    """Calls in the central half of the steady profiled inferences, and how many these are."""
    table, unit = profile.table, profile.meta.unit
    central = central_half(select_inferences(table, "profiled", unit).values)
    nodes: Nodes = {}
    for number, structure in enumerate(profile.meta.alignment.structures):
        elapsed, where = select_events(table, unit, number, len(structure.events))
        chosen = elapsed[central[where]]
        for place, event in enumerate(structure.events):
            if event.type != events.PHASE and len(chosen):
                nodes.setdefault(_key(event), _Calls(event)).add(chosen[:, place])
    return nodes, int(central.sum())


def _averages(profile: Profile) -> tuple[Nodes, int]:
    """What another tool told of each node's calls, and of how many inferences."""
    told = {
        kind: select_statistics(profile.table, kind, "steady")
        for kind in ("mean", "count", "calls", "min", "max", "std")
    }
    inferences = told["count"].get(None) or 1
    nodes: Nodes = {}
    listed = [event for structure in profile.meta.alignment.structures for event in structure.events]
    for place, event in enumerate(listed):
        mean = told["mean"].get(place)
        if event.type == events.PHASE or mean is None:
            continue
        # Rows of a log are not added up: the tool did that, and a log may have two rows of a name.
        calls = _Calls(event, squares=None, sum=float(mean) * inferences)
        calls.count = told["calls"].get(place) or inferences
        calls.min, calls.max, calls.std = (_known(told[kind].get(place)) for kind in ("min", "max", "std"))
        nodes[(*_key(event)[:3], f"{event.tag} {place}")] = calls
    return nodes, inferences


def _key(event: EventInfo) -> tuple[int, int, int, str]:
    return event.m2, event.type, event.m1, event.tag


def _tables(profile: Profile, nodes: Nodes, inferences: int) -> list[LogTable]:
    """A table per subgraph, rows in the order in which they first ran."""
    layers = {layer.id: layer for layer in profile.meta.model.layers}
    rows: dict[int, list[LogRow]] = {}
    for calls in nodes.values():
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
        spread=calls.spread(),
        calls=max(1, calls.count // inferences),
        order=order,
    )


def _outputs(layer: LayerInfo | None, event: EventInfo) -> str:
    """Names of an operator's outputs as the tools write them."""
    if layer is None:
        return f"[{event.tag}]"
    return f"[{', '.join(layer.outputs or (layer.name,))}]"


def _us(value: float | None) -> float | None:
    return None if value is None else value / _NS_PER_US


def _known(value: int | None) -> float | None:
    return None if value is None else float(value)
