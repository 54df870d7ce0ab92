"""The doctor on this very machine, and with something taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "tflprof", "doctor"]


def doctor(folder: Path, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Exit status, the document, and what was said."""
    # Without a port for it there is no adb server.
    more = {"ANDROID_ADB_SERVER_PORT": "9", "TMPDIR": str(folder), **environment}
    done = subprocess.run(
        [*COMMAND, "--json"],
        cwd=folder,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in document["checks"]}


@pytest.mark.emulated
def test_what_works_here(tmp_path: Path) -> None:
    status, document, said = doctor(tmp_path)
    assert (status, document["works"], said) == (0, True, "")
    assert {"host", "interpreter", "emulated:pixel2"} <= set(document["targets"])
    found = by_name(document)
    for name in ("Python", "packages", "LiteRT", "emulator", "arm64 LiteRT", "temporary files"):
        assert found[name]["status"] == "ok", found[name]
    assert found["adb"]["status"] == "unused"
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_told_and_nothing_is_mended(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (tmp_path / "bin").mkdir()
    status, document, said = doctor(
        tmp_path,
        PATH=str(tmp_path / "bin"),
        XDG_CACHE_HOME=str(cache),
        PIP_NO_INDEX="1",
        TFLPROF_QEMU="",
    )
    found = by_name(document)
    assert (status, said) == (0, "")
    assert "host" in document["targets"]
    assert "emulated:pixel2" not in document["targets"]
    assert found["emulator"]["status"] == "missing"
    assert "qemu-user" in found["emulator"]["remedy"]
    assert found["arm64 LiteRT"]["status"] == "missing"
    assert "Traceback" not in json.dumps(document)
    assert not cache.exists()
