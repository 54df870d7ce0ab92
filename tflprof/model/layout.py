"""What lies in each table of the .tflite schema, asked of the generated classes themselves.

Their accessors are called with a table that records what they read: so the layout always is the schema's
that the installed package brings, and needs no copy of it here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from tflprof.model.schema import generated

_UNIONS = {
    "BuiltinOptions": "BuiltinOptions",
    "BuiltinOptions2": "BuiltinOptions2",
    "Details": "QuantizationDetails",
    "ArraySegments": "SparseIndexVector",
    "ArrayIndices": "SparseIndexVector",
}
"""Enums of the kinds of tables that a union field may hold, which its accessor does not tell."""

_DERIVED = ("AsNumpy", "Length", "IsNone")


@dataclass(frozen=True)
class Field:
    """One field of a table.

    Attributes:
        slot: its place in a vtable, in bytes.
        width: bytes of a scalar, or of an element of a vector of scalars; 4 for an offset.
        vector: whether it is a vector of what the rest says.
        table: the table it leads to, if it does.
        string: whether it leads to a string.
        union: the enum of the tables it may lead to; the slot before holds which.
    """

    slot: int
    width: int = 4
    vector: bool = False
    table: str | None = None
    string: bool = False
    union: str | None = None

    @property
    def is_offset(self) -> bool:
        """Whether the table itself only holds where the value is."""
        return self.vector or self.string or self.table is not None or self.union is not None


@functools.cache
def layout(table: str) -> tuple[Field, ...]:
    """The fields of a table, by its name in the schema."""
    methods = {name: item for name, item in vars(getattr(generated(), table)).items() if _is_accessor(item)}
    names = [name for name in methods if not _is_derived(name, methods)]
    return tuple(_field(table, name, methods[name]) for name in names)


def _is_accessor(item: object) -> bool:
    return isinstance(item, FunctionType) and item.__name__ != "Init"


def _is_derived(name: str, methods: dict[str, Any]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in methods for end in _DERIVED)


def _field(table: str, name: str, accessor: FunctionType) -> Field:
    seen = _Recorder()
    reader = getattr(generated(), table)()
    reader._tab = seen
    found = accessor(reader, *[0] * (accessor.__code__.co_argcount - 1))
    return Field(
        slot=seen.slot,
        width=seen.width,
        vector=seen.vector,
        table=type(found).__name__ if seen.table and not seen.union else None,
        string=seen.string,
        union=_UNIONS[name] if seen.union else None,
    )


class _Recorder:
    """Stands for ``flatbuffers.table.Table``: answers anything, and remembers what was asked."""

    Bytes = b""
    Pos = 0

    def __init__(self) -> None:
        self.slot = 0
        self.width = 4
        self.vector = self.table = self.string = self.union = False

    def Offset(self, slot: int) -> int:  # noqa: N802 (as flatbuffers calls it)
        self.slot = slot
        return 1

    def Get(self, flags: Any, _: int) -> int:  # noqa: N802
        self.width = flags.bytewidth
        return 0

    def Vector(self, _: int) -> int:  # noqa: N802
        self.vector = True
        return 0

    def String(self, _: int) -> bytes:  # noqa: N802
        self.string = True
        return b""

    def Indirect(self, _: int) -> int:  # noqa: N802
        self.table = True
        return 0

    def Union(self, *_: object) -> None:  # noqa: N802
        self.union = True
