"""Factorised layers in the real runtime: exact at full rank, in int8 as good as the layer itself nearly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tflprof.compress.apply import apply_changes
from tflprof.compress.calibration import calibration_of, random_calibration
from tflprof.compress.interface import Change, Subject
from tflprof.compress.low_rank import LowRank
from tflprof.errors import UsageError
from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

SIDE = 8
FULL = 10_000
FORMS = {"svd": 1, "spatial": 3, "tucker": 3}
Layer = dict[str, Any]

LAYERS = st.fixed_dictionaries(
    {
        "form": st.sampled_from(["svd", "dense", "spatial"]),
        "inputs": st.integers(17, 48),
        "outputs": st.integers(17, 48),
        "stride": st.integers(1, 2),
        "padding": st.sampled_from(["SAME", "VALID"]),
        "activation": st.sampled_from(["NONE", "RELU", "RELU6"]),
        "seed": st.integers(0, 1000),
    }
)
# Narrower layers are not offered: no rank from 8 on saves work.
FEW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as running:
        yield running


def shape(layer: Layer) -> tuple[int, ...]:
    return (1, layer["inputs"]) if layer["form"] == "dense" else (1, SIDE, SIDE, layer["inputs"])


def content(layer: Layer, dtype: str) -> bytes:
    net = Network("one layer", dtype, layer["seed"])
    x = net.input("x", shape(layer))
    if layer["form"] == "dense":
        return net.finish(net.fully_connected(x, "y", layer["outputs"], layer["activation"]))
    kernel = FORMS[layer["form"]]
    y = net.conv2d(x, "y", layer["outputs"], kernel, layer["stride"], layer["padding"], layer["activation"])
    return net.finish(y)


def samples(layer: Layer, count: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [{"x": rng.uniform(-1, 1, shape(layer)).astype(np.float32)} for _ in range(count)]


def factorised(
    executor: Executor, folder: Path, original: bytes, layer: Layer, ranks: list[int], weighting: str
) -> bytes:
    path = folder / "layer.tflite"
    path.unlink(missing_ok=True)
    path.write_bytes(original)
    model = read_model(path)
    count = 256 if layer["form"] == "dense" else 16
    calibration = calibration_of(samples(layer, count, layer["seed"] + 1))
    form = "svd" if layer["form"] == "dense" else layer["form"]
    convolution = next(op.id for op in model.ops() if op.code in ("CONV_2D", "FULLY_CONNECTED"))
    change = Change("low_rank", (convolution,), {"form": form, "ranks": ranks, "weighting": weighting})
    return apply_changes(Subject(model, (), calibration, executor), [change], {"low_rank": LowRank()}).content


def outputs(executor: Executor, model: bytes, layer: Layer) -> Any:
    found = executor.run(model, samples(layer, 16, 0), dequantised=True)
    return np.stack([next(iter(sample.values())) for sample in found])


def error(reference: Any, found: Any) -> float:
    return float(np.sqrt(np.square(reference - found).mean()))


@FEW
@given(layer=LAYERS, weighting=st.sampled_from(["activations", "plain"]))
def test_a_float_layer_at_full_rank_stays_what_it_was(
    executor: Executor, tmp_path_factory: pytest.TempPathFactory, layer: Layer, weighting: str
) -> None:
    original = content(layer, "float32")
    new = factorised(executor, tmp_path_factory.mktemp("m"), original, layer, [FULL], weighting)
    assert len(read_model(new).ops()) == 2
    reference, found = outputs(executor, original, layer), outputs(executor, new, layer)
    assert np.abs(reference - found).max() <= 2e-5 * max(1.0, np.abs(reference).max())


@FEW
@given(layer=LAYERS)
def test_an_int8_layer_at_full_rank_has_at_most_twice_its_error(
    executor: Executor, tmp_path_factory: pytest.TempPathFactory, layer: Layer
) -> None:
    original = content(layer, "int8")
    new = factorised(executor, tmp_path_factory.mktemp("m"), original, layer, [FULL], "activations")
    reference = outputs(executor, content(layer, "float32"), layer)
    own = error(reference, outputs(executor, original, layer))
    assert error(reference, outputs(executor, new, layer)) <= 2 * own


@pytest.mark.parametrize("dtype", ["float32", "float16", "dynamic", "int8"])
@pytest.mark.parametrize("form", ["svd", "dense", "spatial", "tucker"])
def test_every_form_of_weights_gives_a_file_that_runs(
    executor: Executor, tmp_path: Path, form: str, dtype: str
) -> None:
    layer = {"form": form, "inputs": 32, "outputs": 24, "stride": 2, "padding": "SAME"}
    layer |= {"activation": "RELU6", "seed": 5}
    original = content(layer, dtype)
    new = factorised(executor, tmp_path, original, layer, [16, 16], "activations")
    reference, found = outputs(executor, original, layer), outputs(executor, new, layer)
    assert error(reference, found) < 0.7 * float(np.sqrt(np.square(reference).mean()))
    (before, after) = ({t.dtype for t in read_model(c).subgraphs[0].tensors} for c in (original, new))
    assert before == after


def test_what_a_table_is_asked_about_is_what_is_written(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(build_network("mobilenet_v2", 32, 0.5, "int8", classes=10))
    model = read_model(path)
    method = LowRank()
    subject = Subject(model, layer_configs(model), random_calibration(model, 1), executor)
    knobs, refusals = method.knobs(subject)
    assert any("a factorised layer already" in refusal.reason for refusal in refusals)
    assert any("too few" in refusal.reason for refusal in refusals)
    options = {knob.layers[0]: knob.options[1] for knob in knobs[::5]}
    changes = [option.change for option in options.values() if option.change is not None]
    assert {change.parameters["weighting"] for change in changes} == {"plain"}
    applied = apply_changes(subject, changes, {"low_rank": method})
    executor.run(applied.content, subject.calibration.samples)
    written: dict[str, list[str]] = {}
    for layer in layer_configs(read_model(applied.content)):
        written.setdefault(applied.original(layer.id), []).append(layer.config.key)
    for layer in subject.layers:
        if layer.id in options:
            configs = method.rewrite(layer.id, (layer.config,), options[layer.id])
            assert [config.key for config in configs] == written[layer.id]


def test_shared_weights_are_refused_by_name(tmp_path: Path) -> None:
    net = Network("shared", "float32", 0)
    x = net.input("x", (1, 32))
    weights = net.weights(x, "w", np.ones((32, 32), np.float32), np.ones(32, np.float32), 0)
    a = net.apply("FULLY_CONNECTED", [x, *weights], "a", (1, 32), like=x)
    b = net.apply("FULLY_CONNECTED", [a, *weights], "b", (1, 32), like=x)
    path = tmp_path / "model.tflite"
    path.write_bytes(net.finish(b))
    model = read_model(path)
    subject = Subject(model, layer_configs(model), random_calibration(model, 1), Executor())
    knobs, refusals = LowRank().knobs(subject)
    assert knobs == []
    assert [refusal.reason.split(":")[0] for refusal in refusals] == [
        "its weights are shared with 0/1",
        "its weights are shared with 0/0",
    ]
    change = Change("low_rank", ("0/0",), {"form": "svd", "ranks": [8]})
    with pytest.raises(UsageError, match="its weights are shared"):
        apply_changes(subject, [change], {"low_rank": LowRank()})
