"""Periodic runs, endurance runs and counters of the core, with the real library on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tflprof import profile_model
from tflprof.model.build import build_network
from tflprof.profile.profile import Profile

CORE = str(max(os.sched_getaffinity(0)))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("network") / "small.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    return path


def codes(profile: Profile) -> set[str]:
    return {finding.code for finding in profile.meta.findings}


def test_a_periodic_run(network: Path) -> None:
    profile = profile_model(network, target="host", core=CORE, rate=50.0, max_seconds=3)
    assert profile.meta.options.rate == 50.0
    assert profile.meta.conditions["deadlines"] > 0
    frame = profile.samples()
    steady = frame[(frame.kind == "inference") & (frame.phase == "steady")]
    assert steady.missed.notna().all()
    for _, process in steady.groupby("process"):
        blocks = process.groupby("block").agg(t=("t", "first"), count=("value", "size")).sort_values("t")
        lasted = (blocks.t.iloc[-1] - blocks.t.iloc[0]) / 1e9
        # A late wake-up of the first is what a period may lack.
        assert lasted >= (blocks["count"].iloc[:-1].sum() - 1) / 50.0


def test_an_endurance_run(network: Path) -> None:
    profile = profile_model(network, target="host", core=CORE, sustain=0.1)
    assert profile.meta.schedule.sustain_seconds == 6.0
    assert profile.meta.schedule.reached is None
    assert profile.meta.schedule.complete
    assert profile.sustained is not None
    course = profile.sustained.course
    assert course.seconds[-1] > 4.0
    assert np.all(np.diff(course.seconds) > 0)
    assert np.all(course.latency > 0)
    assert profile.sustained.conclusive
    assert not codes(profile) & {"interval-unknown", "interval-not-reached", "not-steady"}
    assert profile.summary.layers[0].estimate.typical


def test_the_core_is_known_of_every_thread_and_its_frequency_is_measured(network: Path) -> None:
    profile = profile_model(network, target="host", core=CORE, max_seconds=0.5)
    frame = profile.samples()
    steady = frame[(frame.kind == "inference") & (frame.phase == "steady")]
    assert (steady.chain_khz.notna() | steady.khz.notna()).all()
    assert profile.meta.conditions["frequency"]["usual_khz"] > 1_000
    if len(os.sched_getaffinity(0)) > 1:
        two = profile_model(network, target="host", core="big", threads=2, max_seconds=0.5).samples()
        assert two[two.kind == "inference"].worker_cores.map(len).min() >= 1


def test_counters_are_read_or_it_is_said_why_not(network: Path) -> None:
    profile = profile_model(network, target="host", core=CORE, pmu=True, max_seconds=0.5)
    if profile.counters is None:
        assert "pmu-unavailable" in codes(profile)
        assert "perf_event" in profile.meta.conditions["pmu_error"]
    else:
        assert "pmu-unavailable" not in codes(profile)
        assert profile.counters.n == profile.summary.total.n


@pytest.mark.parametrize("options", [["--rate", "30"], ["--sustain", "1"], ["--pmu"]])
def test_counting_instructions_has_no_time_to_measure(network: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "tflprof", "profile", str(network), "--target", "emulated:pixel2"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert f"{options[0]} needs a target that measures time" in done.stderr


def test_on_the_command_line(network: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tflprof", "profile", str(network), "--target", "host", "--core", CORE]
    done = subprocess.run(
        [*command, "--sustain", "0.05", "--rate", "100", "--json", "--html", str(tmp_path / "page.html")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    document = json.loads(done.stdout)
    assert document["options"]["rate"] == 100.0
    assert document["sustained"]["course"]["latency"]
    assert 'id="endurance"' in (tmp_path / "page.html").read_text(encoding="utf-8")
