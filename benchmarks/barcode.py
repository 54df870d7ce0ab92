"""Networks in which no two layers cost the same, so that a swap of two layers shows.

Channels are drawn without repetition and sizes differ from stage to stage. What the networks add to a plain chain is
what makes attribution hard: branches, residual additions, layers the delegate refuses in between, padding of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tflprof.model.build.layers import Network, Value

SIZE = 40
SHAPES: dict[str, Callable[[Network, Iterator[int]], Value]] = {}
"""What fills the network between its first convolution and its classifier, by name."""


def _shape(fill: Callable[[Network, Iterator[int]], Value]) -> Callable[[Network, Iterator[int]], Value]:
    SHAPES[fill.__name__.strip("_")] = fill
    return fill


def barcode(shape: str, dtype: str, seed: int = 0) -> bytes:
    """A network of a shape (a key of :data:`SHAPES`) in a type of :class:`Network`, as the content of a file."""
    net = Network(f"barcode {shape} {dtype}", dtype, seed)
    channels = iter((np.random.default_rng(seed).permutation(40)[:28] * 3 + 17).tolist())
    x = SHAPES[shape](net, channels)
    x = net.mean(x, "pool")
    x = net.reshape(x, "flat", (1, x.shape[3]))
    x = net.fully_connected(x, "dense", next(channels), "RELU6")
    return net.finish(net.softmax(net.fully_connected(x, "logits", next(channels)), "probabilities"))


def _stem(net: Network, channels: Iterator[int]) -> Value:
    return net.conv2d(net.input("input", (1, SIZE, SIZE, 3)), "stem", next(channels), 3, 2)


@_shape
def _chain(net: Network, channels: Iterator[int]) -> Value:
    x = _stem(net, channels)
    for number, kernel in enumerate((1, 3, 1, 5, 1, 3, 1)):
        stride = 2 if number in (3, 5) else 1
        if kernel > 1:
            x = net.depthwise_conv2d(x, f"depthwise_{number}", kernel, stride)
        x = net.conv2d(x, f"conv_{number}", next(channels), 1 if kernel != 3 else 3)
    return x


@_shape
def _branches(net: Network, channels: Iterator[int]) -> Value:
    x = _stem(net, channels)
    for block in range(3):
        ends = []
        for branch, kernel in enumerate((1, 3, 5)):
            y = net.conv2d(x, f"block_{block}_branch_{branch}_reduce", next(channels), 1)
            stride = 2 if block < 2 else 1
            ends.append(net.conv2d(y, f"block_{block}_branch_{branch}", next(channels), kernel, stride))
        x = _concatenated(net, ends, f"block_{block}")
    return x


@_shape
def _residual(net: Network, channels: Iterator[int]) -> Value:
    x = _stem(net, channels)
    for block in range(4):
        if block in (1, 3):
            x = net.conv2d(x, f"transition_{block}", next(channels), 3, 2)
        y = net.conv2d(x, f"block_{block}_expand", next(channels), 1)
        y = net.depthwise_conv2d(y, f"block_{block}_depthwise", 3)
        y = net.conv2d(y, f"block_{block}_project", x.shape[3], 1, activation="NONE")
        x = net.add(x, y, f"block_{block}_add")
    return x


@_shape
def _islands(net: Network, channels: Iterator[int]) -> Value:
    """Two of three branches go through an operator that the delegate refuses: partitions out of file order."""
    x = _stem(net, channels)
    for block in range(3):
        ends = []
        for branch in range(3):
            y = net.conv2d(x, f"block_{block}_branch_{branch}_before", next(channels), 3)
            if branch < 2:
                y = _refused(net, y, f"block_{block}_island_{branch}")
            ends.append(net.conv2d(y, f"block_{block}_branch_{branch}_after", next(channels), 1, 2))
        x = _concatenated(net, ends, f"block_{block}")
    return x


def _refused(net: Network, x: Value, name: str) -> Value:
    axis = net.ints(f"{name}/axes", (2,))
    return net.apply("REVERSE_V2", [x, axis], name, x.shape, like=x)


def _concatenated(net: Network, values: list[Value], name: str) -> Value:
    shape = (*values[0].shape[:3], sum(value.shape[3] for value in values))
    options = {"axis": 3, "fused_activation_function": "NONE"}
    return net.apply("CONCATENATION", list(values), f"{name}_concat", shape, options, like=values[0])
