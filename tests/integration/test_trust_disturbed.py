"""Every finding of a measurement that goes wrong, provoked on a real run: real runner, real library, this machine.

The scripted libraries are the real one with more time added; nothing is asserted of how quiet the machine is.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests import disturbances
from tests.disturbances import scripted_library
from tflprof import profile_model
from tflprof.model.build import build_micro, build_network
from tflprof.profile.profile import Profile
from tflprof.targets.load import load_between, sample_load
from tflprof.workflow.profile import Interrupted

CORES = sorted(os.sched_getaffinity(0))
CORE = CORES[-1]
two_cores = pytest.mark.skipif(len(CORES) < 2, reason="there is no other core to move to")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("network") / "small.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=96, width=0.25))
    return path


def profiled(
    model: Path, disturbance: contextlib.AbstractContextManager[None] | None = None, **options: Any
) -> Profile:
    chosen: dict[str, Any] = {"target": "host", "core": str(CORE), "max_seconds": 3.0, "precision": 0.1}
    with disturbance or contextlib.nullcontext():
        return profile_model(model, **{**chosen, **options})


def messages(profile: Profile) -> dict[str, str]:
    """All that is said under a code."""
    found: dict[str, str] = {}
    for one in profile.meta.findings:
        found[one.code] = f"{found[one.code]}; {one.message}" if one.code in found else one.message
    return found


def severity(profile: Profile, code: str) -> str | None:
    """Of the gravest with a code; findings come gravest first."""
    return next((found.severity for found in profile.meta.findings if found.code == code), None)


def test_a_busy_loop_on_the_same_core(network: Path) -> None:
    profile = profiled(network, disturbances.busy_core(CORE))
    assert "of the measured core" in messages(profile)["host-busy"]
    assert profile.meta.verdict == "doubtful"


@two_cores
def test_a_process_that_is_moved(network: Path) -> None:
    profile = profiled(network, disturbances.moved_runners(CORES[0]))
    assert f"core {CORES[0]}" in messages(profile)["core-migrated"]
    assert severity(profile, "core-migrated") in {"doubt", "taint"}


def test_a_limit_on_the_time_of_a_cgroup(network: Path) -> None:
    try:
        profile = profiled(network, disturbances.limited(0.4))
    except disturbances.NoLimits as error:
        pytest.skip(f"no cgroup can be limited here: {error}")
    assert "a limit on CPU time (cgroup) was in force" in messages(profile)["host-busy"]
    assert any("lift the limit" in found.remedy for found in profile.meta.findings)


def test_a_process_that_is_stopped_now_and_then(network: Path) -> None:
    """What no statistics of the system show is seen in the inferences."""
    profile = profiled(network, disturbances.paused_runners(0.03))
    assert "inferences were held up for" in messages(profile)["host-busy"]


def test_a_runner_that_is_killed(network: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        profiled(network, disturbances.killed_runner(2))
    assert "SIGKILL" in messages(caught.value.profile)["partial-run"]
    assert caught.value.profile.meta.verdict == "doubtful"


def test_a_clock_that_changes(network: Path, tmp_path: Path) -> None:
    """The runner's time goes 30 % faster every other second: its core looks slower, and all that it does."""
    profile = profiled(network, disturbances.changing_clock(tmp_path, 1000, 30), max_seconds=5)
    assert "GHz, as measured" in messages(profile)["frequency-changed"]


@pytest.mark.parametrize(
    ("code", "script", "options", "words"),
    [
        ("drift", "process=5", {"max_seconds": 7.0}, "from the first to the last"),
        ("bimodal", "either=150", {"max_seconds": 9.0}, "took either"),
        ("not-steady", "grow=40", {"max_seconds": 13.0}, "from their first steady block to their last"),
        ("interval-not-reached", "scatter=100", {"max_seconds": 15.0}, "wanted was ±10.0%"),
        ("overhead-high", "profiled=60", {}, "profiling makes an inference"),
        ("unattributed-high", "always=30", {}, "of the total is in no layer"),
        ("too-few-samples", "least_us=300000", {"max_seconds": 1.0}, "fewer than 20"),
        ("interval-unknown", "least_us=300000", {"max_seconds": 1.0}, "could not be computed"),
    ],
)
def test_a_library_that_is_slower_at_times(
    network: Path, tmp_path: Path, code: str, script: str, options: dict[str, Any], words: str
) -> None:
    profile = profiled(network, runtime=scripted_library(tmp_path, script), **options)
    assert words in messages(profile)[code]


def test_a_library_with_a_sanitizer_and_of_no_known_version(network: Path, tmp_path: Path) -> None:
    library = scripted_library(tmp_path, "always=0", "-fsanitize=undefined")
    profile = profiled(network, runtime=library, max_seconds=0.5)
    assert "a sanitizer of undefined behaviour" in messages(profile)["runtime-debug"]
    assert severity(profile, "runtime-debug") == "doubt"
    assert "LiteRT of unknown version" in messages(profile)["runtime-mismatched"]
    assert severity(profile, "runtime-mismatched") == "note"


def test_a_library_that_is_replaced_while_it_is_measured(network: Path, tmp_path: Path) -> None:
    library = scripted_library(tmp_path / "now", "always=0")
    other = scripted_library(tmp_path / "other", "always=50")

    def replace_it(_: object) -> None:
        if other.exists():
            other.rename(library)

    profile = profiled(network, runtime=library, max_seconds=2, on_progress=replace_it)
    assert "changed while it was measured" in messages(profile)["runtime-mismatched"]
    assert severity(profile, "runtime-mismatched") == "doubt"


def test_the_interpreters_clock_is_coarse(tmp_path: Path) -> None:
    model = tmp_path / "one.tflite"
    model.write_bytes(build_micro("conv_2d"))
    profile = profiled(model, target="interpreter", core=None, max_seconds=1)
    found = messages(profile)
    assert "the clock's step is 1000 ns" in found["timer-coarse"]
    assert "longer" in found["overhead-high"]
    assert "whatever core" in found["not-pinned"]


def test_a_quiet_run_has_no_finding(network: Path) -> None:
    """As far as the machine is quiet: /proc/stat tells of no steal and of no other work."""
    before = sample_load(0.0)
    profile = profiled(network, max_seconds=12, precision=0.25)
    load = load_between(before, sample_load(12.0))
    assert load is not None
    # Work on the other cores, too, lengthens the start of a process, and an interval needs twenty.
    if load.stolen_share > 0 or load.other_busy > 0.1:
        pytest.skip(f"this machine is not quiet: {load}")
    assert messages(profile) == {}
    assert profile.meta.verdict == "ok"
