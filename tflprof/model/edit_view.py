"""A .tflite model that is being edited, as the frozen graph's parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import ModelError
from tflprof.model import dtypes, edit_tree
from tflprof.model.graph import Model, Op, Subgraph, Tensor

Ids = dict[int, list[str]]
"""Ids of the operators of each subgraph, in file order."""


class EditedModel:
    """What a model is like now.

    Attributes:
        original: the model as it was opened.
        ids: of the operators of each subgraph as they now stand.
    """

    def __init__(self, original: Model, tree: Any, contents: list[npt.NDArray[np.uint8]], ids: Ids) -> None:
        self.original = original
        self.ids = ids
        self._tree = tree
        self._contents = contents
        self._seen: dict[int, Subgraph] = {}

    def graph(self, subgraph: int = 0) -> Subgraph:
        """A subgraph as it is now; ``index`` of its operators counts as they now stand."""
        if subgraph not in self._seen:
            table = self._tree.subgraphs[subgraph]
            codes = [edit_tree.code_of(code) for code in self._tree.operatorCodes or ()]
            operators = zip(table.operators or (), self.ids[subgraph], strict=True)
            self._seen[subgraph] = Subgraph(
                index=subgraph,
                name=edit_tree.text(table.name),
                tensors=tuple(
                    edit_tree.tensor_of(tensor, i, len(self._contents[tensor.buffer]))
                    for i, tensor in enumerate(table.tensors or ())
                ),
                ops=tuple(
                    edit_tree.op_of(op, codes[op.opcodeIndex], op_id, i)
                    for i, (op, op_id) in enumerate(operators)
                ),
                inputs=edit_tree.ints(table.inputs),
                outputs=edit_tree.ints(table.outputs),
            )
        return self._seen[subgraph]

    def op(self, op_id: str) -> Op:
        """The operator of this id. Raises KeyError if there is none (any more)."""
        subgraph, index = self._place(op_id)
        return self.graph(subgraph).ops[index]

    def descendants(self, op_id: str) -> list[Op]:
        """What stands for an operator of the original: itself, those that replaced it, or nothing."""
        graph = self.graph(int(op_id.partition("/")[0]))
        return [op for op in graph.ops if op.id == op_id or op.id.startswith(f"{op_id}.")]

    def tensor(self, index: int, subgraph: int = 0) -> Tensor:
        """A tensor as it is now."""
        if subgraph in self._seen:
            return self._seen[subgraph].tensors[index]
        # To look at all of the graph after each of many edits would take the square of its size.
        table = self._tree.subgraphs[subgraph].tensors[index]
        return edit_tree.tensor_of(table, index, len(self._contents[table.buffer]))

    def consumers(self, tensor: int, subgraph: int = 0) -> list[Op]:
        """Operators that take a tensor, in file order."""
        return [op for op in self.graph(subgraph).ops if tensor in op.inputs]

    def producer(self, tensor: int, subgraph: int = 0) -> Op | None:
        """The operator that makes a tensor; None for inputs and constants."""
        return next((op for op in self.graph(subgraph).ops if tensor in op.outputs), None)

    def constant_values(self, tensor: int, subgraph: int = 0) -> npt.NDArray[Any]:
        """Values of a constant, in its stored type and shape, as :meth:`Model.data` has them; not to be changed.

        Raises ModelError for a computed tensor and for sparse data.
        """
        seen = self.tensor(tensor, subgraph)
        if not seen.is_constant or seen.sparse:
            kind = "stored sparse" if seen.sparse else "computed"
            raise ModelError(
                f"tensor {seen.name!r} of {self.original.path} is {kind}: it has no plain values"
            )
        values = dtypes.decode(seen.dtype, self._contents[seen.buffer], int(np.prod(seen.shape)))
        return values.reshape(seen.shape)

    def _place(self, op_id: str) -> tuple[int, int]:
        subgraph = int(op_id.partition("/")[0])
        try:
            return subgraph, self.ids[subgraph].index(op_id)
        except (KeyError, ValueError):
            raise KeyError(op_id) from None
