"""How well a delegate's kernel can serve an operator: evidence for the alignment, never an identity.

Only the family of a kernel is looked at (``Convolution``, not ``(NHWC, F32) IGEMM``), because the rest
differs between cores. A kernel of an unknown family is merely less likely, not impossible.
"""

from __future__ import annotations

import functools
import re

from tflprof.model.graph import Op

MATCH, HELPER, UNKNOWN, MISMATCH, NEVER = 0.0, 4.0, 5.0, 9.0, 14.0
"""Penalties in nats: own family, a helper beside it, a family never heard of, another operator's
family, and what no delegate is known to do."""

IN_PASSING = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"})
"""What delegates do in passing: the neighbours' kernels read and write the variables."""

_FAMILIES: dict[str, frozenset[str]] = {
    code: frozenset(families.split("|"))
    for code, families in {
        "CONV_2D": "Convolution|Fully Connected",
        "DEPTHWISE_CONV_2D": "Convolution|VMulCAddC",
        "FULLY_CONNECTED": "Fully Connected|Dynamic Fully Connected|Batch Matrix Multiply",
        "TRANSPOSE_CONV": "Deconvolution",
        "BATCH_MATMUL": "Batch Matrix Multiply|Fully Connected|Dynamic Fully Connected",
        "ADD": "Add",
        "SUB": "Subtract",
        "MUL": "Multiply",
        "DIV": "Divide",
        "MAXIMUM": "Maximum",
        "MINIMUM": "Minimum",
        "SQUARED_DIFFERENCE": "Squared Difference",
        "AVERAGE_POOL_2D": "Average Pooling|Global Average Pooling|Mean|Clamp",
        "MAX_POOL_2D": "Max Pooling|Clamp",
        "MEAN": "Mean|Global Average Pooling|Sum",
        "SUM": "Sum|Global Sum Pooling",
        "REDUCE_MAX": "Max Reduce|Reduce Max",
        "REDUCE_MIN": "Min Reduce|Reduce Min",
        "SOFTMAX": "Softmax",
        "LOGISTIC": "Sigmoid",
        "TANH": "TanH|Tanh",
        "RELU": "Clamp",
        "RELU6": "Clamp",
        "RELU_N1_TO_1": "Clamp",
        "RELU_0_TO_1": "Clamp",
        "LEAKY_RELU": "Leaky ReLU",
        "PRELU": "PReLU",
        "ELU": "ELU",
        "GELU": "GELU|Gelu",
        "HARD_SWISH": "HardSwish|Hard Swish|Hardswish",
        "ABS": "Abs",
        "NEG": "Negate",
        "CEIL": "Ceiling",
        "FLOOR": "Floor",
        "ROUND": "Bankers' Rounding|Bankers Rounding",
        "EXP": "Exp",
        "LOG": "Log",
        "SIN": "Sine",
        "COS": "Cosine",
        "SQRT": "Square Root",
        "RSQRT": "Reciprocal Square Root",
        "SQUARE": "Square",
        "PAD": "Constant Pad",
        "PADV2": "Constant Pad",
        "CONCATENATION": "Copy|Concatenate",
        "SPLIT": "Copy|Slice|Split",
        "SLICE": "Slice|Copy",
        "STRIDED_SLICE": "Slice|Copy|Strided Slice",
        "RESHAPE": "Copy|Static Reshape|Reshape",
        "EXPAND_DIMS": "Copy|Static Reshape|Reshape",
        "SQUEEZE": "Copy|Static Reshape|Reshape",
        "TRANSPOSE": "Transpose|Copy",
        "BROADCAST_TO": "Broadcast|Copy|Static Broadcast",
        "TILE": "Broadcast|Copy|Static Broadcast",
        "QUANTIZE": "Convert",
        "DEQUANTIZE": "Convert",
        "CAST": "Convert",
        "RESIZE_BILINEAR": "Resize Bilinear",
        "SPACE_TO_DEPTH": "Space To Depth",
        "DEPTH_TO_SPACE": "Depth To Space",
        "READ_VARIABLE": "Copy",
        "ASSIGN_VARIABLE": "Copy",
        "VAR_HANDLE": "none",
    }.items()
}

