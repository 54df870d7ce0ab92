"""Tensors of a network under construction."""

from __future__ import annotations

from dataclasses import dataclass

from tflprof.model.graph import Quantisation


@dataclass(frozen=True)
class Value:
    """A tensor of a network under construction.

    Attributes:
        index: tensor index in the graph.
        shape: NHWC for images.
        dtype: schema type.
        quantisation: None for real-valued tensors.
        mean_square: expected mean square of its real values.
    """

    index: int
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None
    mean_square: float


def window(size: int, kernel: int, stride: int, padding: str) -> int:
    """Positions of a sliding window along a dimension of ``size``."""
    return -(-size // stride) if padding == "SAME" else -(-(size - kernel + 1) // stride)
