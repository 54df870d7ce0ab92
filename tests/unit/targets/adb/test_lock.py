from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tflprof.errors import EnvironmentFault, TargetError
from tflprof.targets.adb.lock import PhoneLock, lock_directory

HOLD = """
import sys
from tflprof.targets.adb.lock import PhoneLock
lock = PhoneLock(sys.argv[1], "Pixel 2")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def holder(serial: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, serial], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_process_is_refused_by_name() -> None:
    with holder("SER:1") as process:
        with pytest.raises(TargetError) as caught:
            PhoneLock("SER:1", "Pixel 2")
        assert "Pixel 2 (SER:1)" in caught.value.what
        assert f"process {process.pid}" in caught.value.what
        assert caught.value.exit_code == 3
        PhoneLock("SER:2", "Pixel 3").release()
        process.kill()


def test_the_lock_of_a_killed_process_is_free() -> None:
    with holder("SER") as process:
        process.kill()
        process.wait()
    PhoneLock("SER", "Pixel 2").release()


def test_a_released_lock_is_free_in_the_same_process() -> None:
    for _ in range(2):
        PhoneLock("SER", "Pixel 2").release()
    lock = PhoneLock("SER", "Pixel 2")
    with pytest.raises(TargetError, match=f"process {os.getpid()}"):
        PhoneLock("SER", "Pixel 2")
    lock.release()


@pytest.mark.parametrize("serial", ["a/../b", "$(reboot)", "ä" * 300, "adb-1._adb-tls-connect._tcp", "1:2"])
def test_any_serial_has_a_lock(serial: str, runtime_directory: Path) -> None:
    lock = PhoneLock(serial, "phone")
    assert len(list((runtime_directory / "tflprof").iterdir())) == 1
    lock.release()


def test_without_a_runtime_directory_it_is_in_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert lock_directory() == tmp_path / f"tflprof-{os.getuid()}"


def test_a_directory_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tflprof").write_bytes(b"")
    with pytest.raises(EnvironmentFault, match="cannot make the lock file"):
        PhoneLock("SER", "phone")
