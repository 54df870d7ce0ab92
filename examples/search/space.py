"""The space: separable convolutions as in MobileNet v1, with image size, widths and kernels to be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tflprof.analysis.search_space import SearchSpace, Slot
from tflprof.model.build.layers import Network
from tflprof.op_config import OpConfig
from tflprof.workflow.space_layer import layer_config

STRIDES: Final = (1, 2, 1, 2, 1, 2, 1)
"""Of the separable convolutions; the stem before them has 2."""
WIDEST: Final = (64, 128, 128, 256, 256, 512, 512)
NARROWEST: Final = (16, 32, 32, 64, 64, 128, 128)
CLASSES: Final = 1001

AXES: Final[Mapping[str, tuple[int, ...]]] = {
    "size": tuple(range(96, 161, 16)),
    "stem": (16, 24, 32),
    **{
        f"width_{at}": tuple(range(low, high + 1, 8 if high <= 128 else 16))
        for at, (low, high) in enumerate(zip(NARROWEST, WIDEST, strict=True))
    },
    **{f"kernel_{at}": (3, 5) for at in range(len(STRIDES))},
}
"""Every width is a multiple of eight: kernels compute eight channels at once."""

Values = Mapping[str, npt.NDArray[Any]]


def layer(op: str, **sizes: Any) -> OpConfig:
    """A layer's configuration; what does not concern it has no meaning."""
    usual = {"size": 1, "inputs": 1, "outputs": 1, "kernel": 1, "stride": 1, "activation": "RELU6"}
    return layer_config(op, **{**usual, "padding": "SAME", "dtype": "float32", **sizes})


def side(size: int, before: int) -> int:
    """Height and width of what enters separable convolution ``before``, for an image of ``size``."""
    for stride in (2, *STRIDES[:before]):
        size = -(-size // stride)
    return size


def _depthwise(at: int, size: int, channels: int, kernel: int) -> OpConfig:
    sizes = {"size": side(size, at), "inputs": channels, "kernel": kernel, "stride": STRIDES[at]}
    return layer("DEPTHWISE_CONV_2D", **sizes)


def _pointwise(at: int, size: int, inputs: int, outputs: int) -> OpConfig:
    return layer("CONV_2D", size=side(size, at + 1), inputs=inputs, outputs=outputs)


def _stem(size: int, channels: int) -> OpConfig:
    return layer("CONV_2D", size=size, inputs=3, outputs=channels, kernel=3, stride=2)


def _mean(size: int, channels: int) -> OpConfig:
    return layer("MEAN", size=side(size, len(STRIDES)), inputs=channels)


def _dense(channels: int) -> OpConfig:
    return layer("FULLY_CONNECTED", inputs=channels, outputs=CLASSES, activation="NONE")


def _slots() -> tuple[Slot, ...]:
    slots = [Slot(("size", "stem"), _stem, first=True)]
    for at in range(len(STRIDES)):
        entering = "stem" if at == 0 else f"width_{at - 1}"
        slots.append(Slot(("size", entering, f"kernel_{at}"), partial(_depthwise, at)))
        slots.append(Slot(("size", entering, f"width_{at}"), partial(_pointwise, at)))
    last = f"width_{len(STRIDES) - 1}"
    end = (
        Slot(("size", last), _mean),
        Slot((last,), _dense),
        Slot((), lambda: layer("SOFTMAX", inputs=CLASSES)),
    )
    return (*slots, *end)


SPACE: Final = SearchSpace(AXES, _slots())


def build(values: Mapping[str, int]) -> bytes:
    """A candidate as a .tflite file with random weights: its latency is real, its answers are not."""
    net = Network("search candidate")
    x = net.conv2d(net.input("image", (1, values["size"], values["size"], 3)), "stem", values["stem"], 3, 2)
    for at, stride in enumerate(STRIDES):
        x = net.depthwise_conv2d(x, f"block_{at}_depthwise", values[f"kernel_{at}"], stride)
        x = net.conv2d(x, f"block_{at}_pointwise", values[f"width_{at}"], 1)
    x = net.mean(x, "pool")
    x = net.fully_connected(net.reshape(x, "features", (1, x.shape[-1])), "logits", CLASSES)
    return net.finish(net.softmax(x, "probabilities"))


def work(values: Values) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Multiply-accumulates and parameters of candidates, [candidates] each."""
    pixels = np.ceil(values["size"] / 2) ** 2
    macs, parameters = pixels * 27 * values["stem"], 28.0 * values["stem"]
    entering = values["stem"]
    for at, stride in enumerate(STRIDES):
        width, window = values[f"width_{at}"], values[f"kernel_{at}"] ** 2
        pixels = np.ceil(np.sqrt(pixels) / stride) ** 2
        macs = macs + pixels * entering * (window + width)
        parameters = parameters + entering * (window + 1.0) + (entering + 1.0) * width
        entering = width
    return macs + entering * CLASSES, parameters + (entering + 1.0) * CLASSES
