"""Operators in forms at the edge of what the CPU delegate takes, for the test of its prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tflprof.model.build.layers import Network, Value
from tflprof.model.build.ranges import IMAGE
from tflprof.model.build.weights import per_channel
from tflprof.model.graph import Quantisation

Build = Callable[[Network], Sequence[Value]]

SHAPE = (1, 8, 8, 4)
ROWS = ((0, 0), (1, 1), (1, 1), (0, 0))
FINE = Quantisation("tensor", (0.00001,), (0,))
COARSE = Quantisation("tensor", (4.0,), (0,))
BYTES = Quantisation("tensor", (1 / 128,), (128,))
ODD_AXIS = Quantisation("tensor", (1 / 128,), (0,), 3)

VARIANTS: dict[str, tuple[str, Build]] = {}
"""Type of the network and what builds it, by name."""


def like(dtype: str, quantisation: Quantisation | None = None) -> Value:
    return Value(-1, (), dtype, quantisation, 1.0)


def image(net: Network, name: str = "input", shape: Sequence[int] = SHAPE) -> Value:
    return net.input(name, shape)


def typed(
    net: Network,
    name: str,
    dtype: str,
    quantisation: Quantisation | None = None,
    shape: Sequence[int] = SHAPE,
) -> Value:
    index = net.graph.input(name, shape, dtype, quantisation)
    return Value(index, tuple(shape), dtype, quantisation, 1.0)


def variant(name: str, dtype: str, build: Callable[[Network], Value | Sequence[Value]]) -> None:
    def outputs(net: Network) -> Sequence[Value]:
        made = build(net)
        return [made] if isinstance(made, Value) else made

    VARIANTS[f"{name} {dtype}"] = (dtype, outputs)


def unary(
    code: str, options: dict[str, Any] | None = None, **forms: Quantisation
) -> Callable[[Network], Value]:
    """One operator; ``forms`` may set the quantisation of its input (``x``) or output (``y``)."""

    def build(net: Network) -> Value:
        x = typed(net, "input", net.dtype, forms.get("x", IMAGE if net.dtype == "int8" else None))
        y = like(x.dtype, forms.get("y", x.quantisation))
        return net.apply(code, [x], "output", SHAPE, options or {}, like=y)

    return build


def binary(
    code: str, options: dict[str, Any] | None = None, **forms: Quantisation
) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        form = forms.get("x", IMAGE if net.dtype == "int8" else None)
        a, b = (typed(net, name, net.dtype, form) for name in "ab")
        return net.apply(
            code, [a, b], "output", SHAPE, options or {}, like=like(net.dtype, forms.get("y", form))
        )

    return build


def integers(code: str) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        a, b = (typed(net, name, "int32") for name in "ab")
        return net.apply(code, [a, b], "output", SHAPE, {}, like=like("int32"))

    return build


def with_list(
    code: str,
    values: Sequence[Any],
    shape: Sequence[int],
    options: dict[str, Any] | None = None,
    dtype: Any = np.int32,
) -> Callable[[Network], Value]:
    """An operator with one list of integers."""

    def build(net: Network) -> Value:
        x = image(net)
        numbers = net.graph.constant("list", np.asarray(values, dtype))
        return net.apply(code, [x, numbers], "output", shape, options or {}, like=x)

    return build


def slices(begin: Sequence[int], size: Sequence[int], shape: Sequence[int]) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        x = image(net)
        return net.apply(
            "SLICE", [x, net.ints("begin", begin), net.ints("size", size)], "output", shape, like=x
        )

    return build


def strided(shape: Sequence[int], **masks: int) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        x = image(net)
        lists = [
            net.ints("begin", (0, 1, 1, 0)),
            net.ints("end", (1, 7, 7, 4)),
            net.ints("strides", (1, 1, 1, 1)),
        ]
        return net.apply("STRIDED_SLICE", [x, *lists], "output", shape, masks, like=x)

    return build


def joined(count: int) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        parts = [image(net, f"part_{i}") for i in range(count)]
        return net.apply("CONCATENATION", parts, "output", (1, 8, 8, 4 * count), {"axis": 3}, like=parts[0])

    return build


def cut(count: int) -> Callable[[Network], Sequence[Value]]:
    def build(net: Network) -> Sequence[Value]:
        x = image(net, shape=(1, 4, 4, 20))
        axis = net.graph.constant("axis", np.int32(3))
        shape = (1, 4, 4, 20 // count)
        made = [net.graph.tensor(f"part_{i}", shape, x.dtype, x.quantisation) for i in range(count)]
        net.connect("SPLIT", [axis, x], made, {"num_splits": count})
        return [Value(index, shape, x.dtype, x.quantisation, 1.0) for index in made]

    return build


def convolution(fixed: bool = True, activation: str = "NONE") -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        x = image(net)
        weights = net.rng.standard_normal((8, 3, 3, 4), np.float32)
        kernel: Value | int = (
            net.graph.constant("weights", weights) if fixed else image(net, "weights", (8, 3, 3, 4))
        )
        inputs = [x, kernel, net.graph.constant("bias", np.zeros(8, np.float32))]
        options = {
            "padding": "SAME",
            "stride_w": 1,
            "stride_h": 1,
            "dilation_w_factor": 1,
            "dilation_h_factor": 1,
        }
        options["fused_activation_function"] = activation
        return net.apply("CONV_2D", inputs, "output", (1, 8, 8, 8), options, like=like("float32"))

    return build


def dense(fixed: bool = True, bias: bool = False, activation: str = "NONE") -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        x = image(net, shape=(2, 16))
        weights = net.rng.standard_normal((8, 16), np.float32)
        kernel: Value | int = (
            net.graph.constant("weights", weights) if fixed else image(net, "weights", (8, 16))
        )
        last = net.graph.constant("bias", np.zeros(8, np.float32)) if bias else -1
        options = {"fused_activation_function": activation}
        return net.apply(
            "FULLY_CONNECTED", [x, kernel, last], "output", (2, 8), options, like=like("float32")
        )

    return build


def grouped(net: Network) -> Value:
    """A convolution in two groups."""
    x = image(net, shape=(1, 8, 8, 8))
    weights = net.graph.constant("weights", net.rng.standard_normal((8, 3, 3, 4), np.float32))
    bias = net.graph.constant("bias", np.zeros(8, np.float32))
    options = {
        "padding": "SAME",
        "stride_w": 1,
        "stride_h": 1,
        "dilation_w_factor": 1,
        "dilation_h_factor": 1,
    }
    return net.apply("CONV_2D", [x, weights, bias], "output", (1, 8, 8, 8), options, like=x)


def multiplied(net: Network) -> Value:
    x = image(net)
    weights = net.graph.constant("weights", net.rng.standard_normal((1, 3, 3, 8), np.float32))
    bias = net.graph.constant("bias", np.zeros(8, np.float32))
    options = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "depth_multiplier": 2}
    return net.apply("DEPTHWISE_CONV_2D", [x, weights, bias], "output", (1, 8, 8, 8), options, like=x)


def product(right: Sequence[int], fixed: bool = False, **options: bool) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        a = image(net, "a", (2, 3, 4))
        b: Value | int = image(net, "b", right)
        if fixed:
            values = net.rng.standard_normal(tuple(right), np.float32)
            b = net.graph.constant("b", values)
        columns = right[-2] if options.get("adj_y") else right[-1]
        return net.apply("BATCH_MATMUL", [a, b], "output", (2, 3, columns), dict(options), like=a)

    return build


def half_weights(other: str | None) -> Callable[[Network], Sequence[Value]]:
    """float16 weights behind DEQUANTIZE, which something else may read, too."""

    def build(net: Network) -> Sequence[Value]:
        x = image(net)
        stored = net.graph.constant(
            "half", net.rng.standard_normal((8, 1, 1, 4), np.float32).astype(np.float16)
        )
        full = net.apply("DEQUANTIZE", [stored], "weights", (8, 1, 1, 4), like=like("float32"))
        bias = net.graph.constant("bias", np.zeros(8, np.float32))
        options = {
            "padding": "SAME",
            "stride_w": 1,
            "stride_h": 1,
            "dilation_w_factor": 1,
            "dilation_h_factor": 1,
        }
        y = net.apply("CONV_2D", [x, full, bias], "output", (1, 8, 8, 8), options, like=like("float32"))
        if other is None:
            return [y]
        return [y, net.apply(other, [full], "other", (8, 1, 1, 4), {}, like=full)]

    return build


def requantised(
    source: str, target: str, form: Quantisation, other: Quantisation
) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        x = typed(net, "input", source, form)
        return net.apply("QUANTIZE", [x], "output", SHAPE, {}, like=like(target, other))

    return build


def slopes(net: Network) -> Value:
    x, slope = image(net), image(net, "slope", (1, 1, 4))
    return net.apply("PRELU", [x, slope], "output", SHAPE, {}, like=x)


def arg_max(net: Network) -> Value:
    inputs = [image(net), net.ints("axis", (3,))]
    return net.apply("ARG_MAX", inputs, "output", SHAPE[:3], {"output_type": "INT32"}, like=like("int32"))


def blocks(code: str, shape: Sequence[int]) -> Callable[[Network], Value]:
    def build(net: Network) -> Value:
        x = image(net)
        return net.apply(code, [x], "output", shape, {"block_size": 2}, like=x)

    return build


def pool(code: str, window: int, stride: int) -> Callable[[Network], Value]:
    return lambda net: net.pool(image(net), "output", (window, window), stride, "VALID", code)


def cast(net: Network) -> Value:
    options = {"in_data_type": "FLOAT32", "out_data_type": "INT32"}
    return net.apply("CAST", [image(net)], "output", SHAPE, options, like=like("int32"))


def packed(net: Network) -> Value:
    parts = [image(net, name) for name in "ab"]
    return net.apply("PACK", parts, "output", (2, *SHAPE), {"values_count": 2, "axis": 0}, like=parts[0])


def per_channel_input(net: Network) -> Value:
    """Activations with a scale per channel, which only weights may have."""
    form = per_channel(np.full(4, 0.01, np.float32), 3)
    flat = per_channel(np.full(4, 0.01, np.float32), 2)
    x = typed(net, "input", "int8", form)
    return net.apply(
        "RESHAPE", [x, net.ints("shape", (1, 64, 4))], "output", (1, 64, 4), {}, like=like("int8", flat)
    )


for _code in (
    "ABS",
    "LOG",
    "RSQRT",
    "SQRT",
    "NEG",
    "TANH",
    "ELU",
    "RELU_N1_TO_1",
    "LOG_SOFTMAX",
    "ZEROS_LIKE",
):
    variant(_code, "float32", unary(_code))
for _code in ("ABS", "ELU", "TANH", "RELU", "RELU_N1_TO_1", "GELU", "HARD_SWISH"):
    variant(_code, "int8", unary(_code))
for _code in ("DIV", "MAXIMUM", "MINIMUM", "POW", "FLOOR_DIV", "SQUARED_DIFFERENCE", "ADD"):
    variant(_code, "float32", binary(_code))
for _code in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"):
    variant(_code, "int8", binary(_code))
for _code in ("ADD", "MUL", "SUB", "MAXIMUM"):
    variant(f"{_code} of integers", "float32", integers(_code))
for _name in ("RELU", "RELU6", "RELU_N1_TO_1"):
    variant(f"ADD {_name}", "float32", binary("ADD", {"fused_activation_function": _name}))
    variant(f"CONV_2D {_name}", "float32", convolution(activation=_name))
    variant(f"FULLY_CONNECTED {_name}", "float32", dense(activation=_name))
variant("ADD, far scales", "int8", binary("ADD", x=FINE, y=COARSE))
variant("MUL, far scales", "int8", binary("MUL", x=FINE, y=COARSE))
variant("SUB, near scales", "int8", binary("SUB"))
variant("LEAKY_RELU, slope 0", "float32", unary("LEAKY_RELU", {"alpha": 0.0}))
variant("LEAKY_RELU, negative slope", "float32", unary("LEAKY_RELU", {"alpha": -0.5}))
variant("LEAKY_RELU, tiny slope", "int8", unary("LEAKY_RELU", {"alpha": 0.001}))
variant("SOFTMAX, beta 2", "float32", unary("SOFTMAX", {"beta": 2.0}))
variant("RESHAPE, open", "float32", with_list("RESHAPE", (1, -1, 4), (1, 64, 4), {"new_shape": (1, -1, 4)}))
variant("RESHAPE, flat", "float32", with_list("RESHAPE", (-1,), (256,), {"new_shape": (-1,)}))
variant("RESHAPE, channel scales", "int8", per_channel_input)
variant("EXPAND_DIMS", "float32", with_list("EXPAND_DIMS", 0, (1, 1, 8, 8, 4)))
variant("MEAN, all", "float32", with_list("MEAN", (0, 1, 2, 3), ()))
variant("MEAN, rows", "int8", with_list("MEAN", (1,), (1, 8, 4)))
variant("SUM", "float32", with_list("SUM", (1, 2), (1, 4)))
variant("SUM", "int8", with_list("SUM", (1, 2), (1, 4)))
variant("REDUCE_MAX", "float32", with_list("REDUCE_MAX", (3,), (1, 8, 8)))
variant("REDUCE_MIN", "int8", with_list("REDUCE_MIN", (3,), (1, 8, 8)))
variant("REDUCE_PROD", "float32", with_list("REDUCE_PROD", (3,), (1, 8, 8)))
variant("ARG_MAX", "float32", arg_max)
variant("PAD, channels", "float32", with_list("PAD", ((0, 0), (0, 0), (0, 0), (2, 2)), (1, 8, 8, 8)))
variant(
    "PAD, int64", "float32", with_list("PAD", ((0, 0), (1, 1), (0, 0), (0, 0)), (1, 10, 8, 4), dtype=np.int64)
)
REFLECT = {"mode": "REFLECT"}
variant("MIRROR_PAD", "float32", with_list("MIRROR_PAD", ROWS, (1, 10, 10, 4), REFLECT))
variant("TRANSPOSE", "int8", with_list("TRANSPOSE", (0, 2, 1, 3), SHAPE))
variant("TILE", "float32", with_list("TILE", (1, 2, 1, 1), (1, 16, 8, 4)))
variant("GATHER, columns", "int8", with_list("GATHER", (0, 2), (1, 8, 8, 2), {"axis": 3}))
HALF = {"half_pixel_centers": True}
variant(
    "RESIZE_BILINEAR, half pixels", "float32", with_list("RESIZE_BILINEAR", (16, 16), (1, 16, 16, 4), HALF)
)
variant("RESIZE_NEAREST_NEIGHBOR", "float32", with_list("RESIZE_NEAREST_NEIGHBOR", (16, 16), (1, 16, 16, 4)))
variant("DEPTH_TO_SPACE", "int8", blocks("DEPTH_TO_SPACE", (1, 16, 16, 1)))
variant("SPACE_TO_DEPTH", "float32", blocks("SPACE_TO_DEPTH", (1, 4, 4, 16)))
variant("SLICE", "float32", slices((0, 1, 1, 0), (1, 6, 6, 4), (1, 6, 6, 4)))
variant("SLICE, to the end", "float32", slices((0, 1, 1, 0), (-1, -1, -1, -1), (1, 7, 7, 4)))
variant("STRIDED_SLICE, no strides", "float32", strided((1, 6, 6, 4)))
variant("STRIDED_SLICE, masks", "int8", strided((1, 7, 7, 4), begin_mask=2, end_mask=4))
variant("STRIDED_SLICE, dropping", "float32", strided((6, 6, 4), shrink_axis_mask=1))
for _count in (2, 5, 6):
    variant(f"CONCATENATION of {_count}", "float32", joined(_count))
for _count in (2, 4, 5):
    variant(f"SPLIT into {_count}", "float32", cut(_count))
variant("CONV_2D in groups", "float32", grouped)
variant("CONV_2D, computed weights", "float32", convolution(fixed=False))
variant("DEPTHWISE_CONV_2D, multiplier 2", "float32", multiplied)
variant("FULLY_CONNECTED, computed weights", "float32", dense(fixed=False))
variant("FULLY_CONNECTED with bias", "float32", dense(bias=True))
variant("BATCH_MATMUL, right transposed", "float32", product((2, 5, 4), adj_y=True))
variant("BATCH_MATMUL, constant right", "float32", product((2, 4, 5), fixed=True))
variant("BATCH_MATMUL", "int8", product((2, 4, 5)))
variant("half weights", "float32", half_weights(None))
variant("half weights, shared", "float32", half_weights("ABS"))
variant("half weights, shared with a refused operator", "float32", half_weights("ZEROS_LIKE"))
variant("QUANTIZE, int8 to uint8", "int8", requantised("int8", "uint8", IMAGE, BYTES))
variant("QUANTIZE, scale to scale", "int8", requantised("int8", "int8", IMAGE, COARSE))
variant(
    "QUANTIZE, nearby scale",
    "int8",
    requantised("int8", "int8", IMAGE, Quantisation("tensor", (1 / 64,), (0,))),
)
variant(
    "RELU, odd axis", "int8", unary("LOGISTIC", x=ODD_AXIS, y=Quantisation("tensor", (1 / 256,), (-128,)))
)
variant("PRELU, computed slopes", "float32", slopes)
variant("AVERAGE_POOL_2D, wide strides", "float32", pool("AVERAGE_POOL_2D", 2, 3))
variant("MAX_POOL_2D, wide strides", "int8", pool("MAX_POOL_2D", 1, 2))
variant("CAST", "float32", cast)
variant("PACK", "float32", packed)
