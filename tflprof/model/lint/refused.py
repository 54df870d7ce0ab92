"""Operators the CPU delegate refuses, and the partitions they cause."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.delegate import DELEGATE
from tflprof.model.graph import Op
from tflprof.model.lint import work
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Gain, Lint
from tflprof.units import format_share

NEGLIGIBLE = 0.001
"""Below this share of the work an operator outside the delegate is worth knowing, but nothing to mend."""

_MOST_CUT = 100
"""Reasons for which the graph is cut up again: no model has as many, unless it is made to take long."""

_CONTROL = ("IF", "WHILE")
_NAMED = 3
"""Types of operators that a message names."""

_SILENT = frozenset({"CALL_ONCE", "VAR_HANDLE"})
"""Never claimed and never worth a word: they run once, or only hand something on."""

_REMEDIES = {
    "AVERAGE_POOL_2D": "over the whole image: MEAN; else a depthwise convolution with equal weights",
    "SQUEEZE": "RESHAPE does the same and is taken",
    "EXPAND_DIMS": "RESHAPE does the same and is taken",
    "PACK": "RESHAPE and CONCATENATION do the same and are taken",
    "UNPACK": "SPLIT and RESHAPE do the same and are taken",
    "SPLIT_V": "SPLIT or SLICE with constant bounds are taken",
    "STRIDED_SLICE": "SLICE with constant bounds, and RESHAPE for a dropped dimension, are taken",
    "SLICE": "write the sizes out",
    "MIRROR_PAD": "PAD with zeros is taken",
    "PADV2": "PAD with zeros is taken",
    "SOFTMAX": "dequantise first, or leave the softmax to the program that reads the scores",
    "RELU": "fuse it into the layer before it",
    "RELU6": "fuse it into the layer before it",
    "RELU_N1_TO_1": "fuse it into the layer before it",
    **dict.fromkeys(
        ("ABS", "COS", "EXP", "GELU", "HARD_SWISH", "NEG", "RSQRT", "SIN", "SQRT", "SQUARE"),
        "in 8 bits: DEQUANTIZE, the operator in floats, QUANTIZE are taken, and become one table look-up",
    ),
    "CONCATENATION": "concatenate at most five tensors at once, of one scale if uint8",
    "QUANTIZE": "keep one 8-bit type throughout; the program that reads the result can convert it",
    "POW": "SQUARE, SQRT or MUL are taken",
    "CONV_2D": "give it a bias, constant weights and one type throughout",
    "DEPTHWISE_CONV_2D": "give it a bias, constant weights and one type throughout",
}


_INTEGERS = frozenset({"int32", "int64", "bool"})

_COMPUTED_SHAPES = (
    "where they compute shapes: convert the model with fixed input shapes, and they are folded away"
)

_COMPUTED = "convert the model with fixed input shapes: what is computed from them becomes a constant"


def lint(context: Context) -> Iterator[Lint]:
    """One lint per operator type and reason; one for all that only compute with integers."""
    once = {called for op in context.model.ops() if op.code == "CALL_ONCE" for called in op.subgraphs}
    groups: dict[tuple[str, str], list[Op]] = {}
    for op in context.model.ops():
        reason = context.refused.get(op.id)
        if reason is None or op.code in _SILENT or op.subgraph in once or context.is_static(op):
            continue
        key = ("", "they compute with integers") if _is_integer(context, op) else (op.type, reason)
        groups.setdefault(key, []).append(op)
    now = context.delegated_parts()
    for number, ((kind, reason), ops) in enumerate(groups.items()):
        remedy = _remedy(kind, reason) if kind else _COMPUTED_SHAPES
        without = context.delegated_parts(op.id for op in ops) if number < _MOST_CUT else now
        yield _lint(context, kind or _types(ops), reason, remedy, ops, (now, without))


def _is_integer(context: Context, op: Op) -> bool:
    """True if it makes integers of shapes or integers, as the arithmetic of shapes does."""
    graph = context.graph(op)
    read = [] if op.code in ("SHAPE", "RANK") else [graph.tensors[index] for index in op.inputs if index >= 0]
    made = [graph.tensors[index] for index in op.outputs if index >= 0]
    return op.code not in _CONTROL and all(tensor.dtype in _INTEGERS for tensor in (*read, *made))


def _types(ops: list[Op]) -> str:
    types = list(dict.fromkeys(op.type for op in ops))
    more = len(types) - _NAMED
    return ", ".join(types) if more <= 0 else f"{', '.join(types[:_NAMED])} and {more} more types"


def _lint(
    context: Context, kind: str, reason: str, remedy: str, ops: list[Op], partitions: tuple[int, int]
) -> Lint:
    """``partitions``: of the delegate now, and if it also took these operators."""
    now, without = partitions
    gain = _gain(context, ops, now, without)
    message = f"{DELEGATE} refuses {kind}: {reason}"
    if without < now:
        message += f"; {now} partitions, {without} without"
    if gain is not None and gain.unit == "MACs":
        share = (gain.value / context.cost.total.macs) if context.cost.total.macs else None
        message += f"; {format_share(share)} of MACs run in the runtime's own kernels"
    severity = "advice" if gain is not None and (gain.share or 0) >= NEGLIGIBLE else "note"
    return Lint("refused", severity, tuple(op.id for op in ops), message, gain, remedy)


def _gain(context: Context, ops: list[Op], now: int, without: int) -> Gain | None:
    """MACs outside the delegate, else partitions too many, else operators in slow kernels; None: next to nothing."""
    fewer = max(now - without, 0)
    worth = fewer * work.PARTITION + sum(context.lost(op) for op in ops)
    macs = sum(context.cost.ops[op.id].macs or 0 for op in ops)
    if macs:
        return context.gain(macs, "MACs", worth)
    if fewer:
        return context.gain(fewer, "partitions", worth)
    gain = context.gain(len(ops), "operators", worth)
    return gain if (gain.share or 0) >= NEGLIGIBLE else None


def _remedy(kind: str, reason: str) -> str:
    if kind in _CONTROL:
        return "control flow stays with the runtime: unroll it, or select between results"
    if reason.endswith("is computed, the kernel needs a constant"):
        return _COMPUTED
    if "int8 weights for float" in reason:
        return "float16 weights in these layers, or int8 throughout"
    if reason == "its weights are int4":
        return "int8 weights in these layers"
    return _REMEDIES.get(kind, "replace it by operators that are taken, or move it to an end of the model")
