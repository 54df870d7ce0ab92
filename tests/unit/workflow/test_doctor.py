"""The doctor: phones, trial runs, and that nothing makes it stumble."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.workflow.machines import UBUNTU, raising, system
from tflprof.errors import TargetError
from tflprof.workflow import doctor
from tflprof.workflow.checkup import host, phones, runs
from tflprof.workflow.checkup.check import Check
from tflprof.workflow.doctor import examine, working_targets

__all__ = ["system"]


class Server:
    """An adb server that knows these phones."""

    port = 5037

    def __init__(self, listing: str | Exception) -> None:
        self.listing = listing

    def __str__(self) -> str:
        return "the adb server"

    def ask(self, request: str) -> str:
        if isinstance(self.listing, Exception):
            raise self.listing
        return self.listing


def adb(monkeypatch: pytest.MonkeyPatch, listing: str | Exception) -> list[Check]:
    monkeypatch.setattr(phones, "AdbServer", lambda: Server(listing))
    monkeypatch.setattr(phones, "find_adb", lambda: "/usr/bin/adb")
    return phones.check_adb()


def test_phones_and_their_states(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = "GOOD device model:Pixel_2\nBAD unauthorized\n"
    server, good, bad = adb(monkeypatch, listing)
    assert server.status == "ok"
    assert (good.name, good.status, good.target) == ("adb:GOOD", "ok", "adb:GOOD")
    assert (bad.status, bad.target) == ("limited", None)
    assert bad.remedy


def test_no_phone_and_no_server_are_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [check.status for check in adb(monkeypatch, "")] == ["ok", "unused"]
    (found,) = adb(monkeypatch, TargetError("the adb server does not run"))
    assert (found.status, "start-server" in (found.remedy or "")) == ("unused", True)


def test_no_adb_server_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("something was started")

    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "9")
    monkeypatch.setattr(subprocess, "run", started)
    assert phones.check_adb()[0].status == "unused"


def answer(monkeypatch: pytest.MonkeyPatch, status: int, stdout: str = "", stderr: str = "") -> None:
    done = SimpleNamespace(returncode=status, stdout=stdout, stderr=stderr)
    monkeypatch.setattr(runs.subprocess, "run", lambda *_, **__: done)


def test_a_trial_tells_what_the_run_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: Any
) -> None:
    system(UBUNTU)
    answer(monkeypatch, 3, stderr="INFO: x\ntflprof: error: no emulator\n  → apt-get install qemu-user\n")
    found = runs.try_target("emulated:pixel2", tmp_path)
    assert (found.status, found.detail) == ("missing", "a tiny run ended with 3: no emulator")
    assert found.remedy == "sudo apt-get install qemu-user"
    answer(monkeypatch, -11)
    assert "--target host" in (runs.try_target("host", tmp_path).remedy or "")


def test_counts_that_differ_are_no_success(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = {"unit": "ns", "provenance": "predicted", "total": {"typical": 9, "instructions": 20}}
    for reached, status in ((False, "limited"), (True, "ok")):
        answer(monkeypatch, 0, json.dumps({**facts, "schedule": {"reached": reached}}))
        found = runs.try_target("emulated:pixel2", tmp_path)
        assert found.status == status
        assert (
            found.detail == "a tiny model takes 9 ns [predicted], 20 instructions, the same twice"
        ) == reached


def test_a_trial_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs.subprocess, "run", raising(subprocess.TimeoutExpired("x", 90)))
    found = runs.try_target("host", tmp_path)
    assert (found.status, "did not end within" in found.detail) == ("missing", True)


def looks(monkeypatch: pytest.MonkeyPatch, **found: Any) -> list[Check]:
    """What is found if these are all that is looked at."""
    for name, look in found.items():
        monkeypatch.setattr(host, name, look, raising=False)
    monkeypatch.setattr(doctor, "_MACHINE", tuple(("group", name, f"host.{name}", 0.3) for name in found))
    monkeypatch.setattr(doctor, "_LOOKS", (("group", "lost", "no_such_module.look", 0.3),))
    monkeypatch.setattr(doctor, "_RUNS", ())
    return examine()


def test_whatever_goes_wrong_in_a_look_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    found = looks(
        monkeypatch,
        good=lambda: Check("good", "ok", "fine"),
        many=lambda: [Check("one", "ok", ""), Check("two", "ok", "")],
        broken=raising(ZeroDivisionError("surprise")),
        refused=raising(TargetError("not here", "go there")),
        slow=lambda: time.sleep(20),
    )
    assert [(check.name, check.status) for check in found] == [
        ("good", "ok"),
        ("one", "ok"),
        ("two", "ok"),
        ("broken", "limited"),
        ("refused", "missing"),
        ("slow", "limited"),
        ("lost", "limited"),
    ]
    told = {check.name: check for check in found}
    assert "ZeroDivisionError: surprise" in told["broken"].detail
    assert told["refused"].remedy == "go there"
    assert "gave no answer" in told["slow"].detail
    assert {check.group for check in found} == {"group"}


def test_targets_work_if_their_trial_did() -> None:
    checks = [
        Check("host", "ok", "", target="host"),
        Check("interpreter", "missing", "", target="interpreter"),
        Check("emulated", "limited", "", target="emulated:pixel2"),
        Check("clock", "ok", ""),
    ]
    assert working_targets(checks) == ["host", "emulated:pixel2"]


def test_without_a_temporary_folder_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", raising(OSError("full")))
    monkeypatch.setattr(doctor, "_MACHINE", ())
    monkeypatch.setattr(doctor, "_LOOKS", ())
    assert {check.status for check in examine()} == {"missing"}
