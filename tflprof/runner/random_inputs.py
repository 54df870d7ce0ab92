"""Random inputs, the same on every runner (docs/runner-protocol.md, Random inputs)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SEED_STRIDE = 1000003
_MASK = (1 << 64) - 1
_LOW_BITS = {
    "int8": "u1",
    "uint8": "u1",
    "int16": "<u2",
    "uint16": "<u2",
    "int4": "u1",
    "uint4": "u1",
    "int2": "u1",
}
_DIGITS = {"int32": "<u4", "uint32": "<u4", "int64": "<u8", "uint64": "<u8"}
_REALS = {"float32": "<f4", "complex64": "<f4", "float64": "<f8", "float16": "<f2"}


def splitmix64(seed: int, count: int) -> npt.NDArray[np.uint64]:
    """The first ``count`` draws of the generator started at ``seed``."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed & _MASK)
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> np.uint64(31)


def can_be_random(dtype: str) -> bool:
    """Whether inputs of this type can be made; strings, resources and variants cannot."""
    return dtype in {*_LOW_BITS, *_DIGITS, *_REALS, "bfloat16", "bool"}


def random_bytes(dtype: str, size: int, seed: int, position: int) -> bytes:
    """The content of a random input.

    Args:
        dtype: its type, one that :func:`can_be_random`.
        size: bytes of the whole tensor.
        seed: the session's.
        position: of the input among the model's.
    """
    width = 2 if dtype == "bfloat16" else 1 if dtype == "bool" else np.dtype(_format(dtype)).itemsize
    draws = splitmix64(seed * _SEED_STRIDE + position, -(-size // width))
    return _elements(dtype, draws).tobytes()[:size]


def _format(dtype: str) -> str:
    return (_LOW_BITS | _DIGITS | _REALS)[dtype]


def _elements(dtype: str, draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.generic]:
    if dtype == "bool":
        return (draws & np.uint64(1)).astype("u1")
    if dtype in _LOW_BITS:
        return draws.astype(_LOW_BITS[dtype])
    if dtype in _DIGITS:
        return (draws % np.uint64(10)).astype(_DIGITS[dtype])
    real = ((draws >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24) * 2 - 1).astype("<f4")
    if dtype == "bfloat16":
        bits = real.view("<u4")
        return ((bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)).astype(
            "<u2"
        )
    return real.astype(_REALS[dtype])
