"""The doctor: what it finds on machines that lack something, and that nothing makes it stumble."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflprof.errors import EnvironmentFault, RuntimeMissing, TargetError
from tflprof.runner.binary import runner_binary
from tflprof.runtimes.library import host_platform
from tflprof.targets.load import Load
from tflprof.workflow import doctor
from tflprof.workflow.checkup import check as checking
from tflprof.workflow.checkup import emulation, host, install, phones, runs, storage
from tflprof.workflow.checkup.check import Check
from tflprof.workflow.doctor import examine, working_targets

DEBIAN = {"ID": "debian", "PRETTY_NAME": "Debian 12"}
UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian", "PRETTY_NAME": "Ubuntu 24.04"}
MINT = {"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "PRETTY_NAME": "Mint"}
FEDORA = {"ID": "fedora", "PRETTY_NAME": "Fedora Linux 41"}


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the machine be of another system and user."""

    def pretend(release: dict[str, str], *, root: bool = False, sudo: bool = True) -> None:
        monkeypatch.setattr("platform.freedesktop_os_release", lambda: release)
        monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(checking.shutil, "which", lambda name: f"/usr/bin/{name}" if sudo else None)

    return pretend


@pytest.mark.parametrize("release", [DEBIAN, UBUNTU, MINT])
def test_packages_are_installed_as_the_system_does(system: Any, release: dict[str, str]) -> None:
    system(release)
    assert checking.install("qemu-user", "x") == "sudo apt-get install qemu-user x"
    system(release, root=True)
    assert checking.install("qemu-user") == "apt-get install qemu-user"
    system(release, sudo=False)
    assert checking.install("qemu-user") == "(as root) apt-get install qemu-user"


def test_elsewhere_it_is_said_what_debian_calls_them(system: Any) -> None:
    system(FEDORA)
    assert checking.tailored("apt-get install qemu-user libc6-arm64-cross") == (
        "install what Debian calls qemu-user libc6-arm64-cross with the package manager of Fedora Linux 41"
    )
    assert checking.tailored("connect one") == "connect one"


def test_a_system_that_does_not_name_itself_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise OSError("no os-release")

    monkeypatch.setattr("platform.freedesktop_os_release", missing)
    assert "install what Debian calls x with" in checking.install("x")


@pytest.mark.parametrize(
    ("version", "bounds", "fits"),
    [
        ("2.3.0", ">=2.3,<2.4", True),
        ("2.4.0", ">=2.3,<2.4", False),
        ("2.10", ">=2.9", True),
        ("3.0.0rc1", ">=3", True),
        ("17", ">=17.0.0", True),
        ("1.2.5", "~=1.2.3", True),
        ("1.3.0", "~=1.2.3", False),
        ("0.17.0", "==0.17.0", True),
        ("0.17.1", "==0.17.*", True),
        ("0.18.1", "==0.17.*", False),
        ("2.0", "!=2.0", False),
        ("2.0", ">2.0", False),
        ("2.0", "<=2.0", True),
        ("2.0", "", True),
        ("", ">=1", False),
    ],
)
def test_versions_against_bounds(version: str, bounds: str, fits: bool) -> None:
    assert install.satisfies(version, bounds) is fits


def test_packages_that_are_missing_or_old_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        install.metadata, "requires", lambda _: ["numpy>=99", "nothing-like-it<2,>=1", 'x>=1; extra == "dev"']
    )
    found = install.check_packages()
    assert found.status == "missing"
    assert "numpy" in found.detail
    assert "nothing-like-it is missing (<2,>=1 is needed)" in found.detail
    assert found.remedy == f"{sys.executable} -m pip install 'numpy>=99' 'nothing-like-it<2,>=1'"


def test_the_packages_here_fit() -> None:
    assert install.check_packages().status == "ok"
    assert install.check_python().status == "ok"


