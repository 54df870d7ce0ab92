"""Layers taken out of a model compute, in the real runtime, what they compute in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tflprof.model.build import build_network
from tflprof.model.extract import extract
from tflprof.model.graph import Model
from tflprof.model.read import read_model


def saved(path: Path, content: bytes) -> Model:
    path.write_bytes(content)
    return read_model(path)


def run(model: Model, values: dict[str, Any]) -> dict[str, Any]:
    """Outputs by name. Without the delegate, so that nothing is computed in another order."""
    runtime = Interpreter(model.path, num_threads=1, experimental_op_resolver_type=_BUILTIN)
    runtime.allocate_tensors()
    for detail in runtime.get_input_details():
        runtime.set_tensor(detail["index"], values[names(model)[detail["index"]]])
    runtime.invoke()
    return {
        names(model)[detail["index"]]: runtime.get_tensor(detail["index"])
        for detail in runtime.get_output_details()
    }


def names(model: Model) -> dict[int, str]:
    return {tensor.index: tensor.name for tensor in model.subgraphs[0].tensors}


def _resolver() -> Any:
    from ai_edge_litert.interpreter import OpResolverType

    return OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


_BUILTIN = _resolver()


@pytest.mark.parametrize("dtype", ["float32", "float16", "dynamic", "int8"])
@pytest.mark.parametrize("cut", [1, 5, 12])
def test_two_halves_in_turn_give_what_the_whole_gives(tmp_path: Path, dtype: str, cut: int) -> None:
    content = build_network("mobilenet_v3_small", 32, 0.5, dtype, classes=10)
    whole = saved(tmp_path / "whole.tflite", content)
    layers = [op.id for op in whole.ops()]
    halves = [
        saved(tmp_path / f"{number}.tflite", extract(whole, part))
        for number, part in enumerate((layers[:cut], layers[cut:]))
    ]
    (name,) = [names(whole)[index] for index in whole.subgraphs[0].inputs]
    (tensor,) = [whole.subgraphs[0].tensors[index] for index in whole.subgraphs[0].inputs]
    drawn = np.random.default_rng(3).uniform(-1, 1, tensor.shape)
    values = {name: (drawn * 100).astype(np.int8) if dtype == "int8" else drawn.astype(np.float32)}
    expected = run(whole, values)
    got = run(halves[1], values | run(halves[0], values))
    assert list(got) == list(expected)
    for output, array in expected.items():
        np.testing.assert_array_equal(got[output], array)
        assert len(np.unique(array)) > 1
