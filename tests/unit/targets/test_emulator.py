"""Finding the emulator, with shell scripts in its place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tflprof.errors import TargetError
from tflprof.targets import emulator
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.emulator import Plugin, find_emulator, find_guest_libraries, libraries_sha256
from tflprof.targets.emulator_cache import emulator_directory, emulator_platform
from tflprof.targets.listing import list_targets


@pytest.fixture(autouse=True)
def _none_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a choice of the developer's nor an emulator that was built on this machine."""
    monkeypatch.delenv("TFLPROF_QEMU", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def program(path: Path, version: str, plugins: bool = True) -> Path:
    helped = "-plugin  QEMU_PLUGIN" if plugins else "-strace"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; else echo "{helped}"; fi\n')
    path.chmod(0o755)
    return path


def install(directory: Path, version: str, plugins: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    program(directory / "qemu-aarch64", version, plugins)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


def keep(name: str, version: str, **facts: Any) -> Path:
    """An emulator in the cache, as if it had been built."""
    path = program(emulator_directory() / name / "qemu-aarch64", version)
    manifest = {
        "format": 1,
        "platform": emulator_platform(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "built": "2026-01-01",
    }
    (path.parent / "manifest.json").write_text(json.dumps(manifest | facts))
    return path


@pytest.mark.parametrize(
    ("version", "api"),
    [
        ("6.2.0", 1),
        ("7.2.22 (Debian 1:7.2)", 1),
        ("8.2.2 (Debian 1:8.2.2)", 1),
        ("9.0.1", 2),
        ("9.2.4", 2),
        ("10.0.13", 2),
        ("10.2.1", 2),
    ],
)
def test_a_fitting_emulator(version: str, api: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, f"qemu-aarch64 version {version}", True, monkeypatch)
    found = find_emulator()
    assert found.path == tmp_path / "qemu-aarch64"
    assert version in found.banner
    assert found.plugin_api == api


@pytest.mark.parametrize(
    ("version", "plugins", "told"),
    [
        ("qemu-aarch64 version 11.0.0", True, "fits QEMU 6 to 10"),
        ("qemu-aarch64 version 5.2.0", True, "5.2.0"),
        ("qemu-aarch64 version 7.2.0", False, "built without plugins"),
        ("qemu-aarch64 version 10.0.13 (Debian 1:10.0.13)", False, "built without plugins"),
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
    assert "tflprof doctor --build-emulator" in caught.value.hint


def test_one_that_was_chosen_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", "qemu-aarch64 version 7.2.0", True, monkeypatch)
    keep("qemu", "qemu-aarch64 version 10.0.13")
    chosen = program(tmp_path / "mine", "qemu-aarch64 version 9.1.0")
    monkeypatch.setenv("TFLPROF_QEMU", str(chosen))
    assert find_emulator().path == chosen
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFLPROF_QEMU", "mine")
    assert find_emulator().path == chosen, "programs run in another folder"


@pytest.mark.parametrize("there", [True, False])
def test_one_that_was_chosen_and_does_not_fit_is_not_passed_over(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", "qemu-aarch64 version 7.2.0", True, monkeypatch)
    if there:
        program(tmp_path / "mine", "qemu-aarch64 version 10.0.0", plugins=False)
    monkeypatch.setenv("TFLPROF_QEMU", str(tmp_path / "mine"))
    with pytest.raises(TargetError, match=str(tmp_path / "mine")) as caught:
        find_emulator()
    assert "TFLPROF_QEMU" in (caught.value.hint or "")


def test_one_that_was_built_serves_where_the_installed_one_has_no_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("older", "qemu-aarch64 version 10.0.2")
    newest = keep("newest", "qemu-aarch64 version 10.0.13", built="2026-06-01")
    keep("foreign", "qemu-aarch64 version 10.0.13", built="2026-07-01", platform="linux-riscv64")
    keep("later format", "qemu-aarch64 version 12.0.0", built="2026-08-01", format=2)
    install(tmp_path, "qemu-aarch64 version 10.0.2 (Debian)", False, monkeypatch)
    assert find_emulator().path == newest
    install(tmp_path, "qemu-aarch64 version 7.2.0", True, monkeypatch)
    assert find_emulator().path == tmp_path / "qemu-aarch64", "one that is installed and fits comes first"


@pytest.mark.parametrize("spoil", ["change", "remove"])
def test_one_that_is_not_what_was_built_is_refused(
    spoil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = keep("qemu", "qemu-aarch64 version 10.0.13")
    if spoil == "change":
        program(path, "qemu-aarch64 version 10.0.14")
    else:
        path.unlink()
    with pytest.raises(TargetError, match="damaged or gone") as caught:
        find_emulator()
    assert "--build-emulator" in (caught.value.hint or "")


def test_a_manifest_that_is_none_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, text in {"a": "", "b": "[]", "c": "{", "d": '{"format": 1}'}.items():
        (emulator_directory() / name).mkdir(parents=True)
        (emulator_directory() / name / "manifest.json").write_text(text)
    with pytest.raises(TargetError, match="not installed"):
        find_emulator()


def test_no_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match="not installed") as caught:
        EmulatedDevice("pixel2", lambda _api: Plugin(tmp_path / "plugin.so", ""))
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert caught.value.hint.startswith("apt-get install qemu-user ")


@pytest.mark.parametrize(("version", "api"), [("7.2.0", 1), ("10.0.13", 2)])
def test_the_plugin_is_the_one_for_the_emulator(
    version: str, api: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, f"qemu-aarch64 version {version}", True, monkeypatch)
    libraries = tmp_path / "lib"
    libraries.mkdir()
    for name in emulator._LIBRARIES:
        (libraries / name).write_text(name)
    monkeypatch.setattr(emulator, "_LIBRARY_PLACES", (libraries,))
    asked = []

    def plugin(wanted: int) -> Plugin:
        asked.append(wanted)
        return Plugin(tmp_path / "plugin.so", "0123")

    device = EmulatedDevice("pixel2", plugin)
    device.close()
    assert asked == [api]
    assert device.facts.details["plugin_sources_sha256"] == "0123"
    assert version in device.facts.details["emulator"]


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
