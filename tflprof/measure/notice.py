"""What was noticed around the samples, for the conditions of a profile; what was disturbed is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tflprof import stats
from tflprof.measure.collect import Collector
from tflprof.measure.course import block_points, change_within, find_drift, find_modes, process_points, turns
from tflprof.measure.taint import frequency_trend, marked, temperatures
from tflprof.profile.samples import BlockSamples

PAUSE = 2.0
"""An inference that takes so many times the typical one of its process was interrupted."""


def notice(collector: Collector, *, as_it_is: bool) -> dict[str, Any]:
    """Mark the collector's disturbed blocks, and say what disturbed them; keys without a finding are left out.

    Where the speed is wanted ``as_it_is`` (endurance and periodic runs), changes of the frequency are not marked, and
    neither a drift nor two levels are looked for.
    """
    cores = _cores(collector)
    trend = frequency_trend(collector.blocks)
    collector.blocks, frequency, used = marked(collector.blocks, as_it_is=as_it_is)
    if cores is not None:
        cores["used"] = used
    missed, deadlines = _deadlines(collector)
    noticed: dict[str, Any] = {
        "other_cores": cores,
        "frequency": None if frequency is None else {**frequency, "end_to_start": trend},
        "temperature": temperatures(collector.blocks),
        "deadlines": deadlines or None,
        "missed_deadlines": missed if deadlines else None,
        "pmu_error": _counters(collector),
        "paused_share": _paused(collector.steady("plain")),
        **({} if as_it_is else _course(collector.steady("plain"))),
    }
    return {key: value for key, value in noticed.items() if value is not None}


def _deadlines(collector: Collector) -> tuple[int, int]:
    """Deadlines missed, and the inferences they belong to: settled ones, and none that profiling made longer."""
    periodic = [
        block
        for block in collector.blocks
        if block.phase == "steady" and block.variant == "plain" and block.missed is not None
    ]
    return sum(block.missed or 0 for block in periodic), sum(len(block.values) for block in periodic)


def _counters(collector: Collector) -> str | None:
    """Why performance counters are missing; those that were opened and never ran are named."""
    seen: dict[str, bool] = {}
    for block in collector.blocks:
        for name, counts in block.pmu.items():
            seen[name] = seen.get(name, False) or any(count >= 0 for count in counts)
    still = [name for name, counted in seen.items() if not counted]
    reasons = [collector.pmu_error] if collector.pmu_error else []
    if still:
        reasons.append(f"{', '.join(still)} never ran")
    return "; ".join(reasons) or None


def _cores(collector: Collector) -> dict[str, Any] | None:
    """How many steady inferences ended elsewhere than asked for, and where; None if none did."""
    steady = [block for block in collector.blocks if block.phase == "steady"]
    count = sum(int(np.sum(block.tainted)) for block in steady if not isinstance(block.tainted, bool))
    if not count:
        return None
    seen = {core for block in steady for core in (*block.cores, *(block.worker_cores or ()))}
    return {
        "inferences": count,
        "of": sum(len(block.values) for block in steady),
        "cores": sorted(core for core in seen - set(collector.cpus) if core >= 0),
    }


def _paused(blocks: Sequence[BlockSamples]) -> float | None:
    """Share of the measured time that went into pauses within inferences; None if there were none."""
    by_process: dict[int, list[int]] = {}
    for block in blocks:
        by_process.setdefault(block.process, []).extend(block.values)
    lost = whole = 0.0
    for durations in by_process.values():
        values = np.array(durations, dtype=np.float64)
        usual = stats.typical(values)
        lost += float((values[values > PAUSE * usual] - usual).sum())
        whole += float(values.sum())
    return lost / whole if lost > 0 else None


def _course(blocks: Sequence[BlockSamples]) -> dict[str, Any]:
    """A drift over the session, and two levels of the processes, or else of the blocks."""
    if not blocks:
        return {}
    processes = process_points(blocks)
    drift, modes, of, points = find_drift(processes), find_modes(processes), "processes", processes
    if modes is None:
        # Blocks of a process are no more independent than one.
        points, of = block_points(blocks), "blocks"
        modes = find_modes(points, len(processes))
    found: dict[str, Any] = {"change_within": change_within(blocks)}
    if drift is not None:
        found["drift"] = asdict(drift)
    if modes is not None:
        found["modes"] = {**asdict(modes), "of": of, "turns": turns(points, modes)}
    return found
