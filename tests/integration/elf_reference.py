"""What an ELF file says of itself, read independently of the product's own reader."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

LOAD, DYNAMIC, INTERPRETER, THREAD_LOCAL, RELRO = 1, 2, 3, 7, 0x6474E552
_NULL, _NEEDED, _STRINGS, _SYMBOLS, _HASH, _GNU_HASH, _TEXT_RELOCATIONS = 0, 1, 5, 6, 4, 0x6FFFFEF5, 22
_VERSIONS, _FLAGS_1 = 0x6FFFFFF0, 0x6FFFFFFB


@dataclass(frozen=True)
class Segment:
    kind: int
    offset: int
    address: int
    size: int
    memory: int
    alignment: int


@dataclass(frozen=True)
class Elf:
    bits: int
    type: int
    machine: int
    segments: tuple[Segment, ...]
    interpreter: str | None
    needed: tuple[str, ...]
    imported: frozenset[str]
    exported: frozenset[str]
    dynamic: frozenset[int]
    """The tags there are."""

    def of(self, kind: int) -> list[Segment]:
        return [segment for segment in self.segments if segment.kind == kind]


class _Reader:
    def __init__(self, data: bytes) -> None:
        assert data[:4] == b"\x7fELF"
        assert data[5] == 1, "little-endian"
        self.data = data
        self.wide = data[4] == 2
        header = struct.unpack_from("<HHIQQQIHHH" if self.wide else "<HHIIIIIHHH", data, 16)
        self.type, self.machine = header[:2]
        self.segments = [self._segment(header[4] + i * header[8]) for i in range(header[9])]
        self.dynamic = self._dynamic()

    def _segment(self, at: int) -> Segment:
        if self.wide:
            kind, _, offset, address, _, size, memory, alignment = struct.unpack_from(
                "<IIQQQQQQ", self.data, at
            )
        else:
            kind, offset, address, _, size, memory, _, alignment = struct.unpack_from("<8I", self.data, at)
        return Segment(kind, offset, address, size, memory, alignment)

    def _dynamic(self) -> list[tuple[int, int]]:
        (segment,) = [s for s in self.segments if s.kind == DYNAMIC]
        content = self.data[segment.offset : segment.offset + segment.size]
        entries = list(struct.iter_unpack("<QQ" if self.wide else "<II", content))
        return entries[: [tag for tag, _ in entries].index(_NULL)]

    def value(self, tag: int) -> int:
        (value,) = [value for known, value in self.dynamic if known == tag]
        return value

    def at(self, address: int) -> int:
        """The offset in the file of an address."""
        (offset,) = [
            s.offset + address - s.address
            for s in self.segments
            if s.kind == LOAD and s.address <= address < s.address + s.size
        ]
        return offset

    def text(self, offset: int) -> str:
        return self.data[offset : self.data.index(b"\0", offset)].decode()

    def symbols(self) -> tuple[set[str], set[str]]:
        """Names imported and exported."""
        strings, table = self.at(self.value(_STRINGS)), self.at(self.value(_SYMBOLS))
        (count,) = struct.unpack_from("<I", self.data, self.at(self.value(_HASH)) + 4)
        imported: set[str] = set()
        exported: set[str] = set()
        for i in range(1, count):
            if self.wide:
                name, _, _, section = struct.unpack_from("<IBBH", self.data, table + 24 * i)
            else:
                name, _, _, _, _, section = struct.unpack_from("<IIIBBH", self.data, table + 16 * i)
            (exported if section else imported).add(self.text(strings + name))
        return imported, exported


def read_elf(path: Path) -> Elf:
    reader = _Reader(path.read_bytes())
    interpreters = [reader.text(s.offset) for s in reader.segments if s.kind == INTERPRETER]
    strings = reader.at(reader.value(_STRINGS))
    imported, exported = reader.symbols()
    return Elf(
        64 if reader.wide else 32,
        reader.type,
        reader.machine,
        tuple(reader.segments),
        interpreters[0] if interpreters else None,
        tuple(reader.text(strings + value) for tag, value in reader.dynamic if tag == _NEEDED),
        frozenset(imported),
        frozenset(exported),
        frozenset(tag for tag, _ in reader.dynamic),
    )


HASHES = {_HASH, _GNU_HASH}
UNWANTED = {_TEXT_RELOCATIONS, _VERSIONS}
FLAGS_1 = _FLAGS_1