def test_a_runner_that_is_missing_or_old(monkeypatch: pytest.MonkeyPatch) -> None:
    known = runner_binary(host_platform()).build
    monkeypatch.setattr(install, "_build_of", lambda _: known)
    assert install.check_binaries().status == "ok"
    monkeypatch.setattr(install, "_build_of", lambda _: "another")
    found = install.check_binaries()
    assert (found.status, "sources beside it are another" in found.detail) == ("limited", True)
    assert "android_runner/build.py" in (found.remedy or "")

    def missing(platform: str) -> None:
        raise EnvironmentFault(f"the package has no tflprof-runner-{platform}")

    monkeypatch.setattr(install, "runner_binary", missing)
    found = install.check_binaries()
    assert (found.status, "tflprof-runner-android-armv7" in found.detail) == ("missing", True)


def test_the_build_that_the_sources_would_give_is_told_without_building(tmp_path: Path) -> None:
    script = install._build_script()
    assert script is not None
    assert re.fullmatch(r"[0-9a-f]{12}", install._build_of(script) or "")
    (tmp_path / "build.py").write_text("raise ValueError")
    assert install._build_of(tmp_path / "build.py") is None


def test_a_library_that_is_missing_or_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert install.check_library().status == "ok"
    fake = tmp_path / "libLiteRt.so"
    fake.write_bytes(b"\x7fELF\0LiteRtCreateEnvironment\0")
    library = SimpleNamespace(path=fake, name="LiteRT", version="2.3.0", platform="linux-x86_64")
    monkeypatch.setattr(install, "find_runtime", lambda _: library)
    found = install.check_library()
    assert (found.status, "cannot be loaded" in found.detail) == ("missing", True)
    assert "ai-edge-litert" in (found.remedy or "")

    def missing(_: str) -> None:
        raise RuntimeMissing("no inference library", "pip install ai-edge-litert")

    monkeypatch.setattr(install, "find_runtime", missing)
    found = install.check_library()
    assert (found.detail, found.remedy) == ("no inference library", "pip install ai-edge-litert")


def raising(error: Exception) -> Any:
    def call(*_: object, **__: object) -> None:
        raise error

    return call


def test_without_an_emulator_there_are_two_ways(monkeypatch: pytest.MonkeyPatch, system: Any) -> None:
    system(DEBIAN)
    monkeypatch.setattr(
        emulation, "find_emulator", raising(TargetError("it is not installed", "apt-get install qemu-user"))
    )
    found = emulation.check_emulator()
    assert (found.status, found.remedy) == ("missing", "sudo apt-get install qemu-user")
    assert "tflprof doctor --build-emulator" in found.detail


def test_an_emulator_without_plugins_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    hint = "tflprof doctor --build-emulator builds one that fits"
    monkeypatch.setattr(emulation, "find_emulator", raising(TargetError("built without plugins", hint)))
    assert emulation.check_emulator() == Check("emulator", "missing", "built without plugins", hint)


def test_the_arm64_library_is_there_damaged_or_to_be_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str | None] = [None, "no network"]
    monkeypatch.setattr(emulation, "_fetch_trouble", lambda _: said.pop(0))
    assert emulation.check_arm64_library().status == "limited"
    offline = emulation.check_arm64_library()
    assert (offline.status, "no network" in offline.detail) == ("missing", True)
    assert list(tmp_path.rglob("*.so")) == [], "nothing is fetched"
    entry = emulation.fetchable("linux-aarch64")
    assert entry is not None
    place = emulation.cached_path(entry)
    assert place is not None
    place.parent.mkdir(parents=True)
    place.write_bytes(b"damaged")
    assert "damaged" in emulation.check_arm64_library().detail
    monkeypatch.setattr(emulation, "file_sha256", lambda _: entry.sha256)
    assert emulation.check_arm64_library().status == "ok"


