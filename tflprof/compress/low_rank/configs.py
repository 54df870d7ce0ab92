"""What runs instead of a layer once it is factorised, as configurations that latency tables know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tflprof.compress.low_rank.stages import Stage, stages
from tflprof.op_config import OpConfig, Scalar, TensorConfig


def factorised_config(config: OpConfig, parameters: Mapping[str, Any]) -> tuple[OpConfig, ...]:
    """The stages of one layer.

    Args:
        config: a CONV_2D or FULLY_CONNECTED.
        parameters: ``form`` and ``ranks``.
    """
    dense = config.op == "FULLY_CONNECTED"
    x, weights = config.inputs[:2]
    layer = _layer(config)
    parts = stages(str(parameters["form"]), list(parameters["ranks"]), layer)
    padding = str(config.option("padding", "VALID"))
    found: list[OpConfig] = []
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        y = config.outputs[0] if last else _between(config, x, part, padding)
        shape = (part.outputs, part.inputs) if dense else (part.outputs, *part.kernel, part.inputs)
        kind = (
            "channel" if weights.dtype == "int8" and x.dtype == "int8" and not dense else weights.quantisation
        )
        bias = TensorConfig((part.outputs,), _bias_type(x, weights), "constant")
        found.append(
            OpConfig(
                config.op,
                (x, replace(weights, shape=shape, quantisation=kind), bias),
                (y,),
                _options(config, part, last),
                tuple(
                    one for one in config.fused if (one.op == "PAD") == (place == 0) and (last or not place)
                ),
            )
        )
        x = y
    return tuple(found)


def _layer(config: OpConfig) -> Stage:
    shape = config.inputs[1].shape
    if config.op == "FULLY_CONNECTED":
        return Stage(shape[0], shape[1])
    stride, dilation = (
        (int(config.option(f"{start}h{end}", 1)), int(config.option(f"{start}w{end}", 1)))
        for start, end in (("stride_", ""), ("dilation_", "_factor"))
    )
    o, kh, kw, i = shape
    return Stage(o, i, (kh, kw), stride, dilation)


def _between(config: OpConfig, x: TensorConfig, part: Stage, padding: str) -> TensorConfig:
    y = config.outputs[0]
    if config.op == "FULLY_CONNECTED":
        return replace(y, shape=(*y.shape[:-1], part.outputs))
    size = x.shape[1], x.shape[2]
    folded = next((one for one in config.fused if one.op == "PAD"), None)
    if folded is not None and x is config.inputs[0]:
        # With a PAD folded in, x is what the PAD reads.
        size = folded.outputs[0].shape[1], folded.outputs[0].shape[2]
    return replace(y, shape=(x.shape[0], *part.size(size, padding), part.outputs))


def _bias_type(x: TensorConfig, weights: TensorConfig) -> str:
    if x.dtype in ("int8", "uint8"):
        return "int32"
    return "float16" if weights.dtype == "float16" else "float32"


def _options(config: OpConfig, part: Stage, last: bool) -> tuple[tuple[str, Scalar], ...]:
    options = dict(config.options)
    if not last and "fused_activation_function" in options:
        options["fused_activation_function"] = "NONE"
    if config.op == "CONV_2D":
        options |= geometry(part)
    return tuple(sorted(options.items()))


def geometry(part: Stage) -> dict[str, int]:
    """Strides and dilations of a stage by the names of their options."""
    return {
        "stride_h": part.stride[0],
        "stride_w": part.stride[1],
        "dilation_h_factor": part.dilation[0],
        "dilation_w_factor": part.dilation[1],
    }
