"""A streaming keyword spotter: MixedNet of microWakeWord, with ring buffers in resource variables.

Every inference takes the next three frames of 40 features, 30 ms of sound, and appends them to what
the variables hold of the past, so that nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tflprof.model.build.blocks import concatenate
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.ranges import UNIT
from tflprof.model.build.variables import Variables
from tflprof.model.graph import Quantisation

FEATURES = 40
FRAMES = 3
"""New frames per inference, the stride of the first convolution."""

FIRST_FILTERS = 32
FIRST_KERNEL = 5

BLOCKS = ((64, (5,)), (64, (7, 11)), (64, (9, 15)), (64, (23,)))
"""Output channels and kernel lengths of each block: the published training's settings."""

REMEMBERED = 50
"""Steps of 30 ms that the last layer sees: clips of 1.5 s."""


def mixednet_kws(width: float, dtype: str, seed: int) -> bytes:
    """MixedNet: a convolution in time, four blocks of mixed depthwise convolutions, one probability."""
    net = Network(f"MixedNet keyword spotter {width:g} {dtype}", dtype, seed)
    x = net.input("features", (1, FRAMES, FEATURES))
    past = _Past(net)
    x = net.reshape(x, "frames", (1, FRAMES, 1, FEATURES))
    x = past.before(x, "stream", FIRST_KERNEL - FRAMES)
    x = net.conv2d(x, "conv", _channels(FIRST_FILTERS, width), (FIRST_KERNEL, 1), FRAMES, "VALID", "RELU")
    for number, (channels, kernels) in enumerate(BLOCKS, 1):
        x = past.before(x, f"stream_{number}", max(kernels) - 1)
        x = _mixed(net, x, f"block_{number}", kernels)
        x = net.conv2d(x, f"block_{number}_pointwise", _channels(channels, width), 1, activation="RELU")
    x = past.before(x, f"stream_{len(BLOCKS) + 1}", REMEMBERED - 1)
    x = net.reshape(x, "flatten", (1, x.shape[1] * x.shape[3]))
    x = net.fully_connected(x, "dense", 1)
    unit = UNIT if net.activations == "int8" else None
    x = net.apply("LOGISTIC", [x], "probability", x.shape, like=Value(-1, (), x.dtype, unit, 1 / 3))
    return net.finish(_as_uint8(net, x))


class _Past:
    """Ring buffers in front of layers."""

    def __init__(self, net: Network) -> None:
        self._net = net
        self._variables = Variables(net)

    def before(self, x: Value, name: str, steps: int) -> Value:
        """``steps`` remembered steps and ``x`` behind them; the newest steps are remembered again."""
        shape = (1, steps, 1, x.shape[3])
        zero = x.quantisation.zero_point[0] if x.quantisation else 0
        handle, past = self._variables.read(name, np.full(shape, zero, np.dtype(x.dtype)), x)
        joined = concatenate(self._net, [past, x], f"{name}/all", axis=1)
        self._variables.assign(handle, _newest(self._net, joined, f"{name}/newest", steps))
        return joined


def _mixed(net: Network, x: Value, name: str, kernels: Sequence[int]) -> Value:
    """Depthwise convolutions in time, each kernel over its share of the channels."""
    if len(kernels) == 1:
        return _in_time(net, x, f"{name}_depthwise", kernels[0])
    parts = _split(net, x, f"{name}_split", len(kernels))
    filtered = [
        _in_time(
            net, _newest(net, part, f"{name}_keep_{kernel}", kernel), f"{name}_depthwise_{kernel}", kernel
        )
        for part, kernel in zip(parts, kernels, strict=True)
    ]
    # Weights drawn alike give the parts one range, which a concatenation in int8 needs.
    return concatenate(net, filtered, f"{name}_mixed")


def _in_time(net: Network, x: Value, name: str, kernel: int) -> Value:
    return net.depthwise_conv2d(x, name, (kernel, 1), 1, "VALID", "NONE")


def _newest(net: Network, x: Value, name: str, steps: int) -> Value:
    """The last ``steps`` steps."""
    if steps == x.shape[1]:
        return x
    shape = (1, steps, 1, x.shape[3])
    bounds = {"begin": (0, x.shape[1] - steps, 0, 0), "end": x.shape, "strides": (1, 1, 1, 1)}
    inputs: list[Value | int] = [x, *(net.ints(f"{name}/{key}", values) for key, values in bounds.items())]
    return net.apply("STRIDED_SLICE", inputs, name, shape, {}, like=x)


def _split(net: Network, x: Value, name: str, count: int) -> list[Value]:
    """Equal shares of the channels, the first with what remains."""
    share = x.shape[3] // count
    sizes = [x.shape[3] - share * (count - 1), *[share] * (count - 1)]
    shapes = [(*x.shape[:3], size) for size in sizes]
    indices = [
        net.graph.tensor(f"{name}_{number}", shape, x.dtype, x.quantisation)
        for number, shape in enumerate(shapes)
    ]
    axis = net.graph.constant(f"{name}/axis", np.int32(3))
    net.connect("SPLIT_V", [x, net.ints(f"{name}/sizes", sizes), axis], indices, {"num_splits": count})
    return [
        Value(index, shape, x.dtype, x.quantisation, x.mean_square)
        for index, shape in zip(indices, shapes, strict=True)
    ]


def _as_uint8(net: Network, x: Value) -> Value:
    """Int8 models answer in uint8, as the published ones do."""
    if x.dtype != "int8":
        return x
    like = Value(-1, (), "uint8", Quantisation("tensor", (1 / 256,), (0,)), x.mean_square)
    return net.apply("QUANTIZE", [x], "output", x.shape, {}, like=like)


def _channels(channels: int, width: float) -> int:
    return max(8, round(channels * width / 8) * 8)