@pytest.mark.parametrize(
    ("stolen", "busy", "status"), [(0.0, 0.1, "ok"), (0.2, 0.0, "limited"), (0.0, 64.0, "limited")]
)
def test_neighbours(monkeypatch: pytest.MonkeyPatch, stolen: float, busy: float, status: str) -> None:
    monkeypatch.setattr(host, "_STEAL_SECONDS", 0.0)
    monkeypatch.setattr(host, "load_between", lambda *_: Load(stolen, busy))
    assert host.check_neighbours().status == status
    monkeypatch.setattr(host, "load_between", lambda *_: None)
    assert host.check_neighbours().status == "limited"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (0, "ok"),
        (errno.EACCES, "limited"),
        (errno.EPERM, "limited"),
        (errno.ENOENT, "unused"),
        (errno.ENOSYS, "unused"),
    ],
)
def test_counters(monkeypatch: pytest.MonkeyPatch, code: int, status: str) -> None:
    monkeypatch.setattr(host, "_open_counter", lambda _: code)
    found = host.check_counters()
    assert found.status == status
    assert ("perf_event_paranoid" in (found.remedy or "")) == (status == "limited")


def files(monkeypatch: pytest.MonkeyPatch, contents: dict[str, str]) -> None:
    monkeypatch.setattr(host, "_text", lambda path: contents.get(str(path), ""))


def test_a_slow_clock_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = "/sys/devices/system/clocksource/clocksource0"
    files(
        monkeypatch,
        {f"{clocks}/current_clocksource": "hpet\n", f"{clocks}/available_clocksource": "tsc hpet\n"},
    )
    found = host.check_clock()
    assert found.status == "limited"
    assert "echo tsc |" in (found.remedy or "")
    files(monkeypatch, {f"{clocks}/current_clocksource": "tsc\n"})
    assert host.check_clock().status == "ok"


@pytest.mark.parametrize(
    "contents",
    [
        {"/proc/self/cgroup": "0::/user\n", "/sys/fs/cgroup/user/cpu.max": "50000 100000\n"},
        {"/proc/self/cgroup": "0::/user\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n"},
        {
            "/proc/self/cgroup": "3:cpu,cpuacct:/docker/1\n0::/\n",
            "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "50000\n",
            "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
        },
    ],
)
def test_limits_of_control_groups_are_said(monkeypatch: pytest.MonkeyPatch, contents: dict[str, str]) -> None:
    files(monkeypatch, contents)
    found = host.check_cores()
    assert (found.status, "0.5 CPUs' worth" in found.detail) == ("limited", True)


@pytest.mark.parametrize("quota", ["max 100000", "-1", "", "5 0"])
def test_no_limit_is_none(monkeypatch: pytest.MonkeyPatch, quota: str) -> None:
    files(monkeypatch, {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": quota})
    assert "control group" not in host.check_cores().detail


def test_pinning_that_is_not_allowed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_setaffinity", raising(PermissionError(1, "Operation not permitted")))
    found = host.check_cores()
    assert (found.status, "cannot be pinned" in found.detail) == ("limited", True)


def test_folders_that_cannot_be_written_or_are_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    assert storage.check_cache().status == "ok"
    assert not (tmp_path / "not").exists(), "nothing is made"
    usage = SimpleNamespace(free=5 << 20)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: usage)
    assert (storage.check_cache().status, "5.00 MiB free" in storage.check_cache().detail) == (
        "limited",
        True,
    )
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    found = storage.check_cache()
    assert (found.status, found.remedy) == ("missing", "export XDG_CACHE_HOME=/a/folder/that/can/be/written")


class Server:
    """An adb server that knows these phones."""

    port = 5037

    def __init__(self, listing: str | Exception) -> None:
        self.listing = listing

    def __str__(self) -> str:
        return "the adb server"

    def ask(self, request: str) -> str:
        if isinstance(self.listing, Exception):
            raise self.listing
        return self.listing


def adb(monkeypatch: pytest.MonkeyPatch, listing: str | Exception) -> list[Check]:
    monkeypatch.setattr(phones, "AdbServer", lambda: Server(listing))
    monkeypatch.setattr(phones, "find_adb", lambda: "/usr/bin/adb")
    return phones.check_adb()


def test_phones_and_their_states(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = "GOOD device model:Pixel_2\nBAD unauthorized\n"
    server, good, bad = adb(monkeypatch, listing)
    assert server.status == "ok"
    assert (good.name, good.status, good.target) == ("adb:GOOD", "ok", "adb:GOOD")
    assert (bad.status, bad.target) == ("limited", None)
    assert bad.remedy


def test_no_phone_and_no_server_are_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [check.status for check in adb(monkeypatch, "")] == ["ok", "unused"]
    (found,) = adb(monkeypatch, TargetError("the adb server does not run"))
    assert (found.status, "start-server" in (found.remedy or "")) == ("unused", True)


def test_no_adb_server_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("something was started")

    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "9")
    monkeypatch.setattr(subprocess, "run", started)
    assert phones.check_adb()[0].status == "unused"


def answer(monkeypatch: pytest.MonkeyPatch, status: int, stdout: str = "", stderr: str = "") -> None:
    done = SimpleNamespace(returncode=status, stdout=stdout, stderr=stderr)
    monkeypatch.setattr(runs.subprocess, "run", lambda *_, **__: done)


def test_a_trial_tells_what_the_run_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: Any
) -> None:
    system(UBUNTU)
    answer(monkeypatch, 3, stderr="INFO: x\ntflprof: error: no emulator\n  → apt-get install qemu-user\n")
    found = runs.try_target("emulated:pixel2", tmp_path)
    assert (found.status, found.detail) == ("missing", "a tiny run ended with 3: no emulator")
    assert found.remedy == "sudo apt-get install qemu-user"
    answer(monkeypatch, -11)
    assert "--target host" in (runs.try_target("host", tmp_path).remedy or "")


