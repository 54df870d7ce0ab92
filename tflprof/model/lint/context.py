"""A model with everything the lints ask about it, worked out once."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from tflprof.model.cost import ModelCost, model_cost
from tflprof.model.delegate import refusals
from tflprof.model.graph import Model, Op, Subgraph, Tensor
from tflprof.model.lint import work
from tflprof.model.lint.finding import Gain
from tflprof.model.partition import Part, partition, static_ops

TensorKey = tuple[int, int]
"""Subgraph and tensor."""


@dataclass(frozen=True)
class Context:
    """A model under inspection."""

    model: Model

    @functools.cached_property
    def cost(self) -> ModelCost:
        """MACs and bytes of every operator."""
        return model_cost(self.model)

    @functools.cached_property
    def refused(self) -> dict[str, str]:
        """Operators the CPU delegate refuses, by id, with the reason."""
        return refusals(self.model)

    @functools.cached_property
    def total_work(self) -> float:
        """Work of one run of every operator, in MACs."""
        return sum(self.work(op) for op in self.model.ops() if not self.is_static(op))

    @functools.cached_property
    def _static(self) -> dict[int, frozenset[int]]:
        return {graph.index: static_ops(graph) for graph in self.model.subgraphs}

    @functools.cached_property
    def _users(self) -> dict[TensorKey, tuple[Op, ...]]:
        found: dict[TensorKey, list[Op]] = {}
        for op in self.model.ops():
            for tensor in dict.fromkeys(op.inputs):
                found.setdefault((op.subgraph, tensor), []).append(op)
        return {key: tuple(ops) for key, ops in found.items()}

    @functools.cached_property
    def _makers(self) -> dict[TensorKey, Op]:
        return {(op.subgraph, tensor): op for op in self.model.ops() for tensor in op.outputs}

    def is_static(self, op: Op) -> bool:
        """True if nothing of it depends on the model's inputs."""
        return op.index in self._static[op.subgraph]

    def graph(self, op: Op) -> Subgraph:
        """The subgraph it belongs to."""
        return self.model.subgraphs[op.subgraph]

    def input(self, op: Op, position: int = 0) -> Tensor | None:
        """Its n-th input; None if absent."""
        return self._tensor(op, op.inputs, position)

    def output(self, op: Op, position: int = 0) -> Tensor | None:
        """Its n-th output; None if absent."""
        return self._tensor(op, op.outputs, position)

    def _tensor(self, op: Op, indices: tuple[int, ...], position: int) -> Tensor | None:
        present = position < len(indices) and indices[position] >= 0
        return self.graph(op).tensors[indices[position]] if present else None

    def users(self, subgraph: int, tensor: int) -> tuple[Op, ...]:
        """Operators that read a tensor."""
        return self._users.get((subgraph, tensor), ())

    def maker(self, subgraph: int, tensor: int) -> Op | None:
        """The operator that computes a tensor."""
        return self._makers.get((subgraph, tensor))

    def is_output(self, op: Op) -> bool:
        """True if the subgraph hands one of its outputs to whoever called it."""
        return not set(op.outputs).isdisjoint(self.graph(op).outputs)

    def only_user(self, op: Op) -> Op | None:
        """The one operator that reads its one output, if nobody else sees it."""
        if len(op.outputs) != 1 or self.is_output(op):
            return None
        users = self.users(op.subgraph, op.outputs[0])
        return users[0] if len(users) == 1 else None

    def parts(self, taken: Iterable[str] = ()) -> list[Part]:
        """How the delegate cuts the model up, if it also took the operators of these ids."""
        refused = set(self.refused) - set(taken)
        found: list[Part] = []
        for graph in self.model.subgraphs:
            delegated = {op.index for op in graph.ops if op.id not in refused}
            found.extend(partition(graph, delegated))
        return found

    def delegated_parts(self, taken: Iterable[str] = ()) -> int:
        """Partitions of the delegate, if it also took the operators of these ids."""
        return sum(part.delegated for part in self.parts(taken))

    def elements(self, op: Op, tensor: int) -> int:
        """Elements of a tensor of an operator's subgraph, a dynamic size counted as 1."""
        return math.prod(max(size, 1) for size in self.graph(op).tensors[tensor].shape)

    def moved_bytes(self, ops: Iterable[Op]) -> int:
        """Bytes of activations that operators read and write; unknown ones count as none."""
        return sum(self.cost.ops[op.id].activation_bytes or 0 for op in ops)

    def gain(self, value: float, unit: str, macs: float, beyond: float = 0.0) -> Gain:
        """A gain of ``value`` in ``unit``, worth ``macs`` on the common scale.

        Args:
            value: how much.
            unit: of what.
            macs: the same as work.
            beyond: work of which the gain is a part, and which the model's total lacks.
        """
        total = self.total_work + beyond
        return Gain(value, unit, min(macs / total, 1.0) if total > 0 else None)

    def saved_operators(self, ops: list[Op]) -> Gain:
        """What is won if these operators are gone: their calls and what they move."""
        return self.gain(len(ops), "operators", sum(self.work(op) for op in ops))

    def work(self, op: Op) -> float:
        """Work of one operator where it runs, in MACs."""
        cost = self.cost.ops[op.id]
        return work.of(cost) + (self.lost(op) if op.id in self.refused else 0.0)

    def lost(self, op: Op) -> float:
        """What an operator costs more outside the delegate than in it, in MACs."""
        sizes = [self.elements(op, index) for index in (*op.inputs, *op.outputs) if index >= 0]
        touched = max(sizes, default=0)
        if op.code == "AVERAGE_POOL_2D" and op.outputs:
            window = op.options.get("filter_height", 1) * op.options.get("filter_width", 1)
            touched = self.elements(op, op.outputs[0]) * max(int(window), 1)
        if op.code == "POW" and self._is_whole_power(op):
            touched = 0  # the runtime multiplies then, as the delegate would
        return work.lost(op.code, self.cost.ops[op.id], touched)

    def _is_whole_power(self, op: Op) -> bool:
        """True if the exponent is one stored whole number."""
        exponent = self.input(op, 1)
        if exponent is None or not exponent.is_constant:
            return False
        values = self.model.data(op.subgraph, exponent.index).ravel()
        return values.size == 1 and float(values[0]).is_integer()
