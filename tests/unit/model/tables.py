"""Edits of .tflite files at the level of the schema, for what no builder of ours writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflprof.errors import ModelError
from tflprof.model.graph import Model, Quantisation
from tflprof.model.read import read_model
from tflprof.model.write import ModelWriter


def edited(content: bytes, edit: Callable[[Any], None]) -> bytes:
    """The file after ``edit`` changed its ``ModelT`` in place."""
    model = schema.ModelT.InitFromPackedBuf(content)
    edit(model)
    builder = flatbuffers.Builder(1 << 12)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def read_bytes(folder: Path, content: bytes) -> Model:
    """The model in a file of this content."""
    path = folder / "model.tflite"
    path.unlink(missing_ok=True)  # The file under a live mapping must not change.
    path.write_bytes(content)
    return read_model(path)


def sparse_model() -> bytes:
    """A 4 x 6 constant stored as compressed rows: 1 at (0, 1), 2 at (2, 0) and 3 at (2, 5)."""

    def make_sparse(model: Any) -> None:
        tensor = model.subgraphs[0].tensors[0]
        rows = schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=4)
        columns = schema.DimensionMetadataT(
            format=schema.DimensionType.SPARSE_CSR,
            arraySegmentsType=schema.SparseIndexVector.Uint8Vector,
            arraySegments=schema.Uint8VectorT([0, 1, 1, 3, 3]),
            arrayIndicesType=schema.SparseIndexVector.Uint16Vector,
            arrayIndices=schema.Uint16VectorT([1, 0, 5]),
        )
        tensor.sparsity = schema.SparsityParametersT(traversalOrder=[0, 1], dimMetadata=[rows, columns])
        model.buffers[tensor.buffer].data = np.array([1, 2, 3], np.float32).view(np.uint8)

    writer = ModelWriter()
    writer.subgraph().constant("weights", np.zeros((4, 6), np.float32))
    return edited(writer.to_bytes(), make_sparse)


def packed_model() -> bytes:
    """Int4 weights with blockwise scales, and text."""
    writer = ModelWriter()
    graph = writer.subgraph()
    scales = graph.constant("scales", np.ones((2, 2), np.float16))
    block = Quantisation("block", axis=1, block_size=4, scale_tensor=scales, zero_point_tensor=-1)
    graph.constant("weights", np.arange(-8, 8).reshape(2, 8), block, "int4")
    text = np.array([1, 8, 11], np.int32).tobytes() + b"abc"
    graph.tensor("text", (1,), "string", buffer=writer.buffer(np.frombuffer(text, np.uint8)))
    return writer.to_bytes()


def refusal(call: Callable[[], object], otherwise: str = "") -> str:
    """What the ModelError of a call says; ``otherwise`` if it succeeds. Other errors pass through."""
    try:
        call()
    except ModelError as error:
        return error.what
    return otherwise
