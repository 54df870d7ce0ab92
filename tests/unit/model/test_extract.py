"""Layers as a model of their own: what comes along, and what cannot stand alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.errors import UsageError
from tflprof.model.build import build_micro, build_network
from tflprof.model.extract import extract
from tflprof.model.graph import Model
from tflprof.model.read import read_model


def saved(folder: Path, content: bytes, name: str = "model.tflite") -> Model:
    path = folder / name
    path.write_bytes(content)
    return read_model(path)


@pytest.fixture
def network(tmp_path: Path) -> Model:
    return saved(tmp_path, build_network("mobilenet_v2", 32, 0.25, "int8", classes=5))


def test_one_layer_keeps_its_tensors_options_and_version(network: Model, tmp_path: Path) -> None:
    layer = next(op for op in network.ops() if op.code == "DEPTHWISE_CONV_2D")
    alone = saved(tmp_path, extract(network, [layer.id]), "alone.tflite")
    (op,) = alone.ops()
    assert (op.code, op.version, dict(op.options)) == (layer.code, layer.version, dict(layer.options))
    before, after = (
        [(t.name, t.dtype, t.shape, t.quantisation, t.constant_bytes) for t in tensors]
        for tensors in (
            [network.subgraphs[0].tensors[i] for i in (*layer.inputs, *layer.outputs)],
            [alone.subgraphs[0].tensors[i] for i in (*op.inputs, *op.outputs)],
        )
    )
    assert before == after
    assert alone.subgraphs[0].inputs == op.inputs[:1]
    assert alone.subgraphs[0].outputs == op.outputs


def test_what_unpacks_its_weights_comes_along(tmp_path: Path) -> None:
    network = saved(tmp_path, build_network("mobilenet_v2", 32, 0.25, "float16", classes=5))
    layer = next(op for op in network.ops() if op.code == "CONV_2D")
    alone = saved(tmp_path, extract(network, [layer.id]), "alone.tflite")
    assert sorted(op.code for op in alone.ops()) == ["CONV_2D", "DEQUANTIZE", "DEQUANTIZE"]
    assert len(alone.subgraphs[0].inputs) == 1


def test_a_result_used_inside_and_outside_is_an_output(network: Model, tmp_path: Path) -> None:
    add = next(op for op in network.ops() if op.code == "ADD")
    skip, branch = (next(op for op in network.ops() if tensor in op.outputs) for tensor in add.inputs)
    chain = [skip.id, *(f"0/{i}" for i in range(skip.index + 1, branch.index + 1))]
    alone = saved(tmp_path, extract(network, chain), "alone.tflite")
    names = [alone.subgraphs[0].tensors[i].name for i in alone.subgraphs[0].outputs]
    wanted = [network.subgraphs[0].tensors[op.outputs[0]].name for op in (skip, branch)]
    assert sorted(names) == sorted(wanted)


@pytest.mark.parametrize("layers", [[], ["0/999"], ["1/0"]])
def test_unknown_layers_are_refused(network: Model, layers: list[str]) -> None:
    with pytest.raises(UsageError):
        extract(network, layers)


@pytest.mark.parametrize("name", ["if_else", "while_loop", "call_once"])
def test_layers_that_cannot_stand_alone_are_refused_by_name(tmp_path: Path, name: str) -> None:
    model = saved(tmp_path, build_micro(name))
    op = next(
        op
        for op in model.ops()
        if op.subgraphs
        or any(model.subgraphs[op.subgraph].tensors[t].dtype == "resource" for t in op.inputs if t >= 0)
    )
    with pytest.raises(UsageError, match=op.id):
        extract(model, [op.id])


def test_layers_of_two_subgraphs_are_refused(tmp_path: Path) -> None:
    model = saved(tmp_path, build_micro("while_loop"))
    first = {op.subgraph: op.id for op in model.ops()}
    with pytest.raises(UsageError, match="one subgraph"):
        extract(model, list(first.values())[:2])
