"""What builtin operators must be given, as far as LiteRT crashes where it is missing.

Kernels check much of it themselves and fail with a message; others take it for granted (see
reports/benchmarks/model_fuzz.md). Operators that are not listed are not checked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tflprof.errors import ModelError
from tflprof.model.custom import custom_options
from tflprof.model.graph import Op, Subgraph, Tensor
from tflprof.model.storage import Contradiction

_ANY = 1 << 20

_UNARY = (
    "ABS CEIL COS ELU EXP FLOOR GELU HARD_SWISH LEAKY_RELU L2_NORMALIZATION LOG LOGISTIC LOG_SOFTMAX LOGICAL_NOT NEG "
    "RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 ROUND RSQRT SIGN SIN SOFTMAX SQRT SQUARE TANH QUANTIZE DEQUANTIZE CAST SHAPE "
    "RANK ZEROS_LIKE SQUEEZE AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D DEPTH_TO_SPACE SPACE_TO_DEPTH"
)
_BINARY = (
    "ADD SUB MUL DIV MAXIMUM MINIMUM POW SQUARED_DIFFERENCE FLOOR_DIV FLOOR_MOD EQUAL NOT_EQUAL LESS LESS_EQUAL "
    "GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR PRELU GATHER GATHER_ND BATCH_MATMUL TRANSPOSE PAD MIRROR_PAD TILE "
    "EXPAND_DIMS RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_PROD REDUCE_ANY "
    "REDUCE_ALL ARG_MAX ARG_MIN CUMSUM REVERSE_V2 BROADCAST_TO FILL ATAN2"
)
_TERNARY = (
    "SLICE SELECT SELECT_V2 PADV2 RANGE BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND SCATTER_ND DYNAMIC_UPDATE_SLICE"
)

_COUNTS: dict[str, tuple[int, int, int, int]] = {
    **dict.fromkeys(_UNARY.split(), (1, 1, 1, 1)),
    **dict.fromkeys(_BINARY.split(), (2, 2, 1, 1)),
    **dict.fromkeys(_TERNARY.split(), (3, 3, 1, 1)),
    "STRIDED_SLICE": (4, 4, 1, 1),
    "RESHAPE": (1, 2, 1, 1),
    "CONV_2D": (2, 3, 1, 1),
    "DEPTHWISE_CONV_2D": (3, 3, 1, 1),
    "FULLY_CONNECTED": (2, 3, 1, 2),
    "TRANSPOSE_CONV": (3, 4, 1, 1),
    "CONCATENATION": (1, _ANY, 1, 1),
    "PACK": (1, _ANY, 1, 1),
    "SPLIT": (2, 2, 1, _ANY),
    "SPLIT_V": (3, 3, 1, _ANY),
    "UNPACK": (1, 1, 1, _ANY),
    "TOPK_V2": (2, 2, 2, 2),
    "VAR_HANDLE": (0, 0, 1, 1),
    "READ_VARIABLE": (1, 1, 1, 1),
    "ASSIGN_VARIABLE": (2, 2, 0, 0),
}
"""Least and most inputs, least and most outputs."""

_OPTIONAL: dict[str, tuple[int, ...]] = {
    "CONV_2D": (2,),
    "DEPTHWISE_CONV_2D": (2,),
    "FULLY_CONNECTED": (2,),
    "TRANSPOSE_CONV": (3,),
}
"""Inputs that may be absent (-1), of the operators in the table above."""

_KEEPING = (
    "AVERAGE_POOL_2D MAX_POOL_2D CUMSUM RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE PAD PADV2 MIRROR_PAD SLICE STRIDED_SLICE "
    "TILE REVERSE_V2 BROADCAST_TO GATHER GATHER_ND SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND "
    "CONCATENATION PACK UNPACK RELU RELU6 RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR"
)
_SAME_TYPE = frozenset(_KEEPING.split())
"""Operators whose output must have the type of their first input."""

_PRODUCTS = {"float32": ("float32",), "int8": ("int8", "int32"), "int16": ("int16",)}
"""Types of a BATCH_MATMUL's output by that of its first input."""

_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
_LEAST_SCALE = 2.0**-126
"""The smallest normal float32."""

_SUMS = ("ADD", "SUB")
_SUM_SHIFT = 1 << 20

