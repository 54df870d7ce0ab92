"""Latency tables whose costs follow a known rule, for tests: tiles of 6 pixels by 8 channels, steps of 4 inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from tests.factories import make_profile
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import LatencyRow, Overheads, StoredTable, meta_of
from tflprof.workflow.space import space_configs

PIXELS, CHANNELS, DEPTH = 6, 8, 4
NONE = Overheads()


def conv(size: int = 12, inputs: int = 16, outputs: int = 32, **more: object) -> OpConfig:
    """A 1×1 convolution."""
    return layer("CONV_2D", size=size, inputs=inputs, outputs=outputs, **more)


def depthwise(size: int = 12, inputs: int = 16, kernel: int = 3, **more: object) -> OpConfig:
    """A depthwise convolution."""
    return layer("DEPTHWISE_CONV_2D", size=size, inputs=inputs, kernel=kernel, **more)


def layer(op: str, **keys: object) -> OpConfig:
    """One layer, by the keys of a search space."""
    return space_configs({"layer": [{"op": op, **keys}]})[0]


def cost(config: OpConfig) -> int:
    """Instructions of a 1×1 convolution, or of a depthwise one."""
    height, width, channels = config.outputs[0].shape[1:]
    columns = -(-channels // CHANNELS)
    if config.op == "DEPTHWISE_CONV_2D":
        return 700 + height * width * (20 + 60 * columns)
    depth = config.inputs[1].shape[3]
    rows = -(-height * width // PIXELS)
    return 300 + 55 * rows + rows * columns * (70 + 57 * (depth // DEPTH) + 21 * (depth % DEPTH))


def convs(
    sizes: Iterable[int] = (4, 8, 12, 20),
    inputs: Iterable[int] = (8, 24, 64),
    outputs: Iterable[int] = (8, 32, 96),
) -> list[OpConfig]:
    """1×1 convolutions of all combinations."""
    return space_configs(
        {"layer": [{"op": "CONV_2D", "size": list(sizes), "inputs": list(inputs), "outputs": list(outputs)}]}
    )


def row(config: OpConfig, value: int, *, first: bool = False, context: str = "chain") -> LatencyRow:
    """A row known to 1 %, with its instructions beside."""
    return LatencyRow(config, value, value * 0.99, value * 1.01, 2, cost(config), context, first, "test")


def table(
    configs: Iterable[OpConfig],
    rule: Callable[[OpConfig], float] = cost,
    *,
    unit: str = "ns",
    overheads: Overheads = NONE,
    more: Iterable[LatencyRow] = (),
    abi: str = "linux-aarch64",
) -> StoredTable:
    """A table of these configurations at what the rule says."""
    plain = meta_of(make_profile().meta)
    target = replace(plain.target, abi=abi)
    meta = replace(plain, target=target, unit=unit, overheads=overheads)
    return StoredTable(meta, (*(row(config, round(rule(config))) for config in configs), *more))
