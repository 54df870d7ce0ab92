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
from tflprof.compress.clean_up.method import CleanUp
from tflprof.compress.interface import Change, Subject
from tflprof.compress.low_rank.method import LowRank
from tflprof.errors import UsageError
from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.configs import layer_configs
from tflprof.model.graph import Quantisation
from tflprof.model.read import read_model
from tflprof.model.write import ModelWriter
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
        "seed": st.integers(0, 1_000_000),
    }
)
# Narrower layers are not offered: no rank from 8 on saves work.
ANY = settings(max_examples=settings().max_examples // 8, suppress_health_check=list(HealthCheck))
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


def enough(layer: Layer) -> int:
    """An image has as many places as so many vectors."""
    return 256 if layer["form"] == "dense" else 16


def factorised(
    executor: Executor,
    folder: Path,
    original: bytes,
    layer: Layer,
    ranks: list[int],
    weighting: str,
    method: LowRank | None = None,
) -> bytes:
    path = folder / "layer.tflite"
    path.unlink(missing_ok=True)
    path.write_bytes(original)
    model = read_model(path)
    calibration = calibration_of(samples(layer, enough(layer), layer["seed"] + 1))
    form = "svd" if layer["form"] == "dense" else layer["form"]
    convolution = next(op.id for op in model.ops() if op.code in ("CONV_2D", "FULLY_CONNECTED"))
    change = Change("low_rank", (convolution,), {"form": form, "ranks": ranks, "weighting": weighting})
    methods = {"low_rank": method or LowRank()}
    return apply_changes(Subject(model, (), calibration, executor), [change], methods).content


def outputs(executor: Executor, model: bytes, layer: Layer) -> Any:
    found = executor.run(model, samples(layer, enough(layer), 0), dequantised=True)
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


def errors(executor: Executor, folder: Path, layer: Layer, rank: int) -> tuple[float, float, float, bool]:
    """Of the int8 layer as it is, of it factorised, and of the factorised float layer, against the float layer;
    and whether the int8 layers give the same integers.
    """
    original, real = content(layer, "int8"), content(layer, "float32")
    new, new_real = (
        factorised(executor, folder, one, layer, [rank], "activations") for one in (original, real)
    )
    assert len(read_model(new).ops()) == 2
    reference, own, found, exact = (
        outputs(executor, model, layer) for model in (real, original, new, new_real)
    )
    return (
        error(reference, own),
        error(reference, found),
        error(reference, exact),
        np.array_equal(own, found),
    )


@ANY
@given(layer=LAYERS)
def test_an_int8_layer_at_full_rank_has_at_most_twice_its_error(
    executor: Executor, tmp_path_factory: pytest.TempPathFactory, layer: Layer
) -> None:
    own, found, _, same = errors(executor, tmp_path_factory.mktemp("m"), layer, FULL)
    assert found <= 2 * own
    # Else sums over the kernel's columns are rounded in between.
    assert same or (layer["form"] == "spatial" and layer["inputs"] > layer["outputs"])


@ANY
@given(layer=LAYERS, share=st.sampled_from([0.3, 0.6, 0.8, 0.99]))
def test_integers_cost_a_layer_of_less_rank_no_more(
    executor: Executor, tmp_path_factory: pytest.TempPathFactory, layer: Layer, share: float
) -> None:
    full = min(layer["inputs"], layer["outputs"]) * FORMS.get(layer["form"], 1)
    own, found, exact, _ = errors(executor, tmp_path_factory.mktemp("m"), layer, int(share * full))
    assert found <= 2 * float(np.hypot(own, exact))


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


@pytest.mark.parametrize("form", ["svd", "spatial", "tucker"])
def test_what_is_kept_of_a_layer_gives_what_is_made_anew(
    executor: Executor, tmp_path: Path, form: str
) -> None:
    layer = {"form": form, "inputs": 32, "outputs": 32, "stride": 1, "padding": "SAME"}
    layer |= {"activation": "NONE", "seed": 3}
    kept = LowRank()

    def made(rank: int, method: LowRank | None = None) -> bytes:
        return factorised(
            executor, tmp_path, content(layer, "int8"), layer, [rank] * 2, "activations", method
        )

    assert made(16, kept) == made(16, kept) == made(16)
    assert made(8, kept) == made(8) != made(16, kept)
    for numbers in (one for known in kept._known.values() for one in known.values()):
        numbers.forget()
    assert made(24, kept) == made(24)


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


def test_a_layer_that_a_clean_up_took_out_needs_no_factors(tmp_path: Path, executor: Executor) -> None:
    net = Network("unread", "float32", 0)
    x = net.input("x", (1, 64))
    net.fully_connected(x, "unread", 64)
    path = tmp_path / "model.tflite"
    path.write_bytes(net.finish(net.fully_connected(x, "y", 64)))
    model = read_model(path)
    subject = Subject(model, layer_configs(model), random_calibration(model, 2), executor)
    methods: dict[str, Any] = {"clean_up": CleanUp(), "low_rank": LowRank()}
    changes = [
        option.change
        for method in methods.values()
        for knob in method.knobs(subject)[0]
        for option in knob.options[-1:]
        if option.change is not None
    ]
    assert [change.layers for change in changes] == [("0/0",), ("0/0",), ("0/1",)]
    applied = apply_changes(subject, changes, methods)
    assert applied.ids[0] == ["0/1.0", "0/1.1"]
    executor.run(applied.content, subject.calibration.samples)


def test_values_that_are_not_finite_are_refused_by_name(tmp_path: Path, executor: Executor) -> None:
    path = tmp_path / "model.tflite"
    net = Network("one layer", "float32", 0)
    path.write_bytes(net.finish(net.fully_connected(net.input("x", (1, 32)), "y", 32)))
    calibration = calibration_of([{"x": np.full((1, 32), np.inf, np.float32)}])
    subject = Subject(read_model(path), (), calibration, executor)
    change = Change("low_rank", ("0/0",), {"form": "svd", "ranks": [8]})
    with pytest.raises(UsageError, match=r"layer 0/0 cannot be factorised: .* is not finite"):
        apply_changes(subject, [change], {"low_rank": LowRank()})


def asymmetric(code: str, dtype: str) -> tuple[bytes, bytes]:
    """A layer of 32 to 24 channels whose weights have one scale and a zero-point, and the same layer in float."""
    rng = np.random.default_rng(3)
    sizes = (24, 32) if code == "FULLY_CONNECTED" else (24, 1, 1, 32)
    zero = 131 if dtype == "uint8" else 5
    middle = 128 if dtype == "uint8" else 0
    integers = np.clip(np.rint(rng.normal(zero, 30, sizes)), middle - 128, middle + 127).astype(dtype)
    real = ((integers.astype(np.float64) - zero) * 0.004).astype(np.float32)
    bias = rng.integers(-800, 800, 24).astype(np.int32)
    written = []
    for quantised in (True, False):
        writer = ModelWriter("asymmetric")
        graph = writer.subgraph()
        kind = dtype if quantised else "float32"
        x_steps, y_steps, w_steps, b_steps = (
            Quantisation("tensor", (scale,), (point,)) if quantised else None
            for scale, point in ((1 / 127, middle), (0.02, middle), (0.004, zero), (0.004 / 127, 0))
        )
        dense = code == "FULLY_CONNECTED"
        x = graph.input("x", (1, 32) if dense else (1, SIDE, SIDE, 32), kind, x_steps)
        w = graph.constant("w", integers if quantised else real, w_steps)
        b = graph.constant("b", bias if quantised else (bias * 0.004 / 127).astype(np.float32), b_steps)
        y = graph.tensor("y", (1, 24) if dense else (1, SIDE, SIDE, 24), kind, y_steps)
        options = {} if dense else {"padding": "VALID", "stride_h": 1, "stride_w": 1}
        version = (4 if dense else 3) if quantised and dtype == "int8" else 1
        graph.op(code, [x, w, b], [y], options, version)
        graph.output(y)
        writer.signature(graph)
        written.append(writer.to_bytes())
    return written[0], written[1]


@pytest.mark.parametrize(
    ("code", "dtype"), [("CONV_2D", "uint8"), ("FULLY_CONNECTED", "uint8"), ("FULLY_CONNECTED", "int8")]
)
def test_zero_points_of_weights_are_heeded(executor: Executor, tmp_path: Path, code: str, dtype: str) -> None:
    original, real = asymmetric(code, dtype)
    layer = {"form": "dense" if code == "FULLY_CONNECTED" else "svd", "inputs": 32, "seed": 0}
    new = factorised(executor, tmp_path, original, layer, [FULL], "activations")
    reference, own, found = (outputs(executor, model, layer) for model in (real, original, new))
    assert error(reference, found) <= 2 * error(reference, own)


def test_zero_points_that_kernels_ignore_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(asymmetric("CONV_2D", "int8")[0])
    model = read_model(path)
    subject = Subject(model, layer_configs(model), random_calibration(model, 1), Executor())
    knobs, (refusal,) = LowRank().knobs(subject)
    assert knobs == []
    assert "zero-point" in refusal.reason


def one_convolution(x_shape: tuple[int, ...], weights: Any, y_shape: tuple[int, ...]) -> bytes:
    writer = ModelWriter("one convolution")
    graph = writer.subgraph()
    x = graph.input("x", x_shape)
    w = graph.constant("w", weights)
    b = graph.constant("b", np.zeros(len(weights), np.float32))
    y = graph.tensor("y", y_shape)
    graph.op("CONV_2D", [x, w, b], [y], {"padding": "SAME", "stride_h": 1, "stride_w": 1})
    graph.output(y)
    writer.signature(graph)
    return writer.to_bytes()


WEIGHTS = np.random.default_rng(0).standard_normal((32, 1, 1, 32)).astype(np.float32)
REFUSED = {
    "it is grouped": one_convolution((1, 8, 8, 64), WEIGHTS, (1, 8, 8, 32)),
    "its shapes are dynamic": one_convolution((1, -1, -1, 32), WEIGHTS, (1, -1, -1, 32)),
    "its shapes are unusual": one_convolution((8, 8, 32), WEIGHTS, (1, 8, 8, 32)),
    "channels are too few": one_convolution((1, 8, 8, 8), WEIGHTS[..., :8], (1, 8, 8, 32)),
    "no way is known": one_convolution((1, 8, 8, 32), WEIGHTS.astype(np.float64), (1, 8, 8, 32)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_other_layers_are_refused_by_name(tmp_path: Path, reason: str) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(REFUSED[reason])
    model = read_model(path)
    subject = Subject(model, (), calibration_of([]), Executor())
    knobs, (refusal,) = LowRank().knobs(subject)
    assert knobs == []
    assert reason in refusal.reason


def test_a_layer_of_low_numerical_rank_is_offered_up_to_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = (rng.standard_normal((64, 12)) @ rng.standard_normal((12, 64))).astype(np.float32)
    path = tmp_path / "model.tflite"
    path.write_bytes(one_convolution((1, 8, 8, 64), weights.reshape(64, 1, 1, 64), (1, 8, 8, 64)))
    subject = Subject(read_model(path), (), calibration_of([]), Executor())
    (knob,), _ = LowRank().knobs(subject)
    assert [option.label for option in knob.options] == ["as it is", "rank 8", "rank 16"]
