"""Quantisation that undoes itself: pairs of QUANTIZE and DEQUANTIZE, and conversions to the same scale."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.dtypes import byte_size
from tflprof.model.graph import Op, Tensor
from tflprof.model.lint import work
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Gain, Lint

_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


def lint(context: Context) -> Iterator[Lint]:
    """One lint per pair, or per conversion that changes nothing."""
    for op in context.model.ops():
        if op.code not in _CONVERSIONS or context.is_static(op):
            continue
        x, y = context.input(op), context.output(op)
        if x is None or y is None:
            continue
        if _is_same(x, y):
            yield _needless(context, op)
            continue
        before = context.maker(op.subgraph, x.index)
        if before is not None and before.code in _CONVERSIONS:
            found = _pair(context, before, op)
            if found is not None:
                yield found


def _needless(context: Context, op: Op) -> Lint:
    message = f"{op.code} to the scale and type its input has already"
    gain = context.saved_operators([op])
    return Lint("quantise-pair", "advice", (op.id,), message, gain, "take it out")


def _pair(context: Context, first: Op, second: Op) -> Lint | None:
    """Two conversions in a row, if they are not both needed."""
    start, end = context.input(first), context.output(second)
    if start is None or end is None:
        return None
    alone = context.only_user(first) is second
    gone = [second, *([first] if alone else [])]
    if _is_same(start, end):
        message = f"{first.code} and {second.code} in a row give back what went in"
        remedy = "take both out" if alone else "read the first one's input, and take the second out"
    elif start.dtype == end.dtype and start.dtype == "float32":
        message = f"{first.code} and {second.code} in a row only lose precision"
        remedy = "take both out, unless the rounding is wanted"
    elif start.dtype == end.dtype:
        message = f"{first.code} and {second.code} in a row only change the scale"
        remedy = "one QUANTIZE from scale to scale does it; equal scales need none"
        gone = gone[1:]
    else:
        return None
    gain = _gain(context, [first, second], gone) if gone else None
    severity = "advice" if gone else "note"
    return Lint("quantise-pair", severity, (first.id, second.id), message, gain, remedy)


def _gain(context: Context, pair: list[Op], gone: list[Op]) -> Gain:
    """What is won without those of a pair that go; XNNPACK makes one kernel of two that nobody looks between."""
    if context.only_user(pair[0]) is not pair[1] or any(op.id in context.refused for op in pair):
        return context.saved_operators(gone)
    ends = (pair[0].inputs[0], pair[1].outputs[0])
    tensors = [context.graph(pair[0]).tensors[index] for index in ends]
    moved = sum(byte_size(tensor.dtype, tensor.shape) or 0 for tensor in tensors)
    return context.gain(len(gone), "operators", work.of_bytes(moved) + work.KERNEL)


def _is_same(first: Tensor, second: Tensor) -> bool:
    """True if both hold the same numbers in the same form."""
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    if first.quantisation is None or second.quantisation is None:
        return first.quantisation is second.quantisation and first.dtype != "float32"
    a, b = first.quantisation, second.quantisation
    return (a.kind, a.scale, a.zero_point) == (b.kind, b.scale, b.zero_point)
