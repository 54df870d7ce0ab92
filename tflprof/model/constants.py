"""Constant data of a model: which tensors have it, where it lies, and how to read it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import ModelError
from tflprof.model import dtypes
from tflprof.model.graph import Subgraph, Tensor
from tflprof.model.schema import generated
from tflprof.model.sparsity import Level, Sparsity, densify
from tflprof.model.storage import Bytes, FileStamp, MappedFile, damage_as_model_error, map_external, view


class Constants:
    """Buffers of one model: inside the flatbuffer, behind it, or in external files.

    Args:
        path: the model file.
        mapped: the same, mapped.
        root: its generated ``Model`` table.
    """

    def __init__(self, path: Path, mapped: MappedFile, root: Any) -> None:
        self._path = path
        self._mapped = mapped
        self._root = root
        self._files: dict[int, MappedFile] = {}
        self._external = self._map_external()
        self._tensors: dict[tuple[int, int], Tensor] = {}

    @property
    def external_files(self) -> list[Path]:
        """Files beside the model that hold some of its buffers, in the order of their groups."""
        return [self._path.parent / self._group(group) for group in sorted(self._files)]

    @property
    def external_stamps(self) -> list[FileStamp]:
        """Stamps of the same files."""
        stamps = (self._files[group].stamp for group in sorted(self._files))
        return [stamp for stamp in stamps if stamp]

    def measured(self, subgraphs: tuple[Subgraph, ...]) -> tuple[Subgraph, ...]:
        """The subgraphs with ``constant_bytes`` filled in. Raises ValueError outside the file."""
        sized = tuple(
            replace(graph, tensors=tuple(self._measured(graph.index, tensor) for tensor in graph.tensors))
            for graph in subgraphs
        )
        self._tensors = {(graph.index, tensor.index): tensor for graph in sized for tensor in graph.tensors}
        return sized

    def buffer(self, index: int) -> Bytes:
        """Bytes of a buffer of the model, empty if it stores none. Raises ValueError if damaged."""
        if not 0 <= index < self._root.BuffersLength():
            raise ValueError(f"buffer {index} of {self._root.BuffersLength()}")
        table = self._root.Buffers(index)
        if table.Offset() > 1 and table.Size() > 1:
            return view(self._mapped, table.Offset(), table.Size())
        if table.DataIsNone() or not table.DataLength():
            return np.empty(0, np.uint8)
        data: Bytes = table.DataAsNumpy()
        return data

    def load(self, subgraph: int, index: int) -> npt.NDArray[Any]:
        """Data of a constant tensor, see :meth:`tflprof.model.graph.Model.data`."""
        tensor = self._tensors.get((subgraph, index))
        if tensor is None or not tensor.is_constant:
            raise KeyError(f"tensor {index} of subgraph {subgraph} is not a constant")
        with damage_as_model_error(self._path):
            try:
                return self._array(subgraph, tensor)
            except ModelError as error:
                raise ModelError(f"{self._path}: {tensor.name!r}: {error.what}", error.hint) from None

    def _array(self, subgraph: int, tensor: Tensor) -> npt.NDArray[Any]:
        raw = self._raw(subgraph, tensor)
        if not tensor.sparse:
            return dtypes.decode(tensor.dtype, raw, math.prod(tensor.shape)).reshape(tensor.shape)
        stored = len(raw) * 8 // dtypes.BITS.get(tensor.dtype, 8)
        values = dtypes.decode(tensor.dtype, raw, stored)
        return densify(values, self._sparsity(self._table(subgraph, tensor.index).Sparsity()), tensor.shape)

    def _table(self, subgraph: int, index: int) -> Any:
        return self._root.Subgraphs(subgraph).Tensors(index)

    def _measured(self, subgraph: int, tensor: Tensor) -> Tensor:
        self._mapped.touch()
        size = len(self._raw(subgraph, tensor))
        return replace(tensor, constant_bytes=size) if size else tensor

    def _raw(self, subgraph: int, tensor: Tensor) -> Bytes:
        external = self._table(subgraph, tensor.index).ExternalBuffer()
        return self._external[external][1] if external else self.buffer(tensor.buffer)

    def _group(self, index: int) -> str:
        if index >= self._root.ExternalBufferGroupsLength():
            raise ValueError(f"external buffer group {index} of {self._root.ExternalBufferGroupsLength()}")
        name: bytes = self._root.ExternalBufferGroups(index).Name() or b""
        return name.decode("utf-8", "replace")

    def _map_external(self) -> dict[int, tuple[int, Bytes]]:
        """Group and bytes of every external buffer, by its identifier."""
        files = self._files
        found: dict[int, tuple[int, Bytes]] = {}
        for i in range(self._root.ExternalBuffersLength()):
            table = self._root.ExternalBuffers(i)
            group = table.Group()
            if group not in files:
                files[group] = map_external(self._path, self._group(group))
            found[table.Id()] = (group, view(files[group], table.Offset(), table.Length()))
        return found

    def _sparsity(self, table: Any) -> Sparsity:
        order = tuple(table.TraversalOrderAsNumpy().tolist())
        blocks = () if not table.BlockMapLength() else tuple(table.BlockMapAsNumpy().tolist())
        levels = tuple(_level(table.DimMetadata(i)) for i in range(table.DimMetadataLength()))
        return Sparsity(order, blocks, levels)


def _level(table: Any) -> Level:
    if table.Format() == generated().DimensionType.DENSE:
        return Level(table.DenseSize())
    segments = _index_vector(table.ArraySegmentsType(), table.ArraySegments())
    indices = _index_vector(table.ArrayIndicesType(), table.ArrayIndices())
    return Level(0, segments, indices)


def _index_vector(kind: int, union: Any) -> npt.NDArray[np.int64]:
    classes = {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"}
    if union is None or kind not in classes:
        raise ModelError(f"a sparse constant has indices of unknown kind {kind}")
    vector = getattr(generated(), classes[kind])()
    vector.Init(union.Bytes, union.Pos)
    values: npt.NDArray[Any] = vector.ValuesAsNumpy()
    return values.astype(np.int64)
