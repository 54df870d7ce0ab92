"""The benchmarks of emulated cores: what an emulation's profile tells, and how runs' surroundings differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.emulation_repeat import COUNTED, digest, repeated_rows, surroundings
from benchmarks.prediction_runs import Emulated
from tests.predictions import HERTZ, predicted
from tflprof.profile.store import write_profile
from tflprof.targets.cost_table import CoreCosts
from tflprof.targets.phone import Memory

COSTS = CoreCosts("cortex-a73", "caches", HERTZ, 4, "", "c" * 64, 20.0, None)


def emulated(**options: object) -> Emulated:
    return Emulated(predicted(**options), COSTS, 1.0)  # type: ignore[arg-type]


def test_counts_and_layers_of_an_emulation() -> None:
    one = emulated()
    assert one.count("cycles") == pytest.approx(0.6 * one.count("instructions"), rel=0.01)
    assert one.count("nothing") == 0
    layers = {layer.info.id: layer.estimate.typical or 0.0 for layer in one.profile.summary.layers}
    assert one.ns_of(set()) == pytest.approx(sum(layers.values()))
    first = next(iter(layers))
    assert one.ns_of({first}) == layers[first]


def test_memory_does_not_follow_the_clock() -> None:
    """In 100 instructions: 60 cycles, of which one line of memory takes 20."""
    one = emulated()
    memory = one.count("dram_lines") * 20 / one.count("cycles")
    assert memory == pytest.approx(1 / 3, rel=0.05)
    assert one.at_clock(HERTZ) == pytest.approx(1.0)
    assert one.at_clock(HERTZ / 2) == pytest.approx(memory + 2 * (1 - memory))
    assert one.at_clock(HERTZ * 1e9) == pytest.approx(memory)


def test_several_threads_take_another_time() -> None:
    memory = Memory(read_gb_s=10.0, multi_gb_s={2: 15.0, 4: 20.0}, latency_ns=100.0, l3_line_ns=None)
    one = replace(emulated(), costs=replace(COSTS, memory=memory, dram_line_cycles=0.0))
    assert one.on_threads(1) == pytest.approx(one.ns)
    assert one.on_threads(4) != one.ns


def test_a_digest_is_of_counts_only(tmp_path: Path) -> None:
    found = []
    for number, per_instruction in enumerate((0.6, 0.6, 0.7)):
        path = tmp_path / f"{number}.parquet"
        write_profile(predicted(cycles_per_instruction=per_instruction), path)
        found.append(digest(path))
    assert found[0] == found[1]
    assert found[0]["sha256"] != found[2]["sha256"]
    assert found[0]["instructions"] == found[2]["instructions"]
    assert set(COUNTED) <= set(found[0])
    ((name, runs, different, *counts),) = repeated_rows({"m": found})
    assert (name, runs, different) == ("m", "3", "2")
    assert len(counts) == len(COUNTED)


def test_twenty_runs_differ_in_everything_in_many_ways() -> None:
    runs = [surroundings(run) for run in range(20)]
    assert not any(runs[0].values())
    for what in runs[0]:
        assert 4 <= sum(run[what] for run in runs) <= 16
    assert len({tuple(run.values()) for run in runs}) >= 12
