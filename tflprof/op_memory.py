"""Bytes of configurations: of weights and activations, and what an inference of a network touches of the memory."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tflprof.op_config import OpConfig, TensorConfig

_BITS = {"float64": 64, "int64": 64, "uint64": 64, "float16": 16, "bfloat16": 16, "int16": 16, "uint16": 16}
_BITS |= {"int8": 8, "uint8": 8, "bool": 8, "int4": 4, "uint4": 4, "int2": 2}

_PICKING = ("GATHER", "GATHER_ND", "EMBEDDING_LOOKUP")
"""Operators that read of their constants what they copy."""

_COLOURS = 4
"""Channels of an image."""


def tensor_bytes(tensor: TensorConfig, *, widened: bool = False) -> float:
    """Bytes of a tensor; ``widened``: its float16 values are float32 when the model is loaded."""
    bits = 32 if widened and tensor.dtype == "float16" else _BITS.get(tensor.dtype, 32)
    return math.prod(tensor.shape) * bits / 8


def weight_bytes(config: OpConfig) -> float:
    """Bytes of an operator's constants, as they lie in memory."""
    widened = any(tensor.dtype == "float32" and tensor.role == "computed" for tensor in config.inputs)
    constant = [tensor for tensor in config.inputs if tensor.role == "constant"]
    return sum(tensor_bytes(tensor, widened=widened) for tensor in constant)


def input_bytes(config: OpConfig) -> float:
    """Bytes of the data that it reads."""
    return sum(tensor_bytes(tensor) for tensor in config.inputs if tensor.role == "computed")


def output_bytes(config: OpConfig) -> float:
    """Bytes of the data that it makes."""
    return sum(map(tensor_bytes, config.outputs))


def read_bytes(config: OpConfig) -> float:
    """Bytes of its constants that an inference reads: of a large table that is looked up in only what is copied."""
    size = weight_bytes(config)
    return min(size, output_bytes(config)) if config.op in _PICKING else size


def activation_bytes(config: OpConfig) -> float:
    """Bytes of its inputs and outputs."""
    return input_bytes(config) + output_bytes(config)


def touched_bytes(config: OpConfig) -> float:
    """Bytes of weights, inputs and outputs that it touches."""
    return read_bytes(config) + activation_bytes(config)


def network_bytes(layers: Iterable[OpConfig]) -> float:
    """Bytes that an inference touches: all weights, and the memory of activations, which is used again and again."""
    found = [(read_bytes(config), activation_bytes(config)) for config in layers]
    return sum(weights for weights, _ in found) + max((data for _, data in found), default=0.0)


def is_vector_product(config: OpConfig) -> bool:
    """Whether its weights are multiplied by one vector only: each of them is read once, and used once."""
    shape = config.outputs[0].shape if config.outputs else ()
    return config.op in ("CONV_2D", "FULLY_CONNECTED") and bool(shape) and math.prod(shape[:-1]) == 1


def reads_image(config: OpConfig) -> bool:
    """Whether it reads a model's input: a convolution of at most four channels, which no layer would make."""
    data = config.inputs[0].shape if config.inputs else ()
    return config.op == "CONV_2D" and len(data) == 4 and data[3] <= _COLOURS
