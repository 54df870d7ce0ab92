"""Read a .tflite file into the frozen graph, without copying its weights."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from tflprof.errors import ModelError
from tflprof.model.constants import Constants
from tflprof.model.fingerprint import fingerprint
from tflprof.model.graph import Model, Op, Quantisation, Signature, Subgraph, Tensor
from tflprof.model.options import read_options, subgraphs_run
from tflprof.model.schema import enum_text, generated
from tflprof.model.soundness import check_graphs, check_signatures
from tflprof.model.storage import (
    Contradiction,
    FileStamp,
    MappedFile,
    check_stamps,
    damage_as_model_error,
    map_bytes,
    map_model,
    sha256,
    view,
)
from tflprof.model.verify import verify

T = TypeVar("T")

_MANY_BYTES = 1 << 16
_IN_MEMORY = "the model in memory"


def read_model(path: str | os.PathLike[str] | bytes) -> Model:
    """Read any .tflite model: structure at once, weights when :meth:`Model.data` asks for them.

    The file is mapped into memory and must not change while the model is in use; bytes are the content of
    a file that is not on the disk. Raises ModelError, naming the file, if it is missing, not a model,
    truncated or damaged.
    """
    return open_model(path)[0]


def open_model(path: str | os.PathLike[str] | bytes) -> tuple[Model, MappedFile]:
    """As :func:`read_model`, with the bytes that the model was read from."""
    if isinstance(path, bytes):
        location = Path(_IN_MEMORY)
        mapped = map_bytes(path, location)
    else:
        location = Path(path)
        mapped = map_model(location)
    try:
        with damage_as_model_error(location):
            model = _Reader(location, mapped).model()
    except ModelError:
        check_stamps([mapped.stamp] if mapped.stamp else [])
        raise
    check_stamps(model.files)
    return model, mapped


class _Reader:
    """Walks the generated tables of one mapped model."""

    def __init__(self, path: Path, mapped: MappedFile) -> None:
        self.path = path
        self.mapped = mapped
        verify(mapped)
        self.root = generated().Model.GetRootAs(mapped, 0)
        self.budget = max(4 * len(mapped), 1 << 20)
        self.codes: list[tuple[str, str | None, int]] = []

    @cached_property
    def ranks_recorded(self) -> bool:
        """Old converters never wrote ``has_rank``: then its absence says nothing."""
        graphs = (self.root.Subgraphs(i) for i in range(self.root.SubgraphsLength()))
        return any(graph.Tensors(i).HasRank() for graph in graphs for i in range(graph.TensorsLength()))

    def model(self) -> Model:
        root = self.root
        if root.Version() != 3:
            raise ModelError(
                f"{self.path} has schema version {root.Version()}; only version 3 is known",
                "convert it with a current converter",
            )
        self.codes = self.items(root.OperatorCodesLength(), self.code)
        subgraphs = tuple(self.items(root.SubgraphsLength(), self.subgraph))
        if not subgraphs:
            raise ModelError(f"{self.path} has no subgraph", "it holds no network: convert it again")
        constants = Constants(self.path, self.mapped, root)
        subgraphs = constants.measured(subgraphs)
        check_graphs(subgraphs)
        own = [self.mapped.stamp] if self.mapped.stamp else []
        files = [*([self.path] if own else []), *constants.external_files]
        stamps = (*own, *constants.external_stamps)
        model = Model(
            path=str(self.path),
            sha256=sha256(files) if own else hashlib.sha256(self.mapped).hexdigest(),
            size_bytes=len(self.mapped) + sum(file.stat().st_size for file in constants.external_files),
            description=self.text(root.Description()),
            schema_version=3,
            subgraphs=subgraphs,
            signatures=tuple(self.items(root.SignatureDefsLength(), self.signature)),
            metadata=dict(self.items(root.MetadataLength(), lambda i: self.metadata(constants, i))),
            fingerprint="",
            _load=lambda subgraph, tensor: _load(constants, stamps, subgraph, tensor),
            files=stamps,
        )
        check_signatures(model)
        return replace(model, fingerprint=fingerprint(model))

    def items(self, count: int, read: Callable[[int], T]) -> list[T]:
        """All elements of a vector. Counts them against what a file of this size can hold."""
        self.spend(count * 4)
        return [read(i) for i in range(count)]

    def spend(self, size: int) -> None:
        self.budget -= size
        if self.budget < 0:
            raise ValueError("its tables claim more elements than the file can hold")

    def text(self, raw: bytes | None) -> str:
        self.spend(len(raw or b""))
        return (raw or b"").decode("utf-8", "replace")

    def ints(self, table: Any, field: str) -> tuple[int, ...]:
        self.spend(getattr(table, f"{field}Length")() * 4)
        if getattr(table, f"{field}Length")() == 0:
            return ()
        return tuple(getattr(table, f"{field}AsNumpy")().tolist())

    def subgraph(self, index: int) -> Subgraph:
        table = self.root.Subgraphs(index)
        return Subgraph(
            index=index,
            name=self.text(table.Name()),
            tensors=tuple(self.items(table.TensorsLength(), lambda i: self.tensor(table.Tensors(i), i))),
            ops=tuple(self.items(table.OperatorsLength(), lambda i: self.op(table.Operators(i), index, i))),
            inputs=self.ints(table, "Inputs"),
            outputs=self.ints(table, "Outputs"),
        )

    def tensor(self, table: Any, index: int) -> Tensor:
        self.mapped.touch()
        shape = self.ints(table, "Shape")
        return Tensor(
            index=index,
            name=self.text(table.Name()),
            dtype=enum_text("TensorType", table.Type()),
            shape=shape,
            shape_signature=self.ints(table, "ShapeSignature") or shape,
            has_rank=table.HasRank() or bool(shape) or not self.ranks_recorded,
            quantisation=self.quantisation(table.Quantization()),
            sparse=table.Sparsity() is not None,
            is_variable=table.IsVariable(),
            constant_bytes=None,
            buffer=table.Buffer(),
        )

    def quantisation(self, table: Any) -> Quantisation | None:
        if table is None:
            return None
        details = enum_text("QuantizationDetails", table.DetailsType())
        axis = table.QuantizedDimension()
        if details in ("BlockwiseQuantization", "MultiAxisQuantization"):
            return self.block_quantisation(table, details, axis)
        scale = self.ints(table, "Scale")
        zero_point = self.ints(table, "ZeroPoint")
        if details == "CustomQuantization":
            return Quantisation("custom", scale, zero_point, axis)
        if not scale:
            return None
        return Quantisation("channel" if len(scale) > 1 else "tensor", scale, zero_point, axis)

    def block_quantisation(self, table: Any, details: str, axis: int) -> Quantisation:
        union = table.Details()
        if union is None:
            raise ValueError(f"a tensor has {details} without its values")
        block = getattr(generated(), details)()
        block.Init(union.Bytes, union.Pos)
        if details == "MultiAxisQuantization":
            axis = next(iter(self.ints(block, "QuantizedDimensions")), axis)
        return Quantisation(
            kind="block",
            axis=axis,
            block_size=block.BlockSize(),
            scale_tensor=block.Scales(),
            zero_point_tensor=block.ZeroPoints(),
        )

    def op(self, table: Any, subgraph: int, index: int) -> Op:
        self.mapped.touch()
        number = table.OpcodeIndex()
        if number >= len(self.codes):
            raise Contradiction(f"op {subgraph}/{index} has operator code {number} of {len(self.codes)}")
        code, custom_code, version = self.codes[number]
        options = read_options(table) | self.custom_options(table)
        return Op(
            id=f"{subgraph}/{index}",
            subgraph=subgraph,
            index=index,
            code=code,
            custom_code=custom_code,
            version=version,
            inputs=self.ints(table, "Inputs"),
            outputs=self.ints(table, "Outputs"),
            intermediates=self.ints(table, "Intermediates"),
            options=options,
            subgraphs=subgraphs_run(options),
        )

    def custom_options(self, table: Any) -> dict[str, Any]:
        """The bytes, from inside or behind the flatbuffer; only their number if there are many."""
        size, raw = table.CustomOptionsLength(), None
        if size:
            raw = table.CustomOptionsAsNumpy()
        elif table.LargeCustomOptionsSize() > 1:
            size = table.LargeCustomOptionsSize()
            raw = view(self.mapped, table.LargeCustomOptionsOffset(), size)
        if raw is None:
            return {}
        if size > _MANY_BYTES:
            return {"custom_options_size": size}
        self.spend(size)
        return {"custom_options": raw.tobytes()}

    def code(self, index: int) -> tuple[str, str | None, int]:
        """Name, name of a custom operator, and version of an operator code."""
        table = self.root.OperatorCodes(index)
        number = max(table.DeprecatedBuiltinCode(), table.BuiltinCode())
        name = enum_text("BuiltinOperator", number)
        if name != "CUSTOM":
            return name, None, table.Version()
        custom = table.CustomCode()
        if custom is None:
            raise Contradiction(f"operator code {index} is a custom operator without a name")
        return name, self.text(custom), table.Version()

    def signature(self, index: int) -> Signature:
        table = self.root.SignatureDefs(index)
        return Signature(
            key=self.text(table.SignatureKey()),
            subgraph=table.SubgraphIndex(),
            inputs=dict(self.items(table.InputsLength(), lambda i: self.entry(table.Inputs(i)))),
            outputs=dict(self.items(table.OutputsLength(), lambda i: self.entry(table.Outputs(i)))),
        )

    def entry(self, table: Any) -> tuple[str, int]:
        if table.Name() is None:
            raise Contradiction("an input or output of a signature has no name")
        return self.text(table.Name()), table.TensorIndex()

    def metadata(self, constants: Constants, index: int) -> tuple[str, int]:
        table = self.root.Metadata(index)
        return self.text(table.Name()), len(constants.buffer(table.Buffer()))


def _load(
    constants: Constants, stamps: tuple[FileStamp, ...], subgraph: int, tensor: int
) -> npt.NDArray[Any]:
    """Constant data, unless the file changed: pages that it no longer has would end the process."""
    check_stamps(stamp for stamp in stamps if stamp.is_overwritten)
    return constants.load(subgraph, tensor)
