"""MobileNet v1 and v2, layer for layer as published, with random weights."""

from __future__ import annotations

from tflprof.model.build.blocks import multiple_of_8
from tflprof.model.build.layers import Network, Value

V1_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
"""Output channels and stride of each separable convolution (arXiv 1704.04861, table 1)."""

V2_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, repeats and first stride of each group (arXiv 1801.04381, table 2)."""


V1_TAP, V2_TAP = 11, 13
"""Blocks whose pointwise output (v1) or expansion (v2) a detector looks at: the last at a stride of 16."""


def mobilenet_v1(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """MobileNet v1: 27 convolutions, mean, a 1×1 convolution as classifier, softmax."""
    net = Network(f"MobileNet v1 {width:g} {size} {dtype}", dtype, seed)
    x = net.input("input", (1, size, size, 3))
    return net.finish(_classifier(net, v1_features(net, x, width)[-1], classes))


def mobilenet_v2(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """MobileNet v2: 17 inverted residual blocks between two convolutions, classifier as in v1."""
    net = Network(f"MobileNet v2 {width:g} {size} {dtype}", dtype, seed)
    x = net.input("input", (1, size, size, 3))
    return net.finish(_classifier(net, v2_features(net, x, width)[-1], classes))


def v1_features(net: Network, x: Value, width: float, least: int = 8) -> tuple[Value, Value]:
    """Outputs of block 11 and of the last one; no layer has fewer than ``least`` channels."""
    x = net.conv2d(x, "conv_0", max(int(32 * width), least), 3, 2)
    taps = []
    for number, (channels, stride) in enumerate(V1_BLOCKS, 1):
        x = net.depthwise_conv2d(x, f"conv_{number}_depthwise", 3, stride)
        x = net.conv2d(x, f"conv_{number}_pointwise", max(int(channels * width), least), 1)
        taps.append(x)
    return taps[V1_TAP - 1], x


def v2_features(net: Network, x: Value, width: float) -> tuple[Value, Value]:
    """Expansion of block 13 and output of the last convolution."""
    x = net.conv2d(x, "conv", multiple_of_8(32 * width), 3, 2)
    number = 0
    expansions = []
    for expansion, channels, repeats, first_stride in V2_BLOCKS:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            filters = multiple_of_8(channels * width)
            expanded, x = _inverted_residual(net, x, f"block_{number}", expansion, filters, stride)
            expansions.append(expanded)
            number += 1
    return expansions[V2_TAP], net.conv2d(x, "conv_1", multiple_of_8(1280 * max(width, 1.0)), 1)


def _inverted_residual(
    net: Network, x: Value, name: str, expansion: int, channels: int, stride: int
) -> tuple[Value, Value]:
    """What the block expands its input to, and its output."""
    expanded = x
    if expansion != 1:
        expanded = net.conv2d(x, f"{name}_expand", x.shape[3] * expansion, 1)
    y = net.depthwise_conv2d(expanded, f"{name}_depthwise", 3, stride)
    y = net.conv2d(y, f"{name}_project", channels, 1, activation="NONE")
    joins = stride == 1 and y.shape == x.shape
    return expanded, net.add(x, y, f"{name}_add") if joins else y


def _classifier(net: Network, x: Value, classes: int) -> Value:
    x = net.mean(x, "pool")
    x = net.conv2d(x, "logits", classes, 1, activation="NONE")
    x = net.reshape(x, "squeeze", (1, classes))
    return net.softmax(x, "probabilities")