def test_counts_that_differ_are_no_success(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = '{"unit": "instructions", "provenance": "emulated", "total": {"typical": 9}, "schedule": {"reached": %s}}'
    answer(monkeypatch, 0, document % "false")
    assert runs.try_target("emulated:pixel2", tmp_path).status == "limited"
    answer(monkeypatch, 0, document % "true")
    assert runs.try_target("emulated:pixel2", tmp_path).status == "ok"


def test_a_trial_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs.subprocess, "run", raising(subprocess.TimeoutExpired("x", 90)))
    found = runs.try_target("host", tmp_path)
    assert (found.status, "did not end within" in found.detail) == ("missing", True)


def looks(monkeypatch: pytest.MonkeyPatch, **found: Any) -> list[Check]:
    """What is found if these are all that is looked at."""
    for name, look in found.items():
        monkeypatch.setattr(host, name, look, raising=False)
    monkeypatch.setattr(doctor, "_MACHINE", tuple(("group", name, f"host.{name}", 0.3) for name in found))
    monkeypatch.setattr(doctor, "_LOOKS", (("group", "lost", "no_such_module.look", 0.3),))
    monkeypatch.setattr(doctor, "_RUNS", ())
    return examine()


def test_whatever_goes_wrong_in_a_look_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    found = looks(
        monkeypatch,
        good=lambda: Check("good", "ok", "fine"),
        many=lambda: [Check("one", "ok", ""), Check("two", "ok", "")],
        broken=raising(ZeroDivisionError("surprise")),
        refused=raising(TargetError("not here", "go there")),
        slow=lambda: time.sleep(20),
    )
    assert [(check.name, check.status) for check in found] == [
        ("good", "ok"),
        ("one", "ok"),
        ("two", "ok"),
        ("broken", "limited"),
        ("refused", "missing"),
        ("slow", "limited"),
        ("lost", "limited"),
    ]
    told = {check.name: check for check in found}
    assert "ZeroDivisionError: surprise" in told["broken"].detail
    assert told["refused"].remedy == "go there"
    assert "gave no answer" in told["slow"].detail
    assert {check.group for check in found} == {"group"}


def test_targets_work_if_their_trial_did() -> None:
    checks = [
        Check("host", "ok", "", target="host"),
        Check("interpreter", "missing", "", target="interpreter"),
        Check("emulated", "limited", "", target="emulated:pixel2"),
        Check("clock", "ok", ""),
    ]
    assert working_targets(checks) == ["host", "emulated:pixel2"]


def test_without_a_temporary_folder_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", raising(OSError("full")))
    monkeypatch.setattr(doctor, "_MACHINE", ())
    monkeypatch.setattr(doctor, "_LOOKS", ())
    assert {check.status for check in examine()} == {"missing"}
