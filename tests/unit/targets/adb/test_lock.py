from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflprof.errors import EnvironmentFault, TargetError
from tflprof.targets.adb import listing
from tflprof.targets.adb import lock as lock_module
from tflprof.targets.adb.client import Phone
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
    monkeypatch.setattr(lock_module, "WAIT_SECONDS", 0.0)
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


def test_a_holder_that_ends_soon_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `tflprof targets` does, which looks at a phone for a moment."""
    first = PhoneLock("SER", "Pixel 2")
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            first.release()

    monkeypatch.setattr("time.sleep", nap)
    PhoneLock("SER", "Pixel 2", wait=100.0).release()
    assert len(naps) == 3


def test_listing_phones_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def nap(_: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr("time.sleep", nap)
    monkeypatch.setattr(lock_module, "WAIT_SECONDS", 100.0)
    phone = Phone("SER", "device", "Pixel 2")
    server: Any = SimpleNamespace(phones=lambda: [phone])
    monkeypatch.setattr(listing, "AdbServer", lambda: server)
    lock = PhoneLock("SER", "Pixel 2")
    (listed,) = listing.list_phones()
    lock.release()
    assert "in use by another tflprof" in (listed.reason or "")


def test_an_interrupt_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    first = PhoneLock("SER", "Pixel 2")
    with pytest.raises(KeyboardInterrupt):
        PhoneLock("SER", "Pixel 2", wait=100.0)
    first.release()


def test_one_phone_under_two_serials() -> None:
    first, second = PhoneLock("SER", "Pixel 2"), PhoneLock("10.0.0.2:5555", "Pixel 2")
    first.extend("FA1")
    first.extend("FA1")
    with pytest.raises(TargetError, match=rf"Pixel 2 \(10.0.0.2:5555\) .* process {os.getpid()}"):
        second.extend("FA1")
    second.extend("FA2")
    first.release()
    second.extend("FA1")
    second.release()


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folder of locks will be made, in a directory of everybody's."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return lock_directory()


def test_a_folder_that_others_may_enter_is_refused(shared: Path) -> None:
    shared.mkdir()
    shared.chmod(0o770)
    with pytest.raises(EnvironmentFault, match=r"is open to others \(mode 770\)") as caught:
        PhoneLock("SER", "phone")
    assert "XDG_RUNTIME_DIR" in (caught.value.hint or "")
    shared.chmod(0o700)
    PhoneLock("SER", "phone").release()


def test_a_folder_of_somebody_else_is_refused(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.getuid()
    shared.mkdir(mode=0o700)
    monkeypatch.setattr("os.getuid", lambda: mine + 1)
    monkeypatch.setattr(lock_module, "lock_directory", lambda: shared)
    with pytest.raises(EnvironmentFault, match=f"belongs to user {mine}"):
        PhoneLock("SER", "phone")


def test_links_are_not_followed(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    shared.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentFault, match="is a link"):
        PhoneLock("SER", "phone")
    shared.unlink()
    PhoneLock("SER", "phone").release()
    (place,) = shared.iterdir()
    assert place.stat().st_mode & 0o777 == 0o600
    precious = tmp_path / "precious"
    precious.write_text("text")
    place.unlink()
    place.symlink_to(precious)
    with pytest.raises(EnvironmentFault, match="cannot make the lock file"):
        PhoneLock("SER", "phone")
    assert precious.read_text() == "text"
