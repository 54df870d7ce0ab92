"""What ELF headers tell, from whole, strange and damaged files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtimes.elves import LITERT, TFLITE, elf
from tflprof.errors import RuntimeMissing
from tflprof.runtimes.elf import elf_platform, read_elf
from tflprof.runtimes.identify import identify, library_api


def write(folder: Path, data: bytes) -> Path:
    path = folder / "library.so"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "platform"),
    [
        (elf("aarch64", ["libc.so"]), "android-aarch64"),
        (elf("aarch64", ["libc.so.6", "ld-linux-aarch64.so.1"]), "linux-aarch64"),
        (elf("arm", ["libm.so", "libc.so"]), "android-armv7"),
        (elf("arm", ["libc.so.6"]), "linux-armhf"),
        (elf("x86_64", ["libc.so"]), "android-x86_64"),
        (elf("x86_64", ["libc.so.6"]), "linux-x86_64"),
        (elf("aarch64", ["libc.musl-aarch64.so.1"]), "musl-aarch64"),
        (elf("aarch64", [], api=24), "android-aarch64"),
        (elf("aarch64", []), "linux-aarch64"),
    ],
)
def test_the_platform(tmp_path: Path, data: bytes, platform: str) -> None:
    assert elf_platform(write(tmp_path, data)) == platform


@pytest.mark.parametrize("machine", ["aarch64", "arm"])
def test_all_facts(tmp_path: Path, machine: str) -> None:
    data = elf(machine, ["libdl.so", "libc.so"], soname="libLiteRt.so", api=26, alignment=4096)
    facts = read_elf(write(tmp_path, data))
    assert facts.needed == ("libdl.so", "libc.so")
    assert (facts.soname, facts.android_api, facts.alignment) == ("libLiteRt.so", 26, 4096)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"MZ" * 100, "not a little-endian ELF"),
        (elf()[:60], "is damaged"),
        (elf()[:200], "is damaged"),
        (elf().replace(b"\3\0\xb7\0", b"\2\0\xb7\0"), "not a shared library"),
    ],
)
def test_what_is_none(tmp_path: Path, data: bytes, told: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(RuntimeMissing, match=told) as caught:
        read_elf(path)
    assert str(path) in caught.value.what


@given(st.data())
def test_damage_is_told_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(elf(data.draw(st.sampled_from(["aarch64", "arm"])), ["libc.so"], api=21))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    path = write(tmp_path_factory.mktemp("elf"), bytes(content))
    with contextlib.suppress(RuntimeMissing):
        read_elf(path)


@pytest.mark.parametrize(
    ("symbol", "api", "name"), [(LITERT, "litert", "LiteRT"), (TFLITE, "tflite", "TensorFlow Lite")]
)
def test_the_interface(tmp_path: Path, symbol: bytes, api: str, name: str) -> None:
    found = identify(write(tmp_path, elf(symbol=symbol)))
    assert (found.api, found.name, found.note) == (api, name, None)


def test_another_library(tmp_path: Path) -> None:
    path = write(tmp_path, elf(symbol=b"deflate"))
    assert library_api(path) is None
    with pytest.raises(RuntimeMissing, match="exports neither LiteRT's nor"):
        identify(path)


def test_pages_of_16_kib(tmp_path: Path) -> None:
    assert "16 KiB pages" in (identify(write(tmp_path, elf(alignment=4096))).note or "")
    assert identify(write(tmp_path, elf("arm", symbol=TFLITE, alignment=4096))).note is None
