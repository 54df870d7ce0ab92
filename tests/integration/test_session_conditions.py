"""What sessions that measure time notice around inferences: the same with the native runner and with Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.test_sessions import blocks, run, short
from tflprof.model.build import build_network
from tflprof.runner.interface import Runner
from tflprof.runner.open import open_runner
from tflprof.runner.records import Hello, Memory, Pmu


@pytest.fixture(scope="module", params=["host", "interpreter"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    opened = open_runner(request.param)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "network.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    return path


def test_a_periodic_run_keeps_to_its_grid(runner: Runner, model: Path) -> None:
    records = run(runner, replace(short(model), rate=100.0, fill=False, seconds=0.1))
    steady = blocks(records, phase="steady")
    assert all(item.missed is not None and item.missed >= 0 for item in blocks(records))
    between = sum(len(item.value) for item in steady[:-1])
    assert between > 2
    # None begins before its time; the first may begin after it.
    assert steady[-1].t - steady[0].t > (between - 1) * 10_000_000


def test_inferences_that_follow_each_other_miss_nothing(runner: Runner, model: Path) -> None:
    assert {item.missed for item in blocks(run(runner, short(model)))} == {None}


def test_cores_of_all_threads(runner: Runner, model: Path) -> None:
    records = run(runner, replace(short(model), threads=2))
    hello = records[0]
    assert isinstance(hello, Hello)
    for item in blocks(records):
        threads = [thread for thread, _ in item.workers]
        assert hello.pid in threads
        # Each compiled model has a thread of its own beside the one that runs both.
        assert 2 <= len(threads) == len(set(threads)) <= 3


def test_memory_and_switches(runner: Runner, model: Path) -> None:
    records = run(runner, short(model))
    for record in records:
        if isinstance(record, Memory):
            assert record.peak_bytes >= record.current_bytes > 1 << 20
    assert all(item.nivcsw is not None and item.nivcsw >= 0 for item in blocks(records))


def test_counters_are_there_or_it_is_said_why_not(runner: Runner, model: Path) -> None:
    records = run(runner, replace(short(model), pmu=True))
    (pmu,) = (record for record in records if isinstance(record, Pmu))
    assert set(pmu.counters) <= {"cycles", "instructions", "cache_refills"}
    assert len(pmu.counters) == 3 or pmu.error
    for item in blocks(records):
        assert set(item.pmu or {}) == set(pmu.counters)
        assert all(len(counts) == len(item.value) for counts in (item.pmu or {}).values())
