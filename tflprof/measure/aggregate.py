"""From the log of another tool to a profile of averages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tflprof import trust
from tflprof.facts import DeviceFacts
from tflprof.logs.report import BENCHMARK_LITERT_MODEL, KERNEL, OPERATOR, LogReport, LogRun, Spread
from tflprof.measure.attribute import VERSION, EventList, attribute
from tflprof.measure.averages import inferences_behind
from tflprof.measure.layers import expected_work, layer_infos
from tflprof.measure.log_events import LogEvents, Placed, log_events
from tflprof.measure.merged import with_known_delegates, with_lost_operators, with_merged_kernels
from tflprof.model.cost import op_cost
from tflprof.model.graph import Model
from tflprof.profile.meta import (
    Alignment,
    ClockInfo,
    LayerInfo,
    ModelInfo,
    Options,
    ProfileMeta,
    Row,
    Schedule,
    StructureInfo,
)
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter

_MOST_UNREAD = 50
"""Unread lines that are kept in the profile."""


@dataclass(frozen=True)
class Origin:
    """Where a log came from, as far as its reader knows.

    Attributes:
        source: ``import`` or ``benchmark_model``.
        facts: the device.
        log: name of the log, for people.
        options: what was chosen for the run; None: what the log tells of it.
        runtime: name, version, platform and sha256 of the library, as far as known.
        build: identity of the tool's program; None: its name.
        conditions: what else was noticed.
    """

    source: str
    facts: DeviceFacts
    log: str
    options: Options | None = None
    runtime: Mapping[str, str | None] = field(default_factory=dict)
    build: str | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)


def assemble_log(report: LogReport, run: LogRun, model: Model | None, origin: Origin) -> Profile:
    """The profile of one run of a log; layers are the model's, or without one the log's own rows."""
    events = log_events(run, model, report.runtime)
    layers, alignment = _attributed(model, events) if model else _as_printed(events)
    meta = ProfileMeta(
        tool_version=importlib.metadata.version("tflprof"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        kind="aggregate",
        provenance="measured",
        source=origin.source,
        unit="ns",
        model=_model_info(model, layers, run, origin, events.subgraph),
        target=origin.facts,
        runtime={"name": None, "version": None, "platform": None, "sha256": None, **origin.runtime},
        runner_build=origin.build or run.tool,
        options=origin.options or told_options(run),
        schedule=Schedule(0.0, 0.0, 1, 0, None, True),
        clock=ClockInfo(1000, None),
        alignment=alignment,
        conditions={**_conditions(report, run, events, alignment), "log": origin.log, **origin.conditions},
    )
    profile = Profile(meta, _samples(run, events).table())
    findings = trust.assess(meta, profile.summary)
    return Profile(replace(meta, findings=findings, verdict=trust.verdict(findings)), profile.table)


def _attributed(model: Model, events: LogEvents) -> tuple[tuple[LayerInfo, ...], Alignment]:
    costs = {op.id: op_cost(model, op, _shapes(model, op.subgraph)) for op in model.ops()}
    work = {layer: expected_work(cost) for layer, cost in costs.items()}
    # What fits no part of the graph stands behind the rest, and is not read against it.
    read = [placed for placed in events.placed if not (placed.merged or placed.replaced)]
    listed = EventList(tuple(one.event for one in read), np.array([one.mean_ns for one in read]))
    alignment = _completed(attribute(model, events.subgraph, (listed,), work), events)
    for complete in (with_known_delegates, with_merged_kernels, with_lost_operators):
        alignment = complete(alignment, model, events)
    return layer_infos(model, costs), alignment


def _completed(alignment: Alignment, events: LogEvents) -> Alignment:
    """The alignment of all events, of which it has the first."""
    (structure,) = alignment.structures
    rest = len(events.placed) - len(structure.events)
    whole = StructureInfo(tuple(placed.event for placed in events.placed), (*structure.parent, *(-1,) * rest))
    return replace(alignment, structures=(whole,))


def _shapes(model: Model, subgraph: int) -> dict[int, tuple[int, ...]]:
    return {tensor.index: tensor.shape for tensor in model.subgraphs[subgraph].tensors if tensor.has_rank}


def _as_printed(events: LogEvents) -> tuple[tuple[LayerInfo, ...], Alignment]:
    """Without a model every row is a layer."""
    layers: list[LayerInfo] = []
    rows: list[Row] = []
    taken: set[str] = set()
    for position, placed in enumerate(events.placed):
        if placed.row is None or placed.row.kind not in (OPERATOR, KERNEL):
            continue
        name = _unique(_printed_id(placed, len(layers)), taken)
        layers.append(LayerInfo(name, len(layers), placed.row.type, _printed_name(placed)))
        kernel = placed.row.type if placed.row.kind == KERNEL else None
        note = "ambiguous" if placed.merged else "exact"
        rows.append(Row((name,), kernel or placed.row.type, {"0": (position,)}, note))
    structure = StructureInfo(tuple(p.event for p in events.placed), (-1,) * len(events.placed))
    return tuple(layers), Alignment(VERSION, (structure,), tuple(rows))


def _printed_id(placed: Placed, place: int) -> str:
    row, subgraph = placed.row, placed.event.m2
    assert row is not None
    if row.kind == OPERATOR and row.index is not None:
        return f"{subgraph}/{row.index}"
    return f"{subgraph}/k{row.index}" if row.index is not None else f"{subgraph}/{place}"


def _unique(name: str, taken: set[str]) -> str:
    chosen, number = name, 1
    while chosen in taken:
        number += 1
        chosen = f"{name}.{number}"
    taken.add(chosen)
    return chosen


def _printed_name(placed: Placed) -> str:
    row = placed.row
    assert row is not None
    return ", ".join(row.outputs) or row.name or row.type


def _model_info(
    model: Model | None, layers: tuple[LayerInfo, ...], run: LogRun, origin: Origin, subgraph: int
) -> ModelInfo:
    path = run.parameters.get("Graph") or origin.log
    if model is None:
        return ModelInfo(path, PurePosixPath(path).stem or path, None, None, None, layers, subgraph=subgraph)
    signature = next((one.key for one in model.signatures if one.subgraph == subgraph), None)
    return ModelInfo(
        path=model.path,
        name=Path(model.path).stem,
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        fingerprint=model.fingerprint,
        layers=layers,
        signature=signature,
        subgraph=subgraph,
        subgraphs=model.subgraph_names,
    )


def told_options(run: LogRun) -> Options:
    """What a log tells of how the model was run; None where it does not."""
    told = run.parameters
    threads = told.get("Num threads") or told.get("#threads used for CPU inference") or ""
    return Options(
        kernels=_kernels(run),
        threads=int(threads) if threads.isascii() and threads.isdigit() and int(threads) > 0 else None,
        weight_cache=None,
    )


def _kernels(run: LogRun) -> str | None:
    """Name of the delegate that ran the model, ``builtin`` for none, None if the log does not tell."""
    told = {name.lower(): value for name, value in run.parameters.items()}
    for key, name in (
        ("use gpu", "gpu"),
        ("use nnapi", "nnapi"),
        ("use hexagon", "hexagon"),
        ("use npu", "npu"),
    ):
        if told.get(key) == "1":
            return name
    rows = [row for table in run.profiled() for row in table.rows]
    if any("XNNPack" in name for _, _, name in run.delegated) or any("XNNPack" in row.type for row in rows):
        return "xnnpack"
    if told.get("use xnnpack") in ("0", "1"):
        return "xnnpack" if told["use xnnpack"] == "1" else "builtin"
    return "xnnpack" if any(row.kind == KERNEL for row in rows) else None


def _conditions(report: LogReport, run: LogRun, events: LogEvents, alignment: Alignment) -> dict[str, Any]:
    """What a reader should know of the log: its own words, and what was not understood."""
    used = {place for row in alignment.rows for places in row.events.values() for place in places}
    loose = [
        place
        for place, placed in enumerate(events.placed)
        if placed.row is not None and placed.row.kind != "phase" and place not in used
    ]
    found = {
        "unread_lines": [(one.line, one.text[:200]) for one in report.unread[:_MOST_UNREAD]],
        "unread_line_count": len(report.unread),
        "log_problems": list(report.problems),
        "merged_kernels": events.merged,
        "rows_counted_in_their_caller": events.left_out,
        "unread_events": len(loose),
        "averages_include_warmup": run.tool == BENCHMARK_LITERT_MODEL,
        "memory_mb": dict(run.memory),
        "tool_options": {name: value for name, value in run.parameters.items() if value},
        "delegated": [list(one) for one in run.delegated],
    }
    return {name: value for name, value in found.items() if value not in (0, False, [], {})}


def _samples(run: LogRun, events: LogEvents) -> SampleWriter:
    writer = SampleWriter()
    if run.init is not None:
        writer.add_single("init", 0, "init", "plain", "ns", round(run.init * 1000))
    if run.first is not None:
        writer.add_block(_first(round(run.first * 1000)))
    for phase, spread in (("warmup", run.warmup), ("steady", run.steady)):
        _add_spread(writer, phase, spread)
    if run.steady is None or run.steady.count is None:
        behind = next((count for table in run.profiled() if (count := inferences_behind(run, table))), None)
        if behind is not None:
            writer.add_statistic("count", "steady", behind, counter="count")
    for position, placed in enumerate(events.placed):
        writer.add_statistic("mean", "steady", round(placed.mean_ns), event=position)
        if placed.row is not None and placed.row.spread.min is not None:
            _add_call_spread(writer, position, placed.row.spread)
    return writer


def _first(value: int) -> BlockSamples:
    return BlockSamples(
        process=0, block=0, round=0, phase="first", variant="plain", counter="ns", t=0, khz=None, values=(value,),
        cores=(-1,),
    )  # fmt: skip


def _add_spread(writer: SampleWriter, phase: str, spread: Spread | None) -> None:
    if spread is None:
        return
    if spread.count:
        writer.add_statistic("count", phase, spread.count, counter="count")
    values = {
        "mean": spread.avg,
        "min": spread.min,
        "max": spread.max,
        "std": spread.std,
        "median": spread.median,
        "p5": spread.p5,
        "p95": spread.p95,
    }
    for kind, value in values.items():
        if value is not None:
            writer.add_statistic(
                kind,
                phase,
                round(value * 1000),
            )


def _add_call_spread(writer: SampleWriter, position: int, spread: Spread) -> None:
    for kind, value in (("min", spread.min), ("max", spread.max), ("std", spread.std)):
        if value is not None:
            writer.add_statistic(kind, "steady", round(value * 1000), event=position)
    if spread.count is not None:
        writer.add_statistic("calls", "steady", spread.count, event=position, counter="count")
