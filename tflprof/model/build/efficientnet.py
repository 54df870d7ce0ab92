"""EfficientNet-Lite0 to Lite4, layer for layer as published, with random weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from tflprof.model.build.blocks import classified, multiple_of_8, normalised
from tflprof.model.build.layers import Network, Value

BLOCKS = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)
"""Kernel, expansion, channels, repeats and first stride of each group (arXiv 1905.11946, table 1).

The Lite variants leave out the squeeze-and-excite and use ReLU6.
"""

LITE = ((1.0, 1.0, 224), (1.0, 1.1, 240), (1.1, 1.2, 260), (1.2, 1.4, 280), (1.4, 1.8, 300))
"""Width and depth coefficients and input size of Lite0 to Lite4 (the authors' model card)."""

_STEM, _HEAD = 32, 1280
"""Channels of the first and last convolution, which the Lite variants do not scale."""


def efficientnet_lite(variant: int) -> Callable[[int, float, str, int, int], bytes]:
    """The builder of EfficientNet-Lite ``variant``; its width multiplies the variant's own."""

    def build(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
        net = Network(f"EfficientNet-Lite{variant} {width:g} {size} {dtype}", dtype, seed)
        *_, x = features(net, net.input("input", (1, size, size, 3)), variant, width)
        x = net.conv2d(x, "head", _HEAD, 1, draw=normalised(x))
        x = net.pool(x, "pool", x.shape[1:3])
        return net.finish(classified(net, net.reshape(x, "flatten", (1, _HEAD)), classes))

    return build


def features(net: Network, x: Value, variant: int, width: float) -> list[Value]:
    """Last outputs of a variant's blocks at strides of 8, 16 and 32; ``width`` multiplies the variant's own."""
    coefficient, depth, _ = LITE[variant]
    x = net.conv2d(x, "stem", _STEM, 3, 2, draw=normalised(x))
    found: list[Value] = []
    for number, shape in enumerate(_blocks(coefficient * width, depth)):
        if shape[-1] == 2:
            found.append(x)
        x = _inverted_residual(net, x, f"block_{number}", shape)
    return [*found[2:], x]


def _blocks(width: float, depth: float) -> Iterator[tuple[int, int, int, int]]:
    """Kernel, expansion, channels and stride of each block. First and last group are never repeated."""
    for number, (kernel, expansion, channels, repeats, first_stride) in enumerate(BLOCKS):
        scaled = repeats if number in (0, len(BLOCKS) - 1) else math.ceil(repeats * depth)
        for repeat in range(scaled):
            yield kernel, expansion, multiple_of_8(channels * width), 1 if repeat else first_stride


def _inverted_residual(net: Network, x: Value, name: str, shape: tuple[int, int, int, int]) -> Value:
    kernel, expansion, channels, stride = shape
    y = x
    if expansion != 1:
        y = net.conv2d(y, f"{name}_expand", x.shape[3] * expansion, 1, draw=normalised(y))
    y = net.depthwise_conv2d(y, f"{name}_depthwise", kernel, stride, draw=normalised(y))
    y = net.conv2d(y, f"{name}_project", channels, 1, activation="NONE", draw=normalised(y))
    joins = stride == 1 and y.shape == x.shape
    return net.add(x, y, f"{name}_add") if joins else y
