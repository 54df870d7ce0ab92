"""``tflprof doctor`` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tflprof.errors import EnvironmentFault, TargetError
from tflprof.targets.build_log import CommandFailed
from tflprof.targets.emulator import Emulator
from tflprof.workflow.checkup.check import Check

Built = list[Callable[[str, float | None, str], object]]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """What the doctor finds."""
    checks = [Check("host", "ok", "a tiny model takes 868 ns", target="host", group="targets")]
    monkeypatch.setattr("tflprof.workflow.doctor.examine", lambda _tell: checks)
    return checks


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Built:
    calls: Built = []

    def build(on_progress: Callable[[str, float | None, str], object]) -> Path:
        calls.append(on_progress)
        on_progress("compile", 0.5, "7 of 14")
        return Path("cache/qemu-aarch64")

    monkeypatch.setattr("tflprof.targets.emulator_build.build_emulator", build)
    return calls


def test_a_target_that_works_is_success(run: Run, found: list[Check], built: Built) -> None:
    found.append(
        Check("emulator", "missing", "it is not installed", "apt-get install qemu-user", group="emulated")
    )
    result = run("doctor")
    assert result.exit_code == 0
    assert "tflprof works here: --target host" in result.stdout
    assert "→ apt-get install qemu-user" in result.stdout
    assert built == [], "nothing is built unless it is asked for"


def test_no_target_at_all_is_3(run: Run, found: list[Check]) -> None:
    found[0] = Check("host", "missing", "the runner is not built", target="host", group="targets")
    result = run("doctor", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["works"] is False


def test_an_emulator_is_built_on_request_and_what_is_done_said_before(
    run: Run, found: list[Check], built: Built
) -> None:
    result = run("doctor", "--build-emulator", "-v")
    assert (result.exit_code, len(built)) == (0, 1)
    said = result.stderr
    assert said.index("are fetched from Debian") < said.index("compile 50%: 7 of 14")
    assert "the emulator is cache/qemu-aarch64" in said


def test_an_emulator_that_cannot_be_built_is_an_error(
    run: Run, found: list[Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        raise EnvironmentFault("building an emulator needs gcc", "apt-get install gcc")

    monkeypatch.setattr("tflprof.targets.emulator_build.build_emulator", build)
    result = run("doctor", "--build-emulator")
    assert result.exit_code == 3
    assert "building an emulator needs gcc\n  → apt-get install gcc" in result.stderr


def test_the_end_of_what_a_failed_build_said_is_shown(
    run: Run, found: list[Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        raise CommandFailed("QEMU cannot be compiled: ninja ended with 1", "see", ["one", "two\x1b[31m"])

    monkeypatch.setattr("tflprof.targets.emulator_build.build_emulator", build)
    result = run("doctor", "--build-emulator")
    assert result.exit_code == 3
    assert "  one\n  two\\x1b[31m\ntflprof: error: QEMU cannot be compiled" in result.stderr


@pytest.mark.parametrize("first", [True, False])
def test_an_emulator_that_is_used_before_the_built_one_is_named(
    first: bool, run: Run, found: list[Check], built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find() -> Emulator:
        if not first:
            raise TargetError("none")
        return Emulator(Path("/usr/bin/qemu-aarch64"), "7.2", 1)

    monkeypatch.setattr("tflprof.targets.emulator.find_emulator", find)
    result = run("doctor", "--build-emulator")
    assert result.exit_code == 0
    told = (
        "/usr/bin/qemu-aarch64 fits, too, and is used before it; to use this one: export TFLPROF_QEMU=cache/"
    )
    assert (told in result.stderr) == first
