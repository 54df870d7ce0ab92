"""What the CPU delegate refuses: XNNPACK as LiteRT 2.3 sets it up, predicted from the model file alone.

The rules are those by which the delegate claims operators (LiteRT 2.3.0, ``xnnpack_delegate.cc``), with the
flags LiteRT's CPU accelerator gives it by default: signed and unsigned 8-bit kernels, variables and dynamic
shapes allowed, no dynamic weights beyond those of its rules. Other versions differ: newer ones take more.
"""

from __future__ import annotations

from tflprof.model.delegate.sweep import refusals_of
from tflprof.model.graph import Model, Op

DELEGATE = "XNNPACK of LiteRT 2.3"
"""Whose rules these are."""


def refusal(model: Model, op: Op) -> str | None:
    """Why the CPU delegate would refuse an operator, in a few words; None if it takes it.

    Args:
        model: the model it belongs to: whether constants are unpacked at init depends on who uses them.
        op: the operator.
    """
    return refusals(model).get(op.id)


def refusals(model: Model) -> dict[str, str]:
    """All operators of a model that the CPU delegate would refuse, by id, with the reason."""
    skipped = _never_delegated(model)
    found: dict[str, str] = {}
    for graph in model.subgraphs:
        if graph.index in skipped:
            reason = "the runtime keeps delegates out of the subgraph"
            found |= {op.id: reason for op in graph.ops}
        else:
            found |= {graph.ops[index].id: why for index, why in refusals_of(model, graph).items()}
    return found


def _never_delegated(model: Model) -> set[int]:
    """Subgraphs that run once at init, or stand in for a composite: no delegate is asked about them."""
    kinds = ("CALL_ONCE", "STABLEHLO_COMPOSITE")
    return {called for op in model.ops() if op.code in kinds for called in op.subgraphs}
