"""Which convolutions and matrix products the delegate takes."""

from __future__ import annotations

import math

from tflprof.model.delegate.node import (
    ALL,
    FLOATS,
    NO_HALF,
    Node,
    Reasons,
    activation,
    constants,
    has_one_scale,
    ranks,
    values_of,
    weights_fixed,
    zero_point_of,
)
from tflprof.model.graph import Tensor

_INT_BITS = ("int2", "int4", "int8")


def conv_2d(node: Node) -> Reasons:
    """CONV_2D: also int8 weights under float activations (dynamic range)."""
    yield from _convolution(node, axis=0)
    x, weights = node.input(0), node.input(1)
    if x is None or weights is None:
        return
    dynamic = x.dtype == "float32" and weights.dtype == "int8"
    yield from _same_types(node, x, weights, dynamic)
    if weights.shape[3] > x.shape[3]:
        yield "its weights have more channels than its input"
    yield from activation(node)


def depthwise_conv_2d(node: Node) -> Reasons:
    """DEPTHWISE_CONV_2D: weights of the activations' type."""
    yield from _convolution(node, axis=3)
    x, weights = node.input(0), node.input(1)
    if x is None or weights is None:
        return
    yield from _same_types(node, x, weights, False)
    multiplier = int(node.option("depth_multiplier"))
    if multiplier <= 0 or weights.shape[3] % multiplier:
        yield f"its depth multiplier is {multiplier} with {weights.shape[3]} channels"
    yield from activation(node)


def _convolution(node: Node, axis: int) -> Reasons:
    yield from node.ports((2, 3))
    bias = node.input(2)
    if bias is None:
        yield "it has no bias"
    x, weights, y = node.input(0), node.input(1), node.output()
    yield from values_of(ALL, input=x, output=y)
    yield from ranks(4, 4, input=x, weights=weights, output=y)
    yield from _channel_weights(weights, axis)
    yield from weights_fixed(node, weights=weights, biases=bias)
    yield from _bias(node, weights, bias)
    yield from ranks(1, 1, bias=bias)
    yield from _steps(node)


def _steps(node: Node) -> Reasons:
    for name in ("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor"):
        if int(node.option(name, 1)) <= 0:
            yield f"its {name} is {node.option(name)}"


def _same_types(node: Node, x: Tensor, weights: Tensor, dynamic: bool) -> Reasons:
    y = node.output()
    if y is not None and x.dtype != y.dtype:
        yield f"it mixes types: {x.dtype} in, {y.dtype} out"
    if x.dtype != weights.dtype and not dynamic:
        yield f"it has {weights.dtype} weights for {x.dtype} activations"


def _channel_weights(weights: Tensor | None, axis: int) -> Reasons:
    """Weights of floats, or of 8-bit integers with one scale or one per output channel."""
    if weights is None or weights.dtype in FLOATS:
        return
    if weights.dtype not in ("int8", "uint8"):
        yield f"its weights are {weights.dtype}"
        return
    form = weights.quantisation
    if weights.dtype == "uint8":
        if not has_one_scale(weights):
            yield "its uint8 weights have no single scale"
        return
    if form is None or not form.scale:
        yield "its int8 weights are not quantised"
        return
    if len(form.scale) > 1 and (form.axis != axis or len(form.scale) != weights.shape[axis]):
        yield f"its weights are quantised along dimension {form.axis}, the kernel takes {axis}"
    if form.zero_point and form.zero_point[0] and len(form.scale) > 1:
        yield "its weights have a zero point per channel"
    if not all(math.isfinite(scale) and scale > 0 for scale in form.scale):
        yield "a scale of its weights is not above 0"


def _bias(node: Node, weights: Tensor | None, bias: Tensor | None) -> Reasons:
    if bias is None or weights is None:
        return
    if bias.dtype not in (*FLOATS, "int32"):
        yield f"its bias is {bias.dtype}"
        return
    form = bias.quantisation
    if bias.dtype == "int32" and (form is None or form.axis):
        yield "its int32 bias has no scales along dimension 0"
    types = ["float16" if t.index in node.half else t.dtype for t in (weights, bias)]
    if types[0] in FLOATS and types[1] != types[0] and types != ["float16", "float32"]:
        yield f"it has a {types[1]} bias for {types[0]} weights"


def fully_connected(node: Node) -> Reasons:
    """FULLY_CONNECTED: also int8, int4 and int2 weights under float activations."""
    if node.op.version == 8:
        yield "version 8 (sparse weights as stored) has no kernel"
    if node.option("weights_format", "DEFAULT") != "DEFAULT":
        yield "its weights are stored shuffled"
    yield from node.ports((2, 3))
    x, weights, bias, y = node.input(0), node.input(1), node.input(2), node.output()
    yield from values_of(ALL, input=x, output=y)
    yield from ranks(2, 2, weights=weights)
    yield from _matrix(weights)
    yield from weights_fixed(node, weights=weights)
    if x is None or weights is None or y is None:
        return
    if bias is not None and math.prod(bias.shape) != weights.shape[0]:
        yield "its bias does not have one value per output"
    yield from weights_fixed(node, biases=bias)
    yield from _bias(node, weights, bias)
    yield from _fully_connected_types(x, weights, y)
    yield from activation(node)


