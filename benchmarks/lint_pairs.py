"""Small networks with and without what a lint speaks of, for the benchmark ``lints``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tflprof.model.build.layers import Network, Value
from tflprof.model.build.ranges import IMAGE, UNIT

SHAPE = (1, 28, 28, 32)
Build = Callable[[Network], Value]


@dataclass(frozen=True)
class Pair:
    """What a lint wants changed.

    Attributes:
        code: the lint's.
        name: what is done.
        before, after: build the two networks; both end in the same kind of layer.
        dtypes: types to try.
        promise: False if the change is not the one whose gain the lint gives (padding channels up).
    """

    code: str
    name: str
    before: Build
    after: Build
    dtypes: tuple[str, ...] = ("float32", "int8")
    promise: bool = True


def _between(build: Callable[[Network, Value], Value]) -> Build:
    """Something between two convolutions."""

    def whole(net: Network) -> Value:
        x = net.conv2d(net.input("input", SHAPE), "first", 32)
        return net.conv2d(build(net, x), "last", 32, 1)

    return whole


def _channels(count: int, kernel: int = 1) -> Build:
    def middle(net: Network, x: Value) -> Value:
        return net.conv2d(x, "middle", count, kernel)

    return _between(middle)


def _island(net: Network, x: Value) -> Value:
    like = Value(-1, (), "float32", None, x.mean_square)
    y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=like)
    y = net.apply("LOGISTIC", [y], "float", x.shape, like=like)
    return net.apply("QUANTIZE", [y], "close", x.shape, like=x)


def _logistic(net: Network, x: Value) -> Value:
    return net.apply("LOGISTIC", [x], "integer", x.shape, like=Value(-1, (), "int8", UNIT, 0.3))


def _scaled_island(net: Network, x: Value) -> Value:
    """An island that is no table look-up: it has constants of its own."""
    like = Value(-1, (), "float32", None, x.mean_square)
    y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=like)
    factors = net.graph.constant("factors", np.linspace(0.5, 1, x.shape[3], dtype=np.float32))
    y = net.apply("MUL", [y, factors], "float", x.shape, {}, like=like)
    return net.apply("QUANTIZE", [y], "close", x.shape, like=x)


def _scaled(net: Network, x: Value) -> Value:
    integers = np.rint(np.linspace(64, 127, x.shape[3])).astype(np.int8)
    factors = net.graph.constant("factors", integers, IMAGE)
    return net.apply("MUL", [x, factors], "integer", x.shape, {}, like=x)


def _hard_swish(net: Network, x: Value) -> Value:
    return net.apply("HARD_SWISH", [x], "swish", x.shape, like=x)


def _wrapped_swish(net: Network, x: Value) -> Value:
    like = Value(-1, (), "float32", None, x.mean_square)
    y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=like)
    y = net.apply("HARD_SWISH", [y], "swish", x.shape, like=like)
    return net.apply("QUANTIZE", [y], "close", x.shape, like=x)


def _round_trip(net: Network, x: Value) -> Value:
    y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=Value(-1, (), "float32", None, x.mean_square))
    return net.apply("QUANTIZE", [y], "close", x.shape, like=x)


def _same(_net: Network, x: Value) -> Value:
    return x


def _squeeze(net: Network, x: Value) -> Value:
    y = net.apply("SQUEEZE", [x], "squeezed", x.shape[1:], {"squeeze_dims": (0,)}, like=x)
    return net.reshape(y, "again", x.shape)


def _reshape(net: Network, x: Value) -> Value:
    return net.reshape(net.reshape(x, "squeezed", x.shape[1:]), "again", x.shape)


def _pool(net: Network, x: Value) -> Value:
    return net.pool(x, "pool", (28, 28))


def _mean(net: Network, x: Value) -> Value:
    return net.mean(x, "pool")


def _average(net: Network, x: Value) -> Value:
    return net.pool(x, "middle", (3, 3), 1, "SAME")


def _depthwise(net: Network, x: Value) -> Value:
    return net.depthwise_conv2d(x, "middle", 3)


def _squared(net: Network, x: Value) -> Value:
    return net.apply(
        "POW", [x, net.graph.constant("two", np.full(1, 2, np.float32))], "middle", x.shape, {}, like=x
    )


def _product(net: Network, x: Value) -> Value:
    return net.apply("MUL", [x, x], "middle", x.shape, {}, like=x)


def _join(net: Network, parts: list[Value], name: str) -> Value:
    shape = (*parts[0].shape[:3], sum(part.shape[3] for part in parts))
    return net.apply("CONCATENATION", parts, name, shape, {"axis": 3}, like=parts[0])


def _six(net: Network, x: Value) -> Value:
    return _join(net, [net.conv2d(x, f"part_{i}", 8, 1) for i in range(6)], "all")


def _twice_three(net: Network, x: Value) -> Value:
    parts = [net.conv2d(x, f"part_{i}", 8, 1) for i in range(6)]
    return _join(net, [_join(net, parts[:3], "left"), _join(net, parts[3:], "right")], "all")


def _mirrored(net: Network, x: Value) -> Value:
    n, h, w, c = x.shape
    amounts = net.ints("paddings", ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = net.apply("MIRROR_PAD", [x, amounts], "padded", (n, h + 2, w + 2, c), {"mode": "REFLECT"}, like=x)
    return net.conv2d(y, "middle", 32, 3, 1, "VALID")


def _pad(net: Network, x: Value, by: int = 1) -> Value:
    shape = (x.shape[0], x.shape[1] + 2 * by, x.shape[2] + 2 * by, x.shape[3])
    amounts = net.ints("paddings", ((0, 0), (by, by), (by, by), (0, 0)))
    return net.apply("PAD", [x, amounts], "padded", shape, like=x)


def _pad_conv(net: Network, x: Value) -> Value:
    return net.conv2d(_pad(net, x), "middle", 32, 3, 1, "VALID")


def _same_conv(net: Network, x: Value) -> Value:
    return net.conv2d(x, "middle", 32, 3)


def _pad_depthwise(net: Network, x: Value) -> Value:
    return net.depthwise_conv2d(_pad(net, x), "middle", 3, 1, "VALID")


def _same_depthwise(net: Network, x: Value) -> Value:
    return net.depthwise_conv2d(x, "middle", 3)


def _pad_twice(net: Network, x: Value) -> Value:
    y = _pad(net, x)
    first = net.conv2d(y, "left", 32, 3, 1, "VALID")
    return net.add(first, net.conv2d(y, "right", 32, 3, 1, "VALID"), "sum")


def _same_twice(net: Network, x: Value) -> Value:
    return net.add(net.conv2d(x, "left", 32, 3), net.conv2d(x, "right", 32, 3), "sum")


def _pad_pool(net: Network, x: Value) -> Value:
    return net.pool(_pad(net, x), "middle", (3, 3), 1, "VALID", "MAX_POOL_2D")


def _same_pool(net: Network, x: Value) -> Value:
    return net.pool(x, "middle", (3, 3), 1, "SAME", "MAX_POOL_2D")


def _conv_relu(net: Network, x: Value) -> Value:
    y = net.conv2d(x, "middle", 32, 1, activation="NONE")
    return net.apply("RELU", [y], "relu", y.shape, like=y)


def _conv_fused(net: Network, x: Value) -> Value:
    return net.conv2d(x, "middle", 32, 1, activation="RELU")


def _add_relu(net: Network, x: Value) -> Value:
    y = net.add(x, x, "sum")
    return net.apply("RELU", [y], "relu", y.shape, like=y)


def _add_fused(net: Network, x: Value) -> Value:
    template = net.expected(2 * x.mean_square)
    return net.apply("ADD", [x, x], "sum", x.shape, {"fused_activation_function": "RELU"}, like=template)


def _constant(net: Network, x: Value) -> Value:
    values = np.linspace(0.1, 1, int(np.prod(x.shape)), dtype=np.float32).reshape(x.shape)
    table = net.graph.constant("table", values)
    made = net.apply("EXP", [table], "made", x.shape, like=x)
    return net.apply("MUL", [x, made], "scaled", x.shape, {}, like=x)


def _folded(net: Network, x: Value) -> Value:
    values = np.exp(np.linspace(0.1, 1, int(np.prod(x.shape)), dtype=np.float32)).reshape(x.shape)
    return net.apply("MUL", [x, net.graph.constant("made", values)], "scaled", x.shape, {}, like=x)


def _there_and_back(net: Network, x: Value) -> Value:
    n, h, w, c = x.shape
    y = net.apply("TRANSPOSE", [x, net.ints("to", (0, 3, 1, 2))], "nchw", (n, c, h, w), like=x)
    return net.apply("TRANSPOSE", [y, net.ints("back", (0, 2, 3, 1))], "nhwc", x.shape, like=x)


def _wide(net: Network) -> Value:
    x = net.conv2d(net.input("input", (1, 14, 14, 16)), "first", 256, 1)
    return net.conv2d(x, "last", 256, 1)


def _factorised(net: Network) -> Value:
    """The 256×256 layer at 0.6 of its break-even rank, 128: 77, rounded to 80."""
    x = net.conv2d(net.input("input", (1, 14, 14, 16)), "first", 256, 1)
    return net.conv2d(net.conv2d(x, "narrow", 80, 1, activation="NONE"), "last", 256, 1)


PAIRS = (
    Pair("channels", "1×1 convolution, 12 → 16 channels", _channels(12), _channels(16), promise=False),
    Pair("channels", "3×3 convolution, 12 → 16 channels", _channels(12, 3), _channels(16, 3), promise=False),
    Pair("channels", "1×1 convolution, 12 → 8 channels", _channels(12), _channels(8)),
    Pair("channels", "1×1 convolution, 20 → 24 channels", _channels(20), _channels(24), promise=False),
    Pair("channels", "3×3 convolution, 28 → 24 channels", _channels(28, 3), _channels(24, 3)),
    Pair("channels", "1×1 convolution, 100 → 96 channels", _channels(100), _channels(96)),
    Pair("float-island", "LOGISTIC in floats → int8", _between(_island), _between(_logistic), ("int8",)),
    Pair(
        "quantise-pair", "DEQUANTIZE, QUANTIZE → nothing", _between(_round_trip), _between(_same), ("int8",)
    ),
    Pair(
        "float-island",
        "MUL by constants in floats → int8",
        _between(_scaled_island),
        _between(_scaled),
        ("int8",),
    ),
    Pair("refused", "HARD_SWISH → in floats", _between(_hard_swish), _between(_wrapped_swish), ("int8",)),
    Pair("refused", "SQUEEZE → RESHAPE", _between(_squeeze), _between(_reshape)),
    Pair("refused", "global AVERAGE_POOL_2D → MEAN", _between(_pool), _between(_mean), ("int8",)),
    Pair("refused", "3×3 AVERAGE_POOL_2D → depthwise", _between(_average), _between(_depthwise), ("int8",)),
    Pair("refused", "MIRROR_PAD → PAD", _between(_mirrored), _between(_pad_conv)),
    Pair("refused", "POW by 2 → MUL", _between(_squared), _between(_product), ("float32",)),
    Pair("refused", "CONCATENATION of 6 → of 3, twice", _between(_six), _between(_twice_three)),
    Pair("pad", "PAD + convolution → SAME", _between(_pad_conv), _between(_same_conv)),
    Pair("pad", "PAD + depthwise → SAME", _between(_pad_depthwise), _between(_same_depthwise)),
    Pair("pad", "PAD + two convolutions → SAME", _between(_pad_twice), _between(_same_twice)),
    Pair("pad", "PAD + maximum pooling → SAME", _between(_pad_pool), _between(_same_pool)),
    Pair("activation", "convolution + RELU → fused", _between(_conv_relu), _between(_conv_fused)),
    Pair("activation", "ADD + RELU → fused", _between(_add_relu), _between(_add_fused)),
    Pair("constant", "EXP of a constant → its values", _between(_constant), _between(_folded), ("float32",)),
    Pair("copy", "TRANSPOSE and back → nothing", _between(_there_and_back), _between(_same)),
    Pair("pointwise", "256×256 1×1 → rank 80", _wide, _factorised),
)
"""What the lints promise, each as two networks."""
