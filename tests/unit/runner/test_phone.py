"""Which library and runner a phone is given, with scripts in the place of its programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.factories import make_profile
from tests.unit.runner.test_native import HELLO, ScriptDevice, says
from tests.unit.runtimes.elves import TFLITE, aar, elf
from tflprof import trust
from tflprof.errors import RuntimeMissing, TargetError
from tflprof.runner import phone
from tflprof.runner.binary import Binary
from tflprof.runner.phone import Choice, System, choose
from tflprof.runtimes.acquire import add_runtime
from tflprof.runtimes.library import Runtime

PHONE = System(True, ("android-aarch64", "android-armv7"), True)
OLD_PHONE = System(True, ("android-armv7",), False)
BOARD = System(False, ("linux-aarch64",), True)
LINUX = elf("aarch64", ["libc.so.6"])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a store; the catalogue's library is there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "catalogue.so").write_bytes(LINUX)
    monkeypatch.setattr("tflprof.runtimes.library.cached_library", lambda _: tmp_path / "catalogue.so")
    monkeypatch.setattr(
        phone, "runner_binary", lambda platform: Binary(tmp_path / platform, "0" * 64, "b", "")
    )


class Device(ScriptDevice):
    """A phone on which everything runs, unless ``broken`` names the mode."""

    def __init__(self, script: str = "") -> None:
        super().__init__(script)
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Bundle(Device):
    """A phone with a glibc of ours."""

    def __init__(self, device: Device) -> None:
        super().__init__(device.script)
        self.facts = device.facts


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Why modes do not work, by mode."""
    troubles: dict[str, str] = {}
    monkeypatch.setattr(phone, "BundleDevice", Bundle)
    monkeypatch.setattr(phone, "_works", lambda choice: troubles.get(choice.mode))
    return troubles


def chosen(system: System, given: Path | None = None) -> Choice:
    device: Any = Device()
    return choose(device, system, given)


def add(tmp_path: Path, data: bytes, name: str = "libLiteRt.so") -> None:
    (tmp_path / name).write_bytes(data)
    add_runtime(str(tmp_path / name))


def test_without_an_android_library_the_glibc_comes_along(trouble: dict[str, str]) -> None:
    choice = chosen(PHONE)
    assert choice.mode == "glibc-bundle"
    assert isinstance(choice.device, Bundle)
    assert (choice.runtime.platform, choice.binary.path.name) == ("linux-aarch64", "linux-aarch64")


def test_an_android_library_that_was_added_is_used(trouble: dict[str, str], tmp_path: Path) -> None:
    add(tmp_path, elf("aarch64"))
    choice = chosen(PHONE)
    assert (choice.mode, choice.runtime.platform) == ("android", "android-aarch64")
    assert choice.device.platform == "android-aarch64"
    assert not isinstance(choice.device, Bundle)


def test_a_32_bit_library_on_a_64_bit_phone(trouble: dict[str, str], tmp_path: Path) -> None:
    add(tmp_path, elf("arm", symbol=TFLITE))
    assert chosen(PHONE).runtime.platform == "android-armv7"
    add(tmp_path, elf("aarch64"))
    assert chosen(PHONE).runtime.platform == "android-aarch64"


def test_nothing_runs(trouble: dict[str, str]) -> None:
    trouble["glibc-bundle"] = "killed by SIGSYS"
    with pytest.raises(RuntimeMissing, match=r"no inference library for script .*killed by SIGSYS") as caught:
        chosen(PHONE)
    assert caught.value.hint
    assert "tflprof runtimes fetch android" in caught.value.hint


def test_a_phone_that_no_glibc_of_ours_fits(trouble: dict[str, str]) -> None:
    with pytest.raises(RuntimeMissing, match="android-armv7") as caught:
        chosen(OLD_PHONE)
    assert "runtimes add libtensorflowlite_c.so" in (caught.value.hint or "")  # what is fetched has none


def test_litert_for_32_bits_is_passed_over_where_there_is_another_way(
    trouble: dict[str, str], tmp_path: Path
) -> None:
    add(tmp_path, elf("arm"))
    assert chosen(PHONE).mode == "glibc-bundle"
    with pytest.raises(RuntimeMissing, match="for android-armv7 cannot be used") as caught:
        chosen(OLD_PHONE)
    assert "runtimes remove" in (caught.value.hint or "")


@pytest.mark.parametrize("system", [PHONE, BOARD])
def test_an_added_library_that_does_not_run_can_be_removed(
    trouble: dict[str, str], tmp_path: Path, system: System
) -> None:
    add(tmp_path, LINUX + b"own")
    trouble.update({"linux": "bad", "glibc-bundle": "bad"})
    with pytest.raises(RuntimeMissing) as caught:
        chosen(system)
    assert f"added from {tmp_path / 'libLiteRt.so'}; to take it out: tflprof runtimes remove" in (
        caught.value.hint or ""
    )


def test_a_machine_without_arm_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> None:
        raise TargetError("the arm64 libraries are missing", "apt-get install …")

    monkeypatch.setattr(phone, "BundleDevice", missing)
    with pytest.raises(RuntimeMissing, match="the arm64 libraries are missing"):
        chosen(PHONE)


