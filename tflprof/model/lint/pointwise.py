"""How much of a model is 1×1 convolution, which can be factorised layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.graph import Op
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Lint
from tflprof.units import format_share

NOTICEABLE = 0.25
"""Below a quarter of the MACs, factorising them cannot win much."""

RANK = 0.6
"""Rank assumed for the gain, in parts of the one at which two thin layers cost as much as the full one."""


def lint(context: Context) -> Iterator[Lint]:
    """One lint for all 1×1 convolutions."""
    total = context.cost.total.macs
    ops = [op for op in context.model.ops() if _is_pointwise(context, op)]
    macs = sum(context.cost.ops[op.id].macs or 0 for op in ops)
    if not total or not ops or macs < NOTICEABLE * total:
        return
    saved = (1 - RANK) * macs
    gain = context.gain(saved, "MACs", saved)
    message = f"1×1 convolutions are {format_share(macs / total)} of all MACs"
    remedy = (
        f"factorised at {RANK:g} of the break-even rank, all of them, they need {format_share(1 - RANK)} less; "
        "how many stand it is up to accuracy"
    )
    yield Lint("pointwise", "note", tuple(op.id for op in ops), message, gain, remedy)


def _is_pointwise(context: Context, op: Op) -> bool:
    weights = context.input(op, 1)
    return op.code == "CONV_2D" and weights is not None and weights.shape[1:3] == (1, 1)
