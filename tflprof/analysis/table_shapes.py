"""What of an operator's configuration names its family, and what are the sizes along which a family is interpolated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from tflprof.op_channels import macs
from tflprof.op_config import OpConfig, TensorConfig
from tflprof.op_memory import input_bytes, output_bytes, weight_bytes

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

_CLAMPS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
_REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL")
_JOINING = ("CONCATENATION", "PACK", "ADD_N")
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
        relatives: more of them, such as of other strides; where there is no row of the family, these are looked at.
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
    kind, sizes, geometry = _placed(config)
    types, options = _types(config), _options(config)
    # One pixel is a product of a vector: other kernels, and nothing is used twice.
    vector = ("one pixel",) if kind == MATMUL and sizes[0] == 1 else ()
    related: tuple[str, ...] = (config.op, types, *geometry[:1], *options)
    if kind == MATMUL:
        related = (types, *vector)
    elif kind == CONV:
        related = (config.op, types)
    return Work(
        kind=kind,
        family=" ".join(filter(None, (kind, config.op, types, *geometry, *options, *vector))),
        relatives=" ".join(filter(None, ("like", kind, *related))),
        sizes=sizes,
        weight_bytes=weight_bytes(config),
        input_bytes=input_bytes(config),
        output_bytes=output_bytes(config),
    )


def _placed(config: OpConfig) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    """Kind, sizes, and what else of its geometry names the family; related families have the first of it in common."""
    weights = config.inputs[1].shape if len(config.inputs) > 1 else ()
    result = config.outputs[0].shape if config.outputs else ()
    if config.op == "FULLY_CONNECTED" and len(weights) == 2:
        return MATMUL, (_count(result) // max(weights[0], 1), weights[0], weights[1]), ()
    if config.op == "CONV_2D" and len(weights) == 4 and len(result) == 4:
        pixels, channels, depth = _count(result[:-1]), weights[0], _count(weights[1:])
        groups = max(config.inputs[0].shape[-1] // max(weights[3], 1), 1)
        window, steps = _window(weights[1], weights[2]), _strides(config)
        if (window, steps) == ("1x1", "") and groups == 1:
            return MATMUL, (pixels, channels, depth), (window,)
        return CONV, (pixels, channels, depth), (window, steps, f"groups {groups}")
    if config.op == "TRANSPOSE_CONV" and len(weights) == 4:
        pixels, window = _count(config.inputs[2].shape[:-1]), _window(weights[1], weights[2])
        return CONV, (pixels, _count(weights[:3]), weights[3]), (window, _strides(config))
    if config.op == "DEPTHWISE_CONV_2D" and len(weights) == 4 and len(result) == 4:
        multiplier = weights[3] // max(config.inputs[0].shape[-1], 1)
        named = (_window(weights[1], weights[2]), _strides(config), f"times {multiplier}")
        return DEPTHWISE, (result[0] * result[1], result[2], weights[3]), named
    return _unweighted(config, result)


def _unweighted(config: OpConfig, result: tuple[int, ...]) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    if config.op in _POOLS and len(result) == 4:
        window = config.option("filter_height", 1) * config.option("filter_width", 1)
        return POOL, (_count(result[:-1]), result[-1], int(window)), ("", _strides(config))
    if config.op in _REDUCTIONS and len(config.inputs) > 1 and config.inputs[1].values:
        read, kept = _count(config.inputs[0].shape), max(_count(result), 1)
        rank = max(len(config.inputs[0].shape), 1)
        axes = ",".join(str(axis % rank) for axis in config.inputs[1].values)
        return REDUCE, (max(read // kept, 1), kept), (f"over {axes} of {rank}",)
    read = max((_count(tensor.shape) for tensor in config.inputs if tensor.role == "computed"), default=0)
    last = result[-1] if result else 1
    sizes = (_count(result[:-1]), last, read, macs(config) or 0)
    return PLAIN, sizes, (f"{_broadcast(config)} {_constants(config)}".strip(),)


def _count(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def _window(height: int, width: int) -> str:
    return f"{height}x{width}"


def _strides(config: OpConfig) -> str:
    strides = (config.option("stride_h", 1), config.option("stride_w", 1))
    dilations = (config.option("dilation_h_factor", 1), config.option("dilation_w_factor", 1))
    steps = f"strides {strides[0]},{strides[1]}" if strides != (1, 1) else ""
    return steps if dilations == (1, 1) else f"{steps} dilated {dilations[0]},{dilations[1]}".strip()


def _broadcast(config: OpConfig) -> str:
    """Along which dimensions inputs are repeated, counted from the last; of same shapes nothing."""
    data = [tensor for tensor in config.inputs if tensor.values is None and tensor.role != "absent"]
    if len(data) < 2:
        return ""
    if config.op in _JOINING:
        return f"{len(data)} inputs"
    result = config.outputs[0].shape if config.outputs else ()
    patterns = []
    for tensor in data:
        padded = (1,) * (len(result) - len(tensor.shape)) + tensor.shape
        same = "".join(
            "=" if a == b else "1" if a == 1 else "x" for a, b in zip(padded, result, strict=False)
        )
        patterns.append("" if set(same) <= {"="} else "scalar" if _count(tensor.shape) == 1 else same)
    return f"inputs {'/'.join(patterns)}" if any(patterns) else ""


def _constants(config: OpConfig) -> str:
    """Axes and the like; of sizes only which are nothing."""
    found = [tensor.values for tensor in config.inputs if tensor.values is not None]
    if config.op in _SIZING:
        return ""
    if config.op in ("PAD", "PADV2", "MIRROR_PAD"):
        return "".join("0" if not value else "+" for values in found for value in values)
    return ";".join(",".join(map(str, values)) for values in found)


def _types(config: OpConfig) -> str:
    """Element types; weights of float16 are widened when a model is loaded."""
    widened = any(tensor.dtype == "float32" and tensor.role == "computed" for tensor in config.inputs)

    def text(tensor: TensorConfig) -> str:
        if tensor.role == "absent":
            return "-"
        constant = "!" if tensor.role == "constant" else ""
        if constant and tensor.dtype == "float16" and widened:
            return "float32!"
        return f"{tensor.dtype}{constant}{f'/{tensor.quantisation}' if tensor.quantisation else ''}"

    inputs = (text(tensor) for tensor in config.inputs if tensor.values is None)
    return f"{','.join(inputs)}>{','.join(map(text, config.outputs))}"


def _options(config: OpConfig) -> list[str]:
    """Options that name a family: all but sizes; clamps are one, which kernels do at the same cost as none."""
    activation = config.option("fused_activation_function", "NONE")
    named = [f"{name}={value}" for name, value in config.options if name not in _SIZES]
    return named if activation in _CLAMPS else [*named, str(activation)]
