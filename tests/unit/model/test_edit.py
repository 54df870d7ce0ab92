"""Edits change what they name and keep the rest."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.model.tables import edited, packed_model, sparse_model
from tflprof.errors import ModelError
from tflprof.model.build import MICRO_MODELS, build_micro
from tflprof.model.edit import ModelEditor, NewOp
from tflprof.model.graph import Quantisation
from tflprof.model.read import read_model
from tflprof.model.write import ModelWriter

FLOATS = [(name, "float32") for name, micro in MICRO_MODELS.items() if "float32" in micro.dtypes]


def chain(metadata: bool = True) -> bytes:
    """x -> RELU -> ADD of a constant -> RELU -> y; the constant's data is also another tensor's."""
    writer = ModelWriter("a chain")
    graph = writer.subgraph()
    x = graph.input("x", (1, 4))
    weights = graph.constant("weights", np.arange(4, dtype=np.float32))
    graph.tensor("twin", (4,), buffer=1)
    a, b, y = (graph.tensor(name, (1, 4)) for name in "aby")
    graph.op("RELU", [x], [a])
    graph.op("ADD", [a, weights], [b], {"fused_activation_function": "NONE"})
    graph.op("RELU", [b], [y])
    graph.output(y)
    writer.signature(graph)
    if metadata:
        writer.metadata("note", b"kept")
    return writer.to_bytes()


@pytest.mark.parametrize(("name", "dtype"), FLOATS)
def test_a_model_without_edits_stays_what_it_was(name: str, dtype: str) -> None:
    original = read_model(build_micro(name, dtype))
    editor = ModelEditor.open(build_micro(name, dtype))
    written = read_model(editor.to_bytes())
    editor.prune_unused()
    pruned = read_model(editor.to_bytes())
    assert original.fingerprint == written.fingerprint == pruned.fingerprint
    assert original.subgraphs == written.subgraphs
    assert original.signatures == written.signatures
    assert original.metadata == written.metadata == pruned.metadata
    assert original.description == written.description == pruned.description


@pytest.mark.parametrize("content", [packed_model(), sparse_model()])
def test_odd_constants_are_kept(content: bytes) -> None:
    original, written = read_model(content), read_model(ModelEditor.open(content).to_bytes())
    assert original.subgraphs == written.subgraphs
    for tensor in original.subgraphs[0].tensors:
        assert np.array_equal(original.data(0, tensor.index), written.data(0, tensor.index))


def test_operators_are_found_by_their_first_id() -> None:
    editor = ModelEditor.open(chain())
    op = editor.op("0/1")
    middle = editor.add_tensor("middle", (1, 4))
    names = editor.replace_op(
        "0/1", [NewOp("RELU", (op.inputs[0],), (middle,)), NewOp("RELU6", (middle,), op.outputs)]
    )
    assert names == ["0/1.0", "0/1.1"]
    assert [op.code for op in editor.graph().ops] == ["RELU", "RELU", "RELU6", "RELU"]
    assert editor.op("0/2").index == 3
    assert [op.id for op in editor.descendants("0/1")] == names
    with pytest.raises(KeyError):
        editor.op("0/1")
    again = ModelEditor.open(editor.to_bytes(), editor.ids)
    assert again.op("0/2").index == 3
    again.remove_op("0/1.0")
    assert [op.id for op in again.descendants("0/1")] == ["0/1.1"]


def test_shared_data_is_not_changed_in_place() -> None:
    editor = ModelEditor.open(chain())
    editor.set_constant(1, np.full(4, 9, np.float32))
    assert editor.constant_values(2).tolist() == [0, 1, 2, 3]
    written = read_model(editor.to_bytes())
    assert written.data(0, 1).tolist() == [9] * 4
    assert written.data(0, 2).tolist() == [0, 1, 2, 3]


def test_a_removed_operator_leaves_nothing_behind() -> None:
    editor = ModelEditor.open(chain())
    last = editor.op("0/2")
    editor.redirect(last.outputs[0], last.inputs[0])
    editor.remove_op("0/2")
    editor.prune_unused()
    written = read_model(editor.to_bytes())
    graph = written.subgraphs[0]
    assert [op.code for op in graph.ops] == ["RELU", "ADD"]
    assert [tensor.name for tensor in graph.tensors] == ["x", "weights", "a", "y"]
    assert written.signatures[0].outputs == {"y": graph.outputs[0]}
    assert graph.ops[-1].outputs == graph.outputs
    assert written.metadata == {"note": 4}


def test_options_versions_and_quantisation_change() -> None:
    editor = ModelEditor.open(chain(metadata=False))
    editor.set_options("0/1", fused_activation_function="RELU6")
    editor.set_version("0/1", 3)
    editor.set_quantisation(0, Quantisation("tensor", (0.5,), (3,)))
    editor.set_shape(0, (-1, 4))
    written = read_model(editor.to_bytes())
    assert written.op("0/1").options["fused_activation_function"] == "RELU6"
    assert written.op("0/1").version == 3
    assert written.op("0/0").version == 1
    assert written.subgraphs[0].tensors[0].quantisation == Quantisation("tensor", (0.5,), (3,))
    assert written.subgraphs[0].tensors[0].shape_signature == (-1, 4)


def test_what_cannot_be_kept_is_refused() -> None:
    def put_outside(tree: object) -> None:
        from ai_edge_litert import schema_py_generated as schema

        tree.externalBufferGroups = [schema.ExternalBufferGroupT(name="weights.bin")]  # type: ignore[attr-defined]

    with pytest.raises(ModelError, match="in files beside it"):
        ModelEditor.open(edited(chain(), put_outside))
    with pytest.raises(ModelError, match="is not a"):
        ModelEditor.open(b"nothing of the kind")
    with pytest.raises(ModelError, match="stored sparse"):
        ModelEditor.open(sparse_model()).constant_values(0)
    with pytest.raises(ValueError, match="another file"):
        ModelEditor.open(chain(), {0: ["0/0"]})


def test_numbers_of_buffers_that_nobody_reads_may_be_wrong() -> None:
    def number(tree: object) -> None:
        tree.metadataBuffer = [2_000_000_000, 1]  # type: ignore[attr-defined]

    editor = ModelEditor.open(edited(chain(), number))
    editor.prune_unused()
    assert [op.code for op in read_model(editor.to_bytes()).ops()] == ["RELU", "ADD", "RELU"]
