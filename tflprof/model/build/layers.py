"""Layers of a network in float32 or int8, with seeded random weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.model.build.ranges import IMAGE, UNIT, output_range, rectified
from tflprof.model.graph import Quantisation
from tflprof.model.write import GraphWriter, ModelWriter

DTYPES = ("float32", "int8")

_BIAS_DEVIATION = 0.1

_INT8_VERSIONS = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "BATCH_MATMUL": 2, "CONCATENATION": 2, "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3, "DEQUANTIZE": 2, "FULLY_CONNECTED": 4, "GATHER": 2, "LEAKY_RELU": 2,
    "LOGISTIC": 2, "MAX_POOL_2D": 2, "MEAN": 2, "MUL": 2, "PAD": 2, "RELU": 2, "RESIZE_BILINEAR": 2,
    "SOFTMAX": 2, "SPLIT": 2, "SQUEEZE": 2, "STRIDED_SLICE": 2, "SUB": 2, "TRANSPOSE": 2,
    "TRANSPOSE_CONV": 2,
}  # fmt: skip
"""Lowest operator versions that allow int8."""


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


class Network:
    """A model of one subgraph and one signature, built layer by layer.

    Args:
        description: stored in the file.
        dtype: ``float32`` or ``int8`` (per-channel weights).
        seed: of the random weights.
    """

    def __init__(self, description: str, dtype: str = "float32", seed: int = 0) -> None:
        if dtype not in DTYPES:
            raise UsageError(f"cannot build a network of type {dtype!r}", f"choose {' or '.join(DTYPES)}")
        self.dtype = dtype
        self.rng = np.random.default_rng(seed)
        self.writer = ModelWriter(description)
        self.graph: GraphWriter = self.writer.subgraph("main")

    def finish(self, *outputs: Value) -> bytes:
        """Make ``outputs`` the model's outputs and return the file."""
        self.close(*outputs)
        self.writer.signature(self.graph)
        return self.writer.to_bytes()

    def branch(self, name: str) -> Network:
        """A further subgraph of the same model, for an operator that runs it."""
        other = copy.copy(self)
        other.graph = self.writer.subgraph(name)
        return other

    def close(self, *outputs: Value) -> None:
        """Make ``outputs`` the outputs of this subgraph."""
        self.graph.output(*(value.index for value in outputs))

    def input(self, name: str, shape: Sequence[int], dtype: str | None = None) -> Value:
        """An input in -1..1."""
        stored = dtype or self.dtype
        quantisation = IMAGE if stored == "int8" else None
        index = self.graph.input(name, shape, stored, quantisation)
        return Value(index, tuple(shape), stored, quantisation, 1 / 3)

    def apply(
        self,
        code: str,
        inputs: Sequence[Value | int],
        name: str,
        shape: Sequence[int],
        options: Mapping[str, Any] | None = None,
        *,
        like: Value,
    ) -> Value:
        """Any operator of one output that has the type, range and mean square of ``like``."""
        index = self.graph.tensor(name, shape, like.dtype, like.quantisation)
        self.connect(code, inputs, [index], options)
        return Value(index, tuple(shape), like.dtype, like.quantisation, like.mean_square)

    def connect(
        self,
        code: str,
        inputs: Sequence[Value | int],
        outputs: Sequence[int],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an operator over tensors that exist already."""
        indices = [value.index if isinstance(value, Value) else value for value in inputs]
        version = _INT8_VERSIONS.get(code, 1) if self.dtype == "int8" else 1
        self.graph.op(code, indices, outputs, options, version)

    def ints(self, name: str, values: Sequence[int] | Sequence[Sequence[int]]) -> int:
        """An int32 constant: a shape, axes or paddings."""
        return self.graph.constant(name, np.asarray(values, np.int32))

    def expected(self, mean_square: float, activation: str = "NONE") -> Value:
        """A template for :meth:`apply`: an output of this mean square before its activation."""
        quantisation = output_range(mean_square, activation) if self.dtype == "int8" else None
        return Value(-1, (), self.dtype, quantisation, rectified(mean_square, activation))

    def conv2d(
        self,
        x: Value,
        name: str,
        filters: int,
        kernel: int = 3,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "RELU6",
    ) -> Value:
        """2-D convolution with bias: NHWC in and out, weights OHWI."""
        channels = x.shape[3]
        tensors, template = self._weighted(
            x, name, (filters, kernel, kernel, channels), 0, kernel * kernel * channels, activation
        )
        shape = (x.shape[0], *(window(size, kernel, stride, padding) for size in x.shape[1:3]), filters)
        options = {
            "padding": padding,
            "stride_w": stride,
            "stride_h": stride,
            "fused_activation_function": activation,
        }
        return self.apply("CONV_2D", [x, *tensors], name, shape, options, like=template)

    def depthwise_conv2d(
        self,
        x: Value,
        name: str,
        kernel: int = 3,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "RELU6",
    ) -> Value:
        """Depthwise 2-D convolution with bias: NHWC in and out, weights 1HWC."""
        channels = x.shape[3]
        tensors, template = self._weighted(
            x, name, (1, kernel, kernel, channels), 3, kernel * kernel, activation
        )
        shape = (x.shape[0], *(window(size, kernel, stride, padding) for size in x.shape[1:3]), channels)
        options = {
            "padding": padding,
            "stride_w": stride,
            "stride_h": stride,
            "depth_multiplier": 1,
            "fused_activation_function": activation,
        }
        return self.apply("DEPTHWISE_CONV_2D", [x, *tensors], name, shape, options, like=template)

    def fully_connected(self, x: Value, name: str, units: int, activation: str = "NONE") -> Value:
        """Dense layer with bias over the last dimension of a 2-D input."""
        tensors, template = self._weighted(x, name, (units, x.shape[-1]), 0, x.shape[-1], activation)
        options = {"fused_activation_function": activation}
        shape = (*x.shape[:-1], units)
        return self.apply("FULLY_CONNECTED", [x, *tensors], name, shape, options, like=template)

    def pool(
        self,
        x: Value,
        name: str,
        kernel: Sequence[int],
        stride: int = 1,
        padding: str = "VALID",
        code: str = "AVERAGE_POOL_2D",
    ) -> Value:
        """Average or maximum pooling with a window of ``kernel`` rows and columns."""
        size = [window(n, k, stride, padding) for n, k in zip(x.shape[1:3], kernel, strict=True)]
        options = {
            "padding": padding,
            "stride_w": stride,
            "stride_h": stride,
            "filter_height": kernel[0],
            "filter_width": kernel[1],
        }
        return self.apply(code, [x], name, (x.shape[0], *size, x.shape[3]), options, like=x)

    def mean(self, x: Value, name: str) -> Value:
        """Mean over rows and columns, kept as 1×1; unlike average pooling XNNPACK has it in int8."""
        shape = (x.shape[0], 1, 1, x.shape[3])
        return self.apply(
            "MEAN", [x, self.ints(f"{name}/axes", (1, 2))], name, shape, {"keep_dims": True}, like=x
        )

    def add(self, a: Value, b: Value, name: str) -> Value:
        """Element-wise sum of two tensors of one shape."""
        template = self.expected(a.mean_square + b.mean_square)
        options = {"fused_activation_function": "NONE"}
        return self.apply("ADD", [a, b], name, a.shape, options, like=template)

    def reshape(self, x: Value, name: str, shape: Sequence[int]) -> Value:
        """The same elements in another shape."""
        target = self.ints(f"{name}/shape", shape)
        return self.apply("RESHAPE", [x, target], name, shape, {"new_shape": tuple(shape)}, like=x)

    def softmax(self, x: Value, name: str) -> Value:
        """Softmax over the last dimension."""
        quantisation = UNIT if self.dtype == "int8" else None
        template = Value(-1, (), self.dtype, quantisation, 1 / 3)
        return self.apply("SOFTMAX", [x], name, x.shape, {"beta": 1.0}, like=template)

    def _weighted(
        self, x: Value, name: str, shape: tuple[int, ...], axis: int, fan_in: int, activation: str
    ) -> tuple[list[int], Value]:
        """Weight and bias tensors of a layer whose output channels lie along ``axis``, and its output.

        Weights keep the mean square of activations, as trained networks do, whatever the depth:
        gain 2 before a rectifier, which halves it, and 1 without.
        """
        variance = (1 if activation == "NONE" else 2) / fan_in
        weights = self.rng.standard_normal(shape, np.float32) * np.float32(variance**0.5)
        bias = self.rng.standard_normal(shape[axis], np.float32) * np.float32(_BIAS_DEVIATION)
        template = self.expected(fan_in * variance * x.mean_square + _BIAS_DEVIATION**2, activation)
        return self.weights(x, name, weights, bias, axis), template

    def weights(
        self,
        x: Value,
        name: str,
        weights: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        axis: int,
    ) -> list[int]:
        """Weights and bias as constants; in int8 per channel along ``axis``, the bias int32."""
        if x.quantisation is None:
            constants = (
                self.graph.constant(f"{name}/{kind}", array)
                for kind, array in (("weights", weights), ("bias", bias))
            )
            return list(constants)
        others = tuple(i for i in range(weights.ndim) if i != axis)
        scale = np.maximum(np.abs(weights).max(axis=others), np.float32(1e-9)) / np.float32(127)
        shape = tuple(-1 if i == axis else 1 for i in range(weights.ndim))
        integers = np.rint(weights / scale.reshape(shape)).astype(np.int8)
        bias_scale = scale * np.float32(x.quantisation.scale[0])
        return [
            self.graph.constant(f"{name}/weights", integers, per_channel(scale, axis)),
            self.graph.constant(
                f"{name}/bias", np.rint(bias / bias_scale).astype(np.int32), per_channel(bias_scale, 0)
            ),
        ]


def per_channel(scale: npt.NDArray[np.float32], axis: int) -> Quantisation:
    """Symmetric quantisation with one scale per channel along ``axis``."""
    return Quantisation("channel", tuple(scale.tolist()), (0,) * len(scale), axis)


def window(size: int, kernel: int, stride: int, padding: str) -> int:
    """Positions of a sliding window along a dimension of ``size``."""
    return -(-size // stride) if padding == "SAME" else -(-(size - kernel + 1) // stride)
