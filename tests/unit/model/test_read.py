"""Reading .tflite files: what is in them comes out, whatever part of the schema they use."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.unit.model.tables import edited, read_bytes, sparse_model
from tflprof.errors import ModelError
from tflprof.model.build import build_micro, build_network
from tflprof.model.graph import Quantisation
from tflprof.model.read import read_model
from tflprof.model.write import ModelWriter


def test_graph_of_a_convolution(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_micro("conv_2d"))
    (graph,) = model.subgraphs
    (op,) = graph.ops
    assert (op.id, op.code, op.type, op.custom_code, op.version) == ("0/0", "CONV_2D", "CONV_2D", None, 1)
    assert op.options == {
        "padding": "SAME",
        "stride_w": 2,
        "stride_h": 2,
        "fused_activation_function": "RELU6",
        "dilation_w_factor": 1,
        "dilation_h_factor": 1,
        "quantized_bias_type": "float32",
    }
    names = [graph.tensors[i].name for i in (*op.inputs, *op.outputs)]
    assert names == ["input", "output/weights", "output/bias", "output"]
    assert [t.constant_bytes for t in graph.tensors] == [None, 8 * 3 * 3 * 4 * 4, 8 * 4, None]
    assert model.op("0/0") is op
    assert model.signatures[0].key == "serving_default"
    assert model.signatures[0].inputs == {"input": 0}
    assert model.signatures[0].outputs == {"output": 3}


def test_hash_and_size_are_those_of_the_file(tmp_path: Path) -> None:
    content = build_micro("add")
    model = read_bytes(tmp_path, content)
    assert model.sha256 == hashlib.sha256(content).hexdigest()
    assert model.size_bytes == len(content)
    assert model.description == "add float32"


def test_weights_are_mapped_not_copied(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_micro("conv_2d"))
    first, second = model.data(0, 1), model.data(0, 1)
    assert first.shape == (8, 3, 3, 4)
    assert first.dtype == np.float32
    assert np.shares_memory(first, second)
    assert not first.flags.writeable


def test_computed_tensors_have_no_data(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_micro("conv_2d"))
    for tensor in (0, 99, -1):
        with pytest.raises(KeyError):
            model.data(0, tensor)
    for op in ("0/1", "1/0", "x", "0", "-1/0"):
        with pytest.raises(KeyError):
            model.op(op)


def test_quantisation_per_tensor_and_per_channel(tmp_path: Path) -> None:
    tensors = read_bytes(tmp_path, build_micro("depthwise_conv_2d", "int8")).subgraphs[0].tensors
    assert tensors[0].quantisation == Quantisation("tensor", (1 / 128,), (0,))
    weights = tensors[1].quantisation
    assert weights is not None
    assert (weights.kind, weights.axis, len(weights.scale), set(weights.zero_point)) == ("channel", 3, 4, {0})
    assert tensors[2].dtype == "int32"


def test_quantisation_blockwise_of_packed_weights(tmp_path: Path) -> None:
    values = np.arange(-8, 8).reshape(2, 8)
    writer = ModelWriter()
    graph = writer.subgraph()
    scales = graph.constant("scales", np.ones((2, 2), np.float16))
    block = Quantisation("block", axis=1, block_size=4, scale_tensor=scales, zero_point_tensor=-1)
    weights = graph.constant("weights", values, block, "int4")
    model = read_bytes(tmp_path, writer.to_bytes())
    tensor = model.subgraphs[0].tensors[weights]
    assert tensor.quantisation == block
    assert tensor.constant_bytes == 8
    np.testing.assert_array_equal(model.data(0, weights), values)


def test_subgraphs_that_an_operator_runs(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_micro("if_else"))
    assert len(model.subgraphs) == 3
    assert [op.subgraphs for op in model.subgraphs[0].ops] == [(), (1, 2), ()]
    assert read_bytes(tmp_path, build_micro("call_once")).subgraphs[0].ops[0].subgraphs == (1,)
    assert read_bytes(tmp_path, build_micro("while_loop")).subgraphs[0].ops[0].subgraphs == (1, 2)


def test_custom_operator_dynamic_shape_variable_and_signatures(tmp_path: Path) -> None:
    (op,) = read_bytes(tmp_path, build_micro("detection")).ops()
    assert (op.code, op.type) == ("CUSTOM", "TFLite_Detection_PostProcess")
    dynamic = read_bytes(tmp_path, build_micro("dynamic_batch")).subgraphs[0].tensors[0]
    assert (dynamic.shape, dynamic.shape_signature, dynamic.is_dynamic) == ((1, 16), (-1, 16), True)
    state = read_bytes(tmp_path, build_micro("stateful")).subgraphs[0].tensors
    assert [tensor.name for tensor in state if tensor.is_variable] == ["state"]
    signatures = read_bytes(tmp_path, build_micro("two_signatures")).signatures
    assert [(s.key, s.subgraph) for s in signatures] == [("double", 1), ("serving_default", 0)]


def test_scalars_of_old_converters_have_a_rank(tmp_path: Path) -> None:
    """``has_rank`` came late: without it anywhere in the file, an empty shape is a scalar."""

    def forget(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.hasRank = False

    content = build_micro("split")
    assert all(t.has_rank for t in read_bytes(tmp_path, edited(content, forget)).subgraphs[0].tensors)

    def unknown(model: Any) -> None:
        model.subgraphs[0].tensors[0].hasRank = False
        model.subgraphs[0].tensors[0].shape = []

    assert read_bytes(tmp_path, edited(content, unknown)).subgraphs[0].tensors[0].is_dynamic


def test_operators_and_types_of_a_newer_schema_are_named_by_number(tmp_path: Path) -> None:
    def renumber(model: Any) -> None:
        model.operatorCodes[0].builtinCode = 1000
        model.subgraphs[0].tensors[3].type = 100

    model = read_bytes(tmp_path, edited(build_micro("conv_2d"), renumber))
    assert model.ops()[0].code == "UNKNOWN_1000"
    assert model.subgraphs[0].tensors[3].dtype == "unknown_100"


def test_sparse_weights_are_made_dense_on_demand(tmp_path: Path) -> None:
    dense = np.zeros((4, 6), np.float32)
    dense[0, 1], dense[2, 0], dense[2, 5] = 1, 2, 3
    model = read_bytes(tmp_path, sparse_model())
    tensor = model.subgraphs[0].tensors[0]
    assert tensor.sparse
    assert tensor.constant_bytes == 12
    np.testing.assert_array_equal(model.data(0, 0), dense)


def _with_external(content: bytes, group: str) -> bytes:
    def move(model: Any) -> None:
        tensor = model.subgraphs[0].tensors[1]
        tensor.buffer, tensor.externalBuffer = 0, 7
        model.externalBufferGroups = [schema.ExternalBufferGroupT(group)]
        model.externalBuffers = [schema.ExternalBufferT(id=7, group=0, offset=16, length=8 * 3 * 3 * 4 * 4)]

    return edited(content, move)


def test_external_buffers_lie_beside_the_model(tmp_path: Path) -> None:
    content = build_micro("conv_2d")
    weights = read_bytes(tmp_path, content).data(0, 1)
    (tmp_path / "weights.bin").write_bytes(bytes(16) + weights.tobytes())
    moved = _with_external(content, "weights.bin")
    model = read_bytes(tmp_path, moved)
    np.testing.assert_array_equal(model.data(0, 1), weights)
    both = moved + (tmp_path / "weights.bin").read_bytes()
    assert model.sha256 == hashlib.sha256(both).hexdigest()
    assert model.size_bytes == len(both)


@pytest.mark.parametrize("name", ["gone.bin", "../weights.bin", "/etc/passwd", "", "a\0b"])
def test_external_buffers_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_bytes(tmp_path, _with_external(build_micro("conv_2d"), name))
    assert "model.tflite" in caught.value.what or "gone.bin" in caught.value.what


def test_external_buffer_longer_than_its_file(tmp_path: Path) -> None:
    (tmp_path / "short.bin").write_bytes(bytes(20))
    with pytest.raises(ModelError, match=r"model\.tflite is truncated or damaged"):
        read_bytes(tmp_path, _with_external(build_micro("conv_2d"), "short.bin"))


@pytest.mark.parametrize("tail", [False, True])
def test_buffers_inside_and_behind_the_flatbuffer(tmp_path: Path, tail: bool) -> None:
    writer = ModelWriter()
    graph = writer.subgraph()
    arrays = [np.arange(count, dtype=np.float32) for count in (1, 100, 3, 1001)]
    for n, array in enumerate(arrays):
        graph.constant(f"c{n}", array)
    path = tmp_path / "model.tflite"
    writer.save(path, tail=tail)
    model = read_model(path)
    for n, array in enumerate(arrays):
        np.testing.assert_array_equal(model.data(0, n), array)


@pytest.mark.slow
def test_more_than_two_gigabytes(tmp_path: Path) -> None:
    """Offsets past 2 GB, in a file that is mostly a hole."""
    place = (2 << 30) + 4096
    weights = np.arange(24, dtype=np.float32)

    def move(model: Any) -> None:
        buffer = model.buffers[model.subgraphs[0].tensors[0].buffer]
        buffer.data, buffer.offset, buffer.size = None, place, weights.nbytes

    writer = ModelWriter()
    writer.subgraph().constant("weights", weights)
    path = tmp_path / "huge.tflite"
    with path.open("wb") as file:
        file.write(edited(writer.to_bytes(), move))
        file.seek(place)
        file.write(weights.tobytes())
    model = read_model(path)
    assert model.size_bytes == place + weights.nbytes
    np.testing.assert_array_equal(model.data(0, 0), weights)


def test_large_custom_options_lie_behind_the_flatbuffer(tmp_path: Path) -> None:
    content = build_micro("detection")
    for size in (100, 100_000):

        def move(model: Any, size: int = size) -> None:
            op = model.subgraphs[0].operators[0]
            model.operatorCodes[op.opcodeIndex].customCode = "Other"  # whose options nobody knows
            op.customOptions, op.largeCustomOptionsOffset, op.largeCustomOptionsSize = None, 1 << 14, size

        moved = edited(content, move)
        model = read_bytes(tmp_path, moved.ljust(1 << 14, b"\0") + bytes([7]) * size)
        expected = {"custom_options": b"\7" * 100} if size == 100 else {"custom_options_size": size}
        assert model.ops()[0].options == expected


def test_a_model_survives_its_file_being_replaced(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    for value in (1.0, 2.0):
        writer = ModelWriter()
        writer.subgraph().constant("c", np.full(4096, value, np.float32))
        previous = read_model(path) if path.exists() else None
        writer.save(path)
        if previous:
            assert previous.data(0, 0).mean() == 1
            assert read_model(path).data(0, 0).mean() == 2
    assert [file.name for file in tmp_path.iterdir()] == ["model.tflite"]


def test_metadata_sizes(tmp_path: Path) -> None:
    writer = ModelWriter()
    writer.subgraph()
    writer.metadata("min_runtime_version", b"2.3.0\0\0\0")
    assert read_bytes(tmp_path, writer.to_bytes()).metadata == {"min_runtime_version": 8}


def test_names_are_data(tmp_path: Path) -> None:
    name = "<script>`rm -rf`\u202e\n%s{0}"
    writer = ModelWriter(name)
    graph = writer.subgraph(name)
    graph.output(graph.input(name, (1,)))
    writer.signature(graph, name)
    model = read_bytes(tmp_path, writer.to_bytes())
    assert model.description == model.subgraphs[0].name == model.subgraphs[0].tensors[0].name == name
    assert model.signatures[0].inputs == {name: 0}


def test_graph_can_be_sent_to_another_process(tmp_path: Path) -> None:
    graph = read_bytes(tmp_path, build_micro("detection")).subgraphs
    assert pickle.loads(pickle.dumps(graph)) == graph


def test_the_graph_alone_needs_no_schema_classes() -> None:
    code = "import sys, tflprof.model.graph; sys.exit('ai_edge_litert' in str(list(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reading_a_network_is_quick_and_complete(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_network("mobilenet_v2", 96, 0.35, "int8"))
    assert len(model.ops()) == 66
    assert all(model.data(0, t.index).shape == t.shape for t in model.subgraphs[0].tensors if t.is_constant)
