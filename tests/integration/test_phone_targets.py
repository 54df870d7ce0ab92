"""Connected phones in `tflprof targets`, and what `--record` saves of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.phone import AdbServer, VirtualPhone
from tests.phone.product import PROJECT
from tflprof.targets.adb.facts import inspect, state_of
from tflprof.targets.adb.lock import PhoneLock
from tflprof.targets.adb.probe import parse_dump


def targets(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tflprof", "targets", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_phone_is_listed_first_with_all_that_matters(phone: VirtualPhone) -> None:
    phone.facts.set_battery(level=64, celsius=29.0)
    phone.facts.set_temperature(36.6)
    done = targets(phone.environment)
    assert done.returncode == 0, done.stderr
    title, first, *_ = done.stdout.splitlines()
    assert title.split() == ["target", "usable", "numbers", "machine", "cores"]
    assert first.split()[:3] == [f"adb:{phone.serial}", "yes", "measured"]
    block = done.stdout[done.stdout.index(f"\n\nadb:{phone.serial}: ") :].strip().splitlines()
    assert block[:2] == [
        f"adb:{phone.serial}: Pixel 2, QTI MSM8998, Android 13 (API 33), arm64-v8a, battery 64 %, 37 °C",
        "  big 4-7: Kryo 2xx Gold (Cortex-A73) 2.46 GHz, little 0-3: Kryo 2xx Silver (Cortex-A53) 1.90 GHz",
    ]


def test_the_document_has_facts_and_state(phone: VirtualPhone) -> None:
    done = targets(phone.environment, "--json")
    assert done.returncode == 0, done.stderr
    first, *others = json.loads(done.stdout)["targets"]
    assert (first["name"], first["usable"], first["reason"]) == (f"adb:{phone.serial}", True, None)
    assert first["device"]["name"] == "Pixel 2"
    assert [cpu["cluster"] for cpu in first["device"]["cpus"]] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert first["device"]["state"]["battery"]["plugged"] == "usb"
    assert {other["device"] for other in others} == {None}
    assert phone.serial not in json.dumps(first["device"])


def test_phones_that_cannot_be_used_come_with_a_remedy(adb_server: AdbServer, phone: VirtualPhone) -> None:
    with VirtualPhone("pixel3a", server=adb_server, authorized=False) as other:
        done = targets(phone.environment)
        assert done.returncode == 0, done.stderr
        assert (
            f"adb:{other.serial}: unauthorized\n  → unlock the phone and accept the question" in done.stdout
        )
        assert "Pixel 2, QTI MSM8998" in done.stdout


def test_without_a_phone_it_is_said_how_to_connect_one(adb_server: AdbServer) -> None:
    done = targets(adb_server.environment)
    assert done.returncode == 0, done.stderr
    assert "adb: no phone is connected\n  → connect one with USB debugging switched on" in done.stdout


def test_without_an_adb_server_the_rest_is_listed(adb_server: AdbServer, tmp_path: Path) -> None:
    environment = {**adb_server.environment, "ANDROID_ADB_SERVER_PORT": "no port"}
    done = targets(environment)
    assert done.returncode == 0, done.stderr
    assert "adb: ANDROID_ADB_SERVER_PORT is 'no port'" in done.stdout
    assert "emulated:pixel2" in done.stdout


def test_a_phone_in_use_is_not_disturbed(phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", phone.environment["XDG_RUNTIME_DIR"])
    lock = PhoneLock(phone.serial, "Pixel 2")
    try:
        done = targets(phone.environment)
    finally:
        lock.release()
    assert done.returncode == 0, done.stderr
    assert "is in use by another tflprof" in done.stdout


@pytest.mark.parametrize("fixture", ["phone", "phone_v1"])
def test_a_recording_tells_what_the_phone_is_and_not_whose(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    phone: VirtualPhone = request.getfixturevalue(fixture)
    path = tmp_path / "dump.json"
    done = targets(phone.environment, "--record", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert f"what Pixel 2 tells of itself saved as {path}" in done.stderr
    text = path.read_text(encoding="utf-8")
    properties = phone.facts.properties()
    for private in (properties["ro.serialno"], phone.serial, phone.serial.partition(":")[0]):
        assert private not in text
    found = inspect(parse_dump(path.read_bytes()))
    assert found.facts.name == "Pixel 2"
    assert found.cpus_for("big", 1) == (7,)
    assert len(found.thermal) == 2
    assert state_of(parse_dump(path.read_bytes())).battery.level == 87


def test_recordings_that_are_refused(phone: VirtualPhone, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    path.write_text("mine")
    for arguments, status, message in (
        (["--record", str(path)], 2, "exists"),
        (["--record", str(path), "--target", "host", "--force"], 2, "target 'host' cannot be recorded"),
        (["--record", str(path), "--target", "adb:NONE", "--force"], 3, "there is no phone 'NONE'"),
        (["--target", "adb"], 2, "--target says which phone to --record"),
        (["--record", str(tmp_path / "no folder" / "dump.json")], 2, "no folder"),
    ):
        done = targets(phone.environment, *arguments)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        assert message in done.stderr
        assert path.read_text() == "mine"
    assert targets(phone.environment, "--record", str(path), "--force").returncode == 0
    assert inspect(parse_dump(path.read_bytes())).facts.name == "Pixel 2"


def test_the_environment_chooses_which_phone_is_recorded(
    adb_server: AdbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VirtualPhone(server=adb_server), VirtualPhone("pixel3a", server=adb_server) as other:
        monkeypatch.setitem(adb_server.environment, "ANDROID_SERIAL", other.serial)
        done = targets(adb_server.environment, "--record", str(tmp_path / "dump.json"))
    assert done.returncode == 0, done.stderr
    assert "what Pixel 3a tells of itself saved" in done.stderr
