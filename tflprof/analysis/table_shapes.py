"""What of an operator's configuration names its family, and what are the sizes along which a family is interpolated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from tflprof.op_channels import macs
from tflprof.op_config import OpConfig, TensorConfig

MATMUL, CONV, DEPTHWISE, POOL, REDUCE, PLAIN = "matmul", "conv", "depthwise", "pool", "reduce", "plain"

DIMENSIONS: dict[str, tuple[str, ...]] = {
    MATMUL: ("pixels", "output channels", "inputs of each"),
    CONV: ("pixels", "output channels", "inputs of each"),
    DEPTHWISE: ("rows", "columns", "channels"),
    POOL: ("pixels", "channels", "window"),
    REDUCE: ("reduced elements", "kept elements"),
    PLAIN: ("elements but for the last dimension", "last dimension", "elements read", "multiply-accumulates"),
}
"""Sizes of a configuration by kind, in the order of :attr:`Work.sizes`."""

_BITS = {"float64": 64, "int64": 64, "uint64": 64, "float16": 16, "bfloat16": 16, "int16": 16, "uint16": 16}
_BITS |= {"int8": 8, "uint8": 8, "bool": 8, "int4": 4, "uint4": 4, "int2": 2}
_CLAMPS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
_REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL")
_SIZES = (
    *("padding", "filter_height", "filter_width", "stride_h", "stride_w", "fused_activation_function"),
    *("dilation_h_factor", "dilation_w_factor", "depth_multiplier"),
)
"""Options that the sizes tell, or that are part of a family's name in their own way."""
_SIZING = (
    *(
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "BROADCAST_TO",
        "FILL",
        "TILE",
        "SLICE",
        "SPLIT_V",
    ),
    *("STRIDED_SLICE", "TRANSPOSE_CONV", "EXPAND_DIMS", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"),
)
"""Operators whose integer constants are sizes or places, not axes."""


@dataclass(frozen=True)
class Work:
    """One configuration as a place in its family.

    Attributes:
        kind: which sizes and features it has, a key of :data:`DIMENSIONS`.
        family: all but the sizes, as text; configurations of one family are interpolated.
        relatives: the same without strides, padding and what was folded into it; where there is no family, these
            are looked at.
        sizes: as :data:`DIMENSIONS` names them.
        weight_bytes, input_bytes, output_bytes: of constants, computed inputs and outputs.
    """

    kind: str
    family: str
    relatives: str
    sizes: tuple[int, ...]
    weight_bytes: float
    input_bytes: float
    output_bytes: float

    @property
    def weight(self) -> float:
        """Work in one number, to scale a family's only row by: multiply-accumulates, or elements."""
        if self.kind == PLAIN:
            return float(max(self.sizes[0] * self.sizes[1], self.sizes[2], self.sizes[3], 1))
        return float(max(math.prod(self.sizes), 1))


@lru_cache(maxsize=1 << 16)
def work_of(config: OpConfig) -> Work:
    """The family and the sizes of a configuration."""
    kind, sizes, special = _placed(config)
    common = (kind, config.op, _types(config), *_options(config))
    spatial = (*special, *(f"with {inner.op}" for inner in config.fused))
    computed = [tensor for tensor in config.inputs if tensor.role == "computed"]
    constant = [tensor for tensor in config.inputs if tensor.role == "constant"]
    # One pixel is a product of a vector: other kernels, and nothing is used twice.
    vector = ("one pixel",) if kind == MATMUL and sizes[0] == 1 else ()
    return Work(
        kind=kind,
        family=" ".join((*common, *spatial, *vector)),
        relatives=" ".join((*common, *vector)),
        sizes=sizes,
        weight_bytes=sum(map(_bytes, constant)),
        input_bytes=sum(map(_bytes, computed)),
        output_bytes=sum(map(_bytes, config.outputs)),
    )


def _placed(config: OpConfig) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    """Kind, sizes, and what else of its geometry names the family."""
    weights = config.inputs[1].shape if len(config.inputs) > 1 else ()
    result = config.outputs[0].shape if config.outputs else ()
    if config.op == "FULLY_CONNECTED" and len(weights) == 2:
        return MATMUL, (_count(result) // max(weights[0], 1), weights[0], weights[1]), ()
    if config.op == "CONV_2D" and len(weights) == 4 and len(result) == 4:
        pixels, channels, depth = _count(result[:-1]), weights[0], _count(weights[1:])
        groups = max(config.inputs[0].shape[-1] // max(weights[3], 1), 1)
        window = _window(config, weights[1], weights[2])
        if window == "1x1" and groups == 1:
            return MATMUL, (pixels, channels, depth), (window,)
        return CONV, (pixels, channels, depth), (window, f"groups {groups}")
    if config.op == "TRANSPOSE_CONV" and len(weights) == 4:
        pixels = _count(config.inputs[2].shape[:-1])
        window = _window(config, weights[1], weights[2])
        return CONV, (pixels, _count(weights[:3]), weights[3]), (window,)
    if config.op == "DEPTHWISE_CONV_2D" and len(weights) == 4 and len(result) == 4:
        multiplier = weights[3] // max(config.inputs[0].shape[-1], 1)
        named = (_window(config, weights[1], weights[2]), f"times {multiplier}")
        return DEPTHWISE, (result[0] * result[1], result[2], weights[3]), named
    return _unweighted(config, result)


def _unweighted(config: OpConfig, result: tuple[int, ...]) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    if config.op in _POOLS and len(result) == 4:
        window = config.option("filter_height", 1) * config.option("filter_width", 1)
        return POOL, (_count(result[:-1]), result[-1], int(window)), ()
    if config.op in _REDUCTIONS and len(config.inputs) > 1 and config.inputs[1].values:
        read, kept = _count(config.inputs[0].shape), max(_count(result), 1)
        axes = ",".join(str(axis % max(len(config.inputs[0].shape), 1)) for axis in config.inputs[1].values)
        return REDUCE, (max(read // kept, 1), kept), (f"over {axes}", f"rank {len(config.inputs[0].shape)}")
    read = max((_count(tensor.shape) for tensor in config.inputs if tensor.role == "computed"), default=0)
    last = result[-1] if result else 1
    sizes = (_count(result[:-1]), last, read, macs(config) or 0)
    return PLAIN, sizes, (_broadcast(config), _constants(config))


def _count(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def _window(config: OpConfig, height: int, width: int) -> str:
    strides = (config.option("stride_h", 1), config.option("stride_w", 1))
    dilations = (config.option("dilation_h_factor", 1), config.option("dilation_w_factor", 1))
    text = f"{height}x{width}"
    if strides != (1, 1):
        text += f" strides {strides[0]},{strides[1]}"
    if dilations != (1, 1):
        text += f" dilated {dilations[0]},{dilations[1]}"
    return text


def _broadcast(config: OpConfig) -> str:
    """Along which dimensions inputs are repeated, counted from the last; of same shapes nothing."""
    result = config.outputs[0].shape if config.outputs else ()
    patterns = []
    for tensor in config.inputs:
        if tensor.values is not None or tensor.role == "absent":
            continue
        padded = (1,) * (len(result) - len(tensor.shape)) + tensor.shape
        same = "".join(
            "=" if a == b else "1" if a == 1 else "x" for a, b in zip(padded, result, strict=False)
        )
        patterns.append("" if set(same) <= {"="} else "scalar" if _count(tensor.shape) == 1 else same)
    return f"rank {len(result)} inputs {'/'.join(patterns)}"


def _constants(config: OpConfig) -> str:
    """Axes and the like; of sizes only which are nothing."""
    found = [tensor.values for tensor in config.inputs if tensor.values is not None]
    if config.op in _SIZING:
        return ""
    if config.op in ("PAD", "PADV2", "MIRROR_PAD"):
        return "".join("0" if not value else "+" for values in found for value in values)
    return ";".join(",".join(map(str, values)) for values in found)


def _types(config: OpConfig) -> str:
    def text(tensor: TensorConfig) -> str:
        if tensor.role == "absent":
            return "-"
        constant = "!" if tensor.role == "constant" else ""
        return f"{tensor.dtype}{constant}{f'/{tensor.quantisation}' if tensor.quantisation else ''}"

    inputs = (text(tensor) for tensor in config.inputs if tensor.values is None)
    return f"{','.join(inputs)}>{','.join(map(text, config.outputs))}"


def _options(config: OpConfig) -> list[str]:
    """Options that name a family: all but sizes; clamps are one, which kernels do at the same cost as none."""
    activation = config.option("fused_activation_function", "NONE")
    named = [f"{name}={value}" for name, value in config.options if name not in _SIZES]
    return named if activation in _CLAMPS else [*named, str(activation)]


def _bytes(tensor: TensorConfig) -> float:
    return math.prod(tensor.shape) * _BITS.get(tensor.dtype, 32) / 8
