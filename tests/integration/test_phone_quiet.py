"""A phone kept quiet, and put back as it was whatever ends the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.phone import AdbServer, VirtualPhone
from tests.phone.product import PROJECT, Command, fill_store

STAY_ON = "global/stay_on_while_plugged_in"
LEFT_OVER = "restored on Pixel 2 what an earlier run had changed: setting stay_on_while_plugged_in: 0"
WAITING = ("--quiet", "--cool-to", "20")
"""The virtual phone never is so cold."""
DEXOPT = [f"cmd package bg-dexopt-job --{what}" for what in ("disable", "cancel", "enable")]


@pytest.fixture
def rooted(adb_server: AdbServer) -> Iterator[VirtualPhone]:
    with VirtualPhone(server=adb_server, rooted=True) as phone:
        yield phone


def tflprof(phone: VirtualPhone, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tflprof", *arguments],
        cwd=PROJECT,
        env={**os.environ, **phone.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def check_put_back(phone: VirtualPhone, settings: Mapping[str, str]) -> None:
    """Nothing of ours runs, none of our folders but the store is left, the settings are as they were."""
    phone.wait_until(lambda: not phone.processes(), "something of ours runs on")
    names = phone.files()
    assert [name for name in names if name.startswith(("tflprof/quiet-", "tflprof/run-"))] == []
    assert phone.facts.settings() == settings


def clocks(phone: VirtualPhone) -> dict[str, str]:
    policies = phone.root / "sys/devices/system/cpu/cpufreq"
    return {str(path.relative_to(policies)): path.read_text() for path in policies.glob("*/*")}


def is_quiet(phone: VirtualPhone) -> bool:
    return phone.facts.settings()[STAY_ON] == "15"


def began(phone: VirtualPhone, model: Path, directory: Path) -> Command:
    """A command that made the phone quiet and waits for it to cool."""
    command = Command(phone, model, directory, WAITING)
    command.until(lambda: is_quiet(phone) and DEXOPT[1] in phone.facts.log(), "the phone is not made quiet")
    return command


def test_an_unrooted_phone_does_what_it_can(
    phone: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path
) -> None:
    fill_store(phone, pushed)
    before = phone.facts.settings()
    wishes = ("--quiet", "--governor", "performance", "--frequency", "1401600", "--max-seconds", "2")
    ending = Command(phone, small_network, tmp_path, wishes).finish()
    assert ending.status == 0, ending.stderr
    assert ending.profile
    assert ending.profile.meta.conditions["device"]["end"]["quiet"] == {
        "done": ["stays awake while plugged in", "background dexopt is off", "not throttling"],
        "refused": [
            "wake lock: only root may",
            "governor performance: only root may",
            "frequency 1401600 kHz: only root may",
        ],
    }
    assert ending.findings["quiet-incomplete"] == (
        "could not be done: wake lock: only root may; governor performance: only root may; "
        "frequency 1401600 kHz: only root may"
    )
    assert [line for line in phone.facts.log() if "dexopt" in line] == DEXOPT
    check_put_back(phone, before)


def test_a_rooted_phone_does_everything(
    rooted: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path
) -> None:
    fill_store(rooted, pushed)
    before, clock = rooted.facts.settings(), clocks(rooted)
    wishes = ("--quiet", "--governor", "performance", "--frequency", "1401600", "--core", "little")
    command = Command(rooted, small_network, tmp_path, (*wishes, "--max-seconds", "2"))
    command.until_runner()
    little, big = (f"sys/devices/system/cpu/cpu{cpu}/cpufreq" for cpu in (3, 4))
    assert rooted.facts.read(f"{little}/scaling_governor") == "performance"
    assert rooted.facts.read(f"{little}/scaling_min_freq") == "1401600"
    assert rooted.facts.read(f"{little}/scaling_max_freq") == "1401600"
    assert rooted.facts.read(f"{big}/scaling_governor") == "schedutil"
    assert rooted.facts.read("sys/power/wake_lock").startswith("tflprof-quiet-")
    ending = command.finish()
    assert ending.status == 0, ending.stderr
    assert ending.profile
    assert ending.profile.meta.conditions["device"]["end"]["quiet"] == {
        "done": [
            "stays awake while plugged in",
            "background dexopt is off",
            "wake lock",
            "not throttling",
            "governor performance of CPU 0 1 2 3",
            "frequency 1401600 kHz of CPU 0 1 2 3",
        ],
        "refused": [],
    }
    assert "quiet-incomplete" not in ending.findings
    assert clocks(rooted) == clock
    assert rooted.facts.read("sys/power/wake_unlock") == rooted.facts.read("sys/power/wake_lock")
    check_put_back(rooted, before)


def test_without_the_option_nothing_is_changed(
    phone: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path
) -> None:
    fill_store(phone, pushed)
    before = phone.facts.settings()
    ending = Command(phone, small_network, tmp_path, ("--max-seconds", "1")).finish()
    assert ending.status == 0, ending.stderr
    assert phone.facts.log() == []
    check_put_back(phone, before)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_whatever_ends_the_command_the_phone_is_restored(
    phone: VirtualPhone, small_network: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    before = phone.facts.settings()
    command = began(phone, small_network, tmp_path)
    command.process.send_signal(number)
    assert command.finish().status == status
    phone.wait_until(lambda: phone.facts.log()[-1:] == DEXOPT[2:], "it is not restored")
    check_put_back(phone, before)


def test_a_second_interruption_does_not_end_the_restoring(
    phone: VirtualPhone, small_network: Path, tmp_path: Path
) -> None:
    before = phone.facts.settings()
    command = began(phone, small_network, tmp_path)
    setting = phone.root / "phone/settings" / STAY_ON
    held = setting.with_name("held")
    setting.unlink()
    os.mkfifo(setting)
    setting.chmod(0o666)
    command.process.send_signal(signal.SIGINT)
    command.until(lambda: phone.running("settings"), "it does not restore")
    command.process.send_signal(signal.SIGINT)
    assert command.finish().status == 130
    setting.rename(held)
    setting.write_text(before[STAY_ON] + "\n")
    assert held.read_text() == "0\n"
    held.unlink()
    phone.wait_until(lambda: phone.facts.log()[-1:] == DEXOPT[2:], "it is not restored")
    check_put_back(phone, before)


def test_an_old_daemon_restores_when_the_command_is_killed(
    phone_v1: VirtualPhone, small_network: Path, tmp_path: Path
) -> None:
    before = phone_v1.facts.settings()
    command = began(phone_v1, small_network, tmp_path)
    command.process.kill()
    command.finish()
    phone_v1.wait_until(lambda: phone_v1.facts.log()[-1:] == DEXOPT[2:], "it is not restored")
    phone_v1.wait_until(lambda: not phone_v1.running("guard"), "the guard does not end")
    # The shell around the guard tells its status in its folder, and may make it anew.
    tflprof(phone_v1, "clean")
    check_put_back(phone_v1, before)


def test_a_phone_whose_cable_is_pulled_restores_itself(
    phone: VirtualPhone, small_network: Path, tmp_path: Path
) -> None:
    before = phone.facts.settings()
    command = began(phone, small_network, tmp_path)
    phone.cut_link()
    phone.wait_until(lambda: phone.facts.log()[-1:] == DEXOPT[2:], "it is not restored")
    assert phone.facts.settings() == before
    ending = command.finish()
    phone.restore_link()
    assert ending.status == 3
    assert "internal error" not in ending.stderr
    check_put_back(phone, before)


@pytest.mark.parametrize("cause", ["reboot", "kill_daemon"])
def test_what_a_phone_could_not_restore_the_next_contact_does(
    phone: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path, cause: str
) -> None:
    fill_store(phone, pushed)
    before = phone.facts.settings()
    command = began(phone, small_network, tmp_path)
    if cause == "reboot":
        phone.reboot(0)
    else:
        phone.kill_daemon()
    ending = command.finish()
    assert ending.status == 3
    if cause == "kill_daemon":
        phone.start_daemon()
    phone.wait_until(lambda: phone.server.devices().get(phone.serial) == "device", "it does not come back")
    assert is_quiet(phone)
    ending = Command(phone, small_network, tmp_path, ("--max-seconds", "1")).finish()
    assert ending.status == 0, ending.stderr
    assert LEFT_OVER in ending.stderr
    check_put_back(phone, before)


def test_clean_restores_what_was_left(phone: VirtualPhone, small_network: Path, tmp_path: Path) -> None:
    before = phone.facts.settings()
    command = began(phone, small_network, tmp_path)
    phone.kill_daemon()
    command.finish()
    phone.start_daemon()
    done = tflprof(phone, "clean")
    assert done.returncode == 0, done.stderr
    assert LEFT_OVER in done.stderr
    check_put_back(phone, before)


def test_measuring_waits_until_the_phone_is_cool(
    phone: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path
) -> None:
    fill_store(phone, pushed)
    phone.facts.set_temperature(45.0)
    command = Command(phone, small_network, tmp_path, ("--cool-to", "40", "--max-seconds", "1", "-v"))
    assert command.process.stderr is not None
    waiting = next(line for line in command.process.stderr if line.startswith("cooling"))
    assert "45.0 °C, wanted 40 °C" in waiting
    assert not command.sessions()
    phone.facts.set_temperature(38.0)
    ending = command.finish()
    assert ending.status == 0, ending.stderr
    assert ending.profile
    assert ending.profile.meta.conditions["device"]["end"]["quiet"] == {
        "done": ["cooled down to 38.0 °C"],
        "refused": [],
    }
    assert phone.facts.log() == []


def test_quiet_waits_until_the_phone_does_not_throttle(
    phone: VirtualPhone, small_network: Path, tmp_path: Path
) -> None:
    phone.facts.set_temperature(60.0, status=3)
    command = Command(phone, small_network, tmp_path, ("--quiet", "-v"))
    assert command.process.stderr is not None
    assert next(line for line in command.process.stderr if line.startswith("cooling")).endswith(
        "thermal status 3\n"
    )
    command.process.send_signal(signal.SIGINT)
    assert command.finish().status == 130


def test_limits_are_left_alone_until_the_phone_does_not_throttle(
    rooted: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path
) -> None:
    fill_store(rooted, pushed)
    clock = clocks(rooted)
    rooted.facts.set_temperature(60.0, status=3)
    wishes = ("--frequency", "1401600", "--core", "little", "--max-seconds", "1", "-v")
    command = Command(rooted, small_network, tmp_path, wishes)
    assert command.process.stderr is not None
    assert "thermal status 3" in next(line for line in command.process.stderr if line.startswith("cooling"))
    assert clocks(rooted) == clock
    rooted.facts.set_temperature(40.0, status=0)
    ending = command.finish()
    assert ending.status == 0, ending.stderr
    assert ending.profile
    assert ending.profile.meta.conditions["device"]["end"]["quiet"] == {
        "done": ["not throttling", "frequency 1401600 kHz of CPU 0 1 2 3"],
        "refused": [],
    }
    assert clocks(rooted) == clock


def test_a_guard_that_is_killed_in_the_run_is_noticed(
    phone: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path
) -> None:
    fill_store(phone, pushed)
    before = phone.facts.settings()
    command = Command(phone, small_network, tmp_path, ("--quiet", "--max-seconds", "3"))
    command.until_runner()
    assert phone.kill_process("guard") == 1
    ending = command.finish()
    assert ending.status == 0, ending.stderr
    assert ending.findings["quiet-incomplete"].endswith("staying so: the program that keeps it so was ended")
    check_put_back(phone, before)
