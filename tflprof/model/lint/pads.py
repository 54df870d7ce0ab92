"""PAD operators whose work the layer after them could do."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.graph import Op
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Lint
from tflprof.units import format_bytes

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_POOLS = ("MAX_POOL_2D",)


def lint(context: Context) -> Iterator[Lint]:
    """One lint per fate of PADs over height and width that only layers without padding of their own read."""
    groups: dict[tuple[bool, str, str], list[Op]] = {}
    for op in context.model.ops():
        users = [user for tensor in op.outputs for user in context.users(op.subgraph, tensor)]
        if op.code != "PAD" or not users or context.is_output(op) or not _is_spatial(context, op):
            continue
        if all(_takes_padding(user) for user in users):
            folded, reason = _fate(context, op, users)
            groups.setdefault((folded, reason, _remedy(context, op, users)), []).append(op)
    for (folded, reason, remedy), ops in groups.items():
        yield _lint(context, folded, reason, remedy, ops)


def _is_spatial(context: Context, op: Op) -> bool:
    """True if it pads height and width by constants, and nothing else."""
    x, amounts = context.input(op), context.input(op, 1)
    if x is None or amounts is None or not amounts.is_constant or amounts.shape != (4, 2):
        return False
    values = context.model.data(op.subgraph, amounts.index)
    return bool((values >= 0).all() and (values[[0, 3]] == 0).all() and (values[1:3] > 0).any())


def _takes_padding(user: Op) -> bool:
    return user.code in (*_CONVOLUTIONS, *_POOLS) and user.options.get("padding", "SAME") == "VALID"


def _fate(context: Context, op: Op, users: list[Op]) -> tuple[bool, str]:
    """Whether XNNPACK folds a PAD into its reader, and why."""
    refused = [each for each in (op, *users) if each.id in context.refused]
    if refused:
        return False, f"{refused[0].code} is outside the delegate"
    if len(users) > 1:
        return False, "several layers read it"
    if users[0].code in _POOLS:
        return False, f"{users[0].code} has no kernel that pads with zeros"
    return True, "XNNPACK folds it into the convolution after it, other runtimes copy the image"


def _lint(context: Context, folded: bool, reason: str, remedy: str, ops: list[Op]) -> Lint:
    ids = tuple(op.id for op in ops)
    if folded:
        return Lint("pad", "note", ids, f"PAD before a convolution: {reason}", None, remedy)
    message = f"PAD copies {format_bytes(context.moved_bytes(ops))}; XNNPACK does not fold it: {reason}"
    return Lint("pad", "advice", ids, message, context.saved_operators(ops), remedy)


def _remedy(context: Context, op: Op, users: list[Op]) -> str:
    if all(_is_same_padding(context, op, user) for user in users):
        return "padding SAME in the layer after gives the same result"
    return "padding SAME in the layer after does it, if the model is trained so: it pads other sides than this PAD"


def _is_same_padding(context: Context, op: Op, user: Op) -> bool:
    """True if SAME would pad as this PAD does; zeros only stand for nothing where they are summed."""
    x, amounts, weights = context.input(op), context.input(op, 1), context.input(user, 1)
    if x is None or amounts is None or weights is None or user.code in _POOLS:
        return False
    if x.is_dynamic or len(x.shape) != len(weights.shape) or len(x.shape) != 4:
        return False
    values = context.model.data(op.subgraph, amounts.index)
    return all(
        _same(x.shape[axis], weights.shape[axis], user, side) == tuple(int(v) for v in values[axis])
        for axis, side in ((1, "h"), (2, "w"))
    )


def _same(size: int, kernel: int, user: Op, side: str) -> tuple[int, int]:
    """Rows before and after that SAME adds along one side."""
    stride = int(user.options.get(f"stride_{side}", 1)) or 1
    reach = (kernel - 1) * int(user.options.get(f"dilation_{side}_factor", 1)) + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2