def _matrix(weights: Tensor | None) -> Reasons:
    if weights is None or weights.dtype in FLOATS:
        return
    if weights.dtype not in (*_INT_BITS, "uint8"):
        yield f"its weights are {weights.dtype}"
        return
    form = weights.quantisation
    if form is None or (weights.dtype == "uint8" and not has_one_scale(weights)):
        yield f"its {weights.dtype} weights are not quantised as the kernel wants"
    elif form.kind == "block":
        if (form.block_size or 0) % 32:
            yield f"its weights come in blocks of {form.block_size}, the kernel takes multiples of 32"
    elif len(form.scale) > 1 and form.axis:
        yield f"its weights are quantised along dimension {form.axis}, the kernel takes 0"
    elif weights.dtype == "int2" and len(form.scale) != weights.shape[form.axis]:
        yield "its 2-bit weights have no scale per channel"


def _fully_connected_types(x: Tensor, weights: Tensor, y: Tensor) -> Reasons:
    integers = weights.dtype in _INT_BITS
    if x.dtype != y.dtype:
        yield f"it mixes types: {x.dtype} in, {y.dtype} out"
    if x.dtype != weights.dtype and not (integers and x.dtype in (*FLOATS, "int8")):
        yield f"it has {weights.dtype} weights for {x.dtype} activations"
    if weights.dtype == "int8" and x.dtype == "int8" and zero_point_of(weights):
        yield "its weights have a zero point"
    step = {"int4": 2, "int2": 4}.get(weights.dtype, 1)
    if weights.shape[1] % step:
        yield f"its {weights.dtype} weights have {weights.shape[1]} inputs, the kernel takes multiples of {step}"


def batch_matmul(node: Node) -> Reasons:
    """BATCH_MATMUL: floats, or int8 with one scale on both sides and no zero point on the right."""
    a, b, y = node.input(0), node.input(1), node.output()
    yield from node.ports((2, 2))
    yield from values_of(ALL, input=a, output=y)
    if a is None or b is None:
        return
    rank = len(b.shape)
    yield from _channel_weights(b, rank - 2 if node.option("adj_y") else rank - 1)
    dynamic = a.dtype == "float32" and b.dtype == "int8"
    if b.dtype == "int8" and not dynamic and b.quantisation and any(b.quantisation.zero_point[:1]):
        yield "its second input has a zero point"
    several = b.quantisation is not None and len(b.quantisation.scale) > 1
    if not dynamic and (a.dtype != b.dtype or several):
        yield f"it mixes types: {a.dtype} and {b.dtype}{' with several scales' if several else ''}"
    if min(len(a.shape), rank) < 2:
        yield "an input has fewer than 2 dimensions"


def transpose_conv(node: Node) -> Reasons:
    """TRANSPOSE_CONV with a constant output shape."""
    yield from node.ports((3, 4))
    size, weights, x, bias, y = *(node.input(i) for i in range(4)), node.output()
    yield from constants(**{"output shape": size})
    yield from ranks(4, 4, weights=weights, input=x, output=y)
    yield from weights_fixed(node, weights=weights, biases=bias)
    yield from values_of(NO_HALF, input=x, output=y)
    yield from _channel_weights(weights, 0)
    yield from _bias_form(bias)
    if size is None or weights is None or x is None:
        return
    wanted = [int(value) for value in node.values(size)]
    if size.dtype != "int32" or len(wanted) != 4:
        yield "its output shape is not four int32"
        return
    if wanted[3] != weights.shape[0] or weights.shape[3] != x.shape[3]:
        yield "its channels do not fit its weights"
    yield from _transposed_padding(node, weights.shape[1:3], x.shape[1:3], wanted[1:3])
    yield from activation(node)


def _bias_form(bias: Tensor | None) -> Reasons:
    yield from ranks(1, 1, bias=bias)
    if bias is not None and bias.dtype == "int32" and bias.quantisation is None:
        yield "its int32 bias has no scales"


def _transposed_padding(
    node: Node, kernel: tuple[int, ...], given: tuple[int, ...], wanted: list[int]
) -> Reasons:
    strides = (int(node.option("stride_h")), int(node.option("stride_w")))
    if min(strides) <= 0:
        yield "a stride is not above 0"
        return
    if node.option("padding", "SAME") == "VALID":
        if kernel[0] > wanted[0] or kernel[1] > wanted[1]:
            yield "its output is smaller than its kernel"
        return
    if [-(-size // stride) for size, stride in zip(wanted, strides, strict=True)] != list(given):
        yield "its output shape does not fit its input"
    if kernel[0] < strides[0] or kernel[1] < strides[1]:
        yield "its strides are larger than its kernel"
