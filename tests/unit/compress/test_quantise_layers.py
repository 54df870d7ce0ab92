"""Which layers are quantised together, which are refused, and what conversions between them cost; no quantiser runs."""

from __future__ import annotations

import random
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflprof.compress.calibration import random_calibration
from tflprof.compress.interface import Change, Knob, Option, Subject
from tflprof.compress.quantise.edges import boundary, couplings
from tflprof.compress.quantise.layers import Group, groups
from tflprof.compress.quantise.tool import Policy
from tflprof.compress.quantise.trouble import depthwise_trouble, raised_bounds, told
from tflprof.model.build import build_network
from tflprof.model.configs import layer_configs
from tflprof.model.graph import Op
from tflprof.model.read import read_model
from tflprof.op_config import TensorConfig
from tflprof.runtimes.execute import Executor

MOVED = ("MEAN", "RESHAPE", "SOFTMAX", "AVERAGE_POOL_2D", "PAD")
POLICY = Policy(
    frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", *MOVED}),
    frozenset({"CONV_2D", "FULLY_CONNECTED"}),
)
NONE = cast("Executor", None)


def subject(name: str, dtype: str = "float32") -> Subject:
    model = read_model(build_network(name, size=64, width=0.25, dtype=dtype))
    return Subject(model, layer_configs(model), random_calibration(model, 1), NONE)


def knob(group: Group) -> Knob:
    schemes = ["int8"] * group.int8 + ["dynamic"] * group.dynamic
    options = [Option("as it is", None)]
    options += [Option(one, Change("quantise", group.layers, {"scheme": one})) for one in schemes]
    return Knob(group.layers[0], "quantise", group.layers, tuple(options))


def test_every_layer_is_in_a_group_or_refused() -> None:
    for name in ("mobilenet_v2", "ssd_mobilenet_v1", "mobilenet_v3_small"):
        one = subject(name)
        found, refused = groups(one, POLICY)
        named = [layer for group in found for layer in group.layers]
        named += [layer for refusal in refused for layer in refusal.layers]
        assert sorted(named) == sorted(layer.id for layer in one.layers)


def test_layers_that_pass_values_on_go_with_the_one_before() -> None:
    one = subject("mobilenet_v2")
    found, _ = groups(one, POLICY)
    kinds = {layer.id: layer.config.op for layer in one.layers}
    joined = {tuple(kinds[layer] for layer in group.layers) for group in found if len(group.layers) > 1}
    assert joined
    assert all(not set(rest) - set(MOVED) for _, *rest in joined)
    assert ("SOFTMAX",) in {tuple(kinds[layer] for layer in group.layers) for group in found}


def test_dynamic_is_for_weights_only() -> None:
    one = subject("mobilenet_v2")
    kinds = {layer.id: layer.config.op for layer in one.layers}
    for group in groups(one, POLICY)[0]:
        assert group.int8
        assert group.dynamic == any(kinds[layer] in POLICY.dynamic for layer in group.layers)


def test_reasons_name_what_cannot_be() -> None:
    _, refused = groups(subject("ssd_mobilenet_v1"), POLICY)
    reasons = " ".join(one.reason for one in refused)
    assert "TFLite_Detection_PostProcess is a custom operator" in reasons
    assert "no int8 CONCATENATION" in reasons
    found, refused = groups(subject("mobilenet_v1", "int8"), POLICY)
    assert not found
    assert {one.reason for one in refused} == {"it is quantised already"}


def test_boundaries_are_conversions_of_the_tensor() -> None:
    tensor = TensorConfig((1, 8, 8, 4), "float32")
    into, out = boundary(tensor, "float32", "int8"), boundary(tensor, "int8", "dynamic")
    assert into is not None
    assert out is not None
    assert (into.op, out.op) == ("QUANTIZE", "DEQUANTIZE")
    assert into.outputs == out.inputs
    assert out.outputs == into.inputs == (tensor,)
    for same in (("int8", "int8"), ("float32", "dynamic"), ("dynamic", "float16")):
        assert boundary(tensor, *same) is None


@pytest.mark.parametrize("seed", range(6))
def test_conversions_are_where_the_schemes_of_neighbours_differ(seed: int) -> None:
    one, draw = subject("mobilenet_v2"), random.Random(seed)
    knobs = [knob(group) for group in groups(one, POLICY)[0]]
    chosen = {item.name: draw.choice(item.options) for item in knobs}
    extra = [
        config.op
        for coupling in couplings(one.model.subgraphs[0], knobs)
        for config in coupling.between(tuple(chosen[name] for name in coupling.knobs))
    ]
    integer = {layer for item in knobs for layer in item.layers if chosen[item.name].label == "int8"}
    graph = one.model.subgraphs[0]
    makers = {index: op.id for op in graph.ops for index in op.outputs}
    expected = 0
    for tensor in graph.tensors:
        if tensor.is_constant:
            continue
        users = [op.id for op in graph.ops if tensor.index in op.inputs]
        is_integer = makers.get(tensor.index) in integer
        takes = [user in integer for user in users] + [False] * (tensor.index in graph.outputs)
        expected += any(want != is_integer for want in takes)
    assert len(extra) == expected


DEPTHWISE = Op("0/1", 0, 1, "DEPTHWISE_CONV_2D", None, 1, (0, 1, 2), (3,))


def test_dead_and_wide_channels_are_found() -> None:
    weights = np.ones((1, 3, 3, 4), np.float32) * np.array([1, 0, 1e-9, 0.004], np.float32)
    found = depthwise_trouble(DEPTHWISE, weights, None)
    assert found.dead == 2
    assert found.weights == pytest.approx(250)
    reasons = [one.reason for one in told([found])]
    assert len(reasons) == 2
    assert "2 of their channels are dead" in reasons[0]
    assert "250-fold" in reasons[1]
    assert not told([depthwise_trouble(DEPTHWISE, np.ones((1, 3, 3, 4)), None)])


@settings(max_examples=40)
@given(
    st.lists(st.floats(0, 10, width=32), min_size=3, max_size=3),
    st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3),
    st.floats(0.125, 10, width=32),
)
def test_biases_fit_with_raised_bounds(scale: list[float], bias: list[float], high: float) -> None:
    weights = np.ones((1, 2, 2, 3)) * np.array(scale)
    raised = raised_bounds(DEPTHWISE, weights, np.array(bias), 0.0, high)
    bounds = np.abs(weights).max(axis=(0, 1, 2)) if raised is None else raised.reshape(-1)
    assert (bounds >= np.abs(weights).max(axis=(0, 1, 2))).all()
    steps = high / 255 * bounds / 127
    assert (np.abs(bias) <= steps * 2.0**31 * (1 + 1e-9)).all()
