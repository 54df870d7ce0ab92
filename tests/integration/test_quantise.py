"""Quantisation with the real quantiser and LiteRT: what comes out runs, costs what was said, and is close."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflprof.compress.calibration import random_calibration
from tflprof.compress.fidelity import Reference
from tflprof.compress.interface import Change, Knob, Option, Subject
from tflprof.compress.quantise.method import Quantise, uniform
from tflprof.compress.quantise.tool import QuantiserTool
from tflprof.errors import EnvironmentFault, ModelError, UsageError
from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.configs import layer_configs
from tflprof.model.edit import ModelEditor, NewOp
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

SMALL: dict[str, Any] = {"size": 32, "width": 0.25, "classes": 8}


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as found:
        yield found


@pytest.fixture(scope="module")
def method() -> Iterator[Quantise]:
    found = Quantise()
    yield found
    found.close()


def subject_of(path: Path, content: bytes, executor: Executor) -> Subject:
    path.write_bytes(content)
    model = read_model(path)
    return Subject(model, layer_configs(model), random_calibration(model, 2), executor)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory, executor: Executor) -> Subject:
    path = tmp_path_factory.mktemp("quantise") / "mobilenet.tflite"
    return subject_of(path, build_network("mobilenet_v2", **SMALL), executor)


def applied(method: Quantise, changes: Sequence[Change], subject: Subject) -> ModelEditor:
    return method.apply(ModelEditor.open(subject.model.path), changes, subject)


@pytest.mark.parametrize("scheme", ["int8", "dynamic"])
def test_all_layers_in_one_scheme(scheme: str, method: Quantise, subject: Subject) -> None:
    knobs, _ = method.knobs(subject)
    editor = applied(method, uniform(knobs, scheme), subject)
    content = editor.to_bytes()
    found = Reference(subject.executor, subject.model, subject.calibration).fidelity(content)
    assert found.cosine > 0.9
    model = read_model(content)
    graph, old = model.subgraphs[0], subject.model.subgraphs[0]
    assert [graph.tensors[i].name for i in graph.outputs] == [old.tensors[i].name for i in old.outputs]
    assert [graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)] == ["float32", "float32"]
    assert [(one.key, list(one.inputs), list(one.outputs)) for one in model.signatures] == [
        (one.key, list(one.inputs), list(one.outputs)) for one in subject.model.signatures
    ]
    weights = {model.subgraphs[0].tensors[op.inputs[1]].dtype for op in graph.ops if op.code == "CONV_2D"}
    assert weights == {"int8"}
    assert [op_id for op_id in editor.ids[0] if "quantise" not in op_id] == [op.id for op in old.ops]


def chosen(knobs: Sequence[Knob], seed: int) -> dict[str, Option]:
    generator = random.Random(seed)
    return {knob.name: generator.choice(knob.options) for knob in knobs}


@pytest.mark.parametrize("seed", range(3))
def test_mixed_plans_cost_what_was_said(seed: int, method: Quantise, subject: Subject) -> None:
    knobs, _ = method.knobs(subject)
    check_costs(method, subject, knobs, chosen(knobs, seed))


def check_costs(
    method: Quantise, subject: Subject, knobs: Sequence[Knob], options: dict[str, Option]
) -> None:
    """What the planner reckons with for these options is what the file has then."""
    owner = {layer: knob.name for knob in knobs for layer in knob.layers}
    expected = Counter(
        config.key
        for layer in subject.layers
        if layer.uncosted is None
        for config in (
            method.rewrite(layer.id, (layer.config,), options[owner[layer.id]])
            if layer.id in owner
            else (layer.config,)
        )
    )
    for coupling in method.couplings(subject, knobs):
        expected.update(one.key for one in coupling.between(tuple(options[name] for name in coupling.knobs)))
    changes = [option.change for option in options.values() if option.change is not None]
    model = read_model(applied(method, changes, subject).to_bytes())
    assert Counter(one.config.key for one in layer_configs(model) if one.uncosted is None) == expected


def test_relus_of_integers_go_into_the_layer_before(
    tmp_path: Path, method: Quantise, subject: Subject
) -> None:
    """The delegate takes none that stand alone."""
    editor = ModelEditor.open(subject.model.path)
    for number, code in enumerate(("CONV_2D", "ADD")):
        ops = [op for op in editor.graph().ops if op.options.get("fused_activation_function") == "NONE"]
        layer = next(op for op in ops if op.code == code and len(editor.consumers(op.outputs[0])) == 1)
        (old,), (user,) = layer.outputs, editor.consumers(layer.outputs[0])
        new = editor.add_tensor(f"clamped{number}", editor.tensor(old).shape)
        editor.insert_before(user.id, [NewOp("RELU", (old,), (new,))], f"clamp{number}")
        editor.set_inputs(user.id, [new if index == old else index for index in user.inputs])
    clamped = subject_of(tmp_path / "clamped.tflite", editor.to_bytes(), subject.executor)
    knobs, _ = method.knobs(clamped)
    options = {knob.name: knob.options[0] for knob in knobs}
    options |= {knob.name: option for knob in knobs for option in knob.options if option.label == "int8"}
    check_costs(method, clamped, knobs, options)
    model = read_model(applied(method, uniform(knobs, "int8"), clamped).to_bytes())
    assert "RELU" not in {op.code for op in model.ops()}
    reference = Reference(subject.executor, clamped.model, clamped.calibration)
    content = applied(method, uniform(knobs, "int8"), clamped).to_bytes()
    assert reference.fidelity(content).cosine > 0.9
    changes = [option.change for option in chosen(knobs, 3).values() if option.change is not None]
    assert reference.fidelity(applied(method, changes, clamped).to_bytes()).cosine > 0.9


def test_no_change_is_no_edit(method: Quantise, subject: Subject) -> None:
    editor = applied(method, [], subject)
    assert read_model(editor.to_bytes()).fingerprint == subject.model.fingerprint


def test_biases_of_dead_channels_are_kept(tmp_path: Path, method: Quantise, subject: Subject) -> None:
    editor = ModelEditor.open(subject.model.path)
    layer = next(op for op in editor.graph().ops if op.code == "DEPTHWISE_CONV_2D")
    weights, bias = (editor.constant_values(index).copy() for index in layer.inputs[1:3])
    weights[..., 0], bias[0] = 0, 5.0
    weights[..., 1], bias[1] = weights[..., 1] * 1e-9, 3.0
    editor.set_constant(layer.inputs[1], weights)
    editor.set_constant(layer.inputs[2], bias)
    dead = subject_of(tmp_path / "dead.tflite", editor.to_bytes(), subject.executor)
    knobs, refused = method.knobs(dead)
    assert any("dead" in one.reason and layer.id in one.layers for one in refused)
    change = next(
        o.change for k in knobs if layer.id in k.layers for o in k.options if o.label == "int8" and o.change
    )
    found = read_model(applied(method, [change], dead).to_bytes())
    op = next(one for one in found.ops() if one.code == "DEPTHWISE_CONV_2D")
    stored, scales = found.data(0, op.inputs[2]), found.subgraphs[0].tensors[op.inputs[2]].quantisation
    assert scales is not None
    assert stored[:2] * np.array(scales.scale[:2]) == pytest.approx([5.0, 3.0], rel=1e-3)


def test_integer_models_are_refused_layer_by_layer(
    tmp_path: Path, method: Quantise, executor: Executor
) -> None:
    path = tmp_path / "int8.tflite"
    integer = subject_of(path, build_network("mobilenet_v1", dtype="int8", **SMALL), executor)
    knobs, refused = method.knobs(integer)
    assert not knobs
    assert {layer for one in refused for layer in one.layers} == {op.id for op in integer.model.ops()}
    assert refused[0].reason == "it is quantised already"


def test_custom_operators_stay_real(tmp_path: Path, method: Quantise, executor: Executor) -> None:
    path = tmp_path / "ssd.tflite"
    detector = subject_of(path, build_network("ssd_mobilenet_v1", size=64, width=0.25), executor)
    knobs, refused = method.knobs(detector)
    assert any("TFLite_Detection_PostProcess" in one.reason for one in refused)
    content = applied(method, uniform(knobs, "int8"), detector).to_bytes()
    assert executor.run(content, detector.calibration.samples)


def forked() -> bytes:
    """A result of the model that layers read as well, one of which makes what nobody reads."""
    net = Network("forked")
    y = net.conv2d(net.input("x", (1, 8, 8, 8)), "y", 16, 1)
    net.conv2d(y, "unread", 16, 1)
    return net.finish(y, net.conv2d(y, "z", 16, 1))


@pytest.mark.parametrize("schemes", list(product(["", "dynamic"], ["", "int8", "dynamic"])))
def test_results_that_are_read_as_well_stay_what_they_were(
    schemes: tuple[str, str], tmp_path: Path, method: Quantise, executor: Executor
) -> None:
    model = subject_of(tmp_path / "forked.tflite", forked(), executor)
    knobs, refused = method.knobs(model)
    assert [knob.layers for knob in knobs] == [("0/0",), ("0/2",)]
    assert [knob.options[1].label for knob in knobs] == ["dynamic", "int8"]
    assert {one.layers: one.reason.split(",")[0].split(":")[0] for one in refused} == {
        ("0/0",): "its result is the model's and read as well",
        ("0/1",): "nobody reads all that it makes",
    }
    changes = [
        option.change
        for knob, scheme in zip(knobs, schemes, strict=True)
        for option in knob.options
        if option.label == scheme and option.change is not None
    ]
    found = applied(method, changes, model)
    assert {tensor.name for tensor in map(found.tensor, found.graph().outputs)} == {"y", "z"}
    assert Reference(executor, model.model, model.calibration).fidelity(found.to_bytes()).cosine > 0.99


def test_names_that_are_not_unique_come_back(tmp_path: Path, method: Quantise, subject: Subject) -> None:
    editor = ModelEditor.open(subject.model.path)
    for index in range(len(editor.graph().tensors)):
        editor.set_name(index, "same" if index % 2 else "")
    alike = subject_of(tmp_path / "alike.tflite", editor.to_bytes(), subject.executor)
    knobs, _ = method.knobs(alike)
    found = read_model(applied(method, uniform(knobs, "dynamic"), alike).to_bytes())
    assert {tensor.name for tensor in found.subgraphs[0].tensors} == {"same", ""}


def test_files_of_old_converters(tmp_path: Path, method: Quantise, subject: Subject) -> None:
    """Without signatures, and with operators in the field of one byte alone."""
    editor = ModelEditor.open(subject.model.path)
    editor._tree.signatureDefs = None
    for code in editor._tree.operatorCodes:
        code.deprecatedBuiltinCode, code.builtinCode = min(code.builtinCode, 127), 0
    old = subject_of(tmp_path / "old.tflite", editor.to_bytes(), subject.executor)
    assert not old.model.signatures
    knobs, _ = method.knobs(old)
    content = applied(method, uniform(knobs, "int8"), old).to_bytes()
    reference = Reference(subject.executor, old.model, old.calibration)
    assert reference.fidelity(content).cosine > 0.9


def test_a_model_that_the_quantiser_does_not_take() -> None:
    tool = QuantiserTool()
    with pytest.raises(ModelError, match=r"does not take odd\.tflite"):
        tool.quantised(b"nothing", "odd.tflite", {"dynamic": [["x"]]}, {})
    tool.close()


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "litert_quantizer.py").write_text("raise ImportError('No module named litert_quantizer')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EnvironmentFault, match="cannot be loaded") as raised:
        QuantiserTool().policy()
    assert raised.value.hint == 'pip install "tflprof[quantisation]"'


def test_unknown_ranges_are_refused() -> None:
    with pytest.raises(UsageError, match="`none`"):
        Quantise("none")
