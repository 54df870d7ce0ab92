"""Where constant data goes in a file: inside the flatbuffer, or behind it if that would overflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tflprof.model.schema import generated
from tflprof.model.storage import Bytes

ALIGNMENT = 16
"""Alignment of constant data in the file, in bytes, as the runtime's vector loads like it."""

_FLATBUFFER_LIMIT = (1 << 31) - (1 << 24)
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
            place_of_data = memoryview(builder.Bytes)[builder.head :]
            place_of_data[: len(self.content)] = self.content.data
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


def needs_tail(contents: Sequence[Bytes]) -> bool:
    """Whether buffers of these contents are too big for one flatbuffer (2 GB)."""
    return sum(len(content) + ALIGNMENT for content in contents) > _FLATBUFFER_LIMIT


def file_pieces(
    pack: Callable[[list[BufferTable]], bytes], contents: Sequence[Bytes], tail: bool
) -> Iterator[bytes | memoryview]:
    """The content of a file piece by piece.

    Args:
        pack: makes the flatbuffer that has these buffers.
        contents: of the buffers.
        tail: whether large buffers go behind the flatbuffer.
    """
    if not tail:
        yield pack([BufferTable(content) for content in contents])
        return
    # Offsets are stored at full width, so that a first packing tells where the tail begins.
    size = len(pack(place(contents, 1 << 40)))
    start = aligned(size)
    yield pack(place(contents, start)) + bytes(start - size)
    for content in contents:
        if goes_outside(content):
            yield content.data
            yield bytes(aligned(len(content)) - len(content))


def room(buffers: Sequence[BufferTable]) -> int:
    """Bytes that the buffers inside a flatbuffer take, for its builder to begin with."""
    return sum(len(item.content) + ALIGNMENT for item in buffers if not item.offset) + (1 << 16)


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
