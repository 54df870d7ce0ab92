"""MobileNet v3 large and small, layer for layer as published, with random weights."""

from __future__ import annotations

from dataclasses import dataclass

from tflprof.model.build.blocks import decisive, hard_swish, multiple_of_8, normalised, squeeze_excite
from tflprof.model.build.layers import Network, Value


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
"""arXiv 1905.02244, table 2."""

_SQUEEZE = 4


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
    x = _conv(net, x, "conv", multiple_of_8(16 * width), True, 3, 2)
    for number, block in enumerate(blocks):
        x = _block(net, x, f"block_{number}", block, multiple_of_8(block.channels * width))
    x = _conv(net, x, "conv_1", multiple_of_8(x.shape[3] * 6), True)
    x = net.mean(x, "pool")
    # Widths below 1 keep the last features, as in MobileNet v2.
    x = _conv(net, x, "conv_2", multiple_of_8(features * max(width, 1.0)), True)
    x = net.conv2d(x, "logits", classes, 1, activation="NONE", draw=decisive(x))
    return net.finish(net.softmax(net.reshape(x, "squeeze", (1, classes)), "probabilities"))


def _block(net: Network, x: Value, name: str, block: Block, channels: int) -> Value:
    y = x
    if block.expansion != 1:
        y = _conv(net, y, f"{name}_expand", multiple_of_8(x.shape[3] * block.expansion), block.swish)
    y = _depthwise(net, y, f"{name}_depthwise", block)
    if block.squeeze:
        y = squeeze_excite(net, y, f"{name}_se", multiple_of_8(y.shape[3] / _SQUEEZE))
    y = net.conv2d(y, f"{name}_project", channels, 1, activation="NONE", draw=normalised(y))
    joins = block.stride == 1 and y.shape == x.shape
    return net.add(x, y, f"{name}_add") if joins else y


def _conv(
    net: Network, x: Value, name: str, channels: int, swish: bool, kernel: int = 1, stride: int = 1
) -> Value:
    y = net.conv2d(x, name, channels, kernel, stride, activation=_fused(swish), draw=normalised(x))
    return hard_swish(net, y, f"{name}_swish") if swish else y


def _depthwise(net: Network, x: Value, name: str, block: Block) -> Value:
    activation = _fused(block.swish)
    y = net.depthwise_conv2d(x, name, block.kernel, block.stride, activation=activation, draw=normalised(x))
    return hard_swish(net, y, f"{name}_swish") if block.swish else y


def _fused(swish: bool) -> str:
    return "NONE" if swish else "RELU"
