"""Pieces that several networks share: activations of their own, gates, concatenations, paddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tflprof.model.build.draw import Draw
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.ranges import hard_swished, output_range, swish_range
from tflprof.model.graph import Quantisation

_GATE_OFFSET = 3.0
"""What a hard sigmoid adds before it clips to 0..6; converters fold it into the bias before it."""

_GATE_SQUARE = 0.26
"""Mean square of a gate around a half."""

_LOGITS_SQUARE = 16.0

_REACH = 2.0

_SIXTH = Quantisation("tensor", (1 / 6 / 127,), (0,))
_GATE = Quantisation("tensor", (1 / 256,), (-128,))


def multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, at least 8, never more than 10 % below."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def normalised(x: Value, mean_square: float = 1.0) -> Draw:
    """Weights after which values have a given mean square, as after a batch normalisation."""
    return Draw(gain=mean_square / x.mean_square, reach=_REACH)


def shared_range(x: Value, activation: str, mean_square: float = 1.0, offset: float = 0.0) -> Draw:
    """As :func:`normalised`, with the one int8 range of all layers asked for in the same words.

    Concatenations and poolings cannot rescale, so that converters give all values that meet in them
    one range.
    """
    quantisation = output_range((mean_square + offset**2) * _REACH**2, activation)
    return Draw(mean_square / x.mean_square, offset, quantisation=quantisation)


def decisive(x: Value) -> Draw:
    """Weights of logits that differ as those of a trained classifier do, not all nearly equal."""
    return Draw(gain=_LOGITS_SQUARE / x.mean_square)


def hard_swish(net: Network, x: Value, name: str) -> Value:
    """``x · relu6(x + 3) / 6``, an operator of its own."""
    quantisation = swish_range(x.mean_square * _REACH**2) if net.dtype == "int8" else None
    like = Value(-1, (), x.dtype, quantisation, hard_swished(x.mean_square))
    return net.apply("HARD_SWISH", [x], name, x.shape, like=like)


def squeeze_excite(net: Network, x: Value, name: str, squeezed: int) -> Value:
    """Every channel times a gate made of all channels' means (arXiv 1905.02244, section 5.3).

    The gate's hard sigmoid is what converters make of it: the addition of 3 lies in the bias and the
    clipping in the second convolution; the division by 6 stays.
    """
    y = spatial_mean(net, x, f"{name}_squeeze")
    y = net.conv2d(y, f"{name}_reduce", squeezed, 1, activation="RELU")
    y = net.conv2d(y, f"{name}_expand", x.shape[3], 1, draw=Draw(0.25 / y.mean_square, _GATE_OFFSET))
    like = Value(-1, (), x.dtype, _GATE if net.dtype == "int8" else None, _GATE_SQUARE)
    gate = net.apply("MUL", [y, _sixth(net, name)], f"{name}_gate", y.shape, _PLAIN, like=like)
    square = x.mean_square * gate.mean_square
    like = Value(-1, (), x.dtype, _narrowed(x.quantisation, 0.75), square)
    return net.apply("MUL", [x, gate], f"{name}_excite", x.shape, _PLAIN, like=like)


def add_wide(net: Network, a: Value, b: Value, name: str) -> Value:
    """Sum of two tensors of one shape, in a range that has room for channels louder than others."""
    square = a.mean_square + b.mean_square
    quantisation = output_range(square * _REACH**2, "NONE") if net.dtype == "int8" else None
    return net.apply("ADD", [a, b], name, a.shape, _PLAIN, like=Value(-1, (), a.dtype, quantisation, square))


def add_rectified(net: Network, shortcut: Value, branch: Value, name: str, *, centred: bool) -> Value:
    """Sum of a shortcut and a branch that ends without activation, then ReLU.

    ``centred`` says that the shortcut has no activation either: half of the sum is cut off then.
    Beside a rectified shortcut little of it is.
    """
    together = shortcut.mean_square + branch.mean_square
    quantisation = output_range(together * _REACH**2, "RELU") if net.dtype == "int8" else None
    square = together / 2 if centred else shortcut.mean_square + 0.75 * branch.mean_square
    like = Value(-1, (), shortcut.dtype, quantisation, square)
    options = {"fused_activation_function": "RELU"}
    return net.apply("ADD", [shortcut, branch], name, shortcut.shape, options, like=like)


def spatial_mean(net: Network, x: Value, name: str) -> Value:
    """Mean of every channel, as an image of one pixel; its int8 range is half as wide as that of ``x``."""
    inputs: list[Value | int] = [x, net.ints(f"{name}/axes", (1, 2))]
    like = replace(x, quantisation=_narrowed(x.quantisation, 0.5))
    return net.apply("MEAN", inputs, name, (x.shape[0], 1, 1, x.shape[3]), {"keep_dims": True}, like=like)


def global_mean(net: Network, x: Value, name: str) -> Value:
    """Mean of every channel, as a row."""
    inputs: list[Value | int] = [x, net.ints(f"{name}/axes", (1, 2))]
    return net.apply("MEAN", inputs, name, (x.shape[0], x.shape[3]), {"keep_dims": False}, like=x)


def classified(net: Network, x: Value, classes: int) -> Value:
    """Probabilities of classes from a row of features: a fully connected layer and a softmax."""
    return net.softmax(net.fully_connected(x, "logits", classes, draw=decisive(x)), "probabilities")


def concatenate(net: Network, parts: Sequence[Value], name: str, axis: int = 3) -> Value:
    """Values side by side along ``axis``; in int8 all must have one range, as the kernel demands."""
    if len({part.quantisation for part in parts}) != 1:
        raise ValueError(f"{name}: parts of several ranges cannot be concatenated without rescaling")
    size = sum(part.shape[axis] for part in parts)
    shape = (*parts[0].shape[:axis], size, *parts[0].shape[axis + 1 :])
    square = sum(part.mean_square * part.shape[axis] for part in parts) / size
    like = replace(parts[0], mean_square=square)
    return net.apply("CONCATENATION", parts, name, shape, {"axis": axis, **_PLAIN}, like=like)


def pad(net: Network, x: Value, name: str, before: int, after: int) -> Value:
    """Rows and columns of zeros around an image."""
    shape = (x.shape[0], *(size + before + after for size in x.shape[1:3]), x.shape[3])
    sides = ((0, 0), (before, after), (before, after), (0, 0))
    return net.apply("PAD", [x, net.ints(f"{name}/paddings", sides)], name, shape, {}, like=x)


def dequantised(net: Network, x: Value, name: str) -> Value:
    """``x`` as float32; ``x`` itself if it is."""
    if x.quantisation is None:
        return x
    like = Value(-1, (), "float32", None, x.mean_square)
    return net.apply("DEQUANTIZE", [x], name, x.shape, {}, like=like)


def _narrowed(quantisation: Quantisation | None, factor: float) -> Quantisation | None:
    """A range of the same zero and less reach."""
    if quantisation is None:
        return None
    return replace(quantisation, scale=(quantisation.scale[0] * factor,))


_PLAIN = {"fused_activation_function": "NONE"}


def _sixth(net: Network, name: str) -> int:
    if net.dtype == "int8":
        return net.graph.constant(f"{name}/sixth", np.int8(127), _SIXTH)
    return net.real(f"{name}/sixth", np.asarray(1 / 6, np.float32))
