"""Element types of tensors: their width in memory and their numpy equivalents."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import ModelError

BITS: dict[str, int] = {
    "float32": 32, "float16": 16, "bfloat16": 16, "float64": 64,
    "float8_e4m3fn": 8, "float8_e5m2": 8,
    "int2": 2, "int4": 4, "int8": 8, "int16": 16, "int32": 32, "int64": 64,
    "uint4": 4, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64,
    "bool": 8, "complex64": 64, "complex128": 128,
}  # fmt: skip
"""Bits per element in memory; types without a fixed width (string, resource, variant) are absent."""

PACKED = ("int2", "int4", "uint4")
"""Integers narrower than a byte, stored several to a byte, lowest bits first."""


def byte_size(dtype: str, shape: Sequence[int]) -> int | None:
    """Bytes a dense tensor takes; None if the width is not fixed or a dimension is negative."""
    if dtype not in BITS or any(size < 0 for size in shape):
        return None
    return (math.prod(shape) * BITS[dtype] + 7) // 8


def decode(dtype: str, raw: npt.NDArray[np.uint8], count: int) -> npt.NDArray[Any]:
    """The ``count`` elements stored in ``raw``, as a flat array.

    A view where numpy has the type; packed integers become int8 or uint8, bfloat16 float32,
    strings an object array of bytes. Raises ModelError for other types and for a wrong size.
    """
    if dtype == "string":
        return _strings(raw)
    if dtype not in BITS or dtype.startswith("float8"):
        raise ModelError(f"constants of type {dtype} cannot be read", "convert the tensor to another type")
    if len(raw) * 8 < count * BITS[dtype]:
        raise ModelError(f"constant holds {len(raw)} bytes, too few for {count} elements of {dtype}")
    if dtype in PACKED:
        return _unpack(dtype, raw, count)
    if dtype == "bfloat16":
        return (raw[: 2 * count].view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    stored = np.dtype(dtype)
    return raw[: count * stored.itemsize].view(stored)


def encode(dtype: str, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The bytes in which ``values`` are stored as ``dtype``: the inverse of :func:`decode`.

    Packed integers are taken from any integer array; the rest must already have the right type.
    """
    if dtype in PACKED:
        return _pack(dtype, values)
    return np.ascontiguousarray(values, dtype=np.dtype(dtype)).reshape(-1).view(np.uint8)


def _unpack(dtype: str, raw: npt.NDArray[np.uint8], count: int) -> npt.NDArray[Any]:
    bits = BITS[dtype]
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    fields = ((raw[:, None] >> shifts) & ((1 << bits) - 1)).reshape(-1)[:count]
    if dtype.startswith("u"):
        return fields
    sign = 1 << (bits - 1)
    return (fields ^ sign).astype(np.int8) - np.int8(sign)


def _pack(dtype: str, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    bits = BITS[dtype]
    per_byte = 8 // bits
    fields = values.reshape(-1).astype(np.int64) & ((1 << bits) - 1)
    padded = np.zeros(-(-fields.size // per_byte) * per_byte, np.int64)
    padded[: fields.size] = fields
    shifts = np.arange(0, 8, bits)
    packed: npt.NDArray[np.int64] = (padded.reshape(-1, per_byte) << shifts).sum(axis=1)
    return packed.astype(np.uint8)


def _strings(raw: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Count, ``count + 1`` offsets from the start, then the text: all offsets int32."""
    data = raw.tobytes()
    try:
        count = int(np.frombuffer(data, np.int32, 1)[0])
        offsets = np.frombuffer(data, np.int32, count + 1, 4).tolist()
    except ValueError:
        raise ModelError("a string constant is damaged: its offsets do not fit its data") from None
    out = np.empty(count, object)
    out[:] = [data[start:end] for start, end in itertools.pairwise(offsets)]
    return out
