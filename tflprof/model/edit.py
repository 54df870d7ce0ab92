"""Edits of a .tflite file that keep everything they do not touch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tflprof.model import dtypes, edit_tree
from tflprof.model.build.versions import operator_version
from tflprof.model.edit_view import EditedModel, Ids
from tflprof.model.graph import Quantisation
from tflprof.model.options import fill_options
from tflprof.model.read import open_model
from tflprof.model.schema import enum_value, generated
from tflprof.model.write import code_table, fill_shape, known_code, quantisation_table, save_pieces


@dataclass(frozen=True)
class NewOp:
    """An operator to be put into a model.

    Attributes:
        code: builtin by its schema name, else a custom one of that name.
        inputs: tensor indices, -1 for an absent one.
        outputs: tensor indices.
        options: as :class:`tflprof.model.graph.Op` has them.
        version: None is the lowest that its types and options need.
    """

    code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None


class ModelEditor(EditedModel):
    """A .tflite model that can be changed. Metadata, signatures, other subgraphs and odd parts are kept.

    Operators go by the id that they had in the original file, whatever is put before them; those that replace
    ``0/12`` are ``0/12.0``, ``0/12.1`` …, see :meth:`descendants`. Tensors go by index; indices stay until
    :meth:`prune_unused`. Data shared by several tensors is never changed in place.
    """

    @classmethod
    def open(cls, source: str | os.PathLike[str] | bytes, ids: Ids | None = None) -> ModelEditor:
        """Open a file, or the content of one.

        Args:
            source: path or bytes.
            ids: of the operators of each subgraph, in file order, as :attr:`ids` of the editor that wrote it.

        Raises:
            ModelError: not a model, damaged, or one with parts that cannot be kept.
        """
        model, mapped = open_model(source)
        tree, contents = edit_tree.unpack(model, mapped)
        known = ids or {graph.index: [op.id for op in graph.ops] for graph in model.subgraphs}
        if {i: len(names) for i, names in known.items()} != {g.index: len(g.ops) for g in model.subgraphs}:
            raise ValueError("the ids are those of another file")
        return cls(model, tree, contents, {index: list(names) for index, names in known.items()})

    def add_tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        quantisation: Quantisation | None = None,
        subgraph: int = 0,
    ) -> int:
        """Add a computed tensor and return its index. A dimension of -1 is dynamic."""
        table = generated().TensorT()
        table.name, table.hasRank = name, True
        fill_shape(table, shape)
        table.type = enum_value("TensorType", dtype)
        table.quantization = quantisation_table(quantisation)
        tensors = self._changed(subgraph).tensors
        tensors.append(table)
        return len(tensors) - 1

    def add_constant(
        self,
        name: str,
        values: npt.NDArray[Any],
        quantisation: Quantisation | None = None,
        dtype: str | None = None,
        subgraph: int = 0,
    ) -> int:
        """Add a constant and return its index; ``dtype`` is given for packed types, such as int4."""
        index = self.add_tensor(name, values.shape, dtype or str(values.dtype), quantisation, subgraph)
        self._store(self._tree.subgraphs[subgraph].tensors[index], values, dtype or str(values.dtype))
        return index

    def set_constant(
        self,
        tensor: int,
        values: npt.NDArray[Any],
        quantisation: Quantisation | None = None,
        subgraph: int = 0,
    ) -> None:
        """Give a constant other values, and shape; its type stays. Its quantisation stays if none is given."""
        dtype = self.tensor(tensor, subgraph).dtype
        table = self._changed(subgraph).tensors[tensor]
        fill_shape(table, values.shape)
        if quantisation is not None:
            table.quantization = quantisation_table(quantisation)
        table.sparsity = None
        self._store(table, values, dtype)

    def set_shape(self, tensor: int, shape: Sequence[int], subgraph: int = 0) -> None:
        """Change the shape of a computed tensor. A dimension of -1 is dynamic."""
        fill_shape(self._changed(subgraph).tensors[tensor], shape)

    def set_quantisation(self, tensor: int, quantisation: Quantisation | None, subgraph: int = 0) -> None:
        """Change what the integers of a tensor stand for, not the integers."""
        self._changed(subgraph).tensors[tensor].quantization = quantisation_table(quantisation)

    def set_name(self, tensor: int, name: str, subgraph: int = 0) -> None:
        """Rename a tensor."""
        self._changed(subgraph).tensors[tensor].name = name

    def set_inputs(self, op_id: str, inputs: Sequence[int]) -> None:
        """Connect an operator to other tensors."""
        self._operator(op_id).inputs = list(inputs)

    def set_outputs(self, op_id: str, outputs: Sequence[int]) -> None:
        """Let an operator make other tensors."""
        self._operator(op_id).outputs = list(outputs)

    def set_options(self, op_id: str, **options: Any) -> None:
        """Change some options of an operator. Raises ValueError for one that it does not have."""
        op = self.op(op_id)
        fill_options(self._operator(op_id), op.code, {**op.options, **options})

    def set_version(self, op_id: str, version: int) -> None:
        """Change an operator's version."""
        self._operator(op_id).opcodeIndex = self._code(self.op(op_id).type, version)

    def replace_op(self, op_id: str, ops: Sequence[NewOp]) -> list[str]:
        """Put operators, in order, in the place of one; returns their ids."""
        subgraph, index = self._place(op_id)
        names = [f"{op_id}.{i}" for i in range(len(ops))]
        self._splice(subgraph, slice(index, index + 1), ops, names)
        return names

    def insert_before(self, op_id: str, ops: Sequence[NewOp], name: str) -> list[str]:
        """Put operators before one; their ids are ``subgraph/name.0`` …, which no operator may have."""
        subgraph, index = self._place(op_id)
        names = [f"{subgraph}/{name}.{i}" for i in range(len(ops))]
        if set(names) & set(self.ids[subgraph]):
            raise ValueError(f"there are operators {name!r} already")
        self._splice(subgraph, slice(index, index), ops, names)
        return names

    def remove_op(self, op_id: str) -> None:
        """Remove an operator; its outputs are no longer made (see :meth:`redirect`)."""
        self.replace_op(op_id, [])

    def redirect(self, old: int, new: int, subgraph: int = 0) -> None:
        """Let all that takes one tensor take another, in signatures too. An output keeps its name."""
        table = self._changed(subgraph)
        for op in table.operators:
            op.inputs = [new if i == old else i for i in edit_tree.ints(op.inputs)]
        outputs = edit_tree.ints(table.outputs)
        if old not in outputs:
            return
        if new not in (*edit_tree.ints(table.inputs), *outputs):
            there, here = table.tensors[old], table.tensors[new]
            there.name, here.name = here.name, there.name
        table.outputs = [new if i == old else i for i in outputs]
        for signature in self._tree.signatureDefs or ():
            if signature.subgraphIndex == subgraph:
                for entry in signature.outputs or ():
                    entry.tensorIndex = new if entry.tensorIndex == old else entry.tensorIndex

    def prune_unused(self) -> None:
        """Drop tensors and data that nothing uses any more. Indices of tensors change; operators stay."""
        for index in self.ids:
            self._prune_tensors(index)
        tensors = [tensor for graph in self._tree.subgraphs for tensor in graph.tensors or ()]
        owners = [*tensors, *(self._tree.metadata or ())]
        used = {owner.buffer for owner in owners} | {0, *edit_tree.ints(self._tree.metadataBuffer)}
        kept = sorted(used & set(range(len(self._contents))))
        numbers = {old: new for new, old in enumerate(kept)}
        for owner in owners:
            owner.buffer = numbers[owner.buffer]
        if self._tree.metadataBuffer is not None:
            # Nothing reads it any more, nor checks it.
            stated = edit_tree.ints(self._tree.metadataBuffer)
            self._tree.metadataBuffer = [numbers[i] for i in stated if i in numbers]
        self._contents = [self._contents[old] for old in kept]
        self._seen.clear()

    def to_bytes(self) -> bytes:
        """The content of the edited file."""
        return b"".join(edit_tree.pieces(self._tree, self._contents))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the edited file, beside its place, and move it there when it is whole."""
        save_pieces(path, edit_tree.pieces(self._tree, self._contents))

    def _prune_tensors(self, subgraph: int) -> None:
        graph, table = self.graph(subgraph), self._tree.subgraphs[subgraph]
        used = {*graph.inputs, *graph.outputs}
        for op in graph.ops:
            used |= {*op.inputs, *op.outputs, *op.intermediates}
        for signature in self._tree.signatureDefs or ():
            if signature.subgraphIndex == subgraph:
                entries = [*(signature.inputs or ()), *(signature.outputs or ())]
                used |= {entry.tensorIndex for entry in entries}
        used |= {i for index in used if index >= 0 for i in edit_tree.scale_tensors(table.tensors[index])}
        kept = sorted(used - {-1})
        table.tensors = [table.tensors[old] for old in kept]
        edit_tree.renumber(self._tree, subgraph, {old: new for new, old in enumerate(kept)})

    def _operator(self, op_id: str) -> Any:
        """The table of an operator that is about to change."""
        subgraph, index = self._place(op_id)
        return self._changed(subgraph).operators[index]

    def _changed(self, subgraph: int) -> Any:
        self._seen.pop(subgraph, None)
        return self._tree.subgraphs[subgraph]

    def _splice(self, subgraph: int, where: slice, ops: Sequence[NewOp], names: list[str]) -> None:
        tables = [self._table(subgraph, op) for op in ops]
        self._changed(subgraph).operators[where] = tables
        self.ids[subgraph][where] = names

    def _table(self, subgraph: int, op: NewOp) -> Any:
        tensors = self.graph(subgraph).tensors
        types = [tensors[i].dtype if i >= 0 else None for i in op.inputs]
        table = generated().OperatorT()
        version = op.version or operator_version(op.code, types, op.options)
        table.opcodeIndex = self._code(op.code, version)
        table.inputs, table.outputs = list(op.inputs), list(op.outputs)
        fill_options(table, known_code(op.code), op.options)
        return table

    def _code(self, code: str, version: int) -> int:
        """Number of an operator of a version in the model's table of operator codes."""
        for number, known in enumerate(self._tree.operatorCodes or ()):
            name, custom, stored = edit_tree.code_of(known)
            if (custom or name, stored) == (code, version):
                return number
        self._tree.operatorCodes = [*(self._tree.operatorCodes or ()), code_table(code, version)]
        return len(self._tree.operatorCodes) - 1

    def _store(self, table: Any, values: npt.NDArray[Any], dtype: str) -> None:
        """In a buffer of its own, as another tensor may hold the old one."""
        self._contents.append(dtypes.encode(dtype, values))
        table.buffer = len(self._contents) - 1
