"""Edits of .tflite files at the level of the schema, for what no builder of ours writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from tflprof.errors import ModelError
from tflprof.model.graph import Model
from tflprof.model.read import read_model


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


def refusal(call: Callable[[], object], otherwise: str = "") -> str:
    """What the ModelError of a call says; ``otherwise`` if it succeeds. Other errors pass through."""
    try:
        call()
    except ModelError as error:
        return error.what
    return otherwise
