"""Write .tflite files: graphs assembled call by call, packed straight into a flatbuffer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import flatbuffers
import numpy as np
import numpy.typing as npt

from tflprof.model import dtypes
from tflprof.model.buffers import BufferTable, file_pieces, needs_tail, room
from tflprof.model.graph import Quantisation
from tflprof.model.options import fill_options
from tflprof.model.schema import enum_value, generated
from tflprof.model.storage import IDENTIFIER, Bytes

_HOLE = 1 << 20


class GraphWriter:
    """One subgraph under construction; made by :meth:`ModelWriter.subgraph`."""

    def __init__(self, model: ModelWriter, index: int, name: str) -> None:
        self.index = index
        self.name = name
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.names: list[str] = []
        self.dtypes: list[str] = []
        self._model = model
        self._tensors: list[Any] = []
        self._operators: list[Any] = []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        quantisation: Quantisation | None = None,
        *,
        variable: bool = False,
        buffer: int = 0,
    ) -> int:
        """Add a computed tensor and return its index. A dimension of -1 is dynamic."""
        table = generated().TensorT()
        table.name = name
        fill_shape(table, shape)
        table.type = enum_value("TensorType", dtype)
        table.hasRank = True
        table.isVariable = variable
        table.buffer = buffer
        table.quantization = quantisation_table(quantisation)
        self._tensors.append(table)
        self.names.append(name)
        self.dtypes.append(dtype)
        return len(self._tensors) - 1

    def input(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        quantisation: Quantisation | None = None,
    ) -> int:
        """Add a tensor and make it the next input of the subgraph."""
        index = self.tensor(name, shape, dtype, quantisation)
        self.inputs.append(index)
        return index

    def constant(
        self,
        name: str,
        values: npt.ArrayLike,
        quantisation: Quantisation | None = None,
        dtype: str | None = None,
    ) -> int:
        """Add a constant tensor. Its type is that of the array unless ``dtype`` names a packed one."""
        array = np.asarray(values)
        stored = dtype or str(array.dtype)
        buffer = self._model.buffer(dtypes.encode(stored, array))
        return self.tensor(name, array.shape, stored, quantisation, buffer=buffer)

    def shared(self, other: GraphWriter, tensor: int) -> int:
        """Add the constant ``tensor`` of another subgraph to this one: two tensors, one buffer."""
        theirs = other._tensors[tensor]
        index = self.tensor(theirs.name, theirs.shape, other.dtypes[tensor], buffer=theirs.buffer)
        self._tensors[index].quantization = theirs.quantization
        return index

    def op(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Mapping[str, Any] | None = None,
        version: int = 1,
    ) -> None:
        """Add an operator: a builtin by its schema name, else a custom one of that name.

        ``options`` are as :class:`tflprof.model.graph.Op` has them; those of a custom operator are
        ``custom_options``, bytes. Raises ValueError for an option the operator does not have.
        """
        table = generated().OperatorT()
        table.opcodeIndex = self._model.operator_code(code, version)
        table.inputs, table.outputs = list(inputs), list(outputs)
        fill_options(table, known_code(code), options or {})
        self._operators.append(table)

    def output(self, *tensors: int) -> None:
        """Make tensors the next outputs of the subgraph."""
        self.outputs.extend(tensors)

    def table(self) -> Any:
        """The generated ``SubGraphT``."""
        table = generated().SubGraphT()
        table.name = self.name
        table.tensors, table.operators = self._tensors, self._operators
        table.inputs, table.outputs = self.inputs, self.outputs
        return table


class ModelWriter:
    """A model under construction. The same calls always give the same bytes."""

    def __init__(self, description: str = "") -> None:
        self._description = description
        self._graphs: list[GraphWriter] = []
        self._signatures: list[Any] = []
        self._metadata: list[Any] = []
        self._codes: dict[tuple[str, int], int] = {}
        self._buffers: list[Bytes] = [np.empty(0, np.uint8)]

    def subgraph(self, name: str = "main") -> GraphWriter:
        """Start the next subgraph; the first is the main one."""
        graph = GraphWriter(self, len(self._graphs), name)
        self._graphs.append(graph)
        return graph

    def signature(
        self,
        graph: GraphWriter,
        key: str = "serving_default",
        inputs: Mapping[str, int] | None = None,
        outputs: Mapping[str, int] | None = None,
    ) -> None:
        """Add an entry point to a finished subgraph; inputs and outputs go by tensor name if not given."""
        table = generated().SignatureDefT()
        table.signatureKey = key
        table.subgraphIndex = graph.index
        table.inputs = _tensor_maps(graph, graph.inputs, inputs)
        table.outputs = _tensor_maps(graph, graph.outputs, outputs)
        self._signatures.append(table)

    def metadata(self, name: str, content: bytes) -> None:
        """Attach a named blob to the model."""
        table = generated().MetadataT()
        table.name = name
        table.buffer = self.buffer(np.frombuffer(content, np.uint8))
        self._metadata.append(table)

    def buffer(self, content: Bytes) -> int:
        """Store bytes (not copied: do not change them before writing) and return their number."""
        self._buffers.append(content)
        return len(self._buffers) - 1

    def operator_code(self, code: str, version: int) -> int:
        """Number of an operator of a version in the model's table of operator codes."""
        return self._codes.setdefault((code, version), len(self._codes))

    def to_bytes(self) -> bytes:
        """The file's content. Buffers go behind the flatbuffer if all is too big for one (2 GB)."""
        return b"".join(self._pieces(self._needs_tail()))

    def save(self, path: str | os.PathLike[str], *, tail: bool | None = None) -> None:
        """Write the file piece by piece, beside its place, and move it there when it is whole.

        Args:
            path: file to write, replaced if it exists; a model read from there stays valid.
            tail: put buffers behind the flatbuffer; None does so only if they need it.
        """
        save_pieces(path, self._pieces(self._needs_tail() if tail is None else tail))

    def _needs_tail(self) -> bool:
        return needs_tail(self._buffers)

    def _pieces(self, tail: bool) -> Iterator[bytes | memoryview]:
        return file_pieces(self._pack, self._buffers, tail)

    def _pack(self, buffers: list[BufferTable]) -> bytes:
        table = generated().ModelT()
        table.version = 3
        table.description = self._description
        table.operatorCodes = [code_table(code, version) for code, version in self._codes]
        table.subgraphs = [graph.table() for graph in self._graphs]
        table.signatureDefs = self._signatures or None
        table.metadata = self._metadata or None
        table.buffers = buffers
        builder = flatbuffers.Builder(room(buffers))
        builder.Finish(table.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())


