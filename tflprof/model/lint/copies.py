"""Huge copies: transposes, and look-ups in large tables."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.graph import Op
from tflprof.model.lint import work
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Lint
from tflprof.units import format_bytes, format_share

NOTICEABLE = 0.01
"""Copies below this share of the model's work are normal."""

LARGE_TABLE = 1 << 20
LARGE_SHARE = 0.1
"""A table is huge from 1 MiB on, if it is also a tenth of the weights: below, other things matter more."""

_LOOKUPS = ("GATHER", "EMBEDDING_LOOKUP", "GATHER_ND")
_WIDTHS = {"float32": 4, "float16": 2}


def lint(context: Context) -> Iterator[Lint]:
    """One lint over all transposes that weigh something, one per pair that cancels, one per huge table."""
    yield from _transposes(context)
    for op in context.model.ops():
        found = _table(context, op)
        if found is not None:
            yield found


def _transposes(context: Context) -> Iterator[Lint]:
    ops = [op for op in context.model.ops() if op.code == "TRANSPOSE" and not context.is_static(op)]
    undone = [pair for op in ops if (pair := _undone(context, op)) is not None]
    gone = {op.id: op for pair in undone for op in pair}
    if gone:
        message = f"{len(undone)} TRANSPOSE undo{'es' if len(undone) == 1 else ''} the one before"
        gain = context.saved_operators(list(gone.values()))
        yield Lint("copy", "advice", tuple(gone), message, gain, "take both out")
    left = [op for op in ops if op.id not in gone]
    moved = context.moved_bytes(left)
    gain = context.gain(moved, "bytes", work.of_bytes(moved) + len(left) * work.KERNEL)
    if not moved or gain.share is None or gain.share < NOTICEABLE:
        return
    message = f"{len(left)} TRANSPOSE read and write {format_bytes(moved)}, and compute nothing"
    remedy = (
        "keep one layout (NHWC, channels last) throughout; fold a transposition of weights into the weights"
    )
    yield Lint("copy", "advice", tuple(op.id for op in left), message, gain, remedy)


def _undone(context: Context, op: Op) -> tuple[Op, Op] | None:
    """A transpose before this one that it cancels, if nobody else reads what lies between."""
    x = context.input(op)
    before = context.maker(op.subgraph, x.index) if x is not None else None
    if before is None or before.code != "TRANSPOSE" or context.only_user(before) is not op:
        return None
    first, second = _order(context, before), _order(context, op)
    if first is None or second is None or len(first) != len(second):
        return None
    whole = [first[axis] if 0 <= axis < len(first) else -1 for axis in second]
    return (before, op) if whole == list(range(len(whole))) else None


def _order(context: Context, op: Op) -> list[int] | None:
    order = context.input(op, 1)
    if order is None or not order.is_constant:
        return None
    values = [int(value) for value in context.model.data(op.subgraph, order.index).ravel()]
    return [value + len(values) if value < 0 else value for value in values]


def _table(context: Context, op: Op) -> Lint | None:
    """A float table that rows are looked up in."""
    if op.code not in _LOOKUPS:
        return None
    table = context.input(op, 1 if op.code == "EMBEDDING_LOOKUP" else 0)
    size = table.constant_bytes if table is not None else None
    total = context.cost.total.weight_bytes
    if table is None or size is None or not total or size < LARGE_TABLE or size < LARGE_SHARE * total:
        return None
    width = _WIDTHS.get(table.dtype)
    message = (
        f"{op.code} reads rows of a {format_bytes(size)} table, {format_share(size / total)} of all weights"
    )
    if width is None:
        return Lint("copy", "note", (op.id,), message, None, "a smaller vocabulary or fewer columns")
    saved = size - size // width
    gain = context.gain(saved, "bytes of weights", 0.0)
    remedy = f"store it in int8: {format_bytes(saved)} less to load and keep; rows cost little to dequantise"
    return Lint("copy", "advice", (op.id,), message, gain, remedy)
