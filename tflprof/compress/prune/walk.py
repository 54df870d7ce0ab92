"""The walk over a graph that finds which channels go together: what rules of operators work with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tflprof.compress.prune.channels import Channels, Numbers, regrouped
from tflprof.model.graph import Op, Subgraph, Tensor

Values = Callable[[int], npt.NDArray[np.generic]]
"""Data of a constant by tensor."""

UNFOLLOWED = (
    "it meets values whose channels are not followed (the model's input, or behind a layer that mixes them)"
)


class Walk:
    """A graph, the channels found so far, and which operator said what about which constant.

    Args:
        graph: the main subgraph.
        values: data of its constants.
    """

    def __init__(self, graph: Subgraph, values: Values) -> None:
        self.graph = graph
        self.channels = Channels()
        self.producers: dict[str, Numbers] = {}
        self._values = values
        self._known: dict[int, set[str]] = {}
        self._widened = {
            op.outputs[0]: op.inputs[0]
            for op in graph.ops
            if op.code == "DEQUANTIZE" and graph.tensors[op.inputs[0]].is_constant
        }

    def tensor(self, index: int) -> Tensor:
        """A tensor of the graph."""
        return self.graph.tensors[index]

    def shape(self, index: int) -> tuple[int, ...]:
        """Its shape as stored."""
        return self.tensor(index).shape

    def is_constant(self, index: int) -> bool:
        """Whether a tensor is stored, or widened from one that is."""
        return index in self._widened or (index >= 0 and self.tensor(index).is_constant)

    def ints(self, index: int) -> list[int] | None:
        """Values of a constant of integers; None if it is computed."""
        return [int(v) for v in np.ravel(self._values(index))] if self.tensor(index).is_constant else None

    def stored(self, index: int) -> int:
        """The constant behind a tensor."""
        return self._widened.get(index, index)

    def label_constant(self, op: Op, index: int, dim: int, numbers: Numbers) -> None:
        """Positions along a dimension of a constant, as an operator uses it, are these channels."""
        for tensor in dict.fromkeys((index, self.stored(index))):
            self.channels.label(tensor, dim, numbers)
            self._known.setdefault(tensor, set()).add(op.id)

    def uses_of_constants(self) -> list[tuple[Op, int]]:
        """Operators that use a constant with channels without having said how, with the constant."""
        return [
            (op, index)
            for op in self.graph.ops
            for index in op.inputs
            if index in self._known and op.id not in self._known[index]
            if not (op.code == "DEQUANTIZE" and op.outputs[0] in self._known)
        ]

    def odd_constant(self, index: int, dim: int, size: int) -> str | None:
        """Why ``size`` positions along a dimension of a constant cannot be cut; None if they can."""
        tensor = self.tensor(self.stored(index))
        if not self.is_constant(index):
            return f"{tensor.name!r} is computed and not stored"
        if dim >= len(tensor.shape) or tensor.shape[dim] != size:
            return f"{tensor.name!r} has the unusual shape {list(tensor.shape)}"
        if tensor.sparse:
            return f"{tensor.name!r} is stored sparse"
        if tensor.quantisation is not None and tensor.quantisation.kind not in ("tensor", "channel"):
            return f"{tensor.name!r} is quantised in blocks"
        return None

    def freeze_inputs(self, op: Op, reason: str) -> None:
        """No channels of what an operator takes can be cut."""
        for index in op.inputs:
            if index >= 0:
                self.channels.freeze_tensor(index, f"{reason} ({op.type} {op.id})")

    def same(self, op: Op, source: int, target: int, dim: int | None = None) -> None:
        """The output has the channels of an input, along ``dim`` if it is another dimension."""
        if (found := self.channels.of(source)) is None:
            return
        place = found[0] if dim is None else dim
        if place < len(self.shape(target)) and self.shape(target)[place] == len(found[1]):
            self.channels.label(target, place, found[1])
        else:
            self.freeze_inputs(op, "its channels are lost")

    def regroup(self, op: Op, source: int, target: tuple[int, ...]) -> tuple[int, Numbers] | None:
        """Channels of an input in another shape; frozen, and None, if they cannot be followed."""
        if (found := self.channels.of(source)) is None:
            return None
        shape = self.shape(source)
        changed = None if -1 in self.tensor(source).shape_signature[1:] else regrouped(shape, *found, target)
        if changed is None:
            self.freeze_inputs(op, "it takes channels apart")
        return changed
