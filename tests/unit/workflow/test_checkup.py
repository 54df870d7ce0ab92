"""What is found on machines that lack something."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.workflow.machines import DEBIAN, FEDORA, MINT, UBUNTU, raising, system
from tflprof.errors import EnvironmentFault, RuntimeMissing, TargetError
from tflprof.runner.binary import runner_binary
from tflprof.runtimes.library import host_platform
from tflprof.targets.load import Load
from tflprof.workflow.checkup import check as checking
from tflprof.workflow.checkup import emulation, host, install, storage
from tflprof.workflow.checkup.check import Check

__all__ = ["system"]


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
