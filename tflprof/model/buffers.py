"""Where constant data goes in a file: inside the flatbuffer, or behind it if that would overflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tflprof.model.schema import generated
from tflprof.model.storage import Bytes

ALIGNMENT = 16
"""Alignment of constant data in the file, in bytes, as the runtime's vector loads like it."""

_SMALL = 64


class BufferTable:
    """Packs as the schema's ``Buffer``: with its data aligned inside, or with its place in the file.

    Args:
        content: the bytes.
        offset: where they begin in the file, 0 if inside the flatbuffer.
    """

    def __init__(self, content: Bytes, offset: int = 0) -> None:
        self.content = content
        self.offset = offset

    def Pack(self, builder: Any) -> int:  # noqa: N802 (called by the generated ModelT)
        """Append the table to a flatbuffers builder and return its offset there."""
        data = 0
        if not self.offset and len(self.content):
            builder.StartVector(1, len(self.content), ALIGNMENT)
            builder.head -= len(self.content)
            room = memoryview(builder.Bytes)[builder.head :]
            room[: len(self.content)] = self.content.data
            data = builder.EndVector()
        schema = generated()
        schema.BufferStart(builder)
        if data:
            schema.BufferAddData(builder, data)
        if self.offset:
            schema.BufferAddOffset(builder, self.offset)
            schema.BufferAddSize(builder, len(self.content))
        end: int = schema.BufferEnd(builder)
        return end


def goes_outside(content: Bytes) -> bool:
    """True if a buffer leaves the flatbuffer when buffers do; the runtime wants small ones inside."""
    return len(content) >= _SMALL


def place(contents: Sequence[Bytes], start: int) -> list[BufferTable]:
    """Tables of buffers whose large ones follow one another from byte ``start`` of the file."""
    placed = []
    for content in contents:
        outside = goes_outside(content)
        placed.append(BufferTable(content, start if outside else 0))
        start += aligned(len(content)) if outside else 0
    return placed


def aligned(size: int) -> int:
    """Bytes that ``size`` bytes take with padding."""
    return -(-size // ALIGNMENT) * ALIGNMENT
