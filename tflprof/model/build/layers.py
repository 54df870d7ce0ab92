"""Layers of a network, with seeded random weights in any of the forms converters write."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.model.build.draw import USUAL, Draw
from tflprof.model.build.ranges import IMAGE, UNIT, output_range, rectified
from tflprof.model.build.values import Value as Value
from tflprof.model.build.values import window as window
from tflprof.model.build.versions import operator_version
from tflprof.model.build.weights import (
    DTYPES,
    halved,
    quantised,
    quantised_bias,
    quantised_evenly,
    weight_type,
)
from tflprof.model.graph import Quantisation
from tflprof.model.write import GraphWriter, ModelWriter

_BIAS_DEVIATION = 0.1


class Network:
    """A model of one subgraph and one signature, built layer by layer.

    Args:
        description: stored in the file.
        dtype: ``float32``; ``float16``: such weights, widened by DEQUANTIZE operators;
            ``dynamic``: int8 weights per channel; ``int4``: int4 weights per channel, int8 where
            the runtime has no such kernel; ``int8``: weights and activations. Activations are
            float32 in all but the last.
        seed: of the random weights, which are the same in every form before they are rounded.
    """

    def __init__(self, description: str, dtype: str = "float32", seed: int = 0) -> None:
        if dtype not in DTYPES:
            raise UsageError(f"cannot build a network of type {dtype!r}", f"choose {' or '.join(DTYPES)}")
        self.dtype = dtype
        self.activations = "int8" if dtype == "int8" else "float32"
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
        stored = dtype or self.activations
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
        types = [self.graph.dtypes[i] if i >= 0 else None for i in indices]
        version = operator_version(code, types, options or {})
        self.graph.op(code, indices, outputs, options, version)

    def ints(self, name: str, values: Sequence[int] | Sequence[Sequence[int]]) -> int:
        """An int32 constant: a shape, axes or paddings."""
        return self.graph.constant(name, np.asarray(values, np.int32))

    def operand(
        self, name: str, values: npt.NDArray[np.float32], quantisation: Quantisation | None = None
    ) -> int:
        """A constant of element-wise arithmetic or a table: in int8 one scale, the values' own if None."""
        if self.dtype != "int8":
            return self.real(name, values)
        return quantised_evenly(self.graph, name, values, quantisation)

    def expected(self, mean_square: float, activation: str = "NONE") -> Value:
        """A template for :meth:`apply`: an output of this mean square before its activation."""
        quantisation = output_range(mean_square, activation) if self.dtype == "int8" else None
        return Value(-1, (), self.activations, quantisation, rectified(mean_square, activation))

    def conv2d(
        self,
        x: Value,
        name: str,
        filters: int,
        kernel: int | tuple[int, int] = 3,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "RELU6",
        draw: Draw = USUAL,
    ) -> Value:
        """2-D convolution with bias: NHWC in and out, weights OHWI; ``kernel`` in rows and columns."""
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        weights = (filters, *sides, x.shape[3])
        tensors, template = self._weighted(x, name, weights, 0, activation, draw)
        size = (window(n, k, stride, padding) for n, k in zip(x.shape[1:3], sides, strict=True))
        shape = (x.shape[0], *size, filters)
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
        kernel: int | tuple[int, int] = 3,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "RELU6",
        draw: Draw = USUAL,
    ) -> Value:
        """Depthwise 2-D convolution with bias: NHWC in and out, weights 1HWC."""
        channels = x.shape[3]
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        tensors, template = self._weighted(x, name, (1, *sides, channels), 3, activation, draw)
        size = (window(n, k, stride, padding) for n, k in zip(x.shape[1:3], sides, strict=True))
        shape = (x.shape[0], *size, channels)
        options = {
            "padding": padding,
            "stride_w": stride,
            "stride_h": stride,
            "depth_multiplier": 1,
            "fused_activation_function": activation,
        }
        return self.apply("DEPTHWISE_CONV_2D", [x, *tensors], name, shape, options, like=template)

    def fully_connected(
        self, x: Value, name: str, units: int, activation: str = "NONE", draw: Draw = USUAL
    ) -> Value:
        """Dense layer with bias over the last dimension."""
        tensors, template = self._weighted(x, name, (units, x.shape[-1]), 0, activation, draw)
        options: dict[str, Any] = {"fused_activation_function": activation}
        if len(x.shape) > 2:
            options["keep_num_dims"] = True
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
        template = Value(-1, (), self.activations, quantisation, 1 / 3)
        return self.apply("SOFTMAX", [x], name, x.shape, {"beta": 1.0}, like=template)

    def _weighted(
        self,
        x: Value,
        name: str,
        shape: tuple[int, ...],
        axis: int,
        activation: str,
        draw: Draw,
    ) -> tuple[list[int], Value]:
        """Weight and bias tensors of a layer whose output channels lie along ``axis``, and its output.

        Weights keep the mean square of activations, as trained networks do, whatever the depth:
        gain 2 before a rectifier, which halves it, and 1 without.
        """
        gain = draw.gain or (1 if activation == "NONE" else 2)
        fan_in = math.prod(shape) // shape[axis]
        variance = gain / fan_in
        weights = self.rng.standard_normal(shape, np.float32) * np.float32(variance**0.5)
        bias = self.rng.standard_normal(shape[axis], np.float32) * np.float32(_BIAS_DEVIATION)
        weights, centring = draw.standardised(weights, axis, gain * x.mean_square)
        bias += centring + np.float32(draw.offset)
        square = fan_in * variance * x.mean_square + _BIAS_DEVIATION**2 + draw.offset**2
        template = self.expected(square, activation)
        if template.quantisation:
            fitting = output_range(square * draw.reach**2, activation)
            template = replace(template, quantisation=draw.quantisation or fitting)
        return self.weights(x, name, weights, bias, axis, int4=axis == 0), template

    def weights(
        self,
        x: Value,
        name: str,
        weights: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        axis: int,
        *,
        int4: bool = False,
    ) -> list[int]:
        """Weights and bias of a layer with input ``x``, in the network's form.

        Integers have one scale per channel along ``axis``; the bias is int32 if ``x`` is quantised.
        ``int4`` says whether the runtime has a kernel of this layer for such weights.
        """
        stored = weight_type(self.dtype, int4)
        unquantised = self.dtype == "int8" and x.quantisation is None
        if stored in ("float32", "float16") or unquantised:
            return [self.real(f"{name}/weights", weights), self.real(f"{name}/bias", bias)]
        index, scale = quantised(self.graph, f"{name}/weights", weights, axis, stored)
        if x.quantisation is None:
            return [index, self.graph.constant(f"{name}/bias", bias)]
        products = scale * np.float32(x.quantisation.scale[0])
        return [index, quantised_bias(self.graph, f"{name}/bias", bias, products)]

    def real(self, name: str, values: npt.NDArray[np.float32]) -> int:
        """A real-valued constant: float32, or float16 behind a DEQUANTIZE where the network is so."""
        if self.dtype == "float16":
            return halved(self.graph, name, values)
        return self.graph.constant(name, values)
