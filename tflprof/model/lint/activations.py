"""Activations that could be fused into the layer before them."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.graph import Op
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Lint

FUSABLE = ("RELU", "RELU6", "RELU_N1_TO_1")
"""Activations that .tflite operators carry as an option and kernels apply while they store."""

_CARRIERS = frozenset(
    {"ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "DIV"}
    | {"FULLY_CONNECTED", "MAX_POOL_2D", "MUL", "SUB", "TRANSPOSE_CONV"}
)
_FOLDED_ANYWAY = frozenset(
    {"AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "TRANSPOSE_CONV"}
)
"""Layers into which XNNPACK folds a following clamp by itself; others run it as a kernel, fused or not."""


def lint(context: Context) -> Iterator[Lint]:
    """One lint per activation operator and fate: refused, run as a kernel of its own, or folded all the same."""
    groups: dict[tuple[str, str], list[Op]] = {}
    for op in context.model.ops():
        before = _carrier(context, op)
        if before is not None:
            groups.setdefault((op.code, _fate(context, op, before)), []).append(op)
    for (code, fate), ops in groups.items():
        yield _lint(context, code, fate, ops)


def _carrier(context: Context, op: Op) -> Op | None:
    """The layer that could carry an activation, if nothing else needs its plain result."""
    taken = context.input(op)
    if op.code not in FUSABLE or taken is None or context.is_static(op):
        return None
    before = context.maker(op.subgraph, taken.index)
    if before is None or before.code not in _CARRIERS or context.only_user(before) is not op:
        return None
    fused = before.options.get("fused_activation_function", "NONE")
    return before if fused == "NONE" else None


def _fate(context: Context, op: Op, before: Op) -> str:
    if op.id in context.refused:
        return "refused"
    if before.id in context.refused:
        return "apart"
    return "folded" if before.code in _FOLDED_ANYWAY else "kernel"


_WHY = {
    "refused": "the delegate refuses it in this type, and the runtime's own kernel is slow",
    "apart": "it runs in the delegate, the layer before it does not",
    "folded": "XNNPACK folds it into the layer before all the same",
    "kernel": "XNNPACK runs it as a kernel of its own, fused or not",
}


def _lint(context: Context, code: str, fate: str, ops: list[Op]) -> Lint:
    ids = tuple(op.id for op in ops)
    remedy = "set the fused activation of the layer before; the result is the same"
    message = f"{code} is an operator of its own: {_WHY[fate]}"
    if fate in ("folded", "kernel"):
        return Lint("activation", "note", ids, message, None, remedy + ", and faster in other runtimes")
    return Lint("activation", "advice", ids, message, context.saved_operators(ops), remedy)
