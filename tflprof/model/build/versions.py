"""Operator versions as the converter writes them: the lowest that has what an operator uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_INT8 = {
    "ABS": 2, "ADD": 2, "ARG_MAX": 2, "AVERAGE_POOL_2D": 2, "BATCH_MATMUL": 2, "CONCATENATION": 2,
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "DEQUANTIZE": 2, "FULLY_CONNECTED": 4, "GATHER": 2,
    "L2_NORMALIZATION": 2, "LEAKY_RELU": 2, "LOGISTIC": 2, "MAXIMUM": 2, "MAX_POOL_2D": 2, "MEAN": 2,
    "MINIMUM": 2, "MUL": 2, "PACK": 2, "PAD": 2, "RELU": 2, "RELU6": 2, "RESIZE_BILINEAR": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2, "RSQRT": 2, "SLICE": 2, "SOFTMAX": 2, "SPLIT": 2, "SPLIT_V": 2,
    "SQUARED_DIFFERENCE": 2, "STRIDED_SLICE": 2, "SUB": 2, "SVDF": 3, "TANH": 2, "TILE": 3,
    "TRANSPOSE": 2, "TRANSPOSE_CONV": 2, "UNPACK": 2,
}  # fmt: skip

_OF_TYPE: dict[str, Mapping[str, int]] = {
    "int8": _INT8,
    "float16": {"DEQUANTIZE": 3, "FILL": 4},
    "int4": {"DEQUANTIZE": 6, "GATHER": 7, "TRANSPOSE": 7},
    "int64": {"ADD": 4, "MUL": 5, "RANGE": 2, "SUB": 4},
    "int16": {
        "ADD": 3, "AVERAGE_POOL_2D": 3, "CONCATENATION": 3, "DEQUANTIZE": 3, "GATHER": 4, "LOGISTIC": 3,
        "MUL": 4, "PAD": 3, "RELU": 3, "RELU6": 3, "SLICE": 4, "SOFTMAX": 3, "TANH": 3, "TRANSPOSE": 5,
    },
    "bool": {"GATHER": 3, "PAD": 5, "STRIDED_SLICE": 3, "TRANSPOSE": 3, "UNPACK": 3},
    "string": {"EQUAL": 3, "NOT_EQUAL": 3, "SLICE": 3, "SQUEEZE": 2, "STRIDED_SLICE": 5, "TILE": 2},
    "complex64": {"MUL": 6},
    "uint32": {"CONCATENATION": 4, "MUL": 7, "PACK": 4, "SLICE": 6, "STRIDED_SLICE": 7},
}  # fmt: skip
"""Versions by the type of the data; what is missing has version 1."""

_DATA_INPUT = {"SPLIT": 1, "TRANSPOSE_CONV": 2}
"""Which input holds the data, where it is not the first."""

_HYBRID = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 12, "SVDF": 2}
"""Float activations with int8 weights per channel (SVDF: one scale)."""


def operator_version(code: str, types: Sequence[str | None], options: Mapping[str, Any]) -> int:
    """The version of a builtin operator for the types of its inputs; None is a missing input."""
    data = types[_DATA_INPUT.get(code, 0)] if types else None
    weights = types[1] if len(types) > 1 else None
    if code in _HYBRID and data == "float32" and weights == "int8":
        return _HYBRID[code]
    version = _OF_TYPE.get(data or "", {}).get(code, 1)
    return max(version, _for_features(code, types, options))


def _for_features(code: str, types: Sequence[str | None], options: Mapping[str, Any]) -> int:
    """The lowest version that knows the shape of the operator's inputs and its options."""
    if code == "EMBEDDING_LOOKUP" and types[1] in ("int4", "int8"):
        return 4
    if code == "FULLY_CONNECTED":
        if len(types) < 3 or types[2] is None:
            return 6
        return 5 if options.get("keep_num_dims") else 1
    if code == "TRANSPOSE_CONV":
        if options.get("fused_activation_function", "NONE") != "NONE":
            return 4
        return 3 if len(types) > 3 else 1
    if code == "DEPTHWISE_CONV_2D" and max(options.get(f"dilation_{s}_factor", 1) for s in "hw") > 1:
        return 2
    if code == "RESIZE_BILINEAR" and options.get("half_pixel_centers"):
        return 3
    if code == "RESIZE_NEAREST_NEIGHBOR" and (
        options.get("half_pixel_centers") or options.get("align_corners")
    ):
        return 3
    return 5 if code == "GATHER" and options.get("batch_dims") else 1
