"""tflprof clean, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.phone import AdbServer, VirtualPhone
from tests.phone.machine import PROJECT
from tflprof.targets.adb.lock import PhoneLock
from tflprof.targets.adb.store import ROOT

NAME = f"{ROOT}/run-ffffffff-0000"


def clean(phone: VirtualPhone, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tflprof", "clean", *arguments],
        cwd=PROJECT,
        env={**os.environ, **phone.environment},
        capture_output=True,
        text=True,
        check=False,
    )


def litter(phone: VirtualPhone) -> None:
    phone.shell(f"mkdir -p {ROOT}/store {NAME}/000; head -c 3000000 /dev/zero >{ROOT}/store/{'0' * 64}")
    phone.shell("touch /data/local/tmp/mine /data/local/tmp/.tflprof-1.sh")


def left(phone: VirtualPhone) -> list[str]:
    return sorted(phone.files())


@pytest.mark.emulated
def test_everything_of_ours_goes_and_nothing_else(phone: VirtualPhone) -> None:
    litter(phone)
    done = clean(phone)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Pixel 2 ({phone.serial}): freed 2.8")
    assert left(phone) == ["mine"]
    assert "freed 0 B" in clean(phone, "--target", f"adb:{phone.serial}").stdout


@pytest.mark.emulated
def test_old_daemons(phone_v1: VirtualPhone) -> None:
    litter(phone_v1)
    assert "freed 2.8" in clean(phone_v1).stdout
    assert left(phone_v1) == ["mine"]


@pytest.mark.emulated
def test_one_of_several_and_all_of_them(adb_server: AdbServer) -> None:
    with VirtualPhone(server=adb_server) as one, VirtualPhone(server=adb_server) as other:
        litter(one)
        litter(other)
        refused = clean(one)
        assert refused.returncode == 3
        assert "2 phones are connected" in refused.stderr
        assert clean(one, "--target", f"adb:{one.serial}").returncode == 0
        assert left(one) == ["mine"]
        assert left(other) != ["mine"]
        done = clean(one, "--all")
        assert done.returncode == 0
        assert one.serial in done.stdout
        assert other.serial in done.stdout
        assert left(other) == ["mine"]


@pytest.mark.emulated
def test_the_environment_chooses_and_a_locked_phone_keeps_no_other_from_it(
    adb_server: AdbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VirtualPhone(server=adb_server) as one, VirtualPhone(server=adb_server) as other:
        litter(one)
        litter(other)
        monkeypatch.setitem(adb_server.environment, "ANDROID_SERIAL", other.serial)
        assert clean(one).returncode == 0
        assert left(one) != ["mine"]
        assert left(other) == ["mine"]
        litter(other)
        monkeypatch.setenv("XDG_RUNTIME_DIR", one.environment["XDG_RUNTIME_DIR"])
        lock = PhoneLock(one.serial, "Pixel 2")
        done = clean(one, "--all")
        lock.release()
        assert done.returncode == 3
        assert f"({one.serial}): not cleaned" in done.stdout
        assert f"({other.serial}): freed 2.8" in done.stdout
        assert "is in use by another tflprof" in done.stderr
        assert left(one) != ["mine"]
        assert left(other) == ["mine"]


@pytest.mark.emulated
def test_what_runs_there_is_left_alone(phone: VirtualPhone) -> None:
    litter(phone)
    phone.shell(f"cp /system/bin/toybox {NAME}/sleep 2>/dev/null || cp $(command -v toybox) {NAME}/sleep")
    command = [phone.server.adb, "-s", phone.serial, "shell", f"exec {NAME}/sleep 60"]
    with subprocess.Popen(command, env={**os.environ, **phone.environment}, stdin=subprocess.DEVNULL) as runs:
        phone.wait_until(lambda: phone.running("sleep"), "it does not run")
        refused = clean(phone)
        assert refused.returncode == 3
        assert "at work on Pixel 2" in refused.stderr
        assert len(left(phone)) > 1
        phone.kill_process("sleep")
        runs.wait()
    assert clean(phone).returncode == 0
    assert left(phone) == ["mine"]


@pytest.mark.emulated
def test_no_phone(adb_server: AdbServer, phone: VirtualPhone) -> None:
    phone.cut_link()
    adb_server.run("disconnect", phone.serial)
    phone.wait_until(lambda: phone.serial not in adb_server.devices(), "the server still lists it")
    for arguments in ([], ["--all"]):
        done = clean(phone, *arguments)
        assert done.returncode == 3
        assert "no phone is connected" in done.stderr


def test_what_is_no_phone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tflprof", "clean", "--target", "host"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "phones do" in done.stderr
