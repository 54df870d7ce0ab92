"""Many models on this machine, as a user runs them: faults, resuming, signals, pipes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tflprof.model.build import build_micro, build_network
from tflprof.profile.store import read_profile

QUICK = ("--target", "host", "--max-seconds", "0.6")


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "tflprof", *map(str, args)]


def tflprof(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*args), cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "summary.json").read_text())
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, kind in (("x/net", "conv_2d"), ("y/net", "fully_connected"), ("add", "add")):
        path = tmp_path / "models" / f"{name}.tflite"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(build_micro(kind))
    return tmp_path


def test_a_folder_with_a_broken_file_and_a_second_call(folder: Path) -> None:
    whole = (folder / "models" / "x" / "net.tflite").read_bytes()
    (folder / "models" / "broken.tflite").write_bytes(whole[: len(whole) // 2])
    first = tflprof("profile", "models", "-o", "out", "--html", "out", *QUICK, cwd=folder)
    assert first.returncode == 2, first.stderr
    assert "4 models: 3 measured, 1 failed" in first.stdout
    for name in ("add", "x/net", "y/net"):
        profile = read_profile(folder / "out" / f"{name}.parquet")
        assert profile.meta.model.path == f"models/{name}.tflite"
        assert profile.summary.total.n > 0
        assert (folder / "out" / f"{name}.html").stat().st_size > 10_000
    written = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.parquet")}

    (folder / "models" / "broken.tflite").write_bytes(build_micro("mul"))
    second = tflprof("profile", "models/**/*.tflite", "-o", "out", *QUICK, cwd=folder)
    assert second.returncode == 0, second.stdout
    assert "4 models: 1 measured, 3 up to date" in second.stdout
    assert {path: path.stat().st_mtime_ns for path in written} == written

    third = tflprof("profile", "models/x", "-o", "other", *QUICK, "--threads", "2", "--json", cwd=folder)
    assert [model["status"] for model in json.loads(third.stdout)["models"]] == ["measured"]


def start(folder: Path, *options: str, **more: Any) -> subprocess.Popen[str]:
    """A batch of three models, each of which would take a minute."""
    for name in "abc":
        place = folder / "long" / f"{name}.tflite"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(build_network("mobilenet_v1", size=32, width=0.25, seed=ord(name)))
    arguments = ["--target", "host", "--max-seconds", "60", "--precision", "0.0025", "-o", "out", *options]
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        command("profile", "long", *arguments),
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )


def wait_for_sessions(folder: Path, count: int) -> None:
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    while len(seen) < count:
        assert time.monotonic() < deadline, f"only {len(seen)} sessions began"
        seen |= {path.name for path in folder.iterdir()}
        time.sleep(0.01)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_keeps_the_partial_profile_and_begins_no_other(folder: Path, times: int) -> None:
    process = start(folder)
    wait_for_sessions(folder / "temporary", 3)
    for _ in range(times):
        # As a terminal does: the signal goes to the whole foreground group.
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.15)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    profile = read_profile(folder / "out" / "a.parquet")
    assert profile.meta.schedule.complete is False
    assert [model["status"] for model in summary(folder)["models"]] == ["partial", "not begun", "not begun"]
    assert summary(folder)["exit_code"] == 130
    assert "3 models: 1 partial, 2 not begun" in stdout
    assert "Traceback" not in stderr
    assert list((folder / "temporary").iterdir()) == []


def test_a_batch_that_was_killed_goes_on_where_it_was(folder: Path) -> None:
    done = tflprof("profile", "models/add.tflite", "models/x", "-o", "out", *QUICK, cwd=folder)
    assert done.returncode == 0, done.stderr
    # As SIGKILL leaves it between two models: one profile is there, the summary is of before.
    (folder / "out" / "x" / "net.parquet").unlink()
    (folder / "out" / ".add.parquet.half").write_bytes(b"PAR1")
    again = tflprof("profile", "models/add.tflite", "models/x", "-o", "out", *QUICK, cwd=folder)
    assert "2 models: 1 measured, 1 up to date" in again.stdout


def test_a_reader_that_went_away_costs_nothing(folder: Path) -> None:
    with subprocess.Popen(
        command("profile", "models", "-o", "out", *QUICK),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
        assert process.wait(timeout=60) == 141
    assert summary(folder)["finished"] is True
    assert len(list((folder / "out").rglob("*.parquet"))) == 3


def test_a_full_disk_ends_it_with_what_there_is(folder: Path) -> None:
    """The folder of profiles is a file system with room for one of them."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("needs root, to mount a small file system")
    (folder / "out").mkdir()
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder / "out")],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        done = tflprof("profile", "models", "-o", "out", "--html", "out", *QUICK, cwd=folder)
        assert done.returncode == 3, done.stdout
        assert "No space left on device" in done.stdout
        assert "not begun" in done.stdout
        assert "Traceback" not in done.stderr
        (profile,) = (folder / "out").glob("*.parquet")
        assert read_profile(profile).summary.total.n > 0
    finally:
        subprocess.run(["umount", str(folder / "out")], check=True)


def test_a_folder_that_may_not_be_written(folder: Path) -> None:
    (folder / "out").mkdir(mode=0o500)
    arguments = command("profile", "models", "-o", "out", *QUICK)
    if os.geteuid() == 0:
        # Root may write anywhere: the capability to do so is given away for this.
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root may write anywhere, and there is no setpriv")
        arguments = [setpriv, "--bounding-set=-dac_override", "--inh-caps=-dac_override", *arguments]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "out is not writable" in done.stderr
    assert done.stdout == ""
