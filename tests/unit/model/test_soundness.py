"""Files whose offsets are right and whose content cannot be true, and files that change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.unit.model.tables import edited, read_bytes, refusal
from tflprof.errors import ModelError
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.model.write import ModelWriter


def tensor(model: Any, index: int) -> Any:
    return model.subgraphs[0].tensors[index]


def shrink_constant(model: Any) -> None:
    weights = tensor(model, 1)
    model.buffers[weights.buffer].data = model.buffers[weights.buffer].data[:-4]


def negative_dimension(model: Any) -> None:
    tensor(model, 0).shape = [1, -2, 8, 4]
    tensor(model, 0).shapeSignature = None


def three_scales(model: Any) -> None:
    tensor(model, 1).quantization.scale = [0.1, 0.1, 0.1]
    tensor(model, 1).quantization.zeroPoint = [0, 0, 0]


def no_zero_points(model: Any) -> None:
    tensor(model, 0).quantization.zeroPoint = None


def far_axis(model: Any) -> None:
    tensor(model, 1).quantization.quantizedDimension = 4


def output_of_nobody(model: Any) -> None:
    model.subgraphs[0].tensors.append(schema.TensorT(shape=[1], name="nobody"))
    model.subgraphs[0].outputs = [len(model.subgraphs[0].tensors) - 1]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (
            shrink_constant,
            "constant tensor 1 of subgraph 0 has 284 bytes, but [8, 3, 3, 4] of int8 takes 288",
        ),
        (negative_dimension, "a dimension of tensor 0 of subgraph 0 is -2"),
        (three_scales, "tensor 1 of subgraph 0 has 3 scales for 8 channels"),
        (no_zero_points, "tensor 0 of subgraph 0 has 1 scales and 0 zero points"),
        (far_axis, "the quantised dimension of tensor 1 of subgraph 0 is 4, outside 0..3"),
        (output_of_nobody, "of subgraph 0 is computed by no operator"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, edit: Callable[[Any], None], says: str) -> None:
    content = edited(build_micro("conv_2d", "int8"), edit)
    with pytest.raises(ModelError) as caught:
        read_bytes(tmp_path, content)
    assert "model.tflite contradicts itself: " in caught.value.what
    assert says in caught.value.what
    assert caught.value.hint


def test_operators_in_the_wrong_order(tmp_path: Path) -> None:
    content = edited(build_micro("two_partitions"), lambda model: model.subgraphs[0].operators.reverse())
    assert "which nothing before it computes" in refusal(lambda: read_bytes(tmp_path, content))


def test_subgraphs_that_run_each_other_in_a_circle(tmp_path: Path) -> None:
    """0 runs 1, 1 runs 2, 2 runs 1; a thousand in a row that end are no circle."""

    def chain(last: int | None) -> str:
        writer = ModelWriter()
        graphs = [writer.subgraph() for _ in range(1000)]
        for at, graph in enumerate(graphs):
            target = at + 1 if at < 999 else last
            if target is not None:
                graph.op("CALL_ONCE", [], [], {"init_subgraph_index": target})
        content = writer.to_bytes()
        return refusal(lambda: read_bytes(tmp_path, content))

    assert chain(None) == ""
    assert "runs itself, directly or through another" in chain(500)


def test_what_has_no_elements_needs_nobody_to_compute_it(tmp_path: Path) -> None:
    writer = ModelWriter()
    graph = writer.subgraph()
    empty, result = graph.tensor("empty", (0,), "int32"), graph.tensor("result", (), "float32")
    graph.op("RESHAPE", [graph.input("x", (1,)), empty], [result])
    graph.output(result)
    assert read_bytes(tmp_path, writer.to_bytes()).ops()[0].inputs[1] == empty


def test_optional_inputs_may_be_absent(tmp_path: Path) -> None:
    def without_bias(model: Any) -> None:
        inputs = model.subgraphs[0].operators[0].inputs
        model.subgraphs[0].operators[0].inputs = [int(inputs[0]), int(inputs[1]), -1]

    assert read_bytes(tmp_path, edited(build_micro("conv_2d"), without_bias)).ops()[0].inputs[2] == -1


def test_a_file_that_is_overwritten_gives_no_more_data(tmp_path: Path) -> None:
    """A page that the file lost would end the process with SIGBUS."""
    path = tmp_path / "model.tflite"
    path.write_bytes(build_micro("conv_2d"))
    model = read_model(path)
    assert model.data(0, 1).shape == (8, 3, 3, 4)
    os.truncate(path, 100)
    with pytest.raises(ModelError, match=r"model\.tflite changed while it was in use"):
        model.data(0, 1)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(build_micro("conv_2d"))

    def replaced(_: object) -> str:
        path.write_bytes(build_micro("relu"))
        return "0" * 64

    monkeypatch.setattr("tflprof.model.read.sha256", replaced)
    with pytest.raises(ModelError, match="changed while it was in use"):
        read_model(path)
