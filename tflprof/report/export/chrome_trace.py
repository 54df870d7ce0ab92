"""Samples on a timeline in the trace event format, for chrome://tracing and ui.perfetto.dev."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflprof.errors import UsageError
from tflprof.profile.meta import EventInfo, ProfileMeta, Row
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples
from tflprof.report.describe import describe_run, describe_state
from tflprof.report.export.timeline import Placed, PlacedInference, Timeline, make_timeline
from tflprof.report.plain_json import without_nan
from tflprof.report.text import plain
from tflprof.report.view import provenance_text

DEFAULT_INFERENCES = 1000
_THREADS = {"plain": (1, "plain: the total"), "profiled": (2, "profiled: the layers")}
_TRACKS = (
    ("frequency told by the system, MHz", "MHz"),
    ("frequency measured, MHz", "MHz"),
    ("temperature, degrees Celsius", "celsius"),
)
_RECONSTRUCTED = (
    "the start of each block was measured; starts within blocks are reconstructed: inferences follow each other "
    "without gaps, and kernels without gaps within their inference (a kernel's time runs from the end of the one "
    "before it); durations are measured, and args.value has them exactly"
)
_COUNTED = (
    "counts have no clock: 1 {unit} is shown as 1 ns, and everything follows what was before it without gaps"
)

_PREDICTED = (
    "durations are predicted, nothing was run on a phone: everything follows what was before it without gaps; "
    "args.value has durations exactly"
)


def chrome_trace(profile: Profile, inferences: int | None = None) -> str:
    """A trace in the JSON object format, one event a line; times are since the first block.

    Args:
        profile: whose samples to show; warm-up and disturbed inferences are shown and marked.
        inferences: how many, the first ones; None: :data:`DEFAULT_INFERENCES`.

    Raises:
        UsageError: the profile has averages only, or no inference at all.
    """
    meta = profile.meta
    if meta.kind == "aggregate":
        raise UsageError(
            "chrome-trace needs samples, and this profile has averages only: they have no place in time",
            "export csv, json, markdown, model-explorer or benchmark-proto instead",
        )
    timeline = make_timeline(profile, DEFAULT_INFERENCES if inferences is None else inferences)
    if not timeline.blocks:
        raise UsageError("chrome-trace needs inferences, and this profile has none", "measure it again")
    lines = ",\n".join(
        json.dumps(event, separators=(",", ":"), allow_nan=False)
        for event in _Trace(profile, timeline).events()
    )
    head = {"displayTimeUnit": "ns", "otherData": without_nan(_about(profile, timeline))}
    return f'{json.dumps(head, allow_nan=False)[:-1]}, "traceEvents": [\n{lines}\n]}}\n'


def _about(profile: Profile, timeline: Timeline) -> dict[str, Any]:
    """What a reader must know of the trace."""
    meta = profile.meta
    shown = sum(len(block.inferences) for block in timeline.blocks)
    return {
        "tool": f"tflprof {meta.tool_version}",
        "created": meta.created,
        "model": meta.model.name,
        "model_sha256": meta.model.sha256,
        "run": describe_run(meta),
        "provenance": meta.provenance,
        "unit": meta.unit,
        "numbers": provenance_text(meta),
        "trust": describe_state(meta),
        "timeline": _timeline_words(meta),
        "inferences_shown": shown,
        "inferences_left_out": timeline.left_out,
        "clipped_events": timeline.clipped,
        "clock_at_zero_ns": timeline.blocks[0].samples.t,
        "not_shown": "creation of the model: its duration is known (process labels), its start is not",
    }


def _timeline_words(meta: ProfileMeta) -> str:
    """How starts came about."""
    if meta.prediction is not None:
        return _PREDICTED
    return _RECONSTRUCTED if meta.unit == "ns" else _COUNTED.format(unit=meta.unit.removesuffix("s"))


@dataclass(frozen=True)
class _Label:
    """Name, category and arguments that all slices of one event of an event list share."""

    name: str
    category: str
    arguments: Mapping[str, Any]


class _Trace:
    def __init__(self, profile: Profile, timeline: Timeline) -> None:
        self._meta = profile.meta
        self._timeline = timeline
        self._labels = _labels(profile.meta)
        self._creations = _creations(profile)

    def events(self) -> Iterator[dict[str, Any]]:
        """Metadata of processes and threads, then slices and counters in order of time."""
        seen: set[int] = set()
        for block in self._timeline.blocks:
            if block.samples.process not in seen:
                seen.add(block.samples.process)
                yield from self._process(block.samples.process)
            samples = block.samples
            before = (samples.khz_before, samples.chain_khz_before, samples.millicelsius_before)
            yield from _counters(samples.process, block.span.start, before)
            for place, inference in enumerate(block.inferences):
                yield self._whole(samples, place, inference)
                yield from self._parts(samples, place, inference)
            after = (samples.khz, samples.chain_khz, samples.millicelsius)
            yield from _counters(samples.process, block.span.end, after)

    def _process(self, process: int) -> Iterator[dict[str, Any]]:
        unit = self._meta.unit
        scale = "" if unit == "ns" else f"; 1 {unit.removesuffix('s')} is shown as 1 ns"
        name = f"process {process}, {self._meta.provenance} {unit}{scale}"
        yield _metadata(process, 0, "process_name", name=name)
        yield _metadata(process, 0, "process_sort_index", sort_index=process)
        if process in self._creations:
            labels = f"creation of the model {self._creations[process]} {unit}"
            yield _metadata(process, 0, "process_labels", labels=labels)
        for thread, name in _THREADS.values():
            yield _metadata(process, thread, "thread_name", name=name)
            yield _metadata(process, thread, "thread_sort_index", sort_index=thread)

    def _whole(self, block: BlockSamples, place: int, inference: PlacedInference) -> dict[str, Any]:
        arguments = {
            "value": block.values[place],
            "unit": self._meta.unit,
            "phase": block.phase,
            "round": block.round,
            "block": block.block,
            **_circumstances(block, place),
            "missed_deadlines_of_block": block.missed,
            "worker_cores": block.worker_cores,
            **{f"pmu_{name}": counts[place] for name, counts in block.pmu.items() if counts[place] >= 0},
        }
        name = f"inference {inference.number}" + ("" if block.phase == "steady" else f" ({block.phase})")
        slice_ = _slice(block, inference.span, name, "inference", arguments)
        # One of the reserved colours of the trace viewer.
        return slice_ | ({"cname": "terrible"} if arguments["tainted"] else {})

    def _parts(self, block: BlockSamples, place: int, inference: PlacedInference) -> Iterator[dict[str, Any]]:
        if not inference.events:
            return
        labels = self._labels[block.structures[place]]
        for label, span, value in zip(labels, inference.events, block.events[place], strict=True):
            arguments = {
                "value": value,
                "unit": self._meta.unit,
                **label.arguments,
                **_circumstances(block, place),
            }
            yield _slice(block, span, label.name, label.category, arguments)


def _circumstances(block: BlockSamples, place: int) -> dict[str, Any]:
    """What an inference ran under; None where it is not known."""
    told = block.khz if block.chain_khz is None else block.chain_khz
    return {
        "tainted": block.tainted if isinstance(block.tainted, bool) else bool(block.tainted[place]),
        "core": block.cores[place] if block.cores[place] >= 0 else None,
        "frequency_mhz": None if told is None else told / 1000,
    }


def _slice(
    block: BlockSamples, span: Placed, name: str, category: str, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """A complete event; what is not known has no argument."""
    return {
        "name": name,
        "cat": category,
        "ph": "X",
        "pid": block.process + 1,
        "tid": _THREADS[block.variant][0],
        "ts": span.start / 1000,
        "dur": (span.end - span.start) / 1000,
        "args": {key: value for key, value in arguments.items() if value is not None},
    }


def _metadata(process: int, thread: int, what: str, **arguments: Any) -> dict[str, Any]:
    # Viewers take process 0 for the idle one.
    return {"name": what, "ph": "M", "pid": process + 1, "tid": thread, "ts": 0, "args": arguments}


def _counters(process: int, at: int, values: Sequence[int | None]) -> Iterator[dict[str, Any]]:
    """Frequencies and temperature at one time, where they are known."""
    for (name, key), value in zip(_TRACKS, values, strict=True):
        if value is not None:
            counter = {"name": name, "ph": "C", "pid": process + 1, "tid": 0, "ts": at / 1000}
            yield counter | {"args": {key: value / 1000}}


def _labels(meta: ProfileMeta) -> tuple[tuple[_Label, ...], ...]:
    """Per event list, the label of each of its events."""
    layers = {layer.id: (layer.op, layer.name) for layer in meta.model.layers}
    found: list[tuple[_Label, ...]] = []
    for number, structure in enumerate(meta.alignment.structures):
        owners = {event: row for row in meta.alignment.rows for event in row.events.get(str(number), ())}
        found.append(
            tuple(
                _layer_label(owners[i], event, layers) if i in owners else _runtime_label(event)
                for i, event in enumerate(structure.events)
            )
        )
    return tuple(found)


def _layer_label(row: Row, event: EventInfo, layers: Mapping[str, tuple[str, str]]) -> _Label:
    known = [layers[layer] for layer in row.layers]
    ops = " + ".join(dict.fromkeys(op for op, _ in known))
    arguments = {
        "kernel": event.tag,
        "layers": list(row.layers),
        "names": [name for _, name in known],
        "attribution": row.note,
        **({"group": row.layers[0]} if len(row.layers) > 1 else {}),
    }
    return _Label(plain(f"{ops} {' + '.join(row.layers)}"), "layer", arguments)


def _runtime_label(event: EventInfo) -> _Label:
    """An event that no layer has: a phase of the runtime, or a kernel that fitted no layer."""
    return _Label(plain(event.tag), "runtime", {"kernel": event.tag})


def _creations(profile: Profile) -> dict[int, int]:
    """What creating the model took in each process."""
    frame = profile.samples()
    own = frame[(frame["kind"] == "init") & (frame["phase"] == "init") & (frame["variant"] == "plain")]
    own = own[own["counter"] == profile.meta.unit]
    return dict(zip(own["process"].tolist(), own["value"].tolist(), strict=True))
