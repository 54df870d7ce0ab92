"""The scripts behind `make`, with shell scripts in the place of tflprof and of Debian's tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
REMEDY = "put QEMU 7.2 first on the PATH"


def program(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(name: str, folder: Path, usable: bool, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script where tflprof calls the emulated phone usable or not; what it is asked to do is in `asked`."""
    trouble = {"reason": "QEMU 9.2 does not fit", "remedy": REMEDY}
    target = {"name": "emulated:pixel2", "usable": usable} | (trouble if not usable else {})
    (folder / "targets.json").write_text(json.dumps({"targets": [{"name": "host", "usable": True}, target]}))
    tflprof = f'[ "$1" = targets ] && exec cat "{folder}/targets.json"\necho "$@" >>"{folder}/asked"'
    program(folder / "venv/bin/tflprof", tflprof)
    program(folder / "venv/bin/python", f'exec "{sys.executable}" "$@"')
    # An emulator that has plugins by its own word, and packages that are all there.
    program(folder / "bin/qemu-aarch64", "echo -- -plugin")
    program(folder / "bin/dpkg-query", f'echo "$@" >>"{folder}/asked"\nprintf installed')
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", SCRIPTS / name],
        cwd=folder,
        env=os.environ | {"VENV": str(folder / "venv"), "PATH": path, "MODEL": "m.tflite"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.parametrize(("usable", "target"), [(True, "emulated:pixel2"), (False, "host")])
def test_profile_falls_back_to_the_host_by_what_tflprof_says(
    tmp_path: Path, usable: bool, target: str
) -> None:
    done = run("profile.sh", tmp_path, usable, TARGET="")
    assert f"--target {target} " in (tmp_path / "asked").read_text()
    assert (REMEDY in done.stdout) == (not usable)


def test_a_target_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    run("profile.sh", tmp_path, False, TARGET="emulated:rpi4")
    assert "--target emulated:rpi4 " in (tmp_path / "asked").read_text()


def test_setting_up_emulation_installs_only_what_is_missing_and_says_what_remains(tmp_path: Path) -> None:
    assert run("setup_emulation.sh", tmp_path, True).stderr == ""
    assert not (tmp_path / "asked").exists()
    assert REMEDY in run("setup_emulation.sh", tmp_path, False).stderr
    assert "qemu-user" in (tmp_path / "asked").read_text()


def test_every_benchmark_without_arguments_of_its_own_is_run() -> None:
    root = SCRIPTS.parent
    rule = next(
        line for line in (root / "Makefile").read_text().splitlines() if line.startswith("BENCHMARKS")
    )
    runnable = {path.stem for path in (root / "benchmarks").glob("*.py") if "__main__" in path.read_text()}
    # One replays a bank, the other is run by adb_overhead.
    assert set(rule.split()[2:]) == runnable - {"coverage_replay", "adb_child"}
