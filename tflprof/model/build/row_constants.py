"""Weights, biases and other constants of a chain's rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tflprof.model.graph import Quantisation
from tflprof.model.write import GraphWriter
from tflprof.op_channels import WEIGHTED
from tflprof.op_config import OpConfig, TensorConfig

_ACTIVATION = Quantisation("tensor", (0.05,), (0,))
_FIXED = {
    "LOGISTIC": Quantisation("tensor", (1 / 256,), (-128,)),
    "SOFTMAX": Quantisation("tensor", (1 / 256,), (-128,)),
    "TANH": Quantisation("tensor", (1 / 128,), (0,)),
}
"""Scales that the runtime demands of int8 results."""


def quantisation_of(dtype: str, op: str | None) -> Quantisation | None:
    """Scale of an operator's result; None for real-valued ones."""
    if dtype == "uint8":
        return Quantisation("tensor", (0.05,), (128,))
    return _FIXED.get(op or "", _ACTIVATION) if dtype == "int8" else None


@dataclass(frozen=True)
class Made:
    """Constant inputs of a row.

    Attributes:
        tensors: index by place among the row's inputs, -1 for what is absent.
        operators: added to unpack them.
    """

    tensors: dict[int, int]
    operators: int


class Constants:
    """Makes constants of configurations, random where the values do not matter.

    Args:
        graph: they are added to.
        seed: of the values.
    """

    def __init__(self, graph: GraphWriter, seed: int) -> None:
        self._graph = graph
        self._rng = np.random.default_rng(seed)

    def integers(self, name: str, values: Sequence[Any]) -> int:
        """An int32 constant: a shape, axes or paddings."""
        return self._graph.constant(name, np.asarray(values, np.int32))

    def of(self, config: OpConfig, scales: Mapping[int, Quantisation | None], name: str) -> Made:
        """All constants of a row; ``scales`` are those of its computed inputs, by place."""
        data = scales.get(WEIGHTED.get(config.op, 0))
        found: dict[int, int] = {}
        weight_scale: Quantisation | None = None
        operators = 0
        for place, tensor in enumerate(config.inputs):
            label = f"{name}/const{place}"
            if tensor.role == "absent":
                found[place] = -1
            elif tensor.values is not None:
                values = np.asarray(tensor.values, np.dtype(tensor.dtype)).reshape(tensor.shape)
                found[place] = self._graph.constant(label, values)
            elif tensor.role == "constant" and tensor.dtype == "float16":
                found[place] = self._widened(tensor, label)
                operators += 1
            elif tensor.role == "constant":
                scale = _scale(config, place, tensor, weight_scale, data)
                weight_scale = scale if place == 1 else weight_scale
                found[place] = self._constant(tensor, scale, label)
        return Made(found, operators)

    def _widened(self, tensor: TensorConfig, name: str) -> int:
        source = self._graph.constant(name, self._normal(tensor).astype(np.float16))
        widened = self._graph.tensor(f"{name}/wide", tensor.shape)
        self._graph.op("DEQUANTIZE", [source], [widened], {}, version=3)
        return widened

    def _constant(self, tensor: TensorConfig, scale: Quantisation | None, name: str) -> int:
        if tensor.dtype.startswith("float"):
            values: Any = self._normal(tensor).astype(np.dtype(tensor.dtype))
        else:
            most = {"int8": 127, "uint8": 127, "int4": 7}.get(tensor.dtype, 100)
            stored = "int8" if tensor.dtype == "int4" else tensor.dtype
            least = 0 if tensor.dtype == "uint8" else -most
            values = self._rng.integers(least, most + 1, tensor.shape, np.dtype(stored))
        return self._graph.constant(name, values, scale, tensor.dtype)

    def _normal(self, tensor: TensorConfig) -> Any:
        """Values that keep the size of activations, whatever the depth."""
        fan_in = max(math.prod(tensor.shape[1:]), 1)
        return self._rng.standard_normal(tensor.shape, np.float32) / np.float32(math.sqrt(fan_in))


def _scale(
    config: OpConfig,
    place: int,
    tensor: TensorConfig,
    weights: Quantisation | None,
    data: Quantisation | None,
) -> Quantisation | None:
    weighted = config.op in WEIGHTED
    if weighted and place > 1 and tensor.dtype == "int32" and weights is not None and data is not None:
        scale = tuple(one * data.scale[0] for one in weights.scale)
        return Quantisation(weights.kind, scale, (0,) * len(scale), 0)
    if tensor.quantisation is None:
        return None
    size = 0.5 / math.sqrt(max(math.prod(tensor.shape[1:]), 1)) / 64 if weighted else 0.05
    if tensor.quantisation == "tensor":
        return Quantisation("tensor", (size,), (128 if tensor.dtype == "uint8" else 0,))
    axis = len(tensor.shape) - 1 if config.op == "DEPTHWISE_CONV_2D" else 0
    count = tensor.shape[axis]
    return Quantisation("channel", (size,) * count, (0,) * count, axis)
