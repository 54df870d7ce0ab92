"""Mutations of .tflite files that know what lies where: offsets, lengths, vtables, numbers, indices, ends."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tflprof.model.layout import layout
from tflprof.model.schema import enum_text

_ODD = (
    *(0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 64, 127, 128, 200, 255, 256, 1000, 0x7FFF, 0x8000, 0xFFFF),
    *(0x10000, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, 1 << 63),
)


@dataclass
class _Places:
    """Where things lie in a sound file, as byte positions; numbers with their widths in bytes."""

    tables: set[int] = field(default_factory=set)
    vtables: set[int] = field(default_factory=set)
    vectors: set[int] = field(default_factory=set)
    offsets: set[int] = field(default_factory=set)
    numbers: set[tuple[int, int]] = field(default_factory=set)


@dataclass(frozen=True)
class Known:
    """The same as sequences to choose from."""

    tables: Sequence[int]
    vtables: Sequence[int]
    vectors: Sequence[int]
    offsets: Sequence[int]
    numbers: Sequence[tuple[int, int]]
    targets: Sequence[int]


def places(data: bytes) -> Known:
    """Find everything in a file. Raises struct.error or LookupError if it is unsound."""
    found = _Places()
    _table(data, 0, "Model", found)
    return Known(
        tables=sorted(found.tables),
        vtables=sorted(found.vtables),
        vectors=sorted(found.vectors),
        offsets=sorted(found.offsets),
        numbers=sorted(found.numbers),
        targets=sorted(found.tables | found.vectors),
    )


def _u32(data: bytes | bytearray, place: int) -> int:
    value: int = struct.unpack_from("<I", data, place)[0]
    return value


def _table(data: bytes, place: int, name: str, found: _Places) -> None:
    at = place + _u32(data, place)
    found.offsets.add(place)
    if at in found.tables or len(found.tables) > 5000:
        return
    found.tables.add(at)
    vtable = at - struct.unpack_from("<i", data, at)[0]
    found.vtables.add(vtable)
    slots = struct.unpack_from(f"<{struct.unpack_from('<H', data, vtable)[0] // 2}H", data, vtable)
    for item in layout(name):
        number = item.slot // 2
        if number >= len(slots) or not slots[number]:
            continue
        where = at + slots[number]
        if not item.is_offset:
            found.numbers.add((where, item.width))
        elif item.union:
            kind = enum_text(item.union, data[at + slots[number - 1]]) if slots[number - 1] else "NONE"
            if kind != "NONE" and not kind.startswith("UNKNOWN_"):
                _table(data, where, kind, found)
        elif item.table and not item.vector:
            _table(data, where, item.table, found)
        else:
            _vector(data, where, item.table, item.width, found)


def _vector(data: bytes, place: int, table: str | None, width: int, found: _Places) -> None:
    at = place + _u32(data, place)
    found.offsets.add(place)
    found.vectors.add(at)
    for number in range(min(_u32(data, at), 200)):
        where = at + 4 + number * (4 if table else width)
        if table:
            _table(data, where, table, found)
        else:
            found.numbers.add((where, width))


Mutation = Callable[[random.Random, bytearray, Known], None]


def change_number(rng: random.Random, data: bytearray, known: Known) -> None:
    """A scalar or an element becomes another: odd, near, or a copy of one elsewhere."""
    place, width = rng.choice(known.numbers)
    old = int.from_bytes(data[place : place + width], "little")
    how = rng.randrange(4)
    if how == 0:
        new = rng.choice(_ODD)
    elif how == 1:
        new = old + rng.choice((-8, -2, -1, 1, 2, 4, 8))
    elif how == 2:
        new = rng.getrandbits(8 if rng.random() < 0.7 else 8 * width)
    else:
        other, _ = rng.choice(known.numbers)
        new = int.from_bytes(data[other : other + width], "little")
    data[place : place + width] = (new % (1 << (8 * width))).to_bytes(width, "little")


def change_offset(rng: random.Random, data: bytearray, known: Known) -> None:
    """An offset leads elsewhere: to another table or vector, near its place, or nowhere."""
    place = rng.choice(known.offsets)
    how = rng.randrange(3)
    if how == 0:
        new = rng.choice(known.targets) - place
    elif how == 1:
        new = _u32(data, place) + rng.choice((-64, -8, -4, -3, -2, -1, 1, 2, 3, 4, 8, 64))
    else:
        new = rng.choice(_ODD)
    _put(data, place, "<I", new % (1 << 32))


def change_length(rng: random.Random, data: bytearray, known: Known) -> None:
    """A vector or text claims another length."""
    place = rng.choice(known.vectors)
    old = _u32(data, place)
    new = rng.choice((*_ODD, old - 1, old + 1, old * 2, old // 2, old + 4))
    _put(data, place, "<I", new % (1 << 32))


def change_vtable(rng: random.Random, data: bytearray, known: Known) -> None:
    """An entry of a vtable, or where a table's vtable is."""
    if rng.random() < 0.7:
        place = rng.choice(known.vtables) + 2 * rng.randrange(12)
        _put(data, place, "<H", rng.choice((0, 4, 5, 6, 8, 10, 12, 16, 20, 24, 40, 200, 0xFFFF)))
    else:
        place = rng.choice(known.tables)
        _put(
            data, place, "<i", rng.choice((place - rng.choice(known.vtables), -4, 0, 4, 1 << 30, -(1 << 30)))
        )


def change_bytes(rng: random.Random, data: bytearray, known: Known) -> None:  # noqa: ARG001 - all have one signature
    """Some bytes anywhere."""
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def move_piece(rng: random.Random, data: bytearray, known: Known) -> None:  # noqa: ARG001 - all have one signature
    """A piece is overwritten by another of the same file, or by zeros."""
    size = 4 * rng.randint(1, 16)
    source, target = (4 * rng.randrange(len(data) // 4) for _ in range(2))
    piece = bytes(size) if rng.random() < 0.2 else bytes(data[source : source + size])
    data[target : target + len(piece)] = piece


def cut(rng: random.Random, data: bytearray, known: Known) -> None:
    """The file ends early, or lacks a piece, or has one more."""
    how = rng.randrange(3)
    at = rng.randrange(8, len(data))
    if how == 0:
        del data[rng.choice(known.targets) if rng.random() < 0.5 else at :]
    elif how == 1:
        del data[at : at + rng.randint(1, 8)]
    else:
        data[at:at] = bytes(rng.randint(1, 8))


MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (change_number, 20),
    (change_offset, 3),
    (change_length, 2),
    (change_vtable, 1),
    (change_bytes, 2),
    (move_piece, 1),
    (cut, 1),
)
_WEIGHTED = [mutation for mutation, weight in MUTATIONS for _ in range(weight)]


def mutated(rng: random.Random, data: bytes, known: Known) -> tuple[bytes, list[str]]:
    """A file with one to four mutations, and their names. Places are those of the whole file."""
    changed, names = bytearray(data), []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        mutation = rng.choice(_WEIGHTED)
        try:
            mutation(rng, changed, known)
        except (struct.error, IndexError, ValueError):
            continue  # an earlier cut took the place away
        names.append(mutation.__name__)
    return bytes(changed), names


def _put(data: bytearray, place: int, form: str, value: int) -> None:
    struct.pack_into(form, data, place, value)
