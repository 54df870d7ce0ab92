"""Configurations of other channel counts and element types: what a rewrite of a layer would cost is asked with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tflprof.op_config import OpConfig, TensorConfig

SCHEMES = ("float32", "int8", "dynamic", "float16")
"""Forms of a layer: ``dynamic`` has int8 weights under float32 activations, ``float16`` weights widened at init."""

WEIGHTED = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 2}
"""Operators with weights as their input 1, and which input is the data."""

_SLICING = ("SLICE", "STRIDED_SLICE", "GATHER", "TRANSPOSE", "SPLIT_V", "UNPACK", "PACK", "BATCH_MATMUL")


def with_channels(
    config: OpConfig, inputs: int | Sequence[int] | None = None, outputs: int | None = None
) -> OpConfig:
    """The same operator over other numbers of channels, which are the last dimension.

    Args:
        config: the operator as it is.
        inputs: channels of the data; one number per part for a concatenation along channels. None: as it is.
        outputs: channels of the result; of operators that keep channels, either will do.

    Raises:
        ValueError: its channels cannot be told from its shapes, or the numbers contradict each other.
    """
    if isinstance(inputs, Sequence):
        if config.op != "CONCATENATION":
            raise ValueError(f"{config.op} has one number of input channels, not {len(inputs)}")
        return _concatenation(config, tuple(inputs))
    if config.op in ("CONV_2D", "TRANSPOSE_CONV"):
        return _convolution(config, inputs, outputs)
    if config.op == "FULLY_CONNECTED":
        return _dense(config, inputs, outputs)
    if config.op == "DEPTHWISE_CONV_2D":
        return _depthwise(config, inputs, outputs)
    if config.op == "SPLIT":
        return _split(config, inputs, outputs)
    if config.op in _SLICING or config.op == "CONCATENATION":
        raise ValueError(f"{config.op} of other channels cannot be told from its shapes")
    if inputs is not None and outputs is not None and inputs != outputs:
        raise ValueError(f"{config.op} keeps its channels: {inputs} in, {outputs} out")
    return _kept(config, inputs if inputs is not None else outputs)


def with_dtype(config: OpConfig, scheme: str) -> OpConfig:
    """The same operator in another form. Raises ValueError for a scheme that there is not (:data:`SCHEMES`)."""
    if scheme not in SCHEMES:
        raise ValueError(f"there is no form {scheme!r}, only {', '.join(SCHEMES)}")
    if config.op in ("QUANTIZE", "DEQUANTIZE"):
        return config
    weighted = config.op in WEIGHTED and config.inputs[1].role == "constant"
    cast = [_cast(tensor, scheme, place if weighted else -1) for place, tensor in enumerate(config.inputs)]
    return replace(
        config,
        inputs=tuple(cast),
        outputs=tuple(_cast(tensor, scheme, -1) for tensor in config.outputs),
        fused=tuple(with_dtype(inner, scheme) for inner in config.fused),
    )


def scheme_of(config: OpConfig) -> str:
    """Which of :data:`SCHEMES` an operator is in; ``other`` for element types none of them has."""
    for scheme in SCHEMES:
        if with_dtype(config, scheme).key == config.key:
            return scheme
    return "other"


def macs(config: OpConfig) -> int | None:
    """Multiply-accumulates; 0 for operators without any, None if its shapes do not tell."""
    weights = config.inputs[1].shape if len(config.inputs) > 1 else ()
    result = math.prod(config.outputs[0].shape) if config.outputs else 0
    if config.op in ("CONV_2D", "FULLY_CONNECTED"):
        return result * math.prod(weights[1:]) if weights else None
    if config.op == "DEPTHWISE_CONV_2D":
        return result * math.prod(weights[1:3])
    if config.op == "TRANSPOSE_CONV":
        return math.prod(config.inputs[2].shape) * math.prod(weights[:3])
    if config.op == "BATCH_MATMUL":
        left = config.inputs[0].shape
        return result * left[-2 if config.option("adj_x") else -1]
    known = not (config.op.endswith(("LSTM", "RNN", "SVDF")) or config.op.startswith("CONV_3D"))
    return 0 if known and config.op == config.op.upper() else None


def _cast(tensor: TensorConfig, scheme: str, place: int) -> TensorConfig:
    """A tensor in a form; ``place`` is its number among the inputs of an operator with weights, else -1."""
    is_value = tensor.role != "absent" and tensor.values is None
    is_bias = place > 1 and tensor.role == "constant"
    if not is_value or (tensor.dtype not in ("float32", "float16", "int8", "int4", "uint8") and not is_bias):
        return tensor
    if scheme == "int8":
        if is_bias:
            return replace(tensor, dtype="int32", quantisation=None)
        return replace(tensor, dtype="int8", quantisation="channel" if place == 1 else "tensor")
    if scheme == "dynamic" and place == 1:
        return replace(tensor, dtype="int8", quantisation="channel")
    halved = scheme == "float16" and tensor.role == "constant"
    return replace(tensor, dtype="float16" if halved else "float32", quantisation=None)


def _last(tensor: TensorConfig, size: int | None) -> TensorConfig:
    return tensor if size is None else replace(tensor, shape=(*tensor.shape[:-1], size))


def _convolution(config: OpConfig, inputs: int | None, outputs: int | None) -> OpConfig:
    data = WEIGHTED[config.op]
    x, weights = config.inputs[data], config.inputs[1]
    groups = max(x.shape[-1] // max(weights.shape[-1], 1), 1)
    if inputs is not None and inputs % groups:
        raise ValueError(f"{inputs} channels do not go into {groups} groups")
    ohwi = (outputs or weights.shape[0], *weights.shape[1:3], (inputs or x.shape[-1]) // groups)
    changed = list(config.inputs)
    changed[data] = _last(x, inputs)
    changed[1] = replace(weights, shape=ohwi)
    if data and changed[0].values is not None and outputs is not None:
        changed[0] = replace(changed[0], values=(*changed[0].values[:-1], outputs))
    return _with(config, _rebiased(changed, 3 if data else 2, outputs), outputs, inputs)


def _dense(config: OpConfig, inputs: int | None, outputs: int | None) -> OpConfig:
    x, weights = config.inputs[:2]
    units, depth = weights.shape
    changed = list(config.inputs)
    if inputs is not None:
        # Rows and columns may be flattened into the depth.
        changed[0] = _last(x, max(x.shape[-1] * inputs // max(depth, 1), 1))
    changed[1] = replace(weights, shape=(outputs or units, inputs or depth))
    return _with(config, _rebiased(changed, 2, outputs), outputs, None)


def _depthwise(config: OpConfig, inputs: int | None, outputs: int | None) -> OpConfig:
    x, weights = config.inputs[:2]
    multiplier = max(weights.shape[-1] // max(x.shape[-1], 1), 1)
    if inputs is None and outputs is not None:
        inputs = outputs // multiplier
    if inputs is None:
        return config
    if outputs not in (None, inputs * multiplier):
        raise ValueError(f"DEPTHWISE_CONV_2D makes {inputs * multiplier} channels of {inputs}, not {outputs}")
    result = inputs * multiplier
    changed = [_last(x, inputs), _last(weights, result), *config.inputs[2:]]
    return _with(config, _rebiased(changed, 2, result), result, inputs)


def _rebiased(tensors: list[TensorConfig], place: int, size: int | None) -> list[TensorConfig]:
    if size is not None and len(tensors) > place and tensors[place].role != "absent":
        tensors[place] = replace(tensors[place], shape=(size,))
    return tensors


def _with(
    config: OpConfig, inputs: Sequence[TensorConfig], outputs: int | None, fused: int | None
) -> OpConfig:
    """New inputs, all results of so many channels, and operators folded in before over ``fused`` channels."""
    return replace(
        config,
        inputs=tuple(inputs),
        outputs=tuple(_last(tensor, outputs) for tensor in config.outputs),
        fused=tuple(
            with_channels(inner, fused) if inner.op == "PAD" else with_channels(inner, outputs)
            for inner in config.fused
        ),
    )


def _concatenation(config: OpConfig, parts: tuple[int, ...]) -> OpConfig:
    rank = len(config.outputs[0].shape)
    axis = int(config.option("axis", -1)) % max(rank, 1)
    if axis != rank - 1:
        if len(set(parts)) != 1:
            raise ValueError("parts that are not joined along channels must all have the same number")
        return _kept(config, parts[0])
    if len(parts) != len(config.inputs):
        raise ValueError(f"{len(parts)} numbers for {len(config.inputs)} parts")
    inputs = [_last(tensor, size) for tensor, size in zip(config.inputs, parts, strict=True)]
    return _with(config, inputs, sum(parts), None)


def _split(config: OpConfig, inputs: int | None, outputs: int | None) -> OpConfig:
    x, count = config.inputs[1], len(config.outputs)
    rank = len(x.shape)
    axis = config.inputs[0].values
    along = axis is not None and axis[0] % rank == rank - 1
    total = inputs if inputs is not None else outputs and outputs * (count if along else 1)
    if total is None:
        return config
    if along and total % count:
        raise ValueError(f"{total} channels do not split into {count}")
    part = total // count if along else total
    return _with(config, [config.inputs[0], _last(x, total)], part, None)


def _kept(config: OpConfig, channels: int | None) -> OpConfig:
    """An operator whose inputs and results have the same channels, but for what is broadcast or flattened."""
    if channels is None:
        return config
    before = max((t.shape[-1] for t in config.inputs if t.role == "computed" and t.shape), default=0)

    def changed(tensor: TensorConfig) -> TensorConfig:
        if tensor.role == "absent" or tensor.values is not None or not tensor.shape or not before:
            return tensor
        last = tensor.shape[-1]
        if last == before:
            return _last(tensor, channels)
        # A RESHAPE may flatten rows and columns into the last dimension.
        flat = config.op == "RESHAPE" and last % before == 0
        return _last(tensor, last // before * channels) if flat else tensor

    outputs = tuple(changed(tensor) for tensor in config.outputs)
    inputs = tuple(changed(tensor) for tensor in config.inputs)
    if config.op == "RESHAPE" and len(inputs) > 1 and inputs[1].values not in (None, (-1,)):
        inputs = (inputs[0], replace(inputs[1], values=outputs[0].shape))
    fused = tuple(with_channels(inner, channels) for inner in config.fused)
    return replace(config, inputs=inputs, outputs=outputs, fused=fused)
