from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.prunable import GRAPHS, subject
from tflprof.compress.apply import apply_changes
from tflprof.compress.interface import Change, Option
from tflprof.compress.methods import open_methods
from tflprof.compress.prune.eliminate import Taker, eliminate
from tflprof.compress.prune.method import Pruning, ladder
from tflprof.compress.prune.moments import Moments
from tflprof.errors import UsageError
from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.configs import layer_configs
from tflprof.model.edit import ModelEditor
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig

NETWORKS = {
    "mobilenet_v1": (32, 0.25),
    "mobilenet_v2": (32, 0.35),
    "mobilenet_v3_small": (32, 0.5),
    "resnet_50": (32, 0.125),
    "inception_v3": (75, 0.1),
    "ssdlite_mobilenet_v2": (64, 0.35),
}


def test_steps_of_eight() -> None:
    assert ladder(32) == (24, 16, 8)
    assert ladder(20) == (16, 8)


@pytest.mark.parametrize("name", ["prune", "prune=fine", "prune=magnitude"])
def test_a_plan_chooses_among_all_multiples_of_eight(name: str, tmp_path: Path) -> None:
    methods = open_methods([name])
    knobs, _ = methods["prune"].knobs(subject(tmp_path / "m.tflite", build_network("resnet_50", 32, 0.125)))
    widest = next(knob for knob in knobs if knob.options[0].label == "256 channels")
    sizes = [option.change.parameters["keep"] for option in widest.options if option.change]
    assert sizes == list(ladder(256))
    assert widest.first == (0, 1, 5, 10, 14, 18, 22, 27, 31)


def test_options_fall_in_steps_of_eight_to_a_quarter(tmp_path: Path) -> None:
    methods = open_methods(["prune=coarse"])
    knobs, _ = methods["prune"].knobs(subject(tmp_path / "m.tflite", build_network("resnet_50", 32, 0.125)))
    widest = next(knob for knob in knobs if knob.options[0].label == "256 channels")
    sizes = [option.change.parameters["keep"] for option in widest.options if option.change]
    assert sizes == [224, 192, 160, 128, 96, 64]
    assert widest.options[0].change is None


def test_what_cannot_be_cut_is_refused_by_name(tmp_path: Path) -> None:
    _, refusals = Pruning().knobs(subject(tmp_path / "m.tflite", build_network("mobilenet_v1", 32, 0.25)))
    assert [refusal.layers for refusal in refusals] == [("0/0",), ("0/28",)]
    assert refusals[0].reason == "it has only 8 channels, one step"


def test_models_of_several_subgraphs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network("mobilenet_v1", 32, 0.25))
    plain = subject(path, path.read_bytes())
    model = plain.model.__class__(**{**plain.model.__dict__, "subgraphs": plain.model.subgraphs * 2})
    _, refusals = Pruning().knobs(plain.__class__(model, plain.layers, plain.calibration, plain.executor))
    assert "2 subgraphs" in refusals[0].reason


def test_an_unknown_criterion_is_refused() -> None:
    with pytest.raises(UsageError, match="l3"):
        Pruning("l3")


@pytest.mark.parametrize("keep", [0, 33])
def test_a_plan_of_another_model_is_refused(tmp_path: Path, keep: int) -> None:
    one = subject(tmp_path / "m.tflite", build_network("mobilenet_v1", 32, 0.25))
    change = Change("prune", ("0/4",), {"group": "0/4", "keep": keep})
    with pytest.raises(UsageError, match="cannot be cut"):
        Pruning().apply(ModelEditor.open(one.model.path), [change], one)


