"""The virtual phone, seen through the real adb: without these, tests on it would prove nothing."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from pathlib import Path

import pytest

from tests.phone import AdbServer, VirtualPhone

TEMPORARY = "/data/local/tmp"


def adb(
    phone: VirtualPhone, *arguments: str, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return phone.server.run("-s", phone.serial, *arguments, stdin=stdin)


def make_file(directory: Path, size: int) -> tuple[Path, str]:
    """A file of this size and its SHA-256."""
    content = hashlib.shake_128(b"content").digest(size)
    path = directory / "file"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def seen_as(phone: VirtualPhone, state: str | None) -> bool:
    return phone.server.devices().get(phone.serial) == state


def test_a_command_has_its_own_errors_status_and_input(phone: VirtualPhone) -> None:
    done = adb(phone, "shell", "cat; echo trouble >&2; exit 7", stdin=b"one\ntwo\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"one\ntwo\n", b"trouble\n")


def test_a_terminal_can_be_asked_for(phone: VirtualPhone) -> None:
    done = adb(phone, "shell", "-t", "-t", "test -t 0 && test -t 1 && echo terminal </dev/tty; exit 3")
    assert (done.returncode, done.stdout) == (3, b"terminal\r\n")


def test_an_old_daemon_merges_everything_and_tells_no_status(phone_v1: VirtualPhone) -> None:
    done = adb(phone_v1, "shell", "echo out; echo trouble >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"out\r\ntrouble\r\n", b"")


def test_a_noisy_daemon_puts_a_banner_first(adb_server: AdbServer) -> None:
    with VirtualPhone(server=adb_server, shell_v2=False, noise="WARNING: linker: hello\n") as phone:
        assert phone.shell("echo out") == "WARNING: linker: hello\nout\n"


def test_binary_output_survives(phone: VirtualPhone, tmp_path: Path) -> None:
    path, _ = make_file(tmp_path, 300_000)
    assert adb(phone, "push", str(path), f"{TEMPORARY}/file").returncode == 0
    assert adb(phone, "exec-out", f"cat {TEMPORARY}/file").stdout == path.read_bytes()
    assert adb(phone, "shell", f"cat {TEMPORARY}/file").stdout == path.read_bytes()


@pytest.mark.parametrize("fixture", ["phone", "phone_v1"])
def test_files_arrive_and_come_back(fixture: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    phone: VirtualPhone = request.getfixturevalue(fixture)
    path, digest = make_file(tmp_path, 3_000_001)
    assert adb(phone, "push", str(path), f"{TEMPORARY}/a dir/$(name) 'é'").returncode == 0
    assert phone.shell(f"cat {TEMPORARY}/a*/* | sha256sum").split()[0] == digest
    assert adb(phone, "pull", f"{TEMPORARY}/a dir/$(name) 'é'", str(tmp_path / "back")).returncode == 0
    assert hashlib.sha256((tmp_path / "back").read_bytes()).hexdigest() == digest
    assert phone.files() == ["a dir/$(name) 'é'"]


def test_programs_run_as_the_shell_user_and_are_arm64(phone: VirtualPhone) -> None:
    assert phone.shell("id -un; uname -m; nproc").split() == ["shell", "aarch64", "8"]
    assert "Permission denied" in phone.shell("echo 0 2>&1 > /sys/devices/system/cpu/cpu7/online")


def test_a_rooted_phone_lets_root_write(adb_server: AdbServer) -> None:
    with VirtualPhone(server=adb_server, rooted=True) as phone:
        governor = "/sys/devices/system/cpu/cpu7/cpufreq/scaling_governor"
        phone.shell(f"echo performance > {governor}")
        assert phone.facts.read(governor) == "performance"
        assert phone.facts.read(governor.replace("cpu7", "cpu4")) == "performance"
        assert phone.facts.read(governor.replace("cpu7", "cpu0")) == "schedutil"


def test_affinity_is_the_phones(phone: VirtualPhone) -> None:
    assert phone.shell("taskset 80 nproc; taskset 3f nproc").split() == ["1", "6"]
    phone.facts.set_cpuset(range(4))
    assert phone.shell("nproc; taskset c0 nproc 2>&1").splitlines()[0] == "4"
    assert "Invalid argument" in phone.shell("taskset c0 nproc 2>&1")
    phone.facts.set_cpuset(range(8))
    phone.facts.set_online(7, False)
    assert phone.shell("nproc; cat /sys/devices/system/cpu/offline").split() == ["7", "7"]
    assert "Invalid argument" in phone.shell("taskset 80 nproc 2>&1")


def test_the_wall_clock_jumps(phone: VirtualPhone) -> None:
    before = int(phone.shell("date +%s"))
    phone.facts.shift_clock(-86400)
    assert before - 86400 <= int(phone.shell("date +%s")) < before - 86000


def test_services_tell_what_was_set(phone: VirtualPhone) -> None:
    phone.facts.set_battery(level=12, plugged=None, celsius=41.5)
    phone.facts.set_temperature(55.0, status=3)
    battery = phone.shell("dumpsys battery")
    assert "  level: 12\n" in battery
    assert "  temperature: 415\n" in battery
    assert "true" not in battery.replace("present: true", "")
    assert "Thermal Status: 3\n" in phone.shell("dumpsys thermalservice")
    assert phone.shell("cat /sys/class/thermal/thermal_zone0/temp") == "55000\n"


def test_settings_last_and_are_logged(phone: VirtualPhone) -> None:
    phone.shell("svc power stayon usb; settings put global some.key 'two words'")
    assert phone.shell("settings get global some.key; settings get secure other") == "two words\nnull\n"
    assert phone.facts.settings()["global/stay_on_while_plugged_in"] == "2"
    assert phone.facts.log() == ["svc power stayon usb", "settings put global some.key two words"]
    phone.reboot(0)
    phone.wait_until(lambda: seen_as(phone, "device"), "the phone is not back")
    assert phone.shell("settings get global some.key") == "two words\n"


def test_properties_can_be_asked_for_and_set(phone: VirtualPhone) -> None:
    assert "[ro.product.cpu.abi]: [arm64-v8a]\n" in phone.shell("getprop")
    assert phone.shell("getprop ro.build.version.sdk; setprop debug.x a=b; getprop debug.x") == "33\na=b\n"
    assert phone.shell("setprop ro.secure 0 2>/dev/null || echo refused") == "refused\n"


def test_a_cut_link_ends_what_ran_over_it(phone: VirtualPhone) -> None:
    with subprocess.Popen(
        [phone.server.adb, "-s", phone.serial, "shell", "echo up; exec sleep 1000"],
        env=phone.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as client:
        assert client.stdout
        assert client.stdout.readline() == b"up\n"
        phone.cut_link()
        assert client.stdout.readline() == b""
    assert not seen_as(phone, "device")
    phone.wait_until(lambda: not phone.processes(), "it got no hang-up")
    phone.restore_link()
    assert phone.shell("echo back") == "back\n"


def test_it_is_found_again_after_the_server_was_killed(phone: VirtualPhone) -> None:
    phone.kill_adb_server()
    assert not phone.server.listens()
    phone.server.start()
    phone.wait_until(lambda: seen_as(phone, "device"), "the new server does not find the phone")
    assert phone.shell("echo back") == "back\n"


def test_a_killed_daemon_takes_its_children_along(phone: VirtualPhone) -> None:
    phone.shell("setsid sleep 1000 >/dev/null 2>&1 </dev/null &")
    phone.wait_until(lambda: phone.running("sleep"), "nothing runs")
    phone.kill_daemon()
    assert phone.processes() == []
    phone.wait_until(lambda: not seen_as(phone, "device"), "the server still sees the phone")
    phone.start_daemon()
    assert phone.shell("echo back") == "back\n"


def test_a_reboot_keeps_files_and_changes_the_boot(phone: VirtualPhone) -> None:
    boot = phone.shell(f"touch {TEMPORARY}/kept; cat /proc/sys/kernel/random/boot_id")
    phone.reboot(0.1)
    assert not seen_as(phone, "device")
    phone.wait_until(lambda: seen_as(phone, "device"), "the phone is not back")
    assert phone.files() == ["kept"]
    assert phone.shell("cat /proc/sys/kernel/random/boot_id") not in (boot, "")


def test_processes_can_be_killed_from_outside(phone: VirtualPhone) -> None:
    phone.shell("setsid sleep 1000 >/dev/null 2>&1 </dev/null &")
    phone.wait_until(lambda: phone.running("sleep"), "nothing runs")
    assert phone.kill_process("sleep", signal.SIGKILL) == 1
    phone.wait_until(lambda: not phone.running("sleep"), "it lives on")


def test_storage_can_be_full_or_read_only(phone: VirtualPhone, tmp_path: Path) -> None:
    path, _ = make_file(tmp_path, 1_000_000)
    phone.fill_storage(leave=500_000)
    assert b"No space left" in adb(phone, "push", str(path), f"{TEMPORARY}/file").stderr
    phone.free_storage()
    phone.set_read_only()
    assert b"Read-only file system" in adb(phone, "push", str(path), f"{TEMPORARY}/file").stderr
    phone.set_read_only(False)
    assert phone.files() == []
    assert adb(phone, "push", str(path), f"{TEMPORARY}/file").returncode == 0


def test_one_push_can_go_wrong(phone: VirtualPhone, tmp_path: Path) -> None:
    path, digest = make_file(tmp_path, 1_000_000)
    phone.change(corrupt_pushes=1)
    adb(phone, "push", str(path), f"{TEMPORARY}/file")
    assert digest not in phone.shell(f"sha256sum {TEMPORARY}/file")
    adb(phone, "push", str(path), f"{TEMPORARY}/file")
    assert digest in phone.shell(f"sha256sum {TEMPORARY}/file")


def test_phones_share_a_server_and_states_differ(phone: VirtualPhone, adb_server: AdbServer) -> None:
    with VirtualPhone("pixel3a", server=adb_server, authorized=False) as other:
        assert adb_server.devices() == {phone.serial: "device", other.serial: "unauthorized"}
    assert adb_server.devices() == {phone.serial: "device"}


def test_nothing_runs_on_when_it_is_off(adb_server: AdbServer) -> None:
    with VirtualPhone(server=adb_server) as phone:
        phone.shell("setsid sleep 1000 >/dev/null 2>&1 </dev/null &")
        phone.wait_until(lambda: phone.running("sleep"), "nothing runs")
        (sleeper,) = phone.running("sleep")
    assert not Path(f"/proc/{sleeper.number}").exists()


def test_pushed_programs_make_noise_when_asked_to(phone: VirtualPhone) -> None:
    phone.shell(f"cp /system/bin/toybox {TEMPORARY}/echo")
    phone.facts.make_noise(stdout_bytes=100, stderr_bytes=100_000)
    done = adb(phone, "shell", f"{TEMPORARY}/echo out; echo quiet")
    assert done.stdout.startswith(b"WARNING: linker")
    assert done.stdout.endswith(b"asked for\nout\nquiet\n")
    assert len(done.stderr) >= 100_000


def test_an_older_daemon_has_no_exec_service(adb_server: AdbServer) -> None:
    with VirtualPhone(server=adb_server, shell_v2=False, exec_service=False) as phone:
        assert b"closed" in adb(phone, "exec-out", "echo out").stderr
