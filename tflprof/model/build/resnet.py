"""ResNet-50, layer for layer as published, with random weights."""

from __future__ import annotations

from dataclasses import replace

from tflprof.model.build.blocks import (
    add_rectified,
    classified,
    global_mean,
    multiple_of_8,
    normalised,
    pad,
)
from tflprof.model.build.layers import Network, Value

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Channels within the blocks and number of blocks of each stage (arXiv 1512.03385, table 1)."""

_WIDENING = 4

_BRANCH_SQUARE = 0.25

_MAXIMUM_GROWTH = 4.0
"""Mean square after a maximum over 3×3 over that before it."""


def resnet_50(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """ResNet-50 v1: 16 bottleneck blocks whose first 1×1 convolution has the stride.

    ``width`` multiplies all channel counts, as MobileNet's does.
    """
    net = Network(f"ResNet-50 {width:g} {size} {dtype}", dtype, seed)
    x = pad(net, net.input("input", (1, size, size, 3)), "conv1_pad", 3, 3)
    x = _conv(net, x, "conv1", multiple_of_8(64 * width), 7, 2, "VALID")
    x = net.pool(pad(net, x, "pool1_pad", 1, 1), "pool1", (3, 3), 2, code="MAX_POOL_2D")
    x = replace(x, mean_square=x.mean_square * _MAXIMUM_GROWTH)
    for stage, (channels, blocks) in enumerate(STAGES, 2):
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stage > 2 else 1
            x = _bottleneck(net, x, f"conv{stage}_block{block}", multiple_of_8(channels * width), stride)
    return net.finish(classified(net, global_mean(net, x, "pool"), classes))


def _bottleneck(net: Network, x: Value, name: str, channels: int, stride: int) -> Value:
    wide = channels * _WIDENING
    projected = stride > 1 or x.shape[3] != wide
    shortcut = x
    if projected:
        shortcut = _conv(net, x, f"{name}_0", wide, 1, stride, activation="NONE")
    y = _conv(net, x, f"{name}_1", channels, 1, stride)
    y = _conv(net, y, f"{name}_2", channels, 3)
    # Trained networks let a block change little of what passes by it.
    y = net.conv2d(y, f"{name}_3", wide, 1, activation="NONE", draw=normalised(y, _BRANCH_SQUARE))
    return add_rectified(net, shortcut, y, f"{name}_add", centred=projected)


def _conv(
    net: Network,
    x: Value,
    name: str,
    channels: int,
    kernel: int,
    stride: int = 1,
    padding: str = "SAME",
    activation: str = "RELU",
) -> Value:
    return net.conv2d(x, name, channels, kernel, stride, padding, activation, normalised(x))
