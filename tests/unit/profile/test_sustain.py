"""The course of an endurance run, and what the core's counters say, read from the samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.factories import make_profile, sustained
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter


def profile_of(*blocks: dict[str, Any], sustain: float | None = 60.0) -> Profile:
    writer = SampleWriter()
    for number, values in enumerate(blocks):
        common: dict[str, Any] = {
            "process": 0,
            "block": number,
            "round": number,
            "phase": "steady",
            "variant": "plain",
            "counter": "ns",
            "t": number * 10**9,
            "khz": None,
            "cores": [1] * len(values["values"]),
        }
        writer.add_block(BlockSamples(**{**common, **values}))
    meta = make_profile(processes=1, blocks=1, inferences=1).meta
    return Profile(replace(meta, schedule=replace(meta.schedule, sustain_seconds=sustain)), writer.table())


def test_a_point_for_every_steady_plain_block() -> None:
    profile = profile_of(
        {"values": [5], "phase": "warmup"},
        {"values": [10, 30, 20], "khz": 1_000, "chain_khz": 1_100, "millicelsius": 40_000},
        {"values": [11, 12], "variant": "profiled", "structures": [0, 0], "events": [[1], [1]]},
        {"values": [40], "khz": 2_000},
        {"values": [50, 60], "tainted": [True, False]},
    )
    assert profile.sustained is not None
    course = profile.sustained.course
    assert course.seconds.tolist() == [0.0, 2.0, 3.0]
    assert course.latency.tolist() == [20.0, 40.0, 60.0]
    assert np.array_equal(course.khz, [1_100, 2_000, np.nan], equal_nan=True)
    assert np.array_equal(course.celsius, [40.0, np.nan, np.nan], equal_nan=True)
    assert profile.sustained.conclusive is False
    assert profile.sustained.throttling is None


def test_other_measurements_have_no_course() -> None:
    assert profile_of({"values": [1]}, sustain=None).sustained is None


def test_a_run_that_gave_nothing() -> None:
    profile = profile_of({"values": [1], "phase": "warmup"})
    assert profile.sustained is not None
    assert len(profile.sustained.course.seconds) == 0


def test_a_device_that_was_restarted_does_not_turn_time_back() -> None:
    profile = profile_of(
        {"values": [1], "t": 900 * 10**9},
        {"values": [1], "t": 901 * 10**9},
        {"values": [1], "t": 5 * 10**9, "process": 1},
        {"values": [1], "t": 7 * 10**9, "process": 1},
    )
    assert profile.sustained is not None
    assert profile.sustained.course.seconds.tolist() == [0.0, 1.0, 1.0, 3.0]


def test_the_throttling_point() -> None:
    profile = sustained(blocks=300, slow_from=120, slowdown=1.4)
    assert profile.sustained is not None
    found = profile.sustained.throttling
    assert found is not None
    assert abs(found.seconds - 120) <= 2
    assert found.slowdown == pytest.approx(0.4, abs=0.01)
    assert (found.khz_before, found.khz_after) == (2_400_000, pytest.approx(2_400_000 / 1.4, abs=1))
    assert found.celsius == pytest.approx(65.0, abs=1)


def test_counters_are_medians_and_ratios_of_the_same_inference() -> None:
    pmu = {"cycles": [200, 800, -1], "instructions": [300, 1600, 50]}
    profile = profile_of({"values": [100, 200, 300], "pmu": pmu}, sustain=None)
    counters = profile.counters
    assert counters is not None
    assert (counters.cycles, counters.instructions, counters.cache_refills) == (500.0, 300.0, None)
    assert counters.instructions_per_cycle == 1.75
    assert counters.effective_ghz == 3.0
    assert counters.n == 3


def test_counters_of_profiled_and_disturbed_inferences_do_not_count() -> None:
    profiled = {"variant": "profiled", "structures": [0], "events": [[1]], "values": [9]}
    profile = profile_of(
        {**profiled, "pmu": {"cycles": [99]}},
        {"values": [5], "pmu": {"cycles": [10]}, "tainted": True},
        {"values": [5], "pmu": {"cycles": [20]}},
        sustain=None,
    )
    assert profile.counters is not None
    assert (profile.counters.cycles, profile.counters.n) == (20.0, 1)


def test_without_counters_there_is_no_summary() -> None:
    assert make_profile().counters is None