def known_code(code: str) -> str:
    """The schema's name of an operator: itself, or ``CUSTOM``."""
    return code if hasattr(generated().BuiltinOperator, code) else "CUSTOM"


def code_table(code: str, version: int) -> Any:
    """``OperatorCodeT`` of an operator of a version; a custom one if the schema does not know its name."""
    table = generated().OperatorCodeT()
    number = enum_value("BuiltinOperator", known_code(code))
    table.builtinCode = number
    # Readers older than the wide field look only at this one; 127 sends newer ones there.
    table.deprecatedBuiltinCode = min(number, 127)
    table.customCode = code if known_code(code) == "CUSTOM" else None
    table.version = version
    return table


def save_pieces(path: str | os.PathLike[str], pieces: Iterator[bytes | memoryview]) -> None:
    """Write a file piece by piece, beside its place, and move it there when it is whole."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            for piece in pieces:
                _write_with_holes(file, piece)
            file.truncate()
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _write_with_holes(file: BinaryIO, piece: bytes | memoryview) -> None:
    """Write what is not zero and step over what is, so that empty tables take no room on the disk."""
    if len(piece) < _HOLE:
        file.write(piece)
        return
    for start in range(0, len(piece), _HOLE):
        part = np.frombuffer(piece[start : start + _HOLE], np.uint8)
        if part.any():
            file.write(part.data)
        else:
            file.seek(len(part), os.SEEK_CUR)


def fill_shape(table: Any, shape: Sequence[int]) -> None:
    """Give a ``TensorT`` its shape. A dimension of -1 is dynamic."""
    table.shape = [1 if size < 0 else size for size in shape]
    table.shapeSignature = list(shape) if any(size < 0 for size in shape) else None


def _tensor_maps(graph: GraphWriter, tensors: list[int], named: Mapping[str, int] | None) -> list[Any]:
    out = []
    for name, index in (named or {graph.names[index]: index for index in tensors}).items():
        table = generated().TensorMapT()
        table.name, table.tensorIndex = name, index
        out.append(table)
    return out


def quantisation_table(quantisation: Quantisation | None) -> Any:
    """``QuantizationParametersT``; real-valued tensors have none."""
    if quantisation is None:
        return None
    table = generated().QuantizationParametersT()
    table.scale = list(quantisation.scale)
    table.zeroPoint = list(quantisation.zero_point)
    table.quantizedDimension = quantisation.axis
    if quantisation.kind == "block":
        table.detailsType = generated().QuantizationDetails.BlockwiseQuantization
        table.details = generated().BlockwiseQuantizationT()
        table.details.scales = quantisation.scale_tensor or 0
        table.details.zeroPoints = quantisation.zero_point_tensor or 0
        table.details.blockSize = quantisation.block_size or 0
    return table
