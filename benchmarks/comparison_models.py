"""Small models for the benchmarks of comparing, and slower variants of one of them whose extra work is known."""

from __future__ import annotations

from pathlib import Path

from benchmarks import common
from tflprof.model.build.layers import Network
from tflprof.model.build.mobilenet import V1_BLOCKS

WIDTH, SIZE = 0.25, 96
JUDGED_LAYER = "logits"
"""Name of the layer that ``wider`` has more of."""


def same(folder: Path) -> dict[str, Path]:
    """The models that are compared with themselves."""
    models = {
        "v1_025_96_f32": common.network(folder, "mobilenet_v1", 96, 0.25, "float32"),
        "v1_025_96_int8": common.network(folder, "mobilenet_v1", 96, 0.25, "int8"),
        "v1_050_128_f32": common.network(folder, "mobilenet_v1", 128, 0.5, "float32"),
        "v2_035_96_f32": common.network(folder, "mobilenet_v2", 96, 0.35, "float32"),
        "keyword_int8": folder / "keyword_int8.tflite",
    }
    models["keyword_int8"].write_bytes(keyword("int8"))
    return models


def slower(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Pairs of models of which the second is slower.

    ``total``: a depthwise convolution is there twice and two additions more, which makes the whole about 3 % slower.
    ``layer``: the classifier has 10 % more classes, and so have the reshape and the softmax after it.
    """
    contents = {
        "total": (separable(1001), separable(1001, repeated=True)),
        "layer": (separable(320), separable(352)),
    }
    made = {}
    for name, (a, b) in contents.items():
        made[name] = folder / f"{name}_a.tflite", folder / f"{name}_b.tflite"
        made[name][0].write_bytes(a)
        made[name][1].write_bytes(b)
    return made


def keyword(dtype: str) -> bytes:
    """A separable network for keywords in 49 frames of 10 coefficients."""
    net = Network(f"keyword {dtype}", dtype)
    x = net.conv2d(net.input("input", (1, 49, 10, 1)), "conv", 64, 5, 2)
    for number in range(4):
        x = net.depthwise_conv2d(x, f"conv_{number}_depthwise")
        x = net.conv2d(x, f"conv_{number}_pointwise", 64, 1)
    x = net.conv2d(net.mean(x, "pool"), JUDGED_LAYER, 12, 1, activation="NONE")
    return net.finish(net.softmax(net.reshape(x, "squeeze", (1, 12)), "probabilities"))


def separable(classes: int, *, repeated: bool = False) -> bytes:
    """MobileNet v1 0.25 96 in float32; ``repeated``: a depthwise convolution is there twice, and two additions more."""
    net = Network(f"separable {classes}", "float32")
    x = net.conv2d(net.input("input", (1, SIZE, SIZE, 3)), "conv_0", int(32 * WIDTH), 3, 2)
    for number, (channels, stride) in enumerate(V1_BLOCKS, 1):
        x = net.depthwise_conv2d(x, f"conv_{number}_depthwise", 3, stride)
        x = net.conv2d(x, f"conv_{number}_pointwise", int(channels * WIDTH), 1)
        if repeated and number <= 2:
            x = net.add(x, x, f"added_{number}")
        if repeated and number == 5:
            x = net.depthwise_conv2d(x, "repeated")
    x = net.conv2d(net.mean(x, "pool"), JUDGED_LAYER, classes, 1, activation="NONE")
    return net.finish(net.softmax(net.reshape(x, "squeeze", (1, classes)), "probabilities"))
