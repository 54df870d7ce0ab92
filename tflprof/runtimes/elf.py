"""What an ELF shared library tells of itself: the platform it is built for and what it needs."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tflprof.errors import RuntimeMissing

PAGE_16K = 16384

_HINT = "name a libLiteRt.so, or an AAR that has one"
# By machine: its name in our platforms, on glibc systems and on Android.
_MACHINES = {
    62: ("x86_64", "x86_64"),
    183: ("aarch64", "aarch64"),
    40: ("armhf", "armv7"),
    3: ("x86", "x86"),
}
_TYPE_SHARED = 3
_LOAD, _DYNAMIC, _NOTE = 1, 2, 4
_EXECUTABLE = 1
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME = 0, 1, 5, 14
_MOST_SEGMENTS, _MOST_TAGS = 512, 4096


@dataclass(frozen=True)
class ElfFacts:
    """A shared library as its headers describe it.

    Attributes:
        platform: such as ``linux-aarch64`` or ``android-armv7``.
        needed: names of the libraries it needs.
        soname: the name it gives itself, None if it has none.
        android_api: lowest API level it says it was built for, None if it does not.
        alignment: of its segments in bytes, 0 if it has none; from Android 15 on, devices with
            16 KiB pages load only libraries aligned to at least as much.
    """

    platform: str
    needed: tuple[str, ...] = ()
    soname: str | None = None
    android_api: int | None = None
    alignment: int = 0


@dataclass(frozen=True)
class _Segment:
    kind: int
    flags: int
    offset: int
    address: int
    size: int
    alignment: int


def elf_platform(path: Path) -> str:
    """The platform of a shared library, such as ``linux-aarch64``. Raises RuntimeMissing like :func:`read_elf`."""
    return read_elf(path).platform


def read_elf(path: Path) -> ElfFacts:
    """The facts of a shared library. Raises RuntimeMissing if it cannot be read, is none, or is damaged."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _facts(data, path)
    except OSError as error:
        raise RuntimeMissing(f"cannot read the runtime {path}: {error.strerror or error}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise RuntimeMissing(f"the runtime {path} is empty", _HINT) from error


def read_code(path: Path) -> tuple[int, bytes]:
    """Processor (ELF machine) and machine code of a library. Raises RuntimeMissing like :func:`read_elf`, OSError."""
    read_elf(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        (machine,) = struct.unpack_from("<H", data, 18)
        parts = [s for s in _segments(data) if s.kind == _LOAD and s.flags & _EXECUTABLE]
        return machine, b"".join(data[part.offset : part.offset + part.size] for part in parts)


def contains(path: Path, name: bytes) -> bool:
    """True if a library names a symbol. Raises OSError."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"\0" + name + b"\0") >= 0


def _facts(data: mmap.mmap, path: Path) -> ElfFacts:
    if len(data) < 20 or data[:4] != b"\x7fELF" or data[5] != 1 or data[4] not in (1, 2):
        raise RuntimeMissing(f"the runtime {path} is not a little-endian ELF file", _HINT)
    kind, machine = struct.unpack_from("<HH", data, 16)
    if kind != _TYPE_SHARED:
        raise RuntimeMissing(f"the runtime {path} is not a shared library", _HINT)
    try:
        segments = list(_segments(data))
        needed, soname = _dynamic(data, segments)
        api = _android_api(data, segments)
    except struct.error as error:
        raise RuntimeMissing(
            f"the runtime {path} is damaged: its headers point past its end ({len(data)} bytes)",
            "copy or fetch it again",
        ) from error
    return ElfFacts(
        platform=_platform(machine, needed, api),
        needed=needed,
        soname=soname,
        android_api=api,
        alignment=min((s.alignment for s in segments if s.kind == _LOAD), default=0),
    )


def _platform(machine: int, needed: tuple[str, ...], android_api: int | None) -> str:
    glibc, android = _MACHINES.get(machine, (f"machine{machine}",) * 2)
    if any(name.startswith("libc.musl") for name in needed):
        return f"musl-{glibc}"
    if "libc.so" in needed or android_api is not None:
        return f"android-{android}"
    return f"linux-{glibc}"


def _segments(data: mmap.mmap) -> Iterator[_Segment]:
    wide = data[4] == 2
    if len(data) < (64 if wide else 52):
        raise struct.error("no whole header")
    (table,) = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    for number in range(min(count, _MOST_SEGMENTS)):
        at = table + number * size
        if wide:
            kind, flags, offset, address, _, length, _, alignment = struct.unpack_from("<IIQQQQQQ", data, at)
        else:
            kind, offset, address, _, length, _, flags, alignment = struct.unpack_from("<8I", data, at)
        yield _Segment(kind, flags, offset, address, length, alignment)


def _dynamic(data: mmap.mmap, segments: list[_Segment]) -> tuple[tuple[str, ...], str | None]:
    """Names of the needed libraries, and the library's own."""
    word = struct.Struct("<qQ" if data[4] == 2 else "<iI")
    tags: list[tuple[int, int]] = []
    for segment in segments:
        if segment.kind != _DYNAMIC:
            continue
        for number in range(min(segment.size // word.size, _MOST_TAGS)):
            tag, value = word.unpack_from(data, segment.offset + number * word.size)
            if tag == _DT_NULL:
                break
            tags.append((tag, value))
    strings = next((value for tag, value in tags if tag == _DT_STRTAB), None)
    if strings is None:
        return (), None
    table = _file_offset(strings, segments)
    needed = tuple(_string(data, table + value) for tag, value in tags if tag == _DT_NEEDED)
    soname = next((_string(data, table + value) for tag, value in tags if tag == _DT_SONAME), None)
    return needed, soname


def _file_offset(address: int, segments: list[_Segment]) -> int:
    for segment in segments:
        if segment.kind == _LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise struct.error("an address in no segment")


def _string(data: mmap.mmap, at: int) -> str:
    end = data.find(b"\0", at)
    if end < 0 or at >= len(data):
        raise struct.error("a string past the end")
    return data[at:end].decode("utf-8", "replace")


def _android_api(data: mmap.mmap, segments: list[_Segment]) -> int | None:
    """The API level in the note that Android's compilers leave, None without one."""
    for segment in segments:
        at, end = segment.offset, segment.offset + segment.size
        while segment.kind == _NOTE and at + 12 <= end:
            name_size, size, kind = struct.unpack_from("<III", data, at)
            name = data[at + 12 : at + 12 + name_size]
            at += 12 + (name_size + 3 & ~3)
            if name == b"Android\0" and kind == 1 and size >= 4:
                return int(struct.unpack_from("<i", data, at)[0])
            at += size + 3 & ~3
    return None
