"""Reference networks and micro-models, written straight as .tflite without TensorFlow.

Every model has the signature ``serving_default`` with named inputs and outputs.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tflprof.errors import UsageError
from tflprof.model.build.control import CONTROL
from tflprof.model.build.layers import Network
from tflprof.model.build.micro import MICRO, Micro
from tflprof.model.build.mobilenet import mobilenet_v1, mobilenet_v2


@dataclass(frozen=True)
class NetworkInfo:
    """A network that :func:`build_network` can make.

    Attributes:
        description: one line for a list.
        build: makes the file from size, width, dtype, seed and classes.
    """

    description: str
    build: Callable[[int, float, str, int, int], bytes]


MICRO_MODELS: dict[str, Micro] = MICRO | CONTROL
"""Micro-models by name, with the types each comes in."""

NETWORKS: dict[str, NetworkInfo] = {
    "mobilenet_v1": NetworkInfo("depthwise separable convolutions, 569 M MACs at 224, 2017", mobilenet_v1),
    "mobilenet_v2": NetworkInfo("inverted residuals, 301 M MACs at 224, 2018", mobilenet_v2),
}
"""Networks by name."""


def build_network(
    name: str,
    size: int = 224,
    width: float = 1.0,
    dtype: str = "float32",
    seed: int = 0,
    classes: int = 1001,
) -> bytes:
    """A reference network with random weights, as the content of a .tflite file.

    Args:
        name: a key of :data:`NETWORKS`.
        size: height and width of the RGB input, in pixels.
        width: multiplier of the channel counts.
        dtype: ``float32``, or ``int8`` with weights quantised per channel.
        seed: of the weights; the same arguments always give the same bytes.
        classes: outputs of the classifier; published files have 1001.

    Raises:
        UsageError: unknown name or type, or a value out of range.
    """
    if name not in NETWORKS:
        raise UsageError(f"there is no network {name!r}", _suggestion(name, NETWORKS))
    if size < 1 or classes < 1 or not 0 < width <= 8:
        raise UsageError(
            f"cannot build {name} with size {size}, width {width:g} and {classes} classes",
            "size and classes start at 1, width is above 0 and at most 8",
        )
    return NETWORKS[name].build(size, width, dtype, seed, classes)


def build_micro(name: str, dtype: str = "float32", seed: int = 0) -> bytes:
    """A model of one operator, or of one kind of control flow, as the content of a .tflite file.

    Args:
        name: a key of :data:`MICRO_MODELS`.
        dtype: one of its types.
        seed: of the weights.

    Raises:
        UsageError: unknown name, or a type the model does not come in.
    """
    if name not in MICRO_MODELS:
        raise UsageError(f"there is no micro-model {name!r}", _suggestion(name, MICRO_MODELS))
    micro = MICRO_MODELS[name]
    if dtype not in micro.dtypes:
        raise UsageError(f"micro-model {name} has no type {dtype!r}", f"choose {' or '.join(micro.dtypes)}")
    net = Network(f"{name} {dtype}", dtype, seed)
    return net.finish(*micro.build(net))


def _suggestion(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    known = ", ".join(names)
    return f"did you mean {close[0]}? known: {known}" if close else f"known: {known}"
