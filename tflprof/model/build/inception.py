"""Inception v3, layer for layer as published, with random weights."""

from __future__ import annotations

from tflprof.model.build.blocks import classified, concatenate, global_mean, shared_range
from tflprof.model.build.layers import Network, Value

Step = tuple[int | tuple[int, int], int]
"""Kernel and output channels of a convolution."""

POOLED = (32, 64, 64)
"""Channels after the pooling of each block at 35×35 (arXiv 1512.00567, figure 5)."""

FACTORISED = (128, 160, 160, 192)
"""Channels between the 1×7 and 7×1 convolutions of each block at 17×17 (figure 6)."""

EXPANDED = 2
"""Blocks at 8×8 (figure 7)."""

_LEAST_CHANNELS = 16


def inception_v3(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """Inception v3: 94 convolutions in 11 blocks behind a stem, without the auxiliary classifier.

    ``width`` multiplies all channel counts, which never go below 16.
    """
    net = Network(f"Inception v3 {width:g} {size} {dtype}", dtype, seed)
    made = _Inception(net, width)
    x = made.stem(net.input("input", (1, size, size, 3)))
    blocks = 0
    for channels in POOLED:
        x = made.at_35(x, f"mixed{blocks}", channels)
        blocks += 1
    x = made.to_17(x, f"mixed{blocks}")
    for channels in FACTORISED:
        blocks += 1
        x = made.at_17(x, f"mixed{blocks}", channels)
    x = made.to_8(x, f"mixed{blocks + 1}")
    for number in range(EXPANDED):
        x = made.at_8(x, f"mixed{blocks + 2 + number}")
    return net.finish(classified(net, global_mean(net, x, "pool"), classes))


class _Inception:
    """The network under construction: all its convolutions have one width and, in int8, one range."""

    def __init__(self, net: Network, width: float) -> None:
        self.net = net
        self.width = width

    def stem(self, x: Value) -> Value:
        """299×299 to 35×35."""
        x = self.conv(x, "conv_0", (3, 32), 2, "VALID")
        x = self.conv(x, "conv_1", (3, 32), 1, "VALID")
        x = self.maximum(self.conv(x, "conv_2", (3, 64)), "pool_0")
        x = self.conv(x, "conv_3", (1, 80), 1, "VALID")
        return self.maximum(self.conv(x, "conv_4", (3, 192), 1, "VALID"), "pool_1")

    def at_35(self, x: Value, name: str, pooled: int) -> Value:
        """A block at 35×35: 1×1, 5×5, two of 3×3, and a pooling."""
        one = self.conv(x, f"{name}_1x1", (1, 64))
        five = self.chain(x, f"{name}_5x5", (1, 48), (5, 64))
        threes = self.chain(x, f"{name}_3x3dbl", (1, 64), (3, 96), (3, 96))
        return self.join(name, one, five, threes, self.averaged(x, name, pooled))

    def to_17(self, x: Value, name: str) -> Value:
        """35×35 to 17×17."""
        three = self.conv(x, f"{name}_3x3", (3, 384), 2, "VALID")
        threes = self.chain(x, f"{name}_3x3dbl", (1, 64), (3, 96))
        threes = self.conv(threes, f"{name}_3x3dbl_2", (3, 96), 2, "VALID")
        return self.join(name, three, threes, self.maximum(x, f"{name}_pool"))

    def at_17(self, x: Value, name: str, channels: int) -> Value:
        """A block at 17×17: 1×1, one 7×7 and two of them as rows and columns, and a pooling."""
        row, column = (1, 7), (7, 1)
        one = self.conv(x, f"{name}_1x1", (1, 192))
        seven = self.chain(x, f"{name}_7x7", (1, channels), (row, channels), (column, 192))
        pairs: list[Step] = [
            (1, channels),
            (column, channels),
            (row, channels),
            (column, channels),
            (row, 192),
        ]
        sevens = self.chain(x, f"{name}_7x7dbl", *pairs)
        return self.join(name, one, seven, sevens, self.averaged(x, name, 192))

    def to_8(self, x: Value, name: str) -> Value:
        """17×17 to 8×8."""
        three = self.conv(x, f"{name}_3x3_0", (1, 192))
        three = self.conv(three, f"{name}_3x3_1", (3, 320), 2, "VALID")
        seven = self.chain(x, f"{name}_7x7x3", (1, 192), ((1, 7), 192), ((7, 1), 192))
        seven = self.conv(seven, f"{name}_7x7x3_3", (3, 192), 2, "VALID")
        return self.join(name, three, seven, self.maximum(x, f"{name}_pool"))

    def at_8(self, x: Value, name: str) -> Value:
        """A block at 8×8, whose 3×3 convolutions end in a row beside a column."""
        one = self.conv(x, f"{name}_1x1", (1, 320))
        three = self.split(self.conv(x, f"{name}_3x3", (1, 384)), f"{name}_3x3")
        threes = self.split(self.chain(x, f"{name}_3x3dbl", (1, 448), (3, 384)), f"{name}_3x3dbl")
        return self.join(name, one, three, threes, self.averaged(x, name, 192))

    def split(self, x: Value, name: str) -> Value:
        """1×3 beside 3×1."""
        row, column = (
            self.conv(x, f"{name}_row", ((1, 3), 384)),
            self.conv(x, f"{name}_column", ((3, 1), 384)),
        )
        return self.join(f"{name}_split", row, column)

    def averaged(self, x: Value, name: str, channels: int) -> Value:
        """Average over 3×3, then 1×1."""
        pooled = self.net.pool(x, f"{name}_pool", (3, 3), 1, "SAME")
        return self.conv(pooled, f"{name}_pool_1x1", (1, channels))

    def maximum(self, x: Value, name: str) -> Value:
        """Maximum over 3×3 with stride 2."""
        return self.net.pool(x, name, (3, 3), 2, code="MAX_POOL_2D")

    def chain(self, x: Value, name: str, *steps: Step) -> Value:
        """Convolutions of stride 1, one after the other."""
        for number, step in enumerate(steps):
            x = self.conv(x, f"{name}_{number}", step)
        return x

    def conv(self, x: Value, name: str, step: Step, stride: int = 1, padding: str = "SAME") -> Value:
        """A convolution with ReLU."""
        kernel, channels = step
        filters = max(int(channels * self.width), _LEAST_CHANNELS)
        return self.net.conv2d(x, name, filters, kernel, stride, padding, "RELU", shared_range(x, "RELU"))

    def join(self, name: str, *parts: Value) -> Value:
        """Branches side by side."""
        return concatenate(self.net, parts, name)
