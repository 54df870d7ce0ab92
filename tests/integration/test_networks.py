"""Every network in the runtime: it loads, it runs, nothing vanishes or saturates, every layer is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.integration.model_reference import Array
from tests.integration.test_attribution import check_sums, profiled, unread
from tflprof.model.build import NETWORKS, build_network
from tflprof.model.graph import Tensor
from tflprof.model.read import read_model
from tflprof.runner.interface import Runner
from tflprof.runner.open import open_runner

pytestmark = pytest.mark.filterwarnings("ignore:Warning. Enabling .experimental_preserve_all_tensors")

DETECTORS = {"ssd_mobilenet_v1": 10, "ssdlite_mobilenet_v2": 10, "efficientdet_lite0": 25}
"""Networks that end in boxes, and how many."""

LIKE_OTHERS = tuple(
    f"efficient{kind}_lite{number}"
    for kind, last in (("net", 4), ("det", 2))
    for number in range(1, last + 1)
)
"""The layers of Lite0, more often and wider."""

BOUNDED = ("efficientdet", "efficientnet", "mobilenet_v1", "mobilenet_v2", "ssd")
"""Networks of ReLU6."""

IMAGES = sorted(set(NETWORKS) - {"bert_tiny", "mixednet_kws"})
FAMILIES = [name for name in IMAGES if name not in LIKE_OTHERS]


def content(name: str, dtype: str, size: int = 64, width: float = 0.25) -> bytes:
    """A network of few channels, on an image as small as its layers allow."""
    info = NETWORKS[name]
    given = {"size": max(size, info.smallest), "width": width} if "size" in info.takes else {}
    return build_network(name, dtype=dtype, **given)


def computed(folder: Path, name: str, dtype: str, **shape: Any) -> dict[str, tuple[Tensor, Array]]:
    """Every tensor that an inference computes, by name: what it is, and its real values."""
    path = folder / f"{dtype}.tflite"
    path.write_bytes(content(name, dtype, **shape))
    model = read_model(path)
    runtime = Interpreter(str(path), num_threads=1, experimental_preserve_all_tensors=True)
    runtime.allocate_tensors()
    for detail in runtime.get_input_details():
        # Both types see the same image: multiples of the int8 step.
        image = np.random.default_rng(0).integers(-128, 128, detail["shape"])
        runtime.set_tensor(detail["index"], (image / 128 if detail["dtype"] == np.float32 else image).astype(
            detail["dtype"]
        ))  # fmt: skip
    runtime.invoke()
    graph = model.subgraphs[0]
    outputs = [graph.tensors[i] for op in graph.ops for i in op.outputs]
    return {tensor.name: (tensor, real(tensor, runtime.get_tensor(tensor.index))) for tensor in outputs}


def real(tensor: Tensor, stored: Array) -> Array:
    if tensor.quantisation is None:
        return stored
    (scale,), (zero,) = tensor.quantisation.scale, tensor.quantisation.zero_point
    return scale * (stored.astype(np.float64) - zero)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", IMAGES)
def test_every_network_runs_and_no_layer_degenerates(tmp_path: Path, name: str, dtype: str) -> None:
    for layer, (tensor, values) in computed(tmp_path, name, dtype).items():
        assert np.isfinite(values).all(), layer
        if values.size >= 256 and not layer.startswith(("probabilities", "class_predictions", "detection_")):
            assert 0.02 < np.sqrt(np.mean(values**2)) < 30, layer
            assert len(np.unique(values)) > 4, layer
        if tensor.quantisation is not None and values.size >= 256:
            high = real(tensor, np.array(127))
            # A gate, a score and a ReLU6 may reach their upper end: it is where they end in float32 too.
            bounded = layer.endswith("_se_expand") or "class" in layer or name.startswith(BOUNDED)
            assert bounded or np.mean(values >= high) < 0.05, layer


@pytest.mark.parametrize("name", FAMILIES)
def test_int8_follows_float(tmp_path: Path, name: str) -> None:
    """Same seed, same weights before rounding: what goes into the softmax or the scores agrees."""
    shape = {"size": 96, "width": 0.5}
    twins = [computed(tmp_path, name, dtype, **shape) for dtype in ("float32", "int8")]
    for layer in ("box_encodings", "scores") if name in DETECTORS else ("logits",):
        exact, rounded = (twin[layer][1].ravel() for twin in twins)
        # A pyramid adds up maps that were rounded many times.
        least = 0.93 if name.startswith("efficientdet") else 0.95
        assert np.corrcoef(exact, rounded)[0, 1] > least, layer


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_boxes(tmp_path: Path, name: str, dtype: str) -> None:
    found = computed(tmp_path, name, dtype)
    boxes, classes, scores = (found[f"detection_{part}"][1] for part in ("boxes", "classes", "scores"))
    assert found["num_detections"][1] == [DETECTORS[name]]
    assert (np.diff(scores[0]) <= 0).all()
    assert scores[0, 9] > 0.25
    assert set(classes[0]) <= set(range(90))
    assert (boxes[0, :, 2:] > boxes[0, :, :2]).all()


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    opened = open_runner("host")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("dtype", "kernels"), [("float32", "xnnpack"), ("int8", "xnnpack"), ("int8", "builtin")]
)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_is_found(runner: Runner, tmp_path: Path, name: str, dtype: str, kernels: str) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(content(name, dtype))
    profile = profiled(runner, path, kernels)
    assert unread(profile) == 0
    check_sums(profile)
    names = {layer.id: layer.name for layer in profile.meta.model.layers}
    rows = profile.meta.alignment.rows
    assert {names[layer] for row in rows for layer in row.layers} == set(names.values())
    assert "ambiguous" not in {row.note for row in rows}
    if kernels == "builtin":
        assert all(row.note == "exact" and len(row.layers) == 1 for row in rows)
