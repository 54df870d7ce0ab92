"""Files of every schema version that there was are read by this version; they are never written anew."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tflprof.profile.schema import SCHEMA_VERSION
from tflprof.profile.store import read_profile

DATA = Path(__file__).parents[2] / "data"


def test_there_is_a_file_of_every_version() -> None:
    assert all((DATA / f"profile_v{version}.parquet").is_file() for version in range(1, SCHEMA_VERSION + 1))


def test_version_3() -> None:
    """The first with predicted times, which stand beside the counters they were made of."""
    profile = read_profile(DATA / "profile_v3.parquet")
    prediction = profile.meta.prediction
    assert prediction is not None
    assert (prediction.mode, prediction.core, prediction.hertz) == ("caches", "cortex-a73", 2_457_600_000)
    assert (prediction.scale, len(prediction.anchors), prediction.ratio_error) == (1.07, 1, 0.06)
    assert set(profile.samples()["counter"]) == {"instructions", "cycles", "dram_lines", "ns", "bytes"}
    total, counts = profile.summary.total, profile.summary.instructions
    assert (total.typical, total.n) == (862_363.0, 2)
    assert total.lo == pytest.approx(862_363 * math.exp(-0.08))
    assert counts is not None
    assert counts.total.typical == 3_301_158


def test_version_2() -> None:
    """The first with conditions, a tainted inference, counters of the core and a rate."""
    profile = read_profile(DATA / "profile_v2.parquet")
    assert (profile.meta.options.rate, profile.meta.schedule.sustain_seconds) == (30.0, None)
    frame = profile.samples()
    steady = frame[(frame.kind == "inference") & (frame.phase == "steady")]
    last = steady.iloc[-1]
    assert (last.khz, last.khz_before, last.chain_khz, last.chain_khz_before) == (2_000, 1_900, 1_990, 1_890)
    assert (last.millicelsius, last.millicelsius_before, last.missed) == (41_000, 40_000, 1)
    assert list(last.worker_cores) == [4, 5]
    assert list(steady.tainted) == [False, True, False]
    counts = frame[frame.kind == "pmu"]
    assert [*zip(counts.counter, counts.value, counts.inference, strict=True)] == [
        ("cycles", 700, 1),
        ("cycles", 720, 2),
        ("instructions", 900, 0),
        ("instructions", 910, 1),
        ("instructions", 920, 2),
    ]


def test_version_1() -> None:
    profile = read_profile(DATA / "profile_v1.parquet")
    assert profile.meta.model.name == "mobilenet_v1_1.0_224"
    assert profile.meta.unit == "ns"
    assert len(profile.samples()) == 960
    assert profile.samples()[["khz_before", "chain_khz", "missed", "worker_cores"]].isna().all(axis=None)
    assert profile.meta.options.rate is None
    summary = profile.summary
    assert summary.total.n == 100
    assert summary.total.median == 3260824.0
    assert [layer.group for layer in summary.layers] == [None, None, "0/2", "0/2", None, None, None, None]
