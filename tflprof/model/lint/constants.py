"""Operators whose result is the same at every inference."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.model.graph import Op
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Lint

_BY_DESIGN = frozenset({"DEQUANTIZE", "DENSIFY", "VAR_HANDLE", "CALL_ONCE"})
"""How float16 and sparse weights are stored: unpacked at init, once."""


def lint(context: Context) -> Iterator[Lint]:
    """One lint per subgraph over all operators that only constants feed."""
    for graph in context.model.subgraphs:
        ops = [op for op in graph.ops if context.is_static(op) and op.code not in _BY_DESIGN]
        if ops:
            yield _lint(context, ops)


def _lint(context: Context, ops: list[Op]) -> Lint:
    many = len(ops) > 1
    message = (
        f"{len(ops)} operator{'s' if many else ''} compute{'' if many else 's'} from constants alone: "
        "the same result at every inference"
    )
    remedy = "store the result as a constant, as a converter's constant folding does"
    gain = context.saved_operators(ops)
    return Lint("constant", "advice", tuple(op.id for op in ops), message, gain, remedy)
