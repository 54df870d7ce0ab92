"""Reference networks and micro-models, written straight as .tflite without TensorFlow.

Every model has the signature ``serving_default`` with named inputs and outputs.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tflprof.errors import UsageError
from tflprof.model.build.bert import MAX_TOKENS, bert_tiny
from tflprof.model.build.control import CONTROL
from tflprof.model.build.efficientdet import LITE as DETECTORS
from tflprof.model.build.efficientdet import efficientdet_lite
from tflprof.model.build.efficientnet import LITE, efficientnet_lite
from tflprof.model.build.inception import inception_v3
from tflprof.model.build.inputs import INPUTS
from tflprof.model.build.layers import Network
from tflprof.model.build.micro import MICRO, Micro
from tflprof.model.build.mixednet import mixednet_kws
from tflprof.model.build.mobilenet import mobilenet_v1, mobilenet_v2
from tflprof.model.build.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from tflprof.model.build.resnet import resnet_50
from tflprof.model.build.ssd import ssd_mobilenet_v1, ssdlite_mobilenet_v2


@dataclass(frozen=True)
class NetworkInfo:
    """A network that :func:`build_network` can make.

    Attributes:
        description: one line for a list.
        build: makes the file from size, width, dtype, seed and classes.
        size: height and width of the published network's input, in pixels.
        classes: of the published files, the background included where they have one.
        smallest: the least size the layers leave something of.
        largest: the greatest size.
        takes: which of ``size``, ``width`` and ``classes`` mean something.
    """

    description: str
    build: Callable[[int, float, str, int, int], bytes]
    size: int = 224
    classes: int = 1001
    smallest: int = 1
    largest: int = 8192
    takes: tuple[str, ...] = ("size", "width", "classes")


MOST_CLASSES, MOST_WIDTH = 1 << 18, 8
"""Beyond these, files would be larger than any runtime takes."""

MICRO_MODELS: dict[str, Micro] = MICRO | CONTROL | INPUTS
"""Micro-models by name, with the types each comes in."""

NETWORKS: dict[str, NetworkInfo] = {
    "mobilenet_v1": NetworkInfo("depthwise separable convolutions, 569 M MACs at 224, 2017", mobilenet_v1),
    "mobilenet_v2": NetworkInfo("inverted residuals, 301 M MACs at 224, 2018", mobilenet_v2),
    "mobilenet_v3_large": NetworkInfo(
        "hard-swish, squeeze-and-excite, 217 M MACs at 224, 2019", mobilenet_v3_large
    ),
    "mobilenet_v3_small": NetworkInfo("the small one of the two, 57 M MACs at 224, 2019", mobilenet_v3_small),
    "ssd_mobilenet_v1": NetworkInfo(
        "detector with post-processing, 1.24 G MACs at 300, 2017", ssd_mobilenet_v1, 300, 91, 33
    ),
    "ssdlite_mobilenet_v2": NetworkInfo(
        "detector with post-processing, 750 M MACs at 300, 2018", ssdlite_mobilenet_v2, 300, 91, 33
    ),
    "resnet_50": NetworkInfo("bottleneck blocks (v1), 3.86 G MACs at 224, 2015", resnet_50, 224, 1000),
    "inception_v3": NetworkInfo(
        "factorised convolutions side by side, 5.7 G MACs at 299, 2015", inception_v3, 299, 1000, 75
    ),
    "mixednet_kws": NetworkInfo(
        "streaming keyword spotter (microWakeWord), ring buffers in variables, 2024",
        lambda _size, width, dtype, seed, _classes: mixednet_kws(width, dtype, seed),
        takes=("width",),
    ),
    "bert_tiny": NetworkInfo(
        "two transformer blocks, 4.4 M parameters, size in tokens, 2019", bert_tiny, 128, 2, 1, MAX_TOKENS
    ),
} | {
    f"efficientnet_lite{number}": NetworkInfo(
        f"inverted residuals, kernels of 3 and 5, {macs} MACs at {size}, 2020",
        efficientnet_lite(number),
        size,
        1000,
    )
    for number, ((_, _, size), macs) in enumerate(
        zip(LITE, ("385 M", "600 M", "860 M", "1.38 G", "2.55 G"), strict=True)
    )
}
"""Networks by name."""

NETWORKS |= {
    f"efficientdet_lite{number}": NetworkInfo(
        f"detector over EfficientNet-Lite{number} with a pyramid, {macs} MACs at {size}, 2020",
        efficientdet_lite(number),
        size,
        90,
    )
    for number, ((size, _, _), macs) in enumerate(zip(DETECTORS, ("970 M", "1.97 G", "3.37 G"), strict=True))
}


def build_network(
    name: str,
    size: int | None = None,
    width: float = 1.0,
    dtype: str = "float32",
    seed: int = 0,
    classes: int | None = None,
) -> bytes:
    """A reference network with random weights, as the content of a .tflite file.

    Args:
        name: a key of :data:`NETWORKS`.
        size: height and width of the RGB input in pixels, or tokens; None: as published.
        width: multiplier of the channel counts.
        dtype: one of :data:`tflprof.model.build.weights.DTYPES`.
        seed: of the weights; the same arguments always give the same bytes.
        classes: outputs of the classifier, or of a detector's for each anchor, the background
            included; None: as published.

    Raises:
        UsageError: unknown name or type, or a value out of range.
    """
    if name not in NETWORKS:
        raise UsageError(f"there is no network {name!r}", _suggestion(name, NETWORKS))
    info = NETWORKS[name]
    given = {"size": size is not None, "width": width != 1.0, "classes": classes is not None}
    if useless := [key for key, wanted in given.items() if wanted and key not in info.takes]:
        raise UsageError(f"{name} has no {useless[0]} to choose", f"it takes {', '.join(info.takes)}")
    size = info.size if size is None else size
    classes = info.classes if classes is None else classes
    fits = info.smallest <= size <= info.largest and 1 <= classes <= MOST_CLASSES
    if not fits or not 0 < width <= MOST_WIDTH:
        raise UsageError(
            f"cannot build {name} with size {size}, width {width:g} and {classes} classes",
            f"size is {info.smallest} to {info.largest}, width above 0 and at most {MOST_WIDTH}, "
            f"classes 1 to {MOST_CLASSES}",
        )
    return info.build(size, width, dtype, seed, classes)


def build_model(
    name: str,
    size: int | None = None,
    width: float | None = None,
    dtype: str | None = None,
    seed: int = 0,
    classes: int | None = None,
) -> bytes:
    """A network or a micro-model, by name; what is None is as published, or the first type there is.

    Raises:
        UsageError: unknown name, or a value the model does not take.
    """
    if name not in MICRO_MODELS:
        if name not in NETWORKS:
            raise UsageError(f"there is no model {name!r}", _suggestion(name, NETWORKS, MICRO_MODELS))
        scale = 1.0 if width is None else width
        return build_network(name, size, scale, dtype or "float32", seed, classes)
    given = {"size": size, "width": width, "classes": classes}
    if useless := [key for key, value in given.items() if value is not None]:
        raise UsageError(
            f"{name} is a micro-model and has no {useless[0]} to choose", f"leave --{useless[0]} out"
        )
    return build_micro(name, dtype or MICRO_MODELS[name].dtypes[0], seed)


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


def _suggestion(name: str, names: Iterable[str], others: Iterable[str] = ()) -> str:
    """The closest names, and the names there are; ``others`` are too many to tell them all."""
    known, more = list(names), list(others)
    wanted, every = _plain(name), known + more
    same = [one for one in every if wanted == _plain(one)]
    longer = [one for one in every if wanted and _plain(one).startswith(wanted)]
    close = same or longer[:3] or difflib.get_close_matches(name, every, 1)
    text = f"known: {', '.join(known)}" + (", and micro-models: see tflprof build --list" if more else "")
    return f"did you mean {' or '.join(close)}? {text}" if close else text


def _plain(name: str) -> str:
    """Letters and digits only: ``MobileNet-V3`` and ``mobilenet_v3`` are one name."""
    return "".join(filter(str.isalnum, name.lower()))
