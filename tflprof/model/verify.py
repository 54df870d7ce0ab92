"""Whether every offset in a .tflite file leads to what the schema says is there.

LiteRT checks files itself before it uses them, older runtimes and TensorFlow Lite's C interface do not: they
follow an offset wherever it leads. The ``flatbuffers`` package for Python has no verifier. This one is at least
as strict as that of flatbuffers for C++, and walks only what holds offsets, never the weights.
"""

from __future__ import annotations

import itertools
import mmap
import struct
from collections.abc import Callable

from tflprof.model.layout import Field, layout
from tflprof.model.schema import enum_text
from tflprof.model.storage import MappedFile

MAX_TABLES = 1_000_000
"""As many as LiteRT itself accepts."""

_LEAST_TABLE = 8
"""Bytes of the smallest table together with the offset that leads to it."""

_FEW_TABLES = 64

Data = bytes | mmap.mmap
_Step = Callable[[int], object]

_u16 = struct.Struct("<H").unpack_from
_u32 = struct.Struct("<I").unpack_from
_i32 = struct.Struct("<i").unpack_from


def verify(data: Data) -> None:
    """Raise ValueError, telling where, unless ``data`` is a sound flatbuffer of a ``Model``."""
    walk = _Walk(data)
    walk.follow(0, "Model")
    walk.check_overlaps()


class _Walk:
    """One pass over all tables that can be reached, each looked at once.

    It ends: offsets lead only forward, and no table of the schema can hold one of its own kind.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.size = len(data)
        self.seen: dict[int, str] = {}
        self.ends: dict[int, int] = {}
        self.visits = min(max(self.size // _LEAST_TABLE, _FEW_TABLES), MAX_TABLES)
        self.touch = data.touch if isinstance(data, MappedFile) else _nothing
        self.plans: dict[tuple[str, int, int], tuple[int, list[tuple[int, _Step]]]] = {}

    def follow(self, place: int, table: str) -> None:
        """Look at the table that the offset at ``place`` leads to."""
        (distance,) = _u32(self.data, place)
        at = place + distance
        self.visits -= 1
        if self.visits < 0:
            raise ValueError("it claims more tables than a file of its size can hold, or than LiteRT accepts")
        known = self.seen.setdefault(at, table)
        if known != table:
            raise ValueError(f"byte {at} begins both a {known} and a {table}")
        if at not in self.ends:
            if not distance or at % 4 or at + 4 > self.size:
                raise ValueError(f"the offset of a {table} at byte {place} leads to byte {at} of {self.size}")
            self.look_at(at, table)

    def look_at(self, at: int, table: str) -> None:
        self.touch()
        vtable = at - _i32(self.data, at)[0]
        # The same place modulo 8 has the same alignments.
        key = (table, vtable, at & 7)
        plan = self.plans.get(key)
        if plan is None:
            plan = self.plans[key] = self.plan(at, vtable, table)
        size, steps = plan
        self.ends[at] = end = at + size
        if end > self.size:
            raise ValueError(f"a {table} ends at byte {end} of {self.size}")
        for offset, step in steps:
            step(at + offset)

    def plan(self, at: int, vtable: int, table: str) -> tuple[int, list[tuple[int, _Step]]]:
        """Bytes that tables with this vtable use, and what is to be followed at which of them."""
        if vtable % 2 or vtable < 0 or vtable + 4 > self.size:
            raise ValueError(f"the {table} at byte {at} has its vtable at byte {vtable} of {self.size}")
        length, size = struct.unpack_from("<HH", self.data, vtable)
        if length < 4 or length % 2 or size < 4 or vtable + length > self.size:
            raise ValueError(f"the vtable of a {table} at byte {vtable} has {length} bytes")
        slots = struct.unpack_from(f"<{length // 2}H", self.data, vtable)
        steps = []
        used = 4
        for field in layout(table):
            if field.slot >= length or not (offset := slots[field.slot // 2]):
                continue
            width = 4 if field.is_offset else field.width
            if offset < 4 or offset + width > size or (at + offset) % width:
                raise ValueError(f"a {table} at byte {at} has a field of {width} bytes at its byte {offset}")
            used = max(used, offset + width)
            if field.is_offset:
                kind = slots[field.slot // 2 - 1] if field.union else 0
                steps.append((offset, self.step(table, field, kind - offset if kind else 0)))
        # Not the size it claims: builders count padding that the next table may begin in.
        return used, steps

    def step(self, table: str, field: Field, kind: int) -> _Step:
        """What checks one field of tables, called with the field's place; ``kind`` is from there to a union's kind."""
        if field.union is not None:
            enum = field.union
            return lambda place: self.union(place, enum, kind)
        if field.table is not None:
            target = field.table
            if field.vector:
                return lambda place: self.tables(place, target)
            return lambda place: self.follow(place, target)
        if field.string:
            return lambda place: self.string(place, table)
        return lambda place: self.vector(place, field.width, table)

    def union(self, place: int, enum: str, kind: int) -> None:
        """A union's table. What a kind that the schema does not know leads to, nobody follows."""
        value = self.data[place + kind] if kind else 0
        name = enum_text(enum, value)
        if value and not name.startswith("UNKNOWN_"):
            self.follow(place, name)

    def tables(self, place: int, table: str) -> None:
        start, count = self.vector(place, 4, table)
        if count > self.visits:
            raise ValueError(
                f"a vector at byte {start} claims {count} of {table}, more than the file can hold"
            )
        for item in range(start, start + 4 * count, 4):
            self.follow(item, table)

    def string(self, place: int, table: str) -> None:
        start, count = self.vector(place, 1, table)
        if start + count >= self.size or self.data[start + count]:
            raise ValueError(f"a text of a {table} at byte {start} has no end")

    def vector(self, place: int, width: int, table: str) -> tuple[int, int]:
        """Where the elements of a vector begin, and how many there are."""
        (distance,) = _u32(self.data, place)
        start = place + distance + 4
        if not distance or start % 4 or start > self.size:
            raise ValueError(f"the offset of a vector of a {table} at byte {place} leads to byte {start - 4}")
        (count,) = _u32(self.data, start - 4)
        if start + width * count > self.size:
            raise ValueError(f"a vector of a {table} ends at byte {start + width * count} of {self.size}")
        if start % width and count:
            raise ValueError(f"a vector of a {table} at byte {start} is not aligned to {width} bytes")
        return start, count

    def check_overlaps(self) -> None:
        for first, second in itertools.pairwise(sorted(self.ends.items())):
            if first[1] > second[0]:
                raise ValueError(f"the table at byte {second[0]} begins within the one at byte {first[0]}")


def _nothing() -> None:
    """Bytes in memory stay there."""
