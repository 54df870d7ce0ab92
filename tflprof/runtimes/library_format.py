"""The platform of a shared library, in the formats of Linux and Android (ELF), macOS (Mach-O) and Windows (PE)."""

from __future__ import annotations

import struct
from pathlib import Path

from tflprof.errors import RuntimeMissing
from tflprof.runtimes.elf import elf_platform

UNREADABLE = "name a library that can be read, or leave --runtime out"
"""What to do about one that is not there."""

_HEAD_BYTES = 4096
_MACHO, _MACHO_FAT = 0xFEEDFACF, 0xCAFEBABE
_MACHO_PROCESSORS = {0x0100000C: "aarch64", 0x01000007: "x86_64"}
_PE_PROCESSORS = {0x8664: "x86_64", 0xAA64: "aarch64"}
_MACHO_LIBRARY = 6
_PE_LIBRARY = 0x2000
_MOST_IN_FAT = 32


def library_platforms(path: Path) -> list[str]:
    """The platforms a shared library is for, such as ``linux-aarch64``; several only in a universal one of macOS.

    Raises:
        RuntimeMissing: it cannot be read, is no shared library, or is damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise RuntimeMissing(
            f"cannot read the runtime {path}: {error.strerror or error}", UNREADABLE
        ) from error
    try:
        found = _windows(head) if head[:2] == b"MZ" else _macos(head)
    except struct.error as error:
        raise RuntimeMissing(
            f"the runtime {path} is damaged: its headers point past its end", "copy it again"
        ) from error
    if found is None:
        return [elf_platform(path)]
    if not found:
        raise RuntimeMissing(f"the runtime {path} is not a shared library", "name a library of LiteRT")
    return found


def _macos(head: bytes) -> list[str] | None:
    if len(head) < 4:
        return None
    if struct.unpack_from("<I", head)[0] == _MACHO:
        _, processor, _, kind = struct.unpack_from("<4I", head)
        return [_named("darwin", _MACHO_PROCESSORS, processor)] if kind == _MACHO_LIBRARY else []
    if struct.unpack_from(">I", head)[0] != _MACHO_FAT:
        return None
    (count,) = struct.unpack_from(">I", head, 4)
    parts = [struct.unpack_from(">I", head, 8 + 20 * number)[0] for number in range(min(count, _MOST_IN_FAT))]
    return [_named("darwin", _MACHO_PROCESSORS, processor) for processor in parts]


def _windows(head: bytes) -> list[str]:
    (at,) = struct.unpack_from("<I", head, 60)
    if head[at : at + 4] != b"PE\0\0":
        return []
    (processor,) = struct.unpack_from("<H", head, at + 4)
    (flags,) = struct.unpack_from("<H", head, at + 22)
    return [_named("windows", _PE_PROCESSORS, processor)] if flags & _PE_LIBRARY else []


def _named(system: str, processors: dict[int, str], processor: int) -> str:
    return f"{system}-{processors.get(processor, f'machine{processor:#x}')}"
