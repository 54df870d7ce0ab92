"""Models of one operator, small enough to check by hand and to run in microseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tflprof.model.build.blocks import pad
from tflprof.model.build.layers import Network, Value, window
from tflprof.model.build.ranges import IMAGE, UNIT
from tflprof.model.build.weights import DTYPES, per_channel

IMAGE_SHAPE = (1, 8, 8, 4)
BOTH = ("float32", "int8")
FLOAT = ("float32",)
WEIGHTED = DTYPES

_UNARY_FLOAT = ("ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "GELU", "NEG", "ROUND", "SIN", "SQUARE", "TANH")
_UNARY_BOTH = ("HARD_SWISH", "RELU", "RELU6")


@dataclass(frozen=True)
class Micro:
    """A micro-model.

    Attributes:
        build: adds the operator to a network and returns the model's outputs.
        dtypes: types it can be built in.
    """

    build: Callable[[Network], Sequence[Value]]
    dtypes: tuple[str, ...]


MICRO: dict[str, Micro] = {}
"""Micro-models by name, which is the operator's in lower case unless it takes more than one."""


def _micro(dtypes: tuple[str, ...]) -> Callable[[Callable[[Network], Value | Sequence[Value]]], None]:
    """Register a builder: ``_conv_2d_model`` as ``conv_2d``."""

    def register(build: Callable[[Network], Value | Sequence[Value]]) -> None:
        def outputs(net: Network) -> Sequence[Value]:
            made = build(net)
            return [made] if isinstance(made, Value) else made

        MICRO[build.__name__.removeprefix("_").removesuffix("_model")] = Micro(outputs, dtypes)

    return register


@_micro(WEIGHTED)
def _conv_2d_model(net: Network) -> Value:
    return net.conv2d(net.input("input", IMAGE_SHAPE), "output", 8, 3, 2)


@_micro(WEIGHTED)
def _conv_2d_1x1_model(net: Network) -> Value:
    return net.conv2d(net.input("input", IMAGE_SHAPE), "output", 8, 1, 1, "VALID", "NONE")


@_micro(WEIGHTED)
def _depthwise_conv_2d_model(net: Network) -> Value:
    return net.depthwise_conv2d(net.input("input", IMAGE_SHAPE), "output", 3, 1)


@_micro(WEIGHTED)
def _fully_connected_model(net: Network) -> Value:
    return net.fully_connected(net.input("input", (2, 16)), "output", 8)


@_micro(WEIGHTED)
def _transpose_conv_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE)
    weights = net.rng.standard_normal((3, 2, 2, 4), np.float32) / np.float32(2)
    kernel, bias = net.weights(x, "output", weights, np.zeros(3, np.float32), 0)
    shape = (1, 16, 16, 3)
    options = {"padding": "SAME", "stride_w": 2, "stride_h": 2}
    inputs: list[Value | int] = [net.ints("output/shape", shape), kernel, x, bias]
    return net.apply("TRANSPOSE_CONV", inputs, "output", shape, options, like=net.expected(1 / 3))


@_micro(FLOAT)
def _batch_matmul_model(net: Network) -> Value:
    a, b = net.input("a", (2, 3, 4)), net.input("b", (2, 4, 5))
    return net.apply("BATCH_MATMUL", [a, b], "output", (2, 3, 5), like=net.expected(4 / 9))


@_micro(BOTH)
def _average_pool_2d_model(net: Network) -> Value:
    return net.pool(net.input("input", IMAGE_SHAPE), "output", (2, 2), 2)


@_micro(BOTH)
def _max_pool_2d_model(net: Network) -> Value:
    return net.pool(net.input("input", IMAGE_SHAPE), "output", (3, 3), 2, "SAME", "MAX_POOL_2D")


@_micro(BOTH)
def _mean_model(net: Network) -> Value:
    return net.mean(net.input("input", IMAGE_SHAPE), "output")


@_micro(BOTH)
def _softmax_model(net: Network) -> Value:
    return net.softmax(net.input("input", (2, 16)), "output")


@_micro(BOTH)
def _logistic_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE)
    quantisation = UNIT if net.dtype == "int8" else None
    return net.apply(
        "LOGISTIC", [x], "output", x.shape, like=Value(-1, (), net.activations, quantisation, 0.3)
    )


@_micro(BOTH)
def _add_model(net: Network) -> Value:
    return net.add(net.input("a", IMAGE_SHAPE), net.input("b", IMAGE_SHAPE), "output")


@_micro(BOTH)
def _sub_model(net: Network) -> Value:
    return _binary(net, "SUB", 2 / 3)


@_micro(BOTH)
def _mul_model(net: Network) -> Value:
    return _binary(net, "MUL", 1 / 9)


@_micro(("float32", "float16"))
def _prelu_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE)
    slope = net.real("output/slope", net.rng.uniform(0, 0.5, (1, 1, 4)).astype(np.float32))
    return net.apply("PRELU", [x, slope], "output", x.shape, like=x)


@_micro(BOTH)
def _leaky_relu_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE)
    return net.apply("LEAKY_RELU", [x], "output", x.shape, {"alpha": 0.25}, like=x)


