"""Costs against sums done by hand, and None for what nobody can know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.model.tables import read_bytes
from tflprof.model.build import build_micro, build_network
from tflprof.model.cost import MACS, Cost, model_cost, op_cost
from tflprof.model.graph import Quantisation
from tflprof.model.op_kinds import ELEMENTWISE, UNKNOWABLE
from tflprof.model.schema import generated
from tflprof.model.write import ModelWriter

INT8 = Quantisation("tensor", (0.1,), (0,))


def micro_cost(folder: Path, name: str, dtype: str = "float32") -> Cost:
    return model_cost(read_bytes(folder, build_micro(name, dtype))).total


@pytest.mark.parametrize(
    ("name", "macs", "parameters", "activation_bytes"),
    [
        ("conv_2d", 4 * 4 * 8 * 3 * 3 * 4, 8 * 3 * 3 * 4 + 8, (8 * 8 * 4 + 4 * 4 * 8) * 4),
        ("conv_2d_1x1", 8 * 8 * 8 * 4, 8 * 4 + 8, (8 * 8 * 4 + 8 * 8 * 8) * 4),
        ("depthwise_conv_2d", 8 * 8 * 4 * 3 * 3, 3 * 3 * 4 + 4, 2 * 8 * 8 * 4 * 4),
        ("fully_connected", 2 * 16 * 8, 16 * 8 + 8, (2 * 16 + 2 * 8) * 4),
        ("transpose_conv", 8 * 8 * 4 * 2 * 2 * 3, 3 * 2 * 2 * 4 + 3, (8 * 8 * 4 + 16 * 16 * 3) * 4),
        ("conv_3d", 3 * 3 * 3 * 3 * 2 * 2 * 2 * 2, 2 * 2 * 2 * 2 * 3, (4 * 4 * 4 * 2 + 3 * 3 * 3 * 3) * 4),
        ("batch_matmul", 2 * 3 * 5 * 4, 0, (2 * 3 * 4 + 2 * 4 * 5 + 2 * 3 * 5) * 4),
        ("stateful", 3 * 4 + 3 * 2, 3 * 4 + 3 * 2, (4 + 3 + 6) * 4),
        ("add", 0, 0, 3 * 8 * 8 * 4 * 4),
        ("prelu", 0, 4, 2 * 8 * 8 * 4 * 4),
        ("reshape", 0, 0, 2 * 8 * 8 * 4 * 4),
        ("split", 0, 0, 2 * 8 * 8 * 4 * 4),
    ],
)
def test_by_hand(tmp_path: Path, name: str, macs: int, parameters: int, activation_bytes: int) -> None:
    cost = micro_cost(tmp_path, name)
    assert cost == Cost(macs, parameters, parameters * 4, activation_bytes)
    assert cost.arithmetic_intensity == macs / (parameters * 4 + activation_bytes)


def test_int8_moves_a_quarter_but_for_the_bias(tmp_path: Path) -> None:
    cost = micro_cost(tmp_path, "conv_2d", "int8")
    assert cost == Cost(4608, 296, 8 * 3 * 3 * 4 + 8 * 4, 8 * 8 * 4 + 4 * 4 * 8)


@pytest.mark.parametrize(
    ("name", "size", "macs", "parameters"),
    [
        ("mobilenet_v1", 224, 569e6, 4.24e6),
        ("mobilenet_v2", 224, 300e6, 3.47e6),
        ("mobilenet_v1", 160, 291e6, 4.24e6),
    ],
)
def test_published_networks(tmp_path: Path, name: str, size: int, macs: float, parameters: float) -> None:
    cost = model_cost(read_bytes(tmp_path, build_network(name, size)))
    assert cost.total.macs == pytest.approx(macs, rel=0.01)
    assert cost.total.parameters == pytest.approx(parameters, rel=0.01)
    assert cost.unknown_macs == cost.unknown_bytes == ()
    assert cost.total.macs == sum(c.macs or 0 for c in cost.ops.values())


def test_every_operator_of_the_schema_is_placed_once() -> None:
    names = {name for name, value in vars(generated().BuiltinOperator).items() if isinstance(value, int)}
    rooms = [ELEMENTWISE, UNKNOWABLE, frozenset(MACS)]
    assert frozenset().union(*rooms) == names
    assert sum(map(len, rooms)) == len(names)


@pytest.mark.parametrize(("name", "op"), [("if_else", "0/1"), ("while_loop", "0/0"), ("detection", "0/0")])
def test_what_cannot_be_known_is_none(tmp_path: Path, name: str, op: str) -> None:
    cost = model_cost(read_bytes(tmp_path, build_micro(name)))
    assert cost.ops[op].macs is None
    assert cost.ops[op].arithmetic_intensity is None
    assert op in cost.unknown_macs


def test_variables_have_no_known_bytes(tmp_path: Path) -> None:
    cost = model_cost(read_bytes(tmp_path, build_micro("call_once")))
    assert "0/2" in cost.unknown_bytes


def test_dynamic_shapes_are_unknown_until_given(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_micro("dynamic_batch"))
    op = model.ops()[0]
    assert op_cost(model, op) == Cost(None, 16 * 8 + 8, (16 * 8 + 8) * 4, None)
    assert op_cost(model, op, {op.outputs[0]: (3, 8)}).activation_bytes is None
    shapes = {op.inputs[0]: (3, 16), op.outputs[0]: (3, 8)}
    assert op_cost(model, op, shapes) == Cost(3 * 16 * 8, 136, 544, (48 + 24) * 4)
    total = model_cost(model)
    assert total.unknown_macs == ("0/0", "0/1")
    assert model_cost(model, {0: shapes}).unknown_macs == ("0/1",)


def test_total_of_nothing_known_is_none(tmp_path: Path) -> None:
    assert micro_cost(tmp_path, "detection").macs is None


def test_packed_weights_and_shared_weights(tmp_path: Path) -> None:
    writer = ModelWriter()
    graph = writer.subgraph()
    x = graph.input("x", (1, 6), "int8", INT8)
    weights = graph.constant(
        "w", np.ones((5, 6), np.int8), Quantisation("channel", (0.1,) * 5, (0,) * 5), "int4"
    )
    for name in ("a", "b"):
        graph.op("FULLY_CONNECTED", [x, weights, -1], [graph.tensor(name, (1, 5), "int8", INT8)])
    cost = model_cost(read_bytes(tmp_path, writer.to_bytes()))
    assert cost.ops["0/0"] == cost.ops["0/1"] == Cost(30, 30, 15, 11)
    assert cost.total == Cost(60, 30, 15, 22)


def test_a_tensor_used_twice_is_moved_once(tmp_path: Path) -> None:
    writer = ModelWriter()
    graph = writer.subgraph()
    x = graph.input("x", (10,))
    graph.op("MUL", [x, x], [graph.tensor("y", (10,))])
    assert model_cost(read_bytes(tmp_path, writer.to_bytes())).total == Cost(0, 0, 0, 80)


def test_recurrent_cells_apply_their_matrices_every_step(tmp_path: Path) -> None:
    writer = ModelWriter()
    graph = writer.subgraph()
    x = graph.input("x", (2, 5, 3))
    weights = [
        graph.constant(name, np.zeros(shape, np.float32))
        for name, shape in (("input", (4, 3)), ("recurrent", (4, 4)), ("bias", (4,)))
    ]
    state = graph.tensor("state", (2, 4), variable=True)
    graph.op("UNIDIRECTIONAL_SEQUENCE_RNN", [x, *weights, state], [graph.tensor("y", (2, 5, 4))])
    (cost,) = model_cost(read_bytes(tmp_path, writer.to_bytes())).ops.values()
    assert cost.macs == 2 * 5 * (4 * 3 + 4 * 4)
    assert cost.parameters == 12 + 16 + 4


def test_intensity_without_bytes_is_unknown() -> None:
    assert Cost(0, 0, 0, 0).arithmetic_intensity is None
    assert Cost(6, 0, 1, 2).arithmetic_intensity == 2
