"""What a model holds that a runtime refuses, named by the tensor or operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.model.tables import edited, read_bytes
from tflprof.model.build import build_micro
from tflprof.model.graph import Model
from tflprof.model.refused import refused_model
from tflprof.model.write import ModelWriter


def custom(folder: Path, name: str) -> Model:
    writer = ModelWriter()
    graph = writer.subgraph()
    x, y = graph.input("x", (4,)), graph.tensor("y", (4,))
    graph.op(name, [x], [y])
    graph.output(y)
    return read_bytes(folder, writer.to_bytes())


@pytest.mark.parametrize(
    ("name", "stage", "what"),
    [
        ("input_string", "input", "input 'input' holds strings"),
        ("input_string", "buffers", "input 'input' holds strings"),
        ("input_complex128", "load", "tensor 'input' is of type complex128"),
        ("stateful", "load", "tensor 'state' is kept between inferences (is_variable)"),
    ],
)
def test_the_culprit_is_named(tmp_path: Path, name: str, stage: str, what: str) -> None:
    error = refused_model(read_bytes(tmp_path, build_micro(name)), None, stage)
    assert error is not None
    assert error.exit_code == 2
    assert error.hint
    assert what in str(error)


@pytest.mark.parametrize(
    ("name", "hint"), [("FlexErf", "TFLITE_BUILTINS"), ("MyOwn", "--runtime"), ("Mediapipe.Roi", "--runtime")]
)
def test_custom_operators_are_named(tmp_path: Path, name: str, hint: str) -> None:
    error = refused_model(custom(tmp_path, name), None, "compile")
    assert f"op 0/0 is the custom operator '{name}'" in str(error)
    assert error is not None
    assert hint in str(error.hint)


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("conv_2d", "load"),
        ("detection", "compile"),
        ("stateful", "input"),
        ("input_string", "run"),
        ("stateful", ""),
    ],
)
def test_what_has_another_cause_is_not_blamed_on_the_model(tmp_path: Path, name: str, stage: str) -> None:
    assert refused_model(read_bytes(tmp_path, build_micro(name)), None, stage) is None


@pytest.mark.parametrize("name", ["AudioSpectrogram", "Mfcc", "NumericVerify"])
def test_custom_operators_that_the_runtime_has_are_not_to_blame(tmp_path: Path, name: str) -> None:
    assert refused_model(custom(tmp_path, name), None, "compile") is None


def test_only_the_chosen_signature_counts(tmp_path: Path) -> None:
    writer = ModelWriter()
    for key, dtype in (("numbers", "float32"), ("words", "string")):
        graph = writer.subgraph(key)
        x, y = graph.input("x", (4,), dtype), graph.tensor("y", (4,), dtype)
        graph.op("RESHAPE", [x], [y], {"new_shape": (4,)})
        graph.output(y)
        writer.signature(graph, key)
    model = read_bytes(tmp_path, writer.to_bytes())
    assert refused_model(model, "numbers", "input") is None
    assert refused_model(model, None, "input") is None
    assert "holds strings" in str(refused_model(model, "words", "input"))


@pytest.mark.parametrize(
    ("number", "version", "what"),
    [
        (250, 1, "op 0/0 has the operator code 250, which this schema does not know"),
        (19, 99, "op 0/0 is version 99 of RELU; LiteRT 2.3 has versions up to 3"),
        (29, 1, "op 0/0 is CONCAT_EMBEDDINGS, which LiteRT 2.3 does not have"),
    ],
)
def test_unknown_operators_and_versions_are_named(
    tmp_path: Path, number: int, version: int, what: str
) -> None:
    def change(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version

    model = read_bytes(tmp_path, edited(build_micro("relu"), change))
    error = refused_model(model, None, "compile")
    assert what in str(error)
    assert refused_model(model, None, "run") is None