_KNOWN = frozenset(family for families in _FAMILIES.values() for family in families)
_HELPERS = frozenset(
    {
        "Clamp",
        "Convert",
        "Copy",
        "Static Reshape",
        "Reshape",
        "Transpose",
        "Constant Pad",
        "Pack Lh",
        "Broadcast",
    }
)
_FUSES_PADDING = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
_FUSES_ACTIVATION = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "MAX_POOL_2D"}
)
_ACTIVATIONS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"})
RESHAPING = frozenset({"RESHAPE", "EXPAND_DIMS", "SQUEEZE"})
"""Operators that only change a shape."""

_RESHAPES = frozenset({"Static Reshape", "Reshape"})


@functools.cache
def family(tag: str) -> str:
    """Family of a kernel: ``Convolution`` of ``Convolution (NHWC, F32) IGEMM``."""
    return re.split(r"\s*\(", tag, maxsplit=1)[0].strip()


def main_penalty(op: Op, tag: str) -> float:
    """Penalty of a kernel doing the main work of an operator, in nats."""
    own = _FAMILIES.get(op.code)
    kind = family(tag)
    if own is None or kind not in _KNOWN:
        return UNKNOWN
    return MATCH if kind in own else MISMATCH


def helper_penalty(op: Op, tag: str, following: str | None = None, *, before: bool) -> float:
    """Penalty of a kernel doing side work of an operator before or after its main work, in nats.

    Delegates prepare inputs (reshape, convert, copy, pad) and clamp outputs. A RESHAPE is one kernel, and no
    input is reshaped twice: of two before a FULLY_CONNECTED the second makes its input a matrix.

    Args:
        op: the operator.
        tag: of the kernel.
        following: the tag of the kernel after it.
        before: whether it comes before the main work.
    """
    kind = family(tag)
    if kind in _RESHAPES and following is not None and family(following) in _RESHAPES:
        return NEVER
    if kind == "Clamp":
        fused = op.options.get("fused_activation_function", "NONE") != "NONE"
        return MATCH if fused and not before and op.code not in _FUSES_ACTIVATION else MISMATCH
    if kind in _FAMILIES.get(op.code, ()):
        return NEVER if op.code in RESHAPING else 2 * HELPER
    if kind not in _HELPERS:
        return NEVER
    return HELPER if before else 3 * HELPER


def absence_penalty(op: Op) -> float:
    """Penalty of an operator having no kernel of its own though a neighbour may do its work, in nats."""
    if op.code in IN_PASSING:
        return MATCH
    return HELPER if op.code in RESHAPING else HELPER / 2


def vanishes(op: Op) -> bool:
    """True for poolings of one pixel, for XNNPACK a clamp, and nothing if it clamps nothing."""
    window = (op.options.get("filter_height"), op.options.get("filter_width"))
    return op.code in ("AVERAGE_POOL_2D", "MAX_POOL_2D") and window == (1, 1)


def merges(op: Op, consumer: Op) -> bool:
    """True for two reshapes in a row, of which some versions of XNNPACK make one, the second's."""
    return op.code in RESHAPING and consumer.code in RESHAPING


def absorbs(op: Op, neighbour: Op, *, neighbour_is_consumer: bool) -> bool:
    """True if delegates are known to fold ``op`` into this neighbour.

    Padding and reshapes go forward, activations backward.
    """
    if neighbour_is_consumer:
        return merges(op, neighbour) or (op.code in ("PAD", "PADV2") and neighbour.code in _FUSES_PADDING)
    return op.code in RESHAPING or (op.code in _ACTIVATIONS and neighbour.code in _FUSES_ACTIVATION)
