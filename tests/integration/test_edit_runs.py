"""Files that were opened and written again compute the same bits in the real runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tflprof.model.build import MICRO_MODELS, build_micro
from tflprof.model.edit import ModelEditor

Array = np.ndarray[Any, np.dtype[Any]]
UNFEEDABLE = ("input_bfloat16", "input_int2", "input_int4", "input_uint4", "input_string")
"""Whose inputs the interpreter's Python interface does not take."""

MODELS = [
    (name, dtype)
    for name, micro in MICRO_MODELS.items()
    for dtype in micro.dtypes
    if name not in UNFEEDABLE and (dtype in ("float32", "int8") or name.startswith("conv"))
]


def outputs(content: bytes) -> list[Array]:
    runtime = Interpreter(model_content=content, num_threads=1)
    runtime.allocate_tensors()
    rng = np.random.default_rng(0)
    for detail in runtime.get_input_details():
        values = rng.uniform(-1, 1, detail["shape"])
        if detail["dtype"] != np.float32:
            values = np.abs(values * 100) % 2
        runtime.set_tensor(detail["index"], values.astype(detail["dtype"]))
    runtime.invoke()
    return [runtime.get_tensor(detail["index"]) for detail in runtime.get_output_details()]


@pytest.mark.parametrize(("name", "dtype"), MODELS)
def test_a_written_model_computes_the_same_bits(name: str, dtype: str) -> None:
    content = build_micro(name, dtype)
    editor = ModelEditor.open(content)
    editor.prune_unused()
    expected, found = outputs(content), outputs(editor.to_bytes())
    assert len(expected) == len(found)
    for a, b in zip(expected, found, strict=True):
        assert a.tobytes() == b.tobytes()
