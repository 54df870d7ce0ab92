"""MobileNet v3 large and small, layer for layer as published, with random weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tflprof.model.build.blocks import (
    add_wide,
    decisive,
    hard_swish,
    multiple_of_8,
    normalised,
    spatial_mean,
    squeeze_excite,
)
from tflprof.model.build.draw import Moments
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.ranges import hard_swished


@dataclass(frozen=True)
class Block:
    """One inverted residual block.

    Attributes:
        kernel: side of the depthwise kernel.
        expansion: expanded channels over those of the input.
        channels: of the output.
        squeeze: whether it has a squeeze-and-excite.
        swish: hard-swish in place of ReLU.
        stride: of the depthwise convolution.
    """

    kernel: int
    expansion: float
    channels: int
    squeeze: bool
    swish: bool
    stride: int

    @property
    def activation(self) -> str:
        """``swish`` or ``relu``."""
        return "swish" if self.swish else "relu"

    @property
    def square(self) -> float:
        """Mean square before the activation."""
        return _SWISH_SQUARE if self.swish else 1.0


LARGE = (
    Block(3, 1, 16, False, False, 1),
    Block(3, 4, 24, False, False, 2),
    Block(3, 3, 24, False, False, 1),
    Block(5, 3, 40, True, False, 2),
    Block(5, 3, 40, True, False, 1),
    Block(5, 3, 40, True, False, 1),
    Block(3, 6, 80, False, True, 2),
    Block(3, 2.5, 80, False, True, 1),
    Block(3, 184 / 80, 80, False, True, 1),
    Block(3, 184 / 80, 80, False, True, 1),
    Block(3, 6, 112, True, True, 1),
    Block(3, 6, 112, True, True, 1),
    Block(5, 6, 160, True, True, 2),
    Block(5, 6, 160, True, True, 1),
    Block(5, 6, 160, True, True, 1),
)
"""arXiv 1905.02244, table 1."""

SMALL = (
    Block(3, 1, 16, True, False, 2),
    Block(3, 72 / 16, 24, False, False, 2),
    Block(3, 88 / 24, 24, False, False, 1),
    Block(5, 4, 40, True, True, 2),
    Block(5, 6, 40, True, True, 1),
    Block(5, 6, 40, True, True, 1),
    Block(5, 3, 48, True, True, 1),
    Block(5, 3, 48, True, True, 1),
    Block(5, 6, 96, True, True, 2),
    Block(5, 6, 96, True, True, 1),
    Block(5, 6, 96, True, True, 1),
)
"""arXiv 1905.02244, table 2.

The squeeze-and-excite that the table has behind the last convolution is neither in the authors' code nor in
the parameters they state.
"""

_SQUEEZE = 4

_SWISH_SQUARE = 0.25
"""Mean square before a hard-swish: so low, it does not make loud channels louder still."""


def mobilenet_v3_large(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """MobileNet v3 large: 15 blocks, 8 of them with a squeeze-and-excite."""
    return _mobilenet_v3(Network(f"MobileNet v3 large {width:g} {size} {dtype}", dtype, seed), LARGE, 1280,
                         size, width, classes)  # fmt: skip


def mobilenet_v3_small(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """MobileNet v3 small: 11 blocks, 9 of them with a squeeze-and-excite."""
    return _mobilenet_v3(Network(f"MobileNet v3 small {width:g} {size} {dtype}", dtype, seed), SMALL, 1024,
                         size, width, classes)  # fmt: skip


def _mobilenet_v3(
    net: Network, blocks: tuple[Block, ...], features: int, size: int, width: float, classes: int
) -> bytes:
    x = net.input("input", (1, size, size, 3))
    x = _conv(net, x, "conv", multiple_of_8(16 * width), True, 3)
    for number, block in enumerate(blocks):
        x = _block(net, x, f"block_{number}", block, multiple_of_8(block.channels * width))
    x = _conv(net, x, "conv_1", multiple_of_8(x.shape[3] * 6), True)
    x = spatial_mean(net, x, "pool")
    # Widths below 1 keep the last features, as in MobileNet v2.
    x = net.conv2d(
        x,
        "conv_2",
        multiple_of_8(features * max(width, 1.0)),
        1,
        activation="NONE",
        draw=normalised(x, _SWISH_SQUARE),
    )
    x = hard_swish(net, x, "conv_2_swish")
    x = net.conv2d(x, "logits", classes, 1, activation="NONE", draw=decisive(x))
    return net.finish(net.softmax(net.reshape(x, "squeeze", (1, classes)), "probabilities"))


def _block(net: Network, x: Value, name: str, block: Block, channels: int) -> Value:
    y, before = x, _moments(x, "swish")
    if block.expansion != 1:
        y = _conv(net, y, f"{name}_expand", multiple_of_8(x.shape[3] * block.expansion), block.swish)
        before = _moments(y, block.activation)
    draw = replace(normalised(y, block.square), moments=before)
    fused = _fused(block.swish)
    y = net.depthwise_conv2d(y, f"{name}_depthwise", block.kernel, block.stride, activation=fused, draw=draw)
    y = hard_swish(net, y, f"{name}_depthwise_swish") if block.swish else y
    if block.squeeze:
        y = squeeze_excite(net, y, f"{name}_se", multiple_of_8(y.shape[3] / _SQUEEZE))
    draw = replace(normalised(y), moments=_moments(y, block.activation))
    y = net.conv2d(y, f"{name}_project", channels, 1, activation="NONE", draw=draw)
    joins = block.stride == 1 and y.shape == x.shape
    return add_wide(net, x, y, f"{name}_add") if joins else y


def _conv(net: Network, x: Value, name: str, channels: int, swish: bool, kernel: int = 1) -> Value:
    """A convolution of values around 0: an image, a projection or a sum of these."""
    square = _SWISH_SQUARE if swish else 1.0
    draw = replace(normalised(x, square), moments=Moments(0.0, x.mean_square))
    y = net.conv2d(x, name, channels, kernel, 2 if kernel > 1 else 1, activation=_fused(swish), draw=draw)
    return hard_swish(net, y, f"{name}_swish") if swish else y


def _moments(x: Value, activation: str) -> Moments:
    """Of a normal variable behind an activation, scaled to the mean square of ``x``."""
    mean, square = (2 * math.pi) ** -0.5, 0.5
    if activation == "swish":
        mean, square = _SWISH_SQUARE / 6, hard_swished(_SWISH_SQUARE)
    return Moments(mean * (x.mean_square / square) ** 0.5, x.mean_square * (1 - mean**2 / square))


def _fused(swish: bool) -> str:
    return "NONE" if swish else "RELU"