@_micro(BOTH)
def _reshape_model(net: Network) -> Value:
    return net.reshape(net.input("input", IMAGE_SHAPE), "output", (1, 64, 4))


@_micro(BOTH)
def _squeeze_model(net: Network) -> Value:
    x = net.input("input", (1, 1, 8, 4))
    return net.apply("SQUEEZE", [x], "output", (8, 4), {"squeeze_dims": (0, 1)}, like=x)


@_micro(BOTH)
def _transpose_model(net: Network) -> Value:
    x = net.input("input", (1, 4, 6, 8))
    order = net.ints("output/order", (0, 3, 1, 2))
    return net.apply("TRANSPOSE", [x, order], "output", (1, 8, 4, 6), like=x)


@_micro(BOTH)
def _pad_model(net: Network) -> Value:
    return pad(net, net.input("input", IMAGE_SHAPE), "output", 1, 1)


@_micro(BOTH)
def _pad_conv_model(net: Network) -> Value:
    """A padding that XNNPACK folds into its convolution: two operators, one kernel."""
    return net.conv2d(pad(net, net.input("input", IMAGE_SHAPE), "padded", 1, 1), "output", 8, 3, 2, "VALID")


@_micro(BOTH)
def _concatenation_model(net: Network) -> Value:
    a, b = net.input("a", IMAGE_SHAPE), net.input("b", IMAGE_SHAPE)
    return net.apply("CONCATENATION", [a, b], "output", (1, 8, 8, 8), {"axis": 3}, like=a)


@_micro(BOTH)
def _split_model(net: Network) -> Sequence[Value]:
    x = net.input("input", IMAGE_SHAPE)
    axis = net.graph.constant("axis", np.int32(3))
    halves = [net.graph.tensor(name, (1, 8, 8, 2), x.dtype, x.quantisation) for name in ("first", "second")]
    net.connect("SPLIT", [axis, x], halves, {"num_splits": 2})
    return [Value(index, (1, 8, 8, 2), x.dtype, x.quantisation, x.mean_square) for index in halves]


@_micro(BOTH)
def _strided_slice_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE)
    bounds = {"begin": (0, 1, 1, 0), "end": (1, 7, 7, 4), "strides": (1, 2, 2, 1)}
    inputs: list[Value | int] = [x, *(net.ints(f"output/{name}", values) for name, values in bounds.items())]
    return net.apply("STRIDED_SLICE", inputs, "output", (1, 3, 3, 4), {}, like=x)


@_micro(BOTH)
def _gather_model(net: Network) -> Value:
    x = net.input("input", (8, 4))
    return net.apply("GATHER", [x, net.ints("output/rows", (6, 0, 3))], "output", (3, 4), {"axis": 0}, like=x)


@_micro(BOTH)
def _resize_bilinear_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE)
    size = net.ints("output/size", (16, 16))
    return net.apply("RESIZE_BILINEAR", [x, size], "output", (1, 16, 16, 4), {"align_corners": True}, like=x)


@_micro(("int8",))
def _quantize_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE, "float32")
    return net.apply("QUANTIZE", [x], "output", x.shape, like=Value(-1, (), "int8", IMAGE, 1 / 3))


@_micro(("int8",))
def _dequantize_model(net: Network) -> Value:
    x = net.input("input", IMAGE_SHAPE)
    return net.apply("DEQUANTIZE", [x], "output", x.shape, like=Value(-1, (), "float32", None, 1 / 3))


@_micro(FLOAT)
def _fully_connected_int8_weights_model(net: Network) -> Value:
    """Dynamic-range quantisation: float activations, int8 weights per channel."""
    x = net.input("input", (2, 16))
    weights = net.rng.integers(-127, 128, (8, 16), np.int8)
    kernel = net.graph.constant("output/weights", weights, per_channel(np.full(8, 0.01, np.float32), 0))
    return net.apply("FULLY_CONNECTED", [x, kernel, -1], "output", (2, 8), {}, like=net.expected(1.0))


@_micro(FLOAT)
def _conv_3d_model(net: Network) -> Value:
    x = net.input("input", (1, 4, 4, 4, 2))
    kernel = net.graph.constant("output/weights", net.rng.standard_normal((2, 2, 2, 2, 3), np.float32))
    options = {"padding": "VALID", "stride_d": 1, "stride_w": 1, "stride_h": 1}
    size = window(4, 2, 1, "VALID")
    return net.apply(
        "CONV_3D", [x, kernel], "output", (1, size, size, size, 3), options, like=net.expected(16 / 3)
    )


def _binary(net: Network, code: str, mean_square: float) -> Value:
    a, b = net.input("a", IMAGE_SHAPE), net.input("b", IMAGE_SHAPE)
    return net.apply(code, [a, b], "output", a.shape, {}, like=net.expected(mean_square))


def _unary(code: str) -> Callable[[Network], Sequence[Value]]:
    def build(net: Network) -> Sequence[Value]:
        x = net.input("input", IMAGE_SHAPE)
        return [net.apply(code, [x], "output", x.shape, like=x)]

    return build


MICRO |= {code.lower(): Micro(_unary(code), FLOAT) for code in _UNARY_FLOAT}
MICRO |= {code.lower(): Micro(_unary(code), BOTH) for code in _UNARY_BOTH}
