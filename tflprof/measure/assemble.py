"""From a measurement and its model to the finished profile."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tflprof import stats, trust
from tflprof.measure.attribute import attribute
from tflprof.measure.collect import Collector, Sighting
from tflprof.measure.layers import expected_work, layer_infos
from tflprof.measure.notice import notice
from tflprof.measure.pipeline import Outcome
from tflprof.measure.predict import TIME, Predictor, is_predicted, predict, predict_singles, predictor_of
from tflprof.measure.schedule import Plan, seconds_for_interval, speed_as_it_is
from tflprof.model.cost import Cost, op_cost
from tflprof.model.graph import Model
from tflprof.profile.meta import (
    Alignment,
    ClockInfo,
    ModelInfo,
    NoiseFloor,
    Options,
    Pairing,
    ProfileMeta,
    Schedule,
)
from tflprof.profile.profile import Profile
from tflprof.profile.samples import SampleWriter, select_inferences
from tflprof.profile.summary import row_samples
from tflprof.runner.interface import Runner, RunRequest
from tflprof.targets.anchors import AUTO


def assemble(
    model: Model,
    runner: Runner,
    request: RunRequest,
    plan: Plan,
    outcome: Outcome,
    pairing: Pairing | None = None,
    anchors: str = AUTO,
) -> Profile:
    """Attribute, judge and wrap what was measured.

    Args:
        model: what ran.
        runner: on what it ran.
        request: how it was to run; of a prediction, with the threads that are predicted.
        plan: how it was planned.
        outcome: what was measured.
        pairing: with another model in the same processes, None for none.
        anchors: what predicted times are scaled to: ``auto``, ``none`` or a file.

    Raises:
        UsageError, TargetError: counts cannot become times as asked (:func:`tflprof.measure.predict.predictor_of`).
    """
    collector = outcome.collector
    predictor = predictor_of(runner, request, anchors) if is_predicted(runner) else None
    subgraph = _subgraph(model, collector.model)
    noticed = {} if runner.deterministic else notice(collector, as_it_is=speed_as_it_is(request, plan))
    costs = _costs(model, outcome)
    work = {layer: expected_work(cost) for layer, cost in costs.items()}
    alignment = attribute(model, subgraph, collector.event_lists(), work)
    meta = ProfileMeta(
        tool_version=importlib.metadata.version("tflprof"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        kind="samples",
        provenance=runner.provenance if predictor is None else "predicted",
        source=runner.source,
        unit=runner.counters[0] if predictor is None else TIME,
        model=_model_info(model, costs, outcome),
        target=runner.facts,
        runtime=dict(runner.runtime),
        runner_build=runner.build,
        options=options_of(runner, request),
        schedule=_schedule(plan, outcome, pairing),
        # A predicted time was read from no clock.
        clock=collector.clock if predictor is None else ClockInfo(),
        alignment=alignment,
        deterministic=runner.deterministic,
        conditions=_conditions(outcome, alignment)
        | _seconds_needed(request, plan)
        | noticed
        | _notes(predictor),
        pairing=pairing,
        prediction=None if predictor is None else predictor.prediction,
    )
    return judged(Profile(meta, _samples(collector, alignment, predictor).table()))


def _samples(collector: Collector, alignment: Alignment, predictor: Predictor | None) -> SampleWriter:
    """What was counted, and the times that are predicted from it."""
    writer = collector.writer()
    if predictor is not None:
        for single in predict_singles(collector.singles, predictor.prediction):
            writer.add_single(*single)
        structures = alignment.structures
        for block in predict(collector.blocks, structures, predictor.prediction, predictor.several):
            writer.add_block(block)
    return writer


def _notes(predictor: Predictor | None) -> dict[str, list[str]]:
    return {"prediction_notes": list(predictor.notes)} if predictor is not None and predictor.notes else {}


def judged(profile: Profile) -> Profile:
    """The profile with its noise floor, findings and verdict."""
    meta = replace(profile.meta, noise_floor=_noise_floor(profile))
    findings = trust.assess(meta, profile.summary)
    return Profile(replace(meta, findings=findings, verdict=trust.verdict(findings)), profile.table)


def _subgraph(model: Model, seen: Sighting | None) -> int:
    """The subgraph that was run: as the runtime told, else the one of the signature in the file."""
    if seen is None:
        return 0
    if seen.subgraph is not None:
        return seen.subgraph
    return next((one.subgraph for one in model.signatures if one.key == seen.signature), 0)


def _costs(model: Model, outcome: Outcome) -> dict[str, Cost]:
    """Costs by layer. Stored shapes hold if the inputs ran in theirs; if not, what depends on shapes is unknown."""
    seen = outcome.collector.model
    entry = model.subgraphs[_subgraph(model, seen)]
    stored = [entry.tensors[tensor].shape for tensor in entry.inputs]
    as_stored = seen is None or sorted(port.shape for port in seen.inputs) == sorted(stored)
    costs = {}
    for op in model.ops():
        tensors = model.subgraphs[op.subgraph].tensors
        shapes = {tensor.index: tensor.shape for tensor in tensors if tensor.has_rank}
        cost = op_cost(model, op, shapes if as_stored else None)
        if not as_stored:
            cost = replace(cost, macs=0 if cost.macs == 0 else None, activation_bytes=None)
        costs[op.id] = cost
    return costs


def _model_info(model: Model, costs: Mapping[str, Cost], outcome: Outcome) -> ModelInfo:
    seen = outcome.collector.model
    return ModelInfo(
        path=model.path,
        name=Path(model.path).stem,
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        fingerprint=model.fingerprint,
        layers=layer_infos(model, costs),
        inputs=seen.inputs if seen else (),
        outputs=seen.outputs if seen else (),
        signature=seen.signature if seen else None,
        subgraph=_subgraph(model, seen),
        subgraphs=model.subgraph_names,
    )


def options_of(runner: Runner, request: RunRequest) -> Options:
    """What was chosen of all that changes speed."""
    return Options(
        kernels=request.kernels,
        threads=request.threads,
        xnnpack_flags=request.xnnpack_flags,
        weight_cache=request.weight_cache,
        core=request.core,
        cpus=runner.cpus_for(request.core, request.threads),
        signature=request.signature,
        shapes=dict(request.shapes),
        inputs={name: str(path) for name, path in request.inputs.items()},
        seed=request.seed,
        rate=request.rate,
    )


def _schedule(plan: Plan, outcome: Outcome, pairing: Pairing | None) -> Schedule:
    return Schedule(
        max_seconds=plan.max_seconds,
        precision=plan.precision,
        processes=outcome.collector.processes,
        looks=outcome.looks,
        # Neither an endurance run nor a comparison goes on until the total's own interval is narrow.
        reached=None if plan.sustain or pairing else outcome.reached,
        complete=outcome.cause is None,
        sustain_seconds=plan.max_seconds if plan.sustain else None,
    )


def _conditions(outcome: Outcome, alignment: Alignment) -> dict[str, Any]:
    collector, load = outcome.collector, outcome.load
    return {
        **(asdict(load) if load else {"stolen_share": None, "other_busy": None}),
        "switches_per_second": collector.switches / collector.seconds if collector.seconds else None,
        "unsteady_processes": collector.unsteady,
        "reconnects": outcome.reconnects,
        "affinity_error": collector.affinity_error,
        "ended_by": _why(outcome.cause),
        "unread_events": _unread(alignment),
        **({"library_versions": sorted(collector.versions)} if collector.versions else {}),
        **({"device": outcome.device} if any(outcome.device.values()) else {}),
    }


def _seconds_needed(request: RunRequest, plan: Plan) -> dict[str, int]:
    """The time budget that a periodic run would have needed, if its own was too small for an interval."""
    needed = 0 if request.rate is None or plan.sustain else seconds_for_interval(request.rate)
    return {"seconds_needed": needed} if needed > plan.max_seconds else {}


def _why(cause: BaseException | None) -> str | None:
    if cause is None:
        return None
    return "Ctrl-C" if isinstance(cause, KeyboardInterrupt) else str(cause)


def _unread(alignment: Alignment) -> int:
    """Operators and kernels that no row counts."""
    used = {
        (number, event) for row in alignment.rows for number, events in row.events.items() for event in events
    }
    return sum(
        1
        for number, structure in enumerate(alignment.structures)
        for position, event in enumerate(structure.events)
        if event.type > 1 and (str(number), position) not in used
    )


def _noise_floor(profile: Profile) -> NoiseFloor:
    meta, table = profile.meta, profile.table
    if meta.deterministic and not meta.schedule.reached:
        return NoiseFloor()
    if meta.deterministic:
        return NoiseFloor(0.0, {row.layers[0]: 0.0 for row in meta.alignment.rows if row.kernel})
    plain = select_inferences(table, "plain", meta.unit)
    profiled = select_inferences(table, "profiled", meta.unit)
    if not len(plain.values) or not len(profiled.values):
        return NoiseFloor()
    total = stats.noise_floor(plain.values[:, np.newaxis], plain.process, plain.block)
    rows = row_samples(meta, table)
    layers = stats.noise_floor(rows, profiled.process, profiled.block, profiled.values)
    by_layer = {
        row.layers[0]: _finite(value)
        for row, value in zip(meta.alignment.rows, layers, strict=False)
        if row.kernel
    }
    return NoiseFloor(_finite(total[0]) if len(total) else None, by_layer)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
