"""Finding the emulator, with shell scripts in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.errors import TargetError
from tflprof.targets import emulator
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.emulator import find_emulator, find_guest_libraries, libraries_sha256
from tflprof.targets.listing import list_targets


def install(directory: Path, version: str, plugins: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    program = directory / "qemu-aarch64"
    helped = "-plugin  QEMU_PLUGIN" if plugins else "-strace"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; else echo "{helped}"; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


@pytest.mark.parametrize("version", ["7.2.22 (Debian 1:7.2)", "6.2.0", "8.2.2 (Debian 1:8.2.2)"])
def test_a_fitting_emulator(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, f"qemu-aarch64 version {version}", True, monkeypatch)
    found = find_emulator()
    assert found.path == tmp_path / "qemu-aarch64"
    assert version in found.banner


@pytest.mark.parametrize(
    ("version", "plugins", "told"),
    [
        ("qemu-aarch64 version 9.0.1", True, "fits QEMU 6, 7 and 8"),
        ("qemu-aarch64 version 10.0.0", True, "10.0.0"),
        ("qemu-aarch64 version 5.2.0", True, "5.2.0"),
        ("qemu-aarch64 version 7.2.0", False, "built without plugins"),
        ("something else", True, "does not tell its version"),
    ],
)
def test_an_emulator_that_does_not_fit(
    version: str, plugins: bool, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, version, plugins, monkeypatch)
    with pytest.raises(TargetError, match=told) as caught:
        find_emulator()
    assert caught.value.hint
    assert "--enable-plugins" in caught.value.hint


def test_no_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match="not installed") as caught:
        EmulatedDevice("pixel2", tmp_path / "plugin.so")
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert caught.value.hint.startswith("apt-get install qemu-user ")


def test_no_guest_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "qemu-aarch64 version 7.2.0", True, monkeypatch)
    monkeypatch.setattr(emulator, "_LIBRARY_PLACES", (tmp_path,))
    (tmp_path / "libc.so.6").write_bytes(b"")
    with pytest.raises(TargetError, match=r"arm64 libraries ld-linux-aarch64\.so\.1, libm\.so\.6") as caught:
        find_guest_libraries()
    assert caught.value.hint
    assert "libstdc++6-arm64-cross" in caught.value.hint
    (phone, *_) = (target for target in list_targets() if target.name == "emulated:pixel2")
    assert not phone.usable
    assert phone.remedy == caught.value.hint


def test_the_libraries_hash_depends_on_name_and_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    hashes = {libraries_sha256(item) for item in ({"a": one}, {"a": two}, {"b": one}, {"a": one, "b": one})}
    assert len(hashes) == 4


@pytest.fixture(autouse=True)
def _no_adb(monkeypatch: pytest.MonkeyPatch) -> None:
    """No adb server is to be started for a list of targets."""
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "none")


def test_this_machine_is_listed() -> None:
    names = [target.name for target in list_targets()]
    assert names[:3] == ["adb", "host", "interpreter"]
    assert "emulated:pixel2" in names
