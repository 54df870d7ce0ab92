"""Floating-point islands in quantised graphs."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.delegate.plain import FLOAT_UNARY
from tflprof.model.graph import Op, Tensor
from tflprof.model.lint import work
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Lint
from tflprof.units import format_bytes

_BY_ELEMENT = FLOAT_UNARY | {
    "ADD",
    "DIV",
    "ELU",
    "LEAKY_RELU",
    "LOGISTIC",
    "MAXIMUM",
    "MINIMUM",
    "MUL",
    "SUB",
    "TANH",
}
_FLOAT = ("float32", "float16")


def lint(context: Context) -> Iterator[Lint]:
    """One lint per region of float operators between 8-bit ones."""
    seen: set[str] = set()
    for op in context.model.ops():
        if op.id in seen or not _is_float(context, op):
            continue
        region = _region(context, op)
        seen.update(member.id for member in region)
        found = _lint(context, region)
        if found is not None:
            yield found


def _is_float(context: Context, op: Op) -> bool:
    """True for an operator that computes floats from floats at every inference."""
    if op.code in ("QUANTIZE", "DEQUANTIZE") or context.is_static(op) or op.subgraphs:
        return False
    tensors = [context.input(op, i) for i in range(len(op.inputs))]
    computed = [t for t in (*tensors, context.output(op)) if t is not None and not t.is_constant]
    return bool(computed) and any(t.dtype in _FLOAT for t in computed)


def _region(context: Context, start: Op) -> list[Op]:
    """Float operators connected with one, not across quantisation."""
    found = {start.index: start}
    waiting = [start]
    while waiting:
        at = waiting.pop()
        for op in (*_before(context, at), *_after(context, at)):
            if op.index not in found and _is_float(context, op):
                found[op.index] = op
                waiting.append(op)
    return [found[index] for index in sorted(found)]


def _before(context: Context, op: Op) -> list[Op]:
    makers = (context.maker(op.subgraph, tensor) for tensor in op.inputs)
    return [maker for maker in makers if maker is not None]


def _after(context: Context, op: Op) -> list[Op]:
    return [user for tensor in op.outputs for user in context.users(op.subgraph, tensor)]


def _lint(context: Context, region: list[Op]) -> Lint | None:
    """A region with 8-bit work on both sides."""
    ids = {op.id for op in region}
    entries = [
        op
        for op in dict.fromkeys(b.id for each in region for b in _before(context, each))
        if op not in ids and context.model.op(op).code == "DEQUANTIZE"
    ]
    exits = [
        op
        for op in dict.fromkeys(a.id for each in region for a in _after(context, each))
        if op not in ids and context.model.op(op).code == "QUANTIZE"
    ]
    entries = [op for op in entries if not context.is_static(context.model.op(op))]
    if not entries or not exits:
        return None
    borders = [context.model.op(op) for op in (*entries, *exits)]
    if _is_lookup(context, region, len(entries), len(exits)):
        message = "floats between 8-bit layers: XNNPACK makes one 8-bit table look-up of all of it"
        remedy = (
            "leave it: an operator on 8-bit values would win nothing here; other runtimes convert and compute"
        )
        return Lint("float-island", "note", tuple(op.id for op in region), message, None, remedy)
    saved = _saved_bytes(context, region, borders)
    # Element by element, 8-bit kernels take as many instructions as those for floats: only the conversions go.
    conversions = work.of_bytes(context.moved_bytes(borders)) + len(borders) * work.KERNEL
    gain = context.gain(saved, "bytes", conversions) if saved else None
    message = (
        f"{_counted(len(region))} in floats between 8-bit layers: {len(borders)} conversions, "
        f"and activations four times as large"
    )
    less = f"{format_bytes(saved)} less to move and " if saved else ""
    remedy = (
        f"quantise them too: {less}{len(borders)} conversions fewer; "
        "if the converter left them, calibrate them or replace what has no 8-bit kernel"
    )
    return Lint("float-island", "advice", tuple(op.id for op in region), message, gain, remedy)


def _counted(operators: int) -> str:
    return "1 operator computes" if operators == 1 else f"{operators} operators compute"


def _saved_bytes(context: Context, region: list[Op], borders: list[Op]) -> int:
    """Float activations at a quarter of their size, and no conversions."""
    inside = sum(_float_bytes(context, op) * 3 // 4 for op in region)
    return inside + context.moved_bytes(borders)


def _float_bytes(context: Context, op: Op) -> int:
    tensors = {i: context.graph(op).tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0}
    return sum(_bytes(tensor) for tensor in tensors.values())


def _bytes(tensor: Tensor) -> int:
    if tensor.dtype != "float32" or tensor.is_constant or tensor.is_dynamic:
        return 0
    count = 4
    for size in tensor.shape:
        count *= size
    return count


def _is_lookup(context: Context, region: list[Op], entries: int, exits: int) -> bool:
    """True if every value depends on one 8-bit value alone: element by element, from one tensor to one tensor."""
    if entries != 1 or exits != 1 or any(op.id in context.refused or context.is_output(op) for op in region):
        return False
    return all(op.code in _BY_ELEMENT and not _has_constant(context, op) for op in region)


def _has_constant(context: Context, op: Op) -> bool:
    return any(context.graph(op).tensors[index].is_constant for index in op.inputs if index >= 0)
