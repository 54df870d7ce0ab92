"""The frozen graph of a .tflite model, as the rest of the package sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tflprof.model.storage import FileStamp


@dataclass(frozen=True)
class Quantisation:
    """How integers of a tensor stand for real values: ``real = scale * (q - zero_point)``.

    Attributes:
        kind: ``tensor``, ``channel`` or ``block``; ``custom`` if only its own kernel knows.
        scale: scales, one or one per channel; empty for ``block`` (they are a tensor).
        zero_point: as many as scales.
        axis: the quantised dimension of ``channel`` and ``block``.
        block_size: elements per block along the axis, ``block`` only.
        scale_tensor: index of the tensor that holds the scales of ``block``.
        zero_point_tensor: likewise for its zero points.
    """

    kind: str
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0
    block_size: int | None = None
    scale_tensor: int | None = None
    zero_point_tensor: int | None = None


@dataclass(frozen=True)
class Tensor:
    """One tensor of a subgraph.

    Attributes:
        index: its number in the subgraph.
        name: name as stored, data and never code.
        dtype: schema type in lower case: ``float32``, ``int8``, ``string`` …
        shape: dimensions as stored; a dynamic one is stored as 1 (see ``shape_signature``).
        shape_signature: dimensions with -1 where dynamic; equals ``shape`` if static.
        has_rank: False if the rank itself is unknown.
        quantisation: None for real-valued tensors.
        sparse: True if stored with sparsity parameters.
        is_variable: True for state kept between inferences.
        constant_bytes: size of its constant data, None if it is computed.
        buffer: index of its buffer.
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    has_rank: bool
    quantisation: Quantisation | None
    sparse: bool
    is_variable: bool
    constant_bytes: int | None
    buffer: int

    @property
    def is_constant(self) -> bool:
        """True if the tensor's data is stored in the file."""
        return self.constant_bytes is not None

    @property
    def is_dynamic(self) -> bool:
        """True if a dimension, or the rank, is only known at run time."""
        return not self.has_rank or -1 in self.shape_signature


@dataclass(frozen=True)
class Op:
    """One operator: a *layer* of the model as its author sees it.

    Attributes:
        id: ``subgraph/op``, stable and unique in the model, such as ``0/12``.
        subgraph: number of its subgraph.
        index: its number in the subgraph (also the runtime's node index).
        code: builtin operator name (``CONV_2D``), or ``CUSTOM``.
        custom_code: name of a custom operator, else None.
        version: operator version.
        inputs: tensor indices; -1 for an absent optional input.
        outputs: tensor indices.
        intermediates: tensor indices.
        options: builtin options by their schema names in snake_case
            (``stride_h``, ``fused_activation_function`` as text); empty if none.
        subgraphs: subgraphs this op runs (IF, WHILE, CALL_ONCE, composites).
    """

    id: str
    subgraph: int
    index: int
    code: str
    custom_code: str | None
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    subgraphs: tuple[int, ...] = ()

    @property
    def type(self) -> str:
        """Operator type as shown: the builtin's name or the custom code."""
        return self.custom_code if self.custom_code is not None else self.code


@dataclass(frozen=True)
class Subgraph:
    """One subgraph: tensors, and operators in file order."""

    index: int
    name: str
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """A named entry point: maps of input and output names to tensor indices of a subgraph."""

    key: str
    subgraph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@dataclass(frozen=True)
class Model:
    """A whole model, read only. Made by :func:`tflprof.model.read.read_model`.

    Attributes:
        path: where it was read from.
        sha256: hash of the file (of all files, if buffers are external).
        size_bytes: size of the file or files.
        description: as stored.
        schema_version: .tflite schema version, 3.
        subgraphs: all of them; 0 is the main one.
        signatures: all of them, possibly none.
        metadata: names of the metadata entries and sizes of their buffers.
        fingerprint: hash of structure (ops, shapes, dtypes, options), not of weights or names.
        files: the file or files, as they were when they were read.
    """

    path: str
    sha256: str
    size_bytes: int
    description: str
    schema_version: int
    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[Signature, ...]
    metadata: Mapping[str, int]
    fingerprint: str
    _load: Callable[[int, int], npt.NDArray[Any]] = field(repr=False, compare=False)
    files: tuple[FileStamp, ...] = field(default=(), repr=False, compare=False)

    @property
    def subgraph_names(self) -> tuple[str, ...]:
        """Name of each subgraph, or the key of its signature if it has none, or an empty text."""
        keys = {signature.subgraph: signature.key for signature in reversed(self.signatures)}
        return tuple(graph.name or keys.get(graph.index, "") for graph in self.subgraphs)

    def ops(self) -> tuple[Op, ...]:
        """All operators of all subgraphs, in file order."""
        return tuple(op for subgraph in self.subgraphs for op in subgraph.ops)

    def op(self, op_id: str) -> Op:
        """The operator of this id. Raises KeyError if there is none."""
        subgraph, _, index = op_id.partition("/")
        try:
            found = self.subgraphs[int(subgraph)].ops[int(index)]
        except (ValueError, IndexError):
            raise KeyError(op_id) from None
        if found.id != op_id:
            raise KeyError(op_id)
        return found

    def data(self, subgraph: int, tensor: int) -> npt.NDArray[Any]:
        """Constant data of a tensor in its stored dtype and shape, without copying where possible.

        Sub-byte integers (int4, int2) are unpacked to int8; sparse tensors are made dense.
        Raises KeyError if the tensor is computed.
        """
        return self._load(subgraph, tensor)
