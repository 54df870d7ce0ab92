from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.prunable import GRAPHS, subject
from tests.unit.model.tables import edited
from tflprof.compress.calibration import random_calibration
from tflprof.compress.images import fitted, stretched
from tflprof.compress.interface import Change
from tflprof.compress.resolution.method import Resolution, advice, at_size, even_sizes
from tflprof.compress.resolution.rules import Unresizable
from tflprof.compress.resolution.shapes import resize
from tflprof.errors import UsageError
from tflprof.model.build import build_micro, build_network
from tflprof.model.build.layers import Network
from tflprof.model.configs import layer_configs
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Model
from tflprof.model.read import read_model


def keys(content: bytes) -> list[str]:
    return [layer.config.key for layer in layer_configs(read_model(content))]


def network(tmp_path: Path, name: str, *how: object) -> Model:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network(name, *how))  # type: ignore[arg-type]
    return read_model(path)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(
    "name", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "resnet_50", "efficientnet_lite0"]
)
def test_a_network_becomes_what_is_built_at_the_size(name: str, dtype: str, tmp_path: Path) -> None:
    model = network(tmp_path, name, 64, 0.125, dtype)
    assert keys(at_size(model, (48, 48))) == keys(build_network(name, 48, 0.125, dtype))


def test_valid_windows_are_followed(tmp_path: Path) -> None:
    model = network(tmp_path, "inception_v3", 107, 0.1)
    assert keys(at_size(model, (91, 91))) == keys(build_network("inception_v3", 91, 0.1))
    with pytest.raises(Unresizable, match=r"layer 0/\d+ \(\w+\): a map of \d is too small"):
        at_size(model, (60, 60))


def test_sizes_that_strides_divide(tmp_path: Path) -> None:
    assert even_sizes(network(tmp_path, "mobilenet_v1", 224, 0.125)) == [(192, 192), (160, 160), (128, 128)]


def test_rewriting_tells_what_applying_makes(tmp_path: Path) -> None:
    one = subject(tmp_path / "m.tflite", build_network("resnet_50", 96, 0.125))
    method = Resolution()
    (knob,), refusals = method.knobs(one)
    assert not refusals
    assert [option.label for option in knob.options] == ["96×96", "64×64"]
    option = knob.options[1]
    assert option.change is not None
    editor = ModelEditor.open(one.model.path)
    method.apply(editor, [option.change], one)
    rewritten = [method.rewrite(layer.id, (layer.config,), option)[0].key for layer in one.layers]
    assert rewritten == keys(editor.to_bytes())
    assert method.rewrite("0/0", (one.layers[0].config,), knob.options[0]) == (one.layers[0].config,)
    assert method.rewrite("0/0", (), option) == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: build_network("ssd_mobilenet_v1", 64, 0.25), "anchors are made for this size"),
        (lambda: build_network("bert_tiny", 8), "0 inputs of rows, columns and channels"),
        (GRAPHS["flattened"], "its weights are made for maps of this size"),
        (GRAPHS["sliced"], "STRIDED_SLICE"),
        (lambda: build_micro("conv_2d"), "the output"),
    ],
)
def test_what_cannot_follow_is_refused_by_name(
    content: Callable[[], bytes], reason: str, tmp_path: Path
) -> None:
    one = subject(tmp_path / "m.tflite", content())
    knobs, (refusal,) = Resolution([(6, 6), (32, 32)]).knobs(one)
    assert not knobs
    assert reason in refusal.reason


def odd(code: str, x: tuple[int, ...], y: tuple[int, ...], stated: tuple[int, ...] | None = None) -> bytes:
    """A model of one operator whose shapes contradict each other, which no reader of the file notices."""

    def restate(tree: Any) -> None:
        tree.subgraphs[0].tensors[0].shapeSignature = stated

    net = Network("odd")
    image = net.input("input", x)
    target, options = ([1, 64, 4], {}) if code == "RESHAPE" else ([1, 2], {"keep_dims": True})
    output = net.apply(code, [image, net.ints("target", target)], "output", y, options, like=image)
    content = net.finish(output)
    return edited(content, restate) if stated else content


@pytest.mark.parametrize(
    "content",
    [
        odd("RESHAPE", (1, 8, 8, 4), (1, 64, 4, 0, 7)),
        odd("MEAN", (1, 8, 8, 4), (1, 4)),
        odd("MEAN", (1, 8, 8, 4), (1, 1, 1, 4), (1, -1, 8, 8, 4)),
    ],
)
def test_shapes_that_contradict_each_other_are_refused(content: bytes, tmp_path: Path) -> None:
    knobs, (refusal,) = Resolution([(6, 6)]).knobs(subject(tmp_path / "m.tflite", content))
    assert not knobs
    assert "unusual" in refusal.reason or "no fixed size" in refusal.reason


def test_few_sizes_are_thought_of_whatever_the_size(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(odd("MEAN", (1, 700_000_000, 8, 4), (1, 1, 1, 4)))
    assert 1 < len(even_sizes(read_model(path))) < 20


def test_a_refused_size_changes_nothing(tmp_path: Path) -> None:
    one = subject(tmp_path / "m.tflite", GRAPHS["flattened"]())
    editor = ModelEditor.open(one.model.path)
    before = editor.to_bytes()
    with pytest.raises(UsageError, match="cannot be given 6×6 pixels: layer 0/2"):
        Resolution().apply(editor, [Change("resolution", (), {"height": 6, "width": 6})], one)
    assert editor.to_bytes() == before


def test_enlargements_follow_the_image(tmp_path: Path) -> None:
    net = Network("segments")
    x = net.conv2d(net.input("input", (1, 16, 16, 3)), "first", 8, 3, 2)
    options = {"align_corners": False, "half_pixel_centers": True}
    x = net.apply(
        "RESIZE_BILINEAR", [x, net.ints("size", (16, 16))], "large", (1, 16, 16, 8), options, like=x
    )
    x = net.mean(x, "pool")
    editor = ModelEditor.open(net.finish(net.reshape(x, "flat", (1, 8))))
    resize(editor, (24, 20))
    model = read_model(editor.to_bytes())
    assert [model.subgraphs[0].tensors[op.outputs[0]].shape for op in model.ops()][:2] == [
        (1, 12, 10, 8),
        (1, 24, 20, 8),
    ]


def test_advice_tells_what_rounding_up_costs(tmp_path: Path) -> None:
    model = network(tmp_path, "mobilenet_v1", 128, 0.25)
    even, odd = advice(model, [(96, 96), (100, 100)], cost=lambda layers: float(len(layers)))
    assert (even.even, odd.even) == (True, False)
    assert abs(even.waste) < 0.02, "the classifier costs the same at any size"
    assert odd.waste > 0.05
    assert even.cost == len(layer_configs(model))


def test_images_are_resized_in_the_middle_of_pixels() -> None:
    ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    assert stretched(ramp, (1, 2)).ravel().tolist() == [0.5, 2.5]
    assert stretched(ramp.astype(np.int8), (1, 8)).dtype == np.int8
    assert stretched(ramp, (1, 8)).ravel().tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]


def test_calibration_data_fits_the_size_of_a_model(tmp_path: Path) -> None:
    model = network(tmp_path, "mobilenet_v1", 64, 0.25)
    data = random_calibration(model, 2)
    assert fitted(data, model) is data
    small = fitted(data, read_model(at_size(model, (32, 32))))
    assert [sample["input"].shape for sample in small.samples] == [(1, 32, 32, 3)] * 2
    assert small.source == data.source
