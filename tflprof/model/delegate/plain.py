"""Which element-wise operators, poolings and reductions the delegate takes."""

from __future__ import annotations

import math
import sys

from tflprof.model.delegate.node import (
    ALL,
    BYTES,
    FLOATS,
    MAX_RANK,
    NO_HALF,
    Node,
    Reasons,
    activation,
    constants,
    ranks,
    ratio,
    scale_of,
    values_of,
    weights_fixed,
)

_ADDED_SCALES = (1 / 1024, 256.0)
_MULTIPLIED_SCALES = (1 / 65536, 256.0)


def float_unary(node: Node) -> Reasons:
    """One input, floats only."""
    yield from _unary(node)
    yield from values_of(FLOATS, input=node.input(0), output=node.output())


def any_unary(node: Node) -> Reasons:
    """One input, floats or 8-bit integers."""
    yield from _unary(node)
    yield from values_of(ALL, input=node.input(0), output=node.output())


def elu(node: Node) -> Reasons:
    """ELU: no unsigned integers."""
    yield from _unary(node)
    yield from values_of((*FLOATS, "int8"), input=node.input(0), output=node.output())


def _unary(node: Node) -> Reasons:
    yield from node.ports((1, 1))
    yield from ranks(0, MAX_RANK, input=node.input(0))


def leaky_relu(node: Node) -> Reasons:
    """LEAKY_RELU: a slope that is a normal number and, in 8 bits, within the kernel's fixed point."""
    yield from any_unary(node)
    alpha, x, y = float(node.option("alpha")), node.input(0), node.output()
    if not _is_normal(alpha):
        yield f"its slope is {alpha:g}"
    if x is None or y is None:
        return
    positive = ratio(scale_of(x), scale_of(y))
    if not (math.isnan(positive) or 1 / 256 <= positive <= 128):
        yield "its scales lie too far apart"
    negative = positive * alpha
    if not (math.isnan(negative) or (-127.99609375 <= negative <= 128 and abs(negative) >= 1 / 256)):
        yield "its slope and scales lie too far apart"


def dequantize(node: Node) -> Reasons:
    """DEQUANTIZE of computed 8-bit integers."""
    yield from _unary(node)
    yield from values_of(BYTES, input=node.input(0))
    yield from values_of(FLOATS, output=node.output())


def quantize(node: Node) -> Reasons:
    """QUANTIZE of floats, or from one scale to another of the same integers."""
    yield from any_unary(node)
    x, y = node.input(0), node.output()
    if x is None or y is None or x.dtype in FLOATS:
        return
    if x.dtype != y.dtype:
        yield f"it turns {x.dtype} into {y.dtype}"
    elif not 1 / 256 <= ratio(scale_of(x), scale_of(y)) <= 128:
        yield "its scales lie too far apart"


def _is_normal(value: float) -> bool:
    return math.isfinite(value) and abs(value) >= sys.float_info.min


def add_or_sub(node: Node) -> Reasons:
    """ADD and SUB: one type throughout; 8-bit scales within a factor the kernel can shift by."""
    yield from _binary_any(node)
    y = node.output()
    for x in (node.input(0), node.input(1)):
        if x is not None and y is not None:
            yield from _apart(ratio(scale_of(x), scale_of(y)), _ADDED_SCALES)
    yield from activation(node)


def mul(node: Node) -> Reasons:
    """MUL: likewise, for the product of the scales."""
    yield from _binary_any(node)
    a, b, y = node.input(0), node.input(1), node.output()
    if a is not None and b is not None and y is not None:
        yield from _apart(ratio(scale_of(a) * scale_of(b), scale_of(y)), _MULTIPLIED_SCALES)
    yield from activation(node)


def _apart(value: float, limits: tuple[float, float]) -> Reasons:
    if not math.isnan(value) and not limits[0] <= value < limits[1]:
        yield "its scales lie too far apart"


def _binary(node: Node) -> Reasons:
    yield from node.ports((2, 2))
    yield from ranks(0, MAX_RANK, **{"first input": node.input(0), "second input": node.input(1)})


def _binary_any(node: Node) -> Reasons:
    yield from _binary(node)
    tensors = (node.input(0), node.input(1), node.output())
    yield from values_of(ALL, **dict(zip(("first input", "second input", "output"), tensors, strict=True)))
    types = {tensor.dtype for tensor in tensors if tensor is not None}
    if len(types) > 1:
        yield f"it mixes types: {', '.join(sorted(types))}"


def float_binary(node: Node) -> Reasons:
    """Two inputs, floats only."""
    yield from _binary(node)
    yield from values_of(
        FLOATS, **{"first input": node.input(0), "second input": node.input(1)}, output=node.output()
    )
    yield from activation(node)


def prelu(node: Node) -> Reasons:
    """PRELU with constant slopes."""
    yield from float_binary(node)
    yield from weights_fixed(node, slopes=node.input(1))


def softmax(node: Node) -> Reasons:
    """SOFTMAX in floats, beta 1."""
    beta = float(node.option("beta", 0.0))
    if beta != 1:
        yield f"its beta is {beta:g}"
    yield from node.ports((1, 1))
    yield from values_of(FLOATS, input=node.input(0), output=node.output())


def average_pool_2d(node: Node) -> Reasons:
    """AVERAGE_POOL_2D in floats (MEAN has 8-bit kernels)."""
    yield from _pool(node, FLOATS, FLOATS)


def max_pool_2d(node: Node) -> Reasons:
    """MAX_POOL_2D."""
    yield from _pool(node, NO_HALF, ALL)


def _pool(node: Node, taken: tuple[str, ...], given: tuple[str, ...]) -> Reasons:
    yield from node.ports((1, 1))
    yield from values_of(taken, input=node.input(0))
    yield from values_of(given, output=node.output())
    for side, name in (("h", "height"), ("w", "width")):
        stride, size = int(node.option(f"stride_{side}")), int(node.option(f"filter_{name}"))
        if stride <= 0 or size <= 0:
            yield f"its stride or window is not above 0 in {name}"
        elif stride > size:
            yield f"its stride {stride} is larger than its window {size}"
    yield from activation(node)


def reduction(node: Node) -> Reasons:
    """MEAN, SUM, REDUCE_MAX, REDUCE_MIN over constant axes."""
    yield from node.ports((2, 2))
    x, axes = node.input(0), node.input(1)
    yield from values_of(ALL, input=x, output=node.output())
    yield from constants(axes=axes)
    if axes is None or x is None:
        return
    if axes.dtype != "int32" or len(axes.shape) > 1:
        yield "its axes are not a list of int32"
    count = math.prod(axes.shape)
    if not 0 < count <= MAX_RANK or not x.shape:
        yield f"it reduces {count} axes of {len(x.shape)} dimensions"


def variable(node: Node) -> Reasons:
    """The value that goes into a variable or comes out of it."""
    value = node.input(1) if node.op.code == "ASSIGN_VARIABLE" else node.output()
    yield from values_of(ALL, value=value)
    if node.op.code == "READ_VARIABLE" and value is not None and not value.shape:
        yield "its value is a scalar, or of unknown shape"


FLOAT_UNARY = frozenset(
    {"ABS", "CEIL", "COS", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LOG", "NEG", "RELU_N1_TO_1", "RELU"}
    | {"RELU6", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE"}
)
"""Operators of one input that exist in floats only."""
