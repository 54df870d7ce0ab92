"""Shared libraries of other systems: which platform they are for, by headers as theirs."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.unit.runtimes.elves import elf
from tflprof.errors import RuntimeMissing
from tflprof.runtimes.identify import library_api
from tflprof.runtimes.library_format import library_platforms


def macho(processor: int = 0x0100000C, kind: int = 6) -> bytes:
    return struct.pack("<8I", 0xFEEDFACF, processor, 0, kind, 0, 0, 0, 0) + b"\0_LiteRtCreateEnvironment\0"


def fat(*processors: int) -> bytes:
    head = struct.pack(">II", 0xCAFEBABE, len(processors))
    return head + b"".join(struct.pack(">5I", processor, 0, 4096, 8, 12) for processor in processors)


def pe(processor: int = 0x8664, flags: int = 0x2000) -> bytes:
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return head + b"PE\0\0" + struct.pack("<HHIIIHH", processor, 0, 0, 0, 0, 0, flags)


@pytest.mark.parametrize(
    ("data", "platforms"),
    [
        (macho(), ["darwin-aarch64"]),
        (macho(0x01000007), ["darwin-x86_64"]),
        (fat(0x01000007, 0x0100000C), ["darwin-x86_64", "darwin-aarch64"]),
        (pe(), ["windows-x86_64"]),
        (pe(0xAA64), ["windows-aarch64"]),
        (pe(0x1234), ["windows-machine0x1234"]),
        (elf(), ["android-aarch64"]),
    ],
)
def test_platforms(tmp_path: Path, data: bytes, platforms: list[str]) -> None:
    path = tmp_path / "library"
    path.write_bytes(data)
    assert library_platforms(path) == platforms


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (macho(kind=2), "is not a shared library"),
        (pe(flags=2), "is not a shared library"),
        (b"MZ" + bytes(100), "is not a shared library"),
        (b"MZ", "damaged"),
        (pe()[:70], "damaged"),
        (macho()[:10], "damaged"),
        (fat(7)[:6], "damaged"),
        (b"", "is empty"),
        (b"abcdef", "not a little-endian ELF file"),
    ],
)
def test_what_is_none(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "library"
    path.write_bytes(data)
    with pytest.raises(RuntimeMissing, match=words):
        library_platforms(path)


def test_names_of_functions_have_an_underscore_on_macos(tmp_path: Path) -> None:
    path = tmp_path / "libLiteRt.dylib"
    path.write_bytes(macho())
    assert library_api(path) == "litert"
