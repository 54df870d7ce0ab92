"""Small networks with what channel pruning meets: leftovers of normalisation, slopes, splits, shared weights …"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tflprof.compress.calibration import Calibration, calibration_of, random_calibration
from tflprof.compress.interface import Subject
from tflprof.model.build.layers import Network, Value
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

PLAIN = {"fused_activation_function": "NONE"}


def subject(path: Path, content: bytes, executor: Executor | None = None, samples: int = 0) -> Subject:
    """A model in a file with random calibration data, none by default."""
    path.write_bytes(content)
    model = read_model(path)
    data: Calibration = random_calibration(model, samples) if samples else calibration_of([])
    return Subject(model, layer_configs(model), data, executor or Executor())


def _start(net: Network, filters: int = 24) -> Value:
    return net.conv2d(net.input("input", (1, 8, 8, 3)), "first", filters, 3)


def _end(net: Network, x: Value) -> bytes:
    y = net.mean(net.conv2d(x, "last", 16, 1), "pool")
    return net.finish(net.softmax(net.reshape(y, "flat", (1, 16)), "probabilities"))


def flattened() -> bytes:
    """A reshape of a map into a row before a dense layer, one more dense layer that flattens by itself."""
    net = Network("flattened")
    x = _start(net)
    row = net.reshape(x, "row", (1, 64 * 24))
    y = net.fully_connected(row, "dense", 16, "RELU")
    return net.finish(net.softmax(net.fully_connected(y, "logits", 4), "probabilities"))


def normalised() -> bytes:
    """Multiplications and additions of constants per channel, a slope per channel, a scalar."""
    net = Network("normalised")
    x = _start(net)
    for code, shape in (("MUL", (24,)), ("ADD", (1, 1, 1, 24)), ("MUL", ()), ("SUB", (1,))):
        constant = net.operand(f"{code}{shape}", net.rng.standard_normal(shape).astype(np.float32) + 1)
        x = net.apply(code, [x, constant], f"by {code}{shape}", x.shape, PLAIN, like=x)
    slope = net.operand("slope", np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 1, 24))
    return _end(net, net.apply("PRELU", [x, slope], "prelu", x.shape, like=x))


def residual() -> bytes:
    """A sum, whose sides are tied, beside a gate per channel."""
    net = Network("residual")
    x = _start(net)
    y = net.add(x, net.conv2d(x, "branch", 24, 1), "sum")
    gate = net.conv2d(net.mean(y, "means"), "gate", 24, 1, activation="RELU6")
    return _end(net, net.apply("MUL", [y, gate], "gated", y.shape, PLAIN, like=y))


def joined() -> bytes:
    """Two branches side by side, one twice, then a padding and a transposition there and back."""
    net = Network("joined")
    x = _start(net)
    left, right = net.conv2d(x, "left", 16, 1), net.conv2d(x, "right", 24, 3)
    parts = [left, right, left]
    y = net.apply("CONCATENATION", parts, "side by side", (1, 8, 8, 56), {"axis": 3, **PLAIN}, like=left)
    pads = net.ints("pads", ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = net.apply("PAD", [y, pads], "padded", (1, 10, 10, 56), like=y)
    y = net.apply("TRANSPOSE", [y, net.ints("there", (0, 3, 1, 2))], "nchw", (1, 56, 10, 10), like=y)
    y = net.apply("TRANSPOSE", [y, net.ints("back", (0, 2, 3, 1))], "nhwc", (1, 10, 10, 56), like=y)
    return _end(net, y)


def split() -> bytes:
    """Halves of the channels, one of them through a convolution, and joined again."""
    net = Network("split")
    x = _start(net, 32)
    halves = [net.graph.tensor(f"half {i}", (1, 8, 8, 16)) for i in range(2)]
    axis = net.graph.constant("axis", np.asarray(3, np.int32))
    net.connect("SPLIT", [axis, x], halves, {"num_splits": 2})
    one, other = (Value(index, (1, 8, 8, 16), "float32", None, 1.0) for index in halves)
    parts = [net.conv2d(one, "through", 16, 1), other]
    return _end(net, net.apply("CONCATENATION", parts, "joined", x.shape, {"axis": 3, **PLAIN}, like=x))


def shared() -> bytes:
    """Two convolutions with the same weights and bias, one behind the other."""
    net = Network("shared")
    x = _start(net, 16)
    y = net.conv2d(x, "once", 16, 1)
    tensors = net.graph._operators[-1].inputs
    options = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "fused_activation_function": "RELU6"}
    return _end(net, net.apply("CONV_2D", [y, *tensors[1:]], "twice", y.shape, options, like=y))


def sliced() -> bytes:
    """A slice of rows and columns that states the number of channels, and one that picks channels."""
    net = Network("sliced")
    x = _start(net)
    corners = [
        net.ints(name, v) for name, v in (("a", (0, 1, 1, 0)), ("b", (1, 7, 7, 24)), ("s", (1, 1, 1, 1)))
    ]
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    x = net.apply("STRIDED_SLICE", [x, *corners], "middle", (1, 6, 6, 24), masks, like=x)
    y = net.conv2d(x, "more", 24, 1)
    corners = [
        net.ints(name, v) for name, v in (("c", (0, 0, 0, 8)), ("d", (1, 6, 6, 24)), ("t", (1, 1, 1, 1)))
    ]
    return _end(net, net.apply("STRIDED_SLICE", [y, *corners], "picked", (1, 6, 6, 16), masks, like=y))


def widened() -> bytes:
    """A shortcut that is padded with channels of zeros before it is added."""
    net = Network("widened")
    x = _start(net, 16)
    wide = net.apply(
        "PAD", [x, net.ints("pads", ((0, 0), (0, 0), (0, 0), (0, 8)))], "wide", (1, 8, 8, 24), like=x
    )
    return _end(net, net.add(wide, net.conv2d(x, "branch", 24, 3), "sum"))


GRAPHS: dict[str, Callable[[], bytes]] = {
    each.__name__: each for each in (flattened, normalised, residual, joined, split, shared, sliced, widened)
}
"""By name."""
