"""Emulated cores count exactly: whatever surrounds a run, and the right core's kernels."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.test_sessions import blocks, run, short
from tflprof.model.build import build_network
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import Init, Structure


def counts(runner: Runner, request: RunRequest) -> list[tuple[object, ...]]:
    records = run(runner, request)
    inits: list[tuple[object, ...]] = [(item.v, item.value) for item in records if isinstance(item, Init)]
    return inits + [(item.v, item.phase, item.counter, item.value, item.events) for item in blocks(records)]


@pytest.mark.emulated
@pytest.mark.parametrize(
    ("target", "cost"),
    [("emulated:pixel2", "instructions"), ("emulated:rpi4", "instructions"), ("emulated:pixel2", "caches")],
)
def test_counts_are_equal_from_run_to_run(
    target: str, cost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = build_network("mobilenet_v1", size=32, width=0.25)
    seen = []
    for length in (1, 40, 90):
        place = tmp_path / ("d" * length)
        place.mkdir()
        copy = place / f"{'m' * length}.tflite"
        copy.write_bytes(content)
        monkeypatch.chdir(place)
        monkeypatch.setenv("SOME_VARIABLE", "v" * length * 50)
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        opened = open_runner(target, cost=cost)
        seen += [counts(opened, short(copy)), counts(opened, short(copy))]
        opened.close()
    assert all(one == seen[0] for one in seen)


@pytest.mark.emulated
def test_every_counter_of_every_event(tmp_path: Path) -> None:
    """In one inference, whatever counted: kernels lie within their call, and counters go together."""
    path = tmp_path / "model.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.5))
    opened = open_runner("emulated:pixel2", cost="caches")
    records = run(opened, short(path))
    opened.close()
    for variant in ("profiled", "plain"):
        by_counter = {item.counter: item for item in blocks(records, variant, "steady")}
        assert tuple(by_counter) == opened.counters == ("instructions", "cycles", "dram_lines")
        assert len({item.b for item in by_counter.values()}) == 1
    profiled = {item.counter: item for item in blocks(records, "profiled", "steady")}
    (structure,) = (record for record in records if isinstance(record, Structure))
    kernels = [at for at, event in enumerate(structure.events) if event.type == 8]
    for item in profiled.values():
        (events,) = item.events
        assert sum(events[at] for at in kernels) <= max(events) <= item.value[0]
    instructions, cycles = profiled["instructions"].events[0], profiled["cycles"].events[0]
    rates = [instructions[at] / cycles[at] for at in kernels]
    assert all(0.02 < rate < 4 for rate in rates)  # of a core that does two at once


@pytest.mark.emulated
def test_counts_beside_cycles_are_those_without(tmp_path: Path) -> None:
    """To the instruction: what it takes to read several counters is taken off."""
    path = tmp_path / "model.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.5))
    totals, kernels = [], []
    for cost in ("instructions", "caches"):
        opened = open_runner("emulated:pixel2", cost=cost)
        records = run(opened, short(path))
        opened.close()
        (structure,) = (record for record in records if isinstance(record, Structure))
        steady = [item for item in blocks(records, phase="steady") if item.counter == "instructions"]
        events = [item.events[0] for item in steady if item.v == "profiled"][-1]
        totals.append([item.value[0] for item in steady if item.v == "plain"][-1])
        kernels.append(
            [took for took, event in zip(events, structure.events, strict=True) if event.type == 8]
        )
    assert totals[0] == totals[1]
    assert kernels[0] == kernels[1]
    assert len(kernels[0]) > 25


@pytest.mark.emulated
def test_big_and_little_cores_have_different_kernels(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.5))
    opened = open_runner("emulated:pixel2", cost="instructions")
    totals = {}
    for core in ("big", "little", None):
        records = run(opened, replace(short(path), core=core, variants=("plain",)))
        totals[core] = blocks(records, phase="steady")[-1].value[0]
    opened.close()
    assert totals[None] == totals["big"]
    assert totals["little"] > 1.2 * totals["big"]
