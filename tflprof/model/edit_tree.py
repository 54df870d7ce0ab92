"""The generated object tree of a .tflite file: read, seen as the frozen graph's parts, and packed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import flatbuffers
import numpy as np

from tflprof.errors import ModelError
from tflprof.model.buffers import BufferTable, file_pieces, needs_tail, room
from tflprof.model.graph import Model, Op, Quantisation, Tensor
from tflprof.model.options import subgraphs_run, tree_options
from tflprof.model.schema import enum_text, generated
from tflprof.model.storage import IDENTIFIER, Bytes, MappedFile


def unpack(model: Model, mapped: MappedFile) -> tuple[Any, list[Bytes]]:
    """The ``ModelT`` of a model that was read, and the contents of its buffers.

    Raises ModelError for what cannot be kept: weights in files of their own, options behind the flatbuffer.
    """
    tree = generated().ModelT.InitFromObj(generated().Model.GetRootAs(mapped, 0))
    if tree.externalBuffers or tree.externalBufferGroups:
        raise ModelError(
            f"{model.path} keeps weights in files beside it, which cannot be edited",
            "write the model with its weights inside first",
        )
    large = [op for graph in tree.subgraphs for op in graph.operators or () if op.largeCustomOptionsSize > 1]
    if large:
        raise ModelError(
            f"{model.path} has options of a custom operator behind its flatbuffer, which cannot be edited"
        )
    return tree, [_content(table, mapped) for table in tree.buffers or ()]


def _content(table: Any, mapped: MappedFile) -> Bytes:
    if table.offset > 1 and table.size > 1:
        return np.frombuffer(mapped, np.uint8, table.size, table.offset)
    return np.empty(0, np.uint8) if table.data is None else np.asarray(table.data, np.uint8)


def pieces(tree: Any, contents: Sequence[Bytes]) -> Iterator[bytes | memoryview]:
    """The content of the file of a ``ModelT`` piece by piece; buffers go behind a flatbuffer of 2 GB."""

    def pack(buffers: list[BufferTable]) -> bytes:
        tree.buffers = buffers
        builder = flatbuffers.Builder(room(buffers))
        builder.Finish(tree.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())

    yield from file_pieces(pack, contents, needs_tail(contents))


def text(stored: bytes | str | None) -> str:
    """A string of the tree, which is bytes as read and text as set."""
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else stored or ""


def ints(stored: Any) -> tuple[int, ...]:
    """A vector of integers of the tree."""
    return () if stored is None else tuple(int(value) for value in stored)


def code_of(table: Any) -> tuple[str, str | None, int]:
    """Name, name of a custom operator, and version of an ``OperatorCodeT``."""
    name = enum_text("BuiltinOperator", max(table.deprecatedBuiltinCode, table.builtinCode))
    return name, text(table.customCode) if name == "CUSTOM" else None, table.version


def op_of(table: Any, code: tuple[str, str | None, int], op_id: str, index: int) -> Op:
    """An ``OperatorT`` as the frozen graph has it."""
    options = tree_options(table)
    return Op(
        id=op_id,
        subgraph=int(op_id.partition("/")[0]),
        index=index,
        code=code[0],
        custom_code=code[1],
        version=code[2],
        inputs=ints(table.inputs),
        outputs=ints(table.outputs),
        intermediates=ints(table.intermediates),
        options=options,
        subgraphs=subgraphs_run(options),
    )


def tensor_of(table: Any, index: int, size: int) -> Tensor:
    """A ``TensorT``, with a buffer of ``size`` bytes, as the frozen graph has it."""
    shape = ints(table.shape)
    return Tensor(
        index=index,
        name=text(table.name),
        dtype=enum_text("TensorType", table.type),
        shape=shape,
        shape_signature=ints(table.shapeSignature) or shape,
        has_rank=table.hasRank or bool(shape),
        quantisation=_quantisation(table.quantization),
        sparse=table.sparsity is not None,
        is_variable=table.isVariable,
        constant_bytes=size or None,
        buffer=table.buffer,
    )


def _quantisation(table: Any) -> Quantisation | None:
    if table is None:
        return None
    details, axis = enum_text("QuantizationDetails", table.detailsType), table.quantizedDimension
    if details in ("BlockwiseQuantization", "MultiAxisQuantization"):
        block = table.details
        axis = next(iter(ints(getattr(block, "quantizedDimensions", None))), axis)
        return Quantisation("block", (), (), axis, block.blockSize, block.scales, block.zeroPoints)
    scale = () if table.scale is None else tuple(float(value) for value in table.scale)
    zero_point = ints(table.zeroPoint)
    if details == "CustomQuantization":
        return Quantisation("custom", scale, zero_point, axis)
    if not scale:
        return None
    return Quantisation("channel" if len(scale) > 1 else "tensor", scale, zero_point, axis)


def scale_tensors(table: Any) -> list[int]:
    """Indices of the tensors that hold the scales and zero points of a ``TensorT`` quantised in blocks."""
    found = _quantisation(table.quantization)
    if found is None or found.kind != "block":
        return []
    return [i for i in (found.scale_tensor, found.zero_point_tensor) if i is not None and i >= 0]


def renumber(tree: Any, subgraph: int, numbers: dict[int, int]) -> None:
    """Replace every index of a tensor of a subgraph, wherever the file has one; -1 stays."""

    def new(stored: Any) -> list[int] | None:
        return None if stored is None else [numbers[i] if i >= 0 else i for i in ints(stored)]

    graph = tree.subgraphs[subgraph]
    graph.inputs, graph.outputs = new(graph.inputs), new(graph.outputs)
    for op in graph.operators or ():
        op.inputs, op.outputs, op.intermediates = new(op.inputs), new(op.outputs), new(op.intermediates)
    for tensor in graph.tensors or ():
        if scale_tensors(tensor):
            block = tensor.quantization.details
            block.scales = numbers.get(block.scales, block.scales)
            block.zeroPoints = numbers.get(block.zeroPoints, block.zeroPoints)
    for signature in tree.signatureDefs or ():
        if signature.subgraphIndex == subgraph:
            for entry in [*(signature.inputs or ()), *(signature.outputs or ())]:
                entry.tensorIndex = numbers[entry.tensorIndex]
