"""Which layers a delegate took together, and in which order the runtime runs the parts.

The runtime cuts a graph into *parts*, each wholly delegated or wholly not, by sweeping over the
operators in file order and taking whatever is ready and of the part's kind until nothing more is.
Doing the same gives the delegate's partitions exactly, including partitions that run out of file
order. (Behaviour: LiteRT ``PartitionGraphIntoIndependentNodeSubsets``, greedy.)
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Set
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
    return tuple(_Sweep(subgraph, delegated).parts())


class _Sweep:
    """The runtime's sweeps, each operator looked at once: what is ready waits in a heap by sweep and place."""

    def __init__(self, subgraph: Subgraph, delegated: Set[int]) -> None:
        self.ops = subgraph.ops
        self.delegated = delegated
        self.waiting = {tensor for op in subgraph.ops for tensor in op.outputs if tensor >= 0}
        before = _side_effect_order(subgraph)
        self.after = {first: then for then, first in before.items()}
        self.readers: dict[int, list[int]] = {}
        self.missing: dict[int, int] = {}
        self.ready: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        for op in subgraph.ops:
            tensors = self.waiting.intersection(op.inputs)
            for tensor in tensors:
                self.readers.setdefault(tensor, []).append(op.index)
            self.missing[op.index] = len(tensors) + (op.index in before)
            if not self.missing[op.index]:
                self.ready[op.index in delegated].append((0, op.index))

    def parts(self) -> Iterator[Part]:
        """Parts until nothing is ready; what waits for itself never is."""
        for heap in self.ready.values():
            heapq.heapify(heap)
        while any(self.ready.values()):
            kind = min((index, kind) for kind, heap in self.ready.items() for _, index in heap[:1])[1]
            taken: list[int] = []
            while self.ready[kind]:
                sweep, index = heapq.heappop(self.ready[kind])
                taken.append(index)
                self._finish(sweep, index, kind)
            yield Part(kind, tuple(taken))

    def _finish(self, sweep: int, index: int, kind: bool) -> None:
        """Make ready what waited for an operator: in the same sweep what comes after it in the file."""
        made = self.waiting.intersection(self.ops[index].outputs)
        self.waiting.difference_update(made)
        freed = [reader for tensor in made for reader in self.readers.get(tensor, ())]
        freed += [self.after[index]] if index in self.after else []
        for reader in freed:
            self.missing[reader] -= 1
            if not self.missing[reader]:
                own = reader in self.delegated
                number = sweep + (reader < index) if own == kind else 0
                heapq.heappush(self.ready[own], (number, reader))


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
