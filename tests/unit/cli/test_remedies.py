"""Remedies that can be typed as they are shown, with and without an adb in the path."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NoReturn

import pytest

from tests.unit.cli.conftest import Run
from tflprof.errors import TargetError
from tflprof.targets.adb.client import AdbServer, Phone


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch) -> str:
    """The adb that adbutils brings, where it is the only one; skipped where adbutils brings none."""
    from adbutils import AdbError, adb_path

    monkeypatch.delenv("ADBUTILS_ADB_PATH", raising=False)
    monkeypatch.setenv("PATH", "")
    try:
        return shlex.quote(adb_path())
    except AdbError:
        pytest.skip("adbutils brings no adb for this platform")


@pytest.fixture
def in_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("ADBUTILS_ADB_PATH", raising=False)
    adb = folder / "adb"
    adb.write_text("#!/bin/sh\n")
    adb.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return "adb"


@pytest.mark.parametrize("where", ["bundled", "in_path"])
def test_commands_of_remedies_name_an_adb_that_is_there(
    run: Run, where: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    adb = request.getfixturevalue(where)
    monkeypatch.setenv("COLUMNS", "500")
    monkeypatch.setattr(AdbServer, "phones", lambda _self: [Phone("AAA", "offline")])
    told = f"plug the cable in again, or `{adb} reconnect`; a wireless phone: `{adb} disconnect`, `{adb} connect`"
    assert told in run("clean", "--target", "adb:AAA").stderr
    assert told in run("targets").stdout


def test_without_any_adb_remedies_say_adb(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from adbutils import AdbError

    def no_adb() -> NoReturn:
        raise AdbError("none")

    def clean(*_args: object, **_options: object) -> NoReturn:
        raise TargetError("lost", "`adb devices -l` shows what adb sees")

    monkeypatch.setattr("adbutils.adb_path", no_adb)
    monkeypatch.setattr("tflprof.workflow.clean.clean", clean)
    assert "→ `adb devices -l` shows" in run("clean").stderr