_KNOWN_CUSTOM = "TFLite_Detection_PostProcess"


def check_contract(op: Op, graph: Subgraph) -> None:
    """Raise Contradiction if an operator lacks what its kernel takes for granted."""
    if op.custom_code == _KNOWN_CUSTOM:
        _check_custom(op)
    if op.code not in _COUNTS:
        return
    _check_counts(op)
    if op.code == "SPLIT" and (parts := op.options.get("num_splits", 0)) != len(op.outputs):
        raise _error(op, f"is to give {parts} parts but has {len(op.outputs)} outputs")
    _check_types(op, [graph.tensors[index] for index in (*op.inputs[:1], *op.outputs[:1])])
    if op.code == "QUANTIZE":
        _check_quantised(op, graph.tensors[op.outputs[0]])
    if op.code in _SUMS:
        _check_sum(op, [graph.tensors[index] for index in (*op.inputs, *op.outputs)])


def _check_counts(op: Op) -> None:
    least, most, least_out, most_out = _COUNTS[op.code]
    if not least <= len(op.inputs) <= most:
        raise _error(op, f"has {len(op.inputs)} inputs, not {_range(least, most)}")
    if not least_out <= len(op.outputs) <= most_out:
        raise _error(op, f"has {len(op.outputs)} outputs, not {_range(least_out, most_out)}")
    for number, index in enumerate(op.inputs):
        if index < 0 and number not in _OPTIONAL.get(op.code, ()):
            raise _error(op, f"lacks input {number}, which it needs")
    if any(index < 0 for index in op.outputs):
        raise _error(op, "lacks an output")


def _range(least: int, most: int) -> str:
    if least == most:
        return str(least)
    return f"{least} or more" if most == _ANY else f"{least} to {most}"


def _check_types(op: Op, first: Sequence[Tensor]) -> None:
    if len(first) < 2:
        return
    given, result = first[0].dtype, first[-1].dtype
    allowed: tuple[str, ...] | None = None
    if op.code in _SAME_TYPE:
        allowed = (given,)
    elif op.code == "BATCH_MATMUL":
        allowed = _PRODUCTS.get(given)
    if allowed is not None and result not in allowed:
        raise _error(op, f"makes {result} of {given}, which it cannot")


def _check_quantised(op: Op, result: Tensor) -> None:
    """What the delegate cannot represent it does not refuse: it uses an operator that it did not make."""
    if result.quantisation is None or result.dtype not in _RANGES:
        return
    scale, zeros = _scale(result), result.quantisation.zero_point
    if not (math.isfinite(scale) and scale > _LEAST_SCALE):
        raise _error(op, f"quantises with a scale of {scale:g}")
    low, high = _RANGES[result.dtype]
    if zeros and not low <= zeros[0] <= high:
        raise _error(op, f"quantises to {result.dtype} with a zero point of {zeros[0]}")


def _check_sum(op: Op, tensors: Sequence[Tensor]) -> None:
    """Scales of a quantised sum must let its multipliers lie between 0 and 1, or the kernel aborts."""
    if any(tensor.dtype not in ("int8", "uint8") for tensor in tensors):
        return
    scales = [_scale(tensor) for tensor in tensors]
    *given, result = scales
    if not all(math.isfinite(scale) and scale > 0 for scale in scales):
        raise _error(op, f"adds quantised tensors with scales {scales}: all must be above 0")
    most = 2 * max(given)
    # A scale may be tiny: the epsilon of a layer normalisation is, and counts as 0.
    if most >= _SUM_SHIFT * result:
        raise _error(op, f"adds quantised tensors with scales {scales}, which are too far apart")


def _scale(tensor: Tensor) -> float:
    return tensor.quantisation.scale[0] if tensor.quantisation and tensor.quantisation.scale else 0.0


def _check_custom(op: Op) -> None:
    """The kernel reads its FlexBuffer without checking it."""
    try:
        options = custom_options(op)
    except ModelError as error:
        raise Contradiction(error.what) from None
    if "max_detections" not in options or "num_classes" not in options:
        raise _error(op, "has options without max_detections or num_classes")


def _error(op: Op, what: str) -> Contradiction:
    return Contradiction(f"op {op.id} ({op.type}) {what}")
