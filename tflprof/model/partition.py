"""Which layers a delegate took together, and in which order the runtime runs the parts.

The runtime cuts a graph into *parts*, each wholly delegated or wholly not, by sweeping over the
operators in file order and taking whatever is ready and of the part's kind until nothing more is.
Doing the same gives the delegate's partitions exactly, including partitions that run out of file
order. (Behaviour: LiteRT ``PartitionGraphIntoIndependentNodeSubsets``, greedy.)
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from tflprof.model.graph import Op, Subgraph

_CONTROL_FLOW = frozenset({"IF", "WHILE", "CALL_ONCE"})


@dataclass(frozen=True)
class Part:
    """Operators (indices, in order of execution) that are all delegated or all not."""

    delegated: bool
    ops: tuple[int, ...]


def partition(subgraph: Subgraph, delegated: Set[int]) -> tuple[Part, ...]:
    """Cut a subgraph into parts in order of execution.

    Args:
        subgraph: the graph.
        delegated: indices of the operators that the delegate took.
    """
    waiting = {tensor for op in subgraph.ops for tensor in op.outputs if tensor >= 0}
    before = _side_effect_order(subgraph)
    pending = list(range(len(subgraph.ops)))
    parts: list[Part] = []
    while pending:
        part = _next_part(subgraph, pending, waiting, before, delegated)
        if not part.ops:
            break
        parts.append(part)
        done = set(part.ops)
        pending = [op for op in pending if op not in done]
    return tuple(parts)


def _next_part(
    subgraph: Subgraph, pending: list[int], waiting: set[int], before: dict[int, int], delegated: Set[int]
) -> Part:
    """Sweep until nothing more is ready; makes the outputs of what it takes ready in ``waiting``."""
    kind: bool | None = None
    taken: list[int] = []
    left = list(pending)
    waiting_ops = set(pending)
    while True:
        kept: list[int] = []
        for index in left:
            op = subgraph.ops[index]
            ready = not waiting.intersection(op.inputs) and before.get(index) not in waiting_ops
            if ready and (kind is None or kind == (index in delegated)):
                kind = index in delegated
                taken.append(index)
                waiting_ops.remove(index)
                waiting.difference_update(op.outputs)
            else:
                kept.append(index)
        if len(kept) == len(left):
            return Part(bool(kind), tuple(taken))
        left = kept


def _side_effect_order(subgraph: Subgraph) -> dict[int, int]:
    """Each operator with side effects -> the one with side effects before it."""
    stateful = [op.index for op in subgraph.ops if _has_side_effect(subgraph, op)]
    return dict(zip(stateful[1:], stateful, strict=False))


def _has_side_effect(subgraph: Subgraph, op: Op) -> bool:
    tensors = (*op.inputs, *op.outputs)
    return op.code in _CONTROL_FLOW or any(
        subgraph.tensors[tensor].dtype == "resource" for tensor in tensors if tensor >= 0
    )


def static_ops(subgraph: Subgraph) -> frozenset[int]:
    """Operators whose inputs are all constants, or come from such operators: run once, at init, by the delegate."""
    constant = {tensor.index for tensor in subgraph.tensors if tensor.is_constant}
    found: set[int] = set()
    for op in subgraph.ops:
        inputs = [tensor for tensor in op.inputs if tensor >= 0]
        if inputs and all(tensor in constant for tensor in inputs):
            found.add(op.index)
            constant.update(op.outputs)
    return frozenset(found)
