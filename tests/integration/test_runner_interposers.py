"""What an inference library is answered when it asks the system, inside the runner as it is shipped."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import pytest

from android_runner import build
from android_runner.tests.harness import FAKE, FLAGS, Runner


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fake") / "libfake.so"
    sources = [str(source) for source in sorted(FAKE.glob("*.c"))]
    subprocess.run(["gcc", *FLAGS, "-shared", "-fPIC", *sources, "-o", str(path)], check=True)
    return path


@pytest.fixture
def runner(library: Path, tmp_path: Path) -> Runner:
    build.build()
    return Runner(build.DEFAULT_OUT / f"tflprof-runner-linux-{platform.machine()}", library, tmp_path)


def answers(runner: Runner, script: str = "", **settings: object) -> dict[str, list[dict[str, str]]]:
    """The answers of every run, by variant."""
    trace = runner.folder / "trace"
    assert runner.run(script=f"ask=1;trace={trace};{script}", **settings).status == 0
    found: dict[str, list[dict[str, str]]] = {"plain": [], "profiled": []}
    for variant, text in re.findall("^asked (plain|profiled) (.*)$", trace.read_text(), re.MULTILINE):
        found[variant].append(dict(pair.split("=") for pair in text.split()))
    assert all(found.values())
    return found


def test_profiled_runs_have_a_fine_clock_and_no_memory_usage(runner: Runner) -> None:
    answered = answers(runner)
    for answer in answered["plain"]:
        assert (answer["status"], answer["maxrss"]) == ("1", "1")
        assert 2 <= int(answer["ms"]) < 1000
    for answer in answered["profiled"]:
        assert (answer["status"], answer["maxrss"]) == ("0", "0")
        assert int(answer["ms"]) >= 2000


def test_the_processor_can_be_made_up(runner: Runner) -> None:
    for runs in answers(runner, guest_cpu=7, hwcap="4ff", hwcap2="2").values():
        assert {(a["cpu"], a["hwcap"], a["hwcap2"]) for a in runs} == {("7", "4ff", "2")}


def test_the_processor_is_the_real_one_otherwise(runner: Runner) -> None:
    (real,) = {(a["hwcap"], a["hwcap2"]) for runs in answers(runner).values() for a in runs}
    assert real[0] != "4ff"
    (made_up,) = {
        (a["hwcap"], a["hwcap2"])
        for runs in answers(runner, hwcap="4ff").values()
        for a in runs
        if a["hwcap"] == "4ff"
    }
    assert made_up == ("4ff", real[1])


def test_the_core_told_is_the_core_recorded(runner: Runner) -> None:
    assert {core for b in runner.run(guest_cpu=7).blocks() for core in b["core"]} == {7}


def test_counts_are_served_as_microseconds(runner: Runner) -> None:
    """The counter stands still while the library asks, and so does its clock, in every variant."""
    page = runner.folder / "page"
    page.write_bytes(bytes(4096))
    for runs in answers(runner, f"page={page};counts=5", mode="count", counter_page=page).values():
        assert {answer["ms"] for answer in runs} == {"0"}
