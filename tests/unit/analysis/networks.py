"""Metadata of profiles of built models, without running them; and MobileNets that were edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.factories import make_profile
from tflprof.measure.layers import layer_infos
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.mobilenet import V1_BLOCKS
from tflprof.model.cost import op_cost
from tflprof.model.read import read_model
from tflprof.profile.meta import Alignment, EventInfo, ProfileMeta, Row, StructureInfo

Layer = Callable[[Network, Value, str, Callable[[Value, str], Value]], Value]
"""Makes a layer anew: the network, its input, its name, and what would have made it, of an input and a name."""


def meta_of(content: bytes, folder: Path) -> ProfileMeta:
    """Metadata of a profile of a model in which every layer has a row of its own."""
    path = folder / "model.tflite"
    path.write_bytes(content)
    model = read_model(path)
    layers = layer_infos(model, {op.id: op_cost(model, op) for op in model.ops()})
    base = make_profile(processes=1, blocks=1, inferences=1).meta
    info = replace(base.model, layers=layers, fingerprint=model.fingerprint)
    return replace(base, model=info, alignment=rows_of([(layer.id,) for layer in layers]))


def rows_of(groups: Sequence[tuple[str, ...]]) -> Alignment:
    """An alignment with a kernel for every group of layers."""
    events = (EventInfo(1, 0, 0, 0, "Invoke"), *(EventInfo(8, 0, i, 0, "k") for i in range(len(groups))))
    rows = [Row(group, "k", {"0": (i + 1,)}, "exact") for i, group in enumerate(groups)]
    return Alignment(1, (StructureInfo(events, (-1, *[0] * len(groups))),), tuple(rows))


def mobilenet(
    edits: Mapping[str, Layer] | None = None, *, prefix: str = "", size: int = 96, width: float = 0.25
) -> bytes:
    """MobileNet v1, with some layers made anew."""
    net = Network("edited")
    made = {**(edits or {})}

    def layer(x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
        return made[name](net, x, prefix + name, make) if name in made else make(x, prefix + name)

    def channels(count: int) -> int:
        return max(int(count * width), 8)

    x = net.input(f"{prefix}input", (1, size, size, 3))
    x = layer(x, "conv_0", lambda x, name: net.conv2d(x, name, channels(32), 3, 2))
    for number, (count, stride) in enumerate(V1_BLOCKS, 1):
        x = layer(
            x, f"conv_{number}_depthwise", lambda x, name, s=stride: net.depthwise_conv2d(x, name, 3, s)
        )
        x = layer(x, f"conv_{number}_pointwise", lambda x, name, c=count: net.conv2d(x, name, channels(c), 1))
    x = layer(x, "pool", lambda x, name: net.mean(x, name))
    x = layer(x, "logits", lambda x, name: net.conv2d(x, name, 1001, 1, activation="NONE"))
    x = layer(x, "squeeze", lambda x, name: net.reshape(x, name, (1, 1001)))
    return net.finish(layer(x, "probabilities", net.softmax))


def followed_by_relu(net: Network, x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
    """The layer as it was, and a further one."""
    y = make(x, name)
    return net.apply("RELU", [y], f"{name}_more", y.shape, like=y)


def low_rank(net: Network, x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
    """A 1×1 convolution as two with few channels between them."""
    y = net.conv2d(x, f"{name}_down", 8, 1, activation="NONE")
    return net.conv2d(y, name, make_channels(x, name), 1)


def make_channels(x: Value, name: str) -> int:
    """Output channels of a pointwise layer of :func:`mobilenet` at width 0.25."""
    number = int(name.rpartition("conv_")[2].partition("_")[0])
    return max(int(V1_BLOCKS[number - 1][0] * 0.25), 8)


def activation_apart(net: Network, x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
    """A pointwise convolution whose activation is an operator of its own, as a converter names them."""
    y = net.conv2d(x, f"{name}/BiasAdd", make_channels(x, name), 1, activation="NONE")
    return net.apply("RELU6", [y], name, y.shape, like=y)


def padding_apart(net: Network, x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
    """A depthwise convolution of stride 1 whose padding is an operator of its own."""
    shape = (1, x.shape[1] + 2, x.shape[2] + 2, x.shape[3])
    pads = net.graph.constant(f"{name}/pads", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    y = net.apply("PAD", [x, pads], f"{name}/Pad", shape, like=x)
    return net.depthwise_conv2d(y, name, 3, 1, "VALID")


def hard_swish(net: Network, x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
    """The layer with another activation, in one operator."""
    y = net.conv2d(x, f"{name}/conv", make_channels(x, name), 1, activation="NONE")
    return net.apply("HARD_SWISH", [y], name, y.shape, like=y)


def swish_by_hand(net: Network, x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
    """The same activation, in three operators."""
    y = net.conv2d(x, f"{name}/conv", make_channels(x, name), 1, activation="NONE")
    gate = net.apply("RELU6", [y], f"{name}/gate", y.shape, like=y)
    scaled = net.apply("LOGISTIC", [gate], f"{name}/scaled", y.shape, like=y)
    return net.apply("MUL", [y, scaled], name, y.shape, {"fused_activation_function": "NONE"}, like=y)


def one_more(net: Network, x: Value, name: str, make: Callable[[Value, str], Value]) -> Value:
    """A pointwise convolution twice, the second from as many channels."""
    return net.conv2d(make(x, name), f"{name}_more", make_channels(x, name), 1)