@pytest.mark.parametrize(
    ("system", "data", "told"),
    [
        (PHONE, elf("x86_64"), "is built for android-x86_64, script needs android-aarch64 or android-armv7"),
        (PHONE, elf("x86_64", ["libc.so.6"]), "is built for linux-x86_64"),
        (OLD_PHONE, elf("aarch64"), "is built for android-aarch64, script needs android-armv7"),
        (OLD_PHONE, LINUX, "is built for linux-aarch64, script needs android-armv7"),
        (BOARD, elf("aarch64"), "is built for android-aarch64, script needs linux-aarch64"),
        (PHONE, b"text", "not a little-endian ELF"),
    ],
)
def test_a_library_that_does_not_fit(
    trouble: dict[str, str], tmp_path: Path, system: System, data: bytes, told: str
) -> None:
    path = tmp_path / "libLiteRt.so"
    path.write_bytes(data)
    with pytest.raises(RuntimeMissing, match=told):
        chosen(system, path)


def test_an_archive_gives_what_the_phone_prefers(trouble: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "litert-2.3.0.aar"
    arm = {"jni/armeabi-v7a/libtensorflowlite_jni.so": elf("arm", symbol=TFLITE)}
    path.write_bytes(aar({**arm, "jni/arm64-v8a/libLiteRt.so": elf()}))
    assert chosen(PHONE, path).runtime.platform == "android-aarch64"
    old = chosen(OLD_PHONE, path).runtime
    assert (old.platform, old.name, old.version) == ("android-armv7", "TensorFlow Lite", "2.3.0")


def test_a_linux_library_of_ones_own_on_a_phone(trouble: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "libLiteRt.so"
    path.write_bytes(LINUX + b"own")
    choice = chosen(PHONE, path)
    assert (choice.mode, choice.runtime.path) == ("glibc-bundle", path)


def test_a_board_uses_its_own_glibc_where_that_works(trouble: dict[str, str]) -> None:
    assert chosen(BOARD).mode == "linux"
    trouble["linux"] = "version GLIBC_2.34 not found"
    assert chosen(BOARD).mode == "glibc-bundle"
    trouble["glibc-bundle"] = "no"
    with pytest.raises(RuntimeMissing, match="no inference library for script") as caught:
        chosen(BOARD)
    assert caught.value.hint
    assert "--runtime" in caught.value.hint


@pytest.mark.parametrize(
    ("abis", "abi", "system"),
    [
        (("arm64-v8a", "armeabi-v7a", "armeabi"), "arm64-v8a", PHONE),
        (("armeabi-v7a", "armeabi"), "armeabi-v7a", OLD_PHONE),
        (("x86_64", "arm64-v8a"), "x86_64", System(True, ("android-x86_64", "android-aarch64"), False)),
        ((), "linux-aarch64", BOARD),
        ((), "linux-armv7", System(False, ("linux-armhf",), False)),
    ],
)
def test_what_a_phone_tells_of_itself(abis: tuple[str, ...], abi: str, system: System) -> None:
    inspection: Any = SimpleNamespace(abis=abis, facts=SimpleNamespace(abi=abi))
    assert System.of(inspection) == system


# The trial


def trial(script: str, tmp_path: Path) -> str | None:
    for name in ("runner", "libLiteRt.so"):
        (tmp_path / name).write_bytes(b"")
    runtime = Runtime("LiteRT", None, "linux-aarch64", tmp_path / "libLiteRt.so", "1" * 64)
    device = Device(script)
    found = phone._works(Choice("linux", device, runtime, Binary(tmp_path / "runner", "2" * 64, "b", "")))
    assert all(not workspace.directory.exists() for workspace in device.workspaces)
    return found


LIBRARY = '{"r":"library","path":"./libLiteRt.so","build":null}'


def test_a_library_that_loads_is_not_tried_again(tmp_path: Path) -> None:
    good = says(HELLO, LIBRARY, '{"r":"end","status":"ok","records":2}')
    assert trial(good, tmp_path) is None
    assert trial("exit 1", tmp_path) is None


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            says(HELLO, '{"r":"error","where":"library","model":null,"status":null,"message":"bad ELF"}'),
            "bad ELF",
        ),
        ("echo 'ld.so: no such file' >&2; exit 127", "ld.so: no such file"),
        ("exit 1", "the program did not start"),
        (says(HELLO), "the library did not load"),
        (says(HELLO, "nonsense"), "nonsense"),
    ],
)
def test_a_trial_that_fails_says_why_and_is_repeated(tmp_path: Path, script: str, told: str) -> None:
    for _ in range(2):
        assert told in (trial(script, tmp_path) or "")


# What comes of it


def test_a_borrowed_glibc_is_a_finding_on_android_only() -> None:
    profile = make_profile()
    meta = replace(profile.meta, conditions={"device": {"start": {"runtime_mode": "glibc-bundle"}}})
    for os, expected in (("Android 13 (API 33)", 1), ("Debian 12", 0)):
        there = replace(meta, target=replace(meta.target, os=os))
        codes = [found.code for found in trust.assess(there, profile.summary)]
        assert codes.count("experimental-runtime") == expected


def test_a_phone_without_a_library_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    device: Any = Device()
    device.inspection = SimpleNamespace(abis=("armeabi-v7a",), facts=SimpleNamespace(abi="armeabi-v7a"))
    with pytest.raises(RuntimeMissing):
        phone.open_phone(device, None)
    assert device.closed
