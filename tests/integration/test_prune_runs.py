"""Networks with channels cut out, in LiteRT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.prunable import GRAPHS, subject
from tflprof.compress.fidelity import Reference
from tflprof.compress.interface import Change
from tflprof.compress.prune.method import Pruning
from tflprof.compress.prune.netadapt import netadapt
from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.edit import ModelEditor
from tflprof.model.read import read_model
from tflprof.op_channels import macs
from tflprof.op_config import OpConfig
from tflprof.runtimes.execute import Executor

NETWORKS = {
    "mobilenet_v1": (32, 0.25),
    "mobilenet_v2": (32, 0.2),
    "mobilenet_v3_small": (32, 0.3),
    "resnet_50": (32, 0.125),
    "inception_v3": (75, 0.1),
    "efficientnet_lite0": (32, 0.2),
    "ssd_mobilenet_v1": (48, 0.25),
}


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as running:
        yield running


@pytest.mark.parametrize("name", [*NETWORKS, *GRAPHS])
@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cut_runs_and_keeps_the_outputs_shapes(
    data: st.DataObject, name: str, tmp_path: Path, executor: Executor
) -> None:
    if name in NETWORKS:
        dtype = data.draw(st.sampled_from(["float32", "int8", "dynamic"]))
        content = build_network(name, *NETWORKS[name], dtype)
    else:
        content = GRAPHS[name]()
    one = subject(tmp_path / "m.tflite", content, executor, samples=2)
    method = Pruning("magnitude" if name in NETWORKS else "activation")
    knobs, _ = method.knobs(one)
    options = [data.draw(st.sampled_from(knob.options)) for knob in knobs]
    editor = ModelEditor.open(one.model.path)
    method.apply(editor, [option.change for option in options if option.change], one)
    changed = editor.to_bytes()
    before, after = (
        executor.run(Path(one.model.path), one.calibration.samples),
        executor.run(changed, one.calibration.samples),
    )
    assert [value.shape for value in after[0].values()] == [value.shape for value in before[0].values()]
    assert all(np.isfinite(value).all() for value in after[0].values() if value.dtype.kind == "f")
    assert read_model(changed).signatures == one.model.signatures or read_model(changed).signatures


def emptied(content: bytes, group: dict[str, int], count: int) -> bytes:
    """The model with weights and biases of the last channels of some layers at zero; ``group``: dimension by layer."""
    editor = ModelEditor.open(content)
    for name, dim in group.items():
        op = editor.op(name)
        for tensor, axis in ((op.inputs[1], dim), (op.inputs[2], 0)):
            values = editor.constant_values(tensor).copy()
            index = [slice(None)] * values.ndim
            index[axis] = slice(values.shape[axis] - count, None)
            values[tuple(index)] = 0
            editor.set_constant(tensor, values)
    return editor.to_bytes()


@pytest.mark.parametrize("criterion", ["activation", "magnitude"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_channels_of_zeros_are_cut_for_nothing(
    dtype: str, criterion: str, tmp_path: Path, executor: Executor
) -> None:
    content = build_network("mobilenet_v1", 32, 0.25, dtype)
    content = emptied(content, {"0/4": 0, "0/5": 3}, 16)
    one = subject(tmp_path / "m.tflite", content, executor, samples=4)
    editor = ModelEditor.open(one.model.path)
    Pruning(criterion).apply(
        editor, [Change("prune", ("0/4",), {"group": "0/4", "keep": 16, "criterion": criterion})], one
    )
    found = Reference(executor, one.model, one.calibration).fidelity(editor.to_bytes())
    assert found.max_error <= (1e-5 if dtype == "float32" else 2 / 256)


def test_what_others_tell_is_made_up_for(tmp_path: Path, executor: Executor) -> None:
    """Channels that repeat others go without a loss that counts, although they are loud."""
    net = Network("dependent")
    x = net.conv2d(net.input("input", (1, 8, 8, 3)), "first", 24, 3, activation="RELU")
    y = net.mean(net.conv2d(x, "last", 16, 3), "pool")
    editor = ModelEditor.open(net.finish(net.softmax(net.reshape(y, "flat", (1, 16)), "probabilities")))
    op = editor.graph().ops[0]
    for tensor in op.inputs[1:3]:
        values = editor.constant_values(tensor)
        editor.set_constant(tensor, np.concatenate([values[:8] * (i + 1) for i in range(3)]))
    one = subject(tmp_path / "m.tflite", editor.to_bytes(), executor, samples=8)
    changed = ModelEditor.open(one.model.path)
    Pruning().apply(changed, [Change("prune", (op.id,), {"group": op.id, "keep": 8})], one)
    assert Reference(executor, one.model, one.calibration).fidelity(changed.to_bytes()).divergence < 1e-3


def test_greedy_pruning_meets_a_budget(tmp_path: Path, executor: Executor) -> None:
    one = subject(tmp_path / "m.tflite", build_network("mobilenet_v1", 32, 0.25), executor, samples=2)

    def cost(_layer: str, configs: Sequence[OpConfig]) -> float:
        return float(sum(macs(config) or 0 for config in configs))

    whole = sum(cost(layer.id, (layer.config,)) for layer in one.layers)
    found = netadapt(one, cost, 0.6 * whole, rounds=4, tries=1)
    assert found.reached
    assert found.cost <= 0.6 * whole
    assert [cost for cost, _ in found.steps] == sorted((cost for cost, _ in found.steps), reverse=True)
    editor = ModelEditor.open(one.model.path)
    Pruning().apply(editor, found.changes, one)
    hopeless = netadapt(one, cost, 0.0, rounds=1, tries=1)
    assert not hopeless.reached
