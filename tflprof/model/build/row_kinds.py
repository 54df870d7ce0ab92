"""Which configurations can stand in a chain."""

from __future__ import annotations

import math

from tflprof.model import dtypes
from tflprof.model.schema import generated
from tflprof.op_config import OpConfig

_COMPUTED = ("float32", "int8", "uint8")
"""Element types of data that a chain can hand on."""

MOST_BYTES = 1 << 30
"""Of one tensor; the format itself ends at twice as much."""


def unbuildable(config: OpConfig) -> str | None:
    """Why a configuration cannot stand in a chain; None if it can."""
    if not hasattr(generated().BuiltinOperator, config.op):
        return "what a custom operator needs is not in its configuration"
    if config.option("sparse"):
        return "sparse weights are not built"
    for tensor in (*config.inputs, *config.outputs):
        if (dtypes.byte_size(tensor.dtype, tensor.shape) or 0) > MOST_BYTES:
            return f"a tensor of it is larger than {MOST_BYTES >> 20} MiB"
        if tensor.role == "computed" and tensor.dtype not in _COMPUTED:
            return (
                f"what it does depends on {tensor.dtype} data"
                if "int" in tensor.dtype
                else f"{tensor.dtype} data"
            )
        if tensor.role == "computed" and math.prod(tensor.shape) < 1:
            return "it has an empty input or output"
        if tensor.quantisation == "block":
            return "weights scaled by blocks are not built"
    if not any(tensor.role == "computed" for tensor in config.inputs):
        return "nothing of it depends on data"
    return None
