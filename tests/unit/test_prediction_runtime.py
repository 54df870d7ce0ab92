"""The benchmark with the library of the published times' day: its arithmetic and its report, without an emulator."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks.older_runtime import LIBRARY, Counts
from benchmarks.prediction_errors import Predicted
from benchmarks.prediction_runs import Emulated
from benchmarks.prediction_runtime import Compared, of_then, statistics, text
from benchmarks.published_times import Point, read_points
from tests.unit.test_prediction_benchmark import point


def dated(one: Point, date: str) -> Point:
    return replace(one, source=replace(one.source, date=date))


def compared(one: Point, today: float, then: float, cycles: int) -> Compared:
    """A time whose library of today takes 1000 cycles and instructions."""
    emulated = cast("Emulated", SimpleNamespace(count=lambda _: 1000.0))
    counts = Counts(900, cycles, 0, 1e9, 10.0)
    return Compared(Predicted(one, today), Predicted(one, then), emulated, counts)


def test_memory_takes_as_long_at_every_clock() -> None:
    counts = Counts(instructions=1, cycles=3000, dram_lines=100, hertz=1e9, dram_line_cycles=10.0)
    assert counts.ms(1e9) == pytest.approx(0.003)
    assert counts.ms(2e9) == pytest.approx(0.002)
    assert counts.ms(1e18) == pytest.approx(0.001)


def test_more_lines_than_cycles_are_all_of_the_time() -> None:
    counts = Counts(instructions=1, cycles=500, dram_lines=100, hertz=1e9, dram_line_cycles=10.0)
    assert counts.ms(2e9) == counts.ms(1e9) == pytest.approx(0.0005)


@pytest.mark.parametrize(
    ("date", "older"), [("2019-12-12", True), ("2023-02-08", True), ("2024-11-24", False)]
)
def test_a_time_is_of_the_library_that_is_nearer_in_age(date: str, older: bool) -> None:
    assert of_then(dated(point(1.0), date)) is older


def test_published_times_are_of_both_ages() -> None:
    assert {of_then(one) for one in read_points() if one.use != "listed"} == {True, False}


def test_statistics_of_both_libraries_and_with_the_times_that_are_later() -> None:
    small = point(10.0, "mobilenet_v3_small")
    rows = [compared(point(100.0), 110.0, 105.0, 955), compared(small, 9.0, 10.0, 1111)]
    found = {title: (today, then) for title, today, then in statistics(rows, [Predicted(point(50.0), 65.0)])}
    today, then = found["no anchor: times up to 2023"]
    assert today.worst == pytest.approx(0.1)
    assert then.worst == pytest.approx(0.05)
    today, then = found["one anchor, every choice of it: times up to 2023"]
    assert today.worst == pytest.approx(1.1 / 0.9 - 1)
    assert then.worst == pytest.approx(0.05)
    assert found["no anchor: all times, later ones of today"][1].count == 3


def test_the_report_has_a_row_for_every_time() -> None:
    found = text([compared(point(100.0), 110.0, 105.0, 955)], [])
    assert "| a | cortex-a73 | mobilenet_v1 | float32 | 100 ms | +10.0% | +5.0% | 0.900 | 0.955 |" in found


def test_the_program_asks_for_counts_as_the_runner_does() -> None:
    root = Path(__file__).resolve().parents[2]
    hint = re.search(r"COUNTER_HINT = (\d+)", (root / "android_runner" / "counters.h").read_text())
    assert hint is not None
    assert f"{0xD503201F | int(hint[1]) << 5:#x}" in (root / "benchmarks" / "older_runtime.c").read_text()


def test_the_library_is_pinned() -> None:
    assert LIBRARY.wheel is not None
    assert LIBRARY.wheel.requirement.endswith(f"=={LIBRARY.version}")
    assert len(LIBRARY.sha256) == len(LIBRARY.wheel.sha256) == 64
