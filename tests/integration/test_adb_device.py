"""A phone as a device: what it is asked for, what stays on it, how it comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phone import VirtualPhone
from tflprof.errors import DeviceLost, EnvironmentFault, TargetError
from tflprof.targets.adb import device as module
from tflprof.targets.adb import lock
from tflprof.targets.adb.clean import clean_phone
from tflprof.targets.adb.device import AdbDevice
from tflprof.targets.adb.link import AdbLink
from tflprof.targets.adb.probe import Dump, read_facts
from tflprof.targets.adb.process import AdbProcess
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.adb.store import ROOT

pytestmark = pytest.mark.emulated


@pytest.fixture
def environment(phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch) -> VirtualPhone:
    for name, value in phone.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.0)
    return phone


@pytest.fixture
def device(environment: VirtualPhone) -> Iterator[AdbDevice]:
    opened = AdbDevice.open(environment.serial, PhoneSetup())
    yield opened
    opened.close()


def script(directory: Path, text: str, name: str = "program") -> Path:
    path = directory / name
    path.write_text(f"#!/system/bin/sh\n{text}\n")
    return path


def start(device: AdbDevice, program: Path, *arguments: str, silence: float | None = None) -> AdbProcess:
    workspace = device.workspace()
    return workspace.spawn([workspace.push(program, "program", executable=True), *arguments], silence)


def folders(phone: VirtualPhone) -> list[str]:
    return [name for name in phone.files() if "tflprof/run-" in name]


# What it costs


def test_a_session_takes_two_round_trips_once_everything_is_there(
    device: AdbDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = script(tmp_path, 'cat "$1"')
    services: list[str] = []
    original = AdbLink.open

    def open_(self: AdbLink, service: str, *more: float) -> object:
        services.append(service.partition(":")[0])
        return original(self, service, *more)

    def session(text: bytes) -> list[bytes]:
        workspace = device.workspace()
        pushed = workspace.push(program, "program", executable=True)
        process = workspace.spawn([pushed, workspace.write("options", text)])
        lines = list(process.lines())
        workspace.close()
        return lines

    assert session(b"one\n") == [b"one\n"]
    monkeypatch.setattr(AdbLink, "open", open_)
    assert session(b"two\n") == [b"two\n"]
    assert services == ["sync", "shell,v2,raw"]


# Workspaces


def test_a_workspace_holds_nothing_of_the_one_before(device: AdbDevice, tmp_path: Path) -> None:
    lists = script(tmp_path, 'ls; cat "$@"')
    data = tmp_path / "data"
    for number, expected in enumerate((["options", "program"], ["program"], ["other", "program"])):
        data.write_text(f"content {number}\n")
        workspace = device.workspace()
        paths = [workspace.push(data, "data"), workspace.push(data, "again")]
        if "options" in expected:
            workspace.write("options", b"")
        if "other" in expected:
            workspace.push(lists, "other", executable=True)
        process = workspace.spawn([workspace.push(lists, "program", executable=True), *paths])
        assert len(set(paths)) == 2
        lines = [line.decode().strip() for line in process.lines()]
        assert lines == sorted([*expected, "again"]) + [f"content {number}"] * 2
        assert process.wait() == 0
        workspace.close()


def test_files_that_a_program_makes_are_pulled_and_go_with_the_workspace(
    environment: VirtualPhone, device: AdbDevice, tmp_path: Path
) -> None:
    workspace = device.workspace()
    program = workspace.push(script(tmp_path, 'echo made >"$1"'), "program", executable=True)
    workspace.spawn([program, workspace.path("it's $(new)")]).wait()
    workspace.pull("it's $(new)", tmp_path / "pulled")
    assert (tmp_path / "pulled").read_text() == "made\n"
    with pytest.raises(EnvironmentFault, match="cannot copy missing"):
        workspace.pull("missing", tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    workspace.close()
    assert not any("/000" in name for name in folders(environment))


def test_arguments_arrive_as_they_are(device: AdbDevice, tmp_path: Path) -> None:
    program = script(tmp_path, 'for a in "$@"; do printf "%s|" "$a"; done')
    arguments = ["it's", "$(reboot)", "two words", "ü", "", "*", "a\\b", ";", "--flag=`x`"]
    process = start(device, program, *arguments)
    assert b"".join(process.lines()).decode() == "".join(f"{text}|" for text in arguments)


def test_a_program_that_cannot_run_says_so(device: AdbDevice, tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"\x7fELF nonsense")
    process = start(device, tmp_path / "program")
    assert list(process.lines()) == []
    assert process.wait() not in (0, None)
    assert process.stderr_tail()


def test_a_stuck_program_is_ended(
    environment: VirtualPhone, device: AdbDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tflprof.targets.adb.process._PING_SECONDS", 0.2)
    process = start(device, script(tmp_path, "echo one; trap '' TERM HUP; sleep 100 & wait"), silence=0.5)
    lines = process.lines()
    assert next(lines) == b"one\n"
    with pytest.raises(EnvironmentFault, match="wrote nothing for"):
        next(lines)
    environment.wait_until(lambda: not environment.running("program"), "it goes on")


# Ending


def test_closing_leaves_only_the_store(environment: VirtualPhone, tmp_path: Path) -> None:
    device = AdbDevice.open(None, PhoneSetup())
    process = start(device, script(tmp_path, "echo one; cat"))
    assert next(process.lines()) == b"one\n"
    process.kill()
    device.close()
    device.close()
    assert folders(environment) == []
    assert not environment.running("program")
    AdbDevice.open(None, PhoneSetup()).close()


def test_closing_gives_up_quickly_when_the_phone_is_gone(environment: VirtualPhone, tmp_path: Path) -> None:
    device = AdbDevice.open(environment.serial, PhoneSetup())
    process = start(device, script(tmp_path, "echo one; cat"))
    lines = process.lines()
    assert next(lines) == b"one\n"
    environment.cut_link()
    assert list(lines) == []
    assert process.wait() is None
    process.kill()
    device.close()
    environment.restore_link()
    # Its folder stays until we come again.
    assert folders(environment) != []
    AdbDevice.open(environment.serial, PhoneSetup()).close()
    assert folders(environment) == []


HOLD = """
import sys
from tflprof.targets.adb.clean import clean_phone
from tflprof.targets.adb.device import AdbDevice
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.adb.store import ROOT
device = AdbDevice.open(None, PhoneSetup())
workspace = device.workspace()
process = workspace.spawn([workspace.push(__import__("pathlib").Path(sys.argv[1]), "program")])
print(next(process.lines()).decode(), end="", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_tflprof_left_is_removed_by_the_next(environment: VirtualPhone, tmp_path: Path) -> None:
    program = script(tmp_path, "trap '' HUP; echo one; sleep 100")
    command = [sys.executable, "-c", HOLD, str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"one\n"
        with pytest.raises(TargetError, match=f"in use by another tflprof, process {holder.pid}"):
            AdbDevice.open(None, PhoneSetup())
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    AdbDevice.open(None, PhoneSetup()).close()
    assert folders(environment) == []
    assert not environment.running("program")


def test_a_phone_under_two_serials_is_used_once(
    environment: VirtualPhone, device: AdbDevice, tmp_path: Path
) -> None:
    process = start(device, script(tmp_path, "echo one; sleep 100"))
    assert next(process.lines()) == b"one\n"
    serial = f"localhost:{environment.port}"
    environment.server.ask(f"host:connect:{serial}")
    try:
        with pytest.raises(TargetError, match=f"in use by another tflprof, process {os.getpid()}") as caught:
            AdbDevice.open(serial, PhoneSetup())
        with pytest.raises(TargetError, match="in use by another tflprof"):
            clean_phone(serial)
    finally:
        environment.server.ask(f"host:disconnect:{serial}")
    assert serial in caught.value.what
    assert environment.running("program")
    assert folders(environment)
    process.kill()


@pytest.mark.parametrize("kind", ["run", "quiet"])
def test_somebody_elses_tflprof_at_work_is_not_disturbed(environment: VirtualPhone, kind: str) -> None:
    folder = f"{ROOT}/{kind}-ffffffff-00000000"
    environment.shell(f"mkdir -p {folder}")
    # What lies about is not at work.
    AdbDevice.open(None, PhoneSetup()).close()
    environment.shell(f"mkdir -p {folder}")
    command = f"cd {folder}; sh -c 'sleep 100; :' {folder}/program >/dev/null 2>&1 &"
    environment.shell(command)
    environment.wait_until(lambda: environment.running("program"), "it did not start")
    with pytest.raises(TargetError, match="at work on Pixel 2, from another machine or user"):
        AdbDevice.open(None, PhoneSetup())
    assert environment.running("program")
    environment.kill_process("program")


# Coming back


def test_it_comes_back_and_what_ran_is_ended(
    environment: VirtualPhone, device: AdbDevice, tmp_path: Path
) -> None:
    program = script(tmp_path, "trap '' HUP; echo one; sleep 100")
    process = start(device, program)
    assert next(process.lines()) == b"one\n"
    environment.kill_adb_server()
    assert process.wait() is None
    device.recover()
    assert not environment.running("program")
    again = start(device, program)
    assert next(again.lines()) == b"one\n"
    again.kill()


def test_a_phone_that_is_still_starting_is_waited_for(
    environment: VirtualPhone, device: AdbDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = environment.root / "phone/properties"
    up = properties.read_text()
    properties.write_text(up.replace("sys.boot_completed=1\n", ""))
    assert properties.read_text() != up
    ended = threading.Event()

    def recover() -> None:
        device.recover()
        ended.set()

    thread = threading.Thread(target=recover)
    thread.start()
    monkeypatch.setattr(module, "RECOVERY_SECONDS", 0.1)
    assert not ended.wait(1.5)
    properties.write_text(up)
    assert ended.wait(20)
    thread.join()


def test_a_phone_that_never_finishes_starting_is_given_up(
    environment: VirtualPhone, device: AdbDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STARTING_SECONDS", 1.0)
    properties = environment.root / "phone/properties"
    properties.write_text(properties.read_text().replace("sys.boot_completed=1\n", ""))
    with pytest.raises(TargetError, match=r"within 1 seconds: Pixel 2 is still starting"):
        device.recover()


def test_a_link_that_breaks_while_the_phone_is_opened(
    environment: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks = iter([environment.kill_adb_server])

    def interrupted(link: AdbLink) -> Dump:
        for act in breaks:
            act()
        return read_facts(link)

    monkeypatch.setattr(module, "read_facts", interrupted)
    AdbDevice.open(environment.serial, PhoneSetup()).close()


def test_a_phone_that_stays_away_is_given_up(
    environment: VirtualPhone, device: AdbDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECOVERY_SECONDS", 1.0)
    environment.cut_link()
    with pytest.raises(TargetError, match=r"Pixel 2 did not come back within 1 seconds: ") as caught:
        device.recover()
    assert caught.value.hint
    assert not isinstance(caught.value, DeviceLost)
    environment.restore_link()


# Which phone


def test_the_serial_of_the_environment_chooses(
    environment: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_SERIAL", "nobody")
    with pytest.raises(TargetError, match="there is no phone 'nobody'"):
        AdbDevice.open(None, PhoneSetup())
    AdbDevice.open(environment.serial, PhoneSetup()).close()


def test_pushing_is_told(environment: VirtualPhone, tmp_path: Path) -> None:
    told: list[tuple[str, float | None, str]] = []
    device = AdbDevice.open(None, PhoneSetup(), lambda *progress: told.append(progress))
    (tmp_path / "large").write_bytes(os.urandom(300_000))
    workspace = device.workspace()
    workspace.push(tmp_path / "large", "large")
    workspace.spawn([workspace.push(script(tmp_path, "true"), "program")]).wait()
    workspace.close()
    device.close()
    stages = [progress for progress in told if progress[0] == "pushing"]
    assert stages[-1][1] == 1.0
    assert "Pixel 2" in stages[-1][2]
