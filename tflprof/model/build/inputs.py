"""Micro-models with an input of every type the schema has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tflprof.model.build.layers import Network, Value
from tflprof.model.build.micro import FLOAT, Micro

INPUT_TYPES = (
    "float32", "float16", "bfloat16", "float64", "int2", "int4", "int8", "int16", "int32", "int64",
    "uint4", "uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128", "string",
)  # fmt: skip

SHAPE = (2, 8)


def _typed(dtype: str) -> Callable[[Network], Sequence[Value]]:
    """A model that only reshapes its input, as every type can be."""

    def build(net: Network) -> Sequence[Value]:
        x = net.graph.input("input", SHAPE, dtype)
        return [net.reshape(Value(x, SHAPE, dtype, None, 1.0), "output", (4, 4))]

    return build


INPUTS: dict[str, Micro] = {f"input_{dtype}": Micro(_typed(dtype), FLOAT) for dtype in INPUT_TYPES}
"""Models of this file by name."""