def test_a_layer_that_was_taken_out_needs_no_cutting(tmp_path: Path) -> None:
    net = Network("dead")
    x = net.conv2d(net.input("input", (1, 8, 8, 3)), "first", 16, 3)
    net.conv2d(x, "dead", 16, 1)
    x = net.conv2d(x, "second", 16, 1)
    content = net.finish(net.softmax(net.reshape(net.mean(x, "pool"), "flat", (1, 16)), "probabilities"))
    one = subject(tmp_path / "m.tflite", content)
    methods = open_methods(["clean_up", "prune"])
    knobs = [knob for method in methods.values() for knob in method.knobs(one)[0]]
    changes = [knob.options[-1].change for knob in knobs]
    assert {change.method for change in changes if change} == {"clean_up", "prune"}
    made = apply_changes(one, [change for change in changes if change], methods)
    assert len(read_model(made.content).ops()) == len(one.model.ops()) - 1
    wrong = Change("prune", ("0/0",), {"group": "0/9", "keep": 8})
    with pytest.raises(UsageError, match="cannot be cut"):
        apply_changes(one, [wrong], methods)


def test_keeping_all_channels_changes_no_byte(tmp_path: Path) -> None:
    one = subject(tmp_path / "m.tflite", build_network("mobilenet_v2", 32, 0.35, "int8"))
    editor = ModelEditor.open(one.model.path)
    before = editor.to_bytes()
    Pruning().apply(editor, [Change("prune", ("0/3",), {"group": "0/3", "keep": 48})], one)
    Pruning().apply(editor, [], one)
    assert editor.to_bytes() == before


def chosen(
    data: st.DataObject, method: Pruning, path: Path, content: bytes
) -> tuple[list[OpConfig], list[OpConfig]]:
    """Configurations as rewritten for some options, and those of the file that is cut accordingly."""
    one = subject(path, content)
    knobs, _ = method.knobs(one)
    options = [knob.options[data.draw(st.integers(0, len(knob.options) - 1))] for knob in knobs]
    taken: list[tuple[tuple[str, ...], Option]] = [
        (knob.layers, option) for knob, option in zip(knobs, options, strict=True)
    ]
    editor = ModelEditor.open(one.model.path)
    method.apply(editor, [option.change for option in options if option.change], one)
    expected = []
    for layer in one.layers:
        configs: tuple[OpConfig, ...] = (layer.config,)
        for layers, option in taken:
            configs = method.rewrite(layer.id, configs, option) if layer.id in layers else configs
        expected += configs
    return expected, [layer.config for layer in layer_configs(read_model(editor.to_bytes()))]


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rewriting_tells_what_cutting_makes(data: st.DataObject, name: str, tmp_path: Path) -> None:
    size, width = NETWORKS[name]
    content = build_network(name, size, width, data.draw(st.sampled_from(["float32", "int8", "float16"])))
    expected, found = chosen(data, Pruning("magnitude"), tmp_path / "m.tflite", content)
    assert [config.to_json() for config in found] == [config.to_json() for config in expected]


@pytest.mark.parametrize("name", GRAPHS)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rewriting_of_odd_graphs(data: st.DataObject, name: str, tmp_path: Path) -> None:
    expected, found = chosen(data, Pruning("l1", fine=True), tmp_path / "m.tflite", GRAPHS[name]())
    shapes = [[tensor.shape for tensor in (*config.inputs, *config.outputs)] for config in found]
    assert shapes == [[tensor.shape for tensor in (*config.inputs, *config.outputs)] for config in expected]


def test_a_channel_that_others_tell_goes_first() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 4)) * [1.0, 1.0, 1.0, 0.3]
    x = np.column_stack([x, x[:, 0] + x[:, 1]])  # loud, and no loss
    weights = np.ones((2, 5))
    known = Moments(x.mean(axis=0), x.var(axis=0), np.cov(x.T, bias=True), len(x))
    order, losses = eliminate([Taker(weights.T @ weights, known, np.arange(5))], 5)
    assert set(order[-2:]) == {0, 1}, "the last one can do their work"
    assert losses[-2:].max() < 1e-2
    assert order[-3] == 3, "then the quietest of what is left"


def test_without_covariances_the_quietest_goes_first() -> None:
    known = Moments(np.zeros(3), np.array([3.0, 1.0, 2.0]), None, 10)
    order, losses = eliminate([Taker(np.ones(3), known, np.arange(3))], 3)
    assert order[::-1][:2] == [1, 2]
    assert losses[-1] == pytest.approx(1 / 6)
