"""Builders: the same bytes for the same arguments, the published layers, names people can use."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.model.tables import edited, read_bytes
from tflprof.errors import UsageError
from tflprof.model.build import MICRO_MODELS, NETWORKS, build_micro, build_network
from tflprof.model.build.ranges import output_range, rectified
from tflprof.model.write import ModelWriter

IMAGE_NETWORKS = sorted(set(NETWORKS) - {"bert_tiny", "mixednet_kws"})
MICRO_CASES = [(name, dtype) for name, micro in MICRO_MODELS.items() for dtype in micro.dtypes]


def test_layers_of_mobilenet_v1(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_network("mobilenet_v1", 64, 0.5))
    codes = [op.code for op in model.ops()]
    assert codes[:3] == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
    assert codes[-4:] == ["MEAN", "CONV_2D", "RESHAPE", "SOFTMAX"]
    assert Counter(codes)["CONV_2D"] + Counter(codes)["DEPTHWISE_CONV_2D"] == 28
    shapes = [model.subgraphs[0].tensors[op.outputs[0]].shape for op in model.ops()]
    assert shapes[0] == (1, 32, 32, 16)
    assert shapes[-5] == (1, 2, 2, 512)
    assert shapes[-1] == (1, 1001)


def test_layers_of_mobilenet_v2(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_network("mobilenet_v2", 96, 1.0, classes=10))
    counts = Counter(op.code for op in model.ops())
    assert counts == {
        "CONV_2D": 36, "DEPTHWISE_CONV_2D": 17, "ADD": 10, "MEAN": 1, "RESHAPE": 1, "SOFTMAX": 1,
    }  # fmt: skip
    projections = [op for op in model.ops() if op.options.get("fused_activation_function") == "NONE"]
    assert len(projections) == 17 + 10 + 1


@pytest.mark.parametrize(("width", "first", "last"), [(0.35, 16, 1280), (0.5, 16, 1280), (1.4, 48, 1792)])
def test_widths_of_mobilenet_v2_are_multiples_of_eight(
    tmp_path: Path, width: float, first: int, last: int
) -> None:
    model = read_bytes(tmp_path, build_network("mobilenet_v2", 32, width))
    channels = [
        model.subgraphs[0].tensors[op.outputs[0]].shape[-1] for op in model.ops() if op.code == "CONV_2D"
    ]
    assert (channels[0], channels[-2]) == (first, last)
    assert all(count % 8 == 0 for count in channels[:-1])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_same_arguments_same_bytes(name: str, dtype: str) -> None:
    size = max(32, NETWORKS[name].smallest)
    first = build_network(name, size, 0.1, dtype, seed=3)
    assert first == build_network(name, size, 0.1, dtype, seed=3)
    assert first != build_network(name, size, 0.1, dtype, seed=4)


@settings(max_examples=20)
@given(
    st.sampled_from(IMAGE_NETWORKS),
    st.integers(1, 70),
    st.floats(0.05, 0.3),
    st.sampled_from(["float32", "int8"]),
)
def test_any_size_and_width_has_consistent_shapes(
    tmp_path_factory: pytest.TempPathFactory, name: str, size: int, width: float, dtype: str
) -> None:
    size += NETWORKS[name].smallest - 1
    model = read_bytes(tmp_path_factory.mktemp("any"), build_network(name, size, width, dtype, classes=7))
    first = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]]
    if first.name == "detection_boxes":
        assert (first.shape[0], first.shape[2]) == (1, 4)
    else:
        assert first.shape == (1, 7)


@pytest.mark.parametrize(("name", "dtype"), MICRO_CASES)
def test_every_micro_model_can_be_read(tmp_path: Path, name: str, dtype: str) -> None:
    model = read_bytes(tmp_path, build_micro(name, dtype))
    default = next(s for s in model.signatures if s.key == "serving_default")
    tensors = model.subgraphs[default.subgraph].tensors
    assert default.outputs
    assert all(tensors[index].name == key for key, index in {**default.inputs, **default.outputs}.items())
    assert all(tensor.name for graph in model.subgraphs for tensor in graph.tensors)


def test_unknown_names_and_values_say_what_to_try() -> None:
    with pytest.raises(UsageError, match="no network 'mobilnet_v1'") as caught:
        build_network("mobilnet_v1")
    assert caught.value.hint == f"did you mean mobilenet_v1? known: {', '.join(NETWORKS)}"
    with pytest.raises(UsageError) as caught:
        build_micro("conv2d")
    assert str(caught.value.hint).startswith("did you mean conv_2d?")
    with pytest.raises(UsageError, match="type 'int2'"):
        build_network("mobilenet_v1", dtype="int2")
    with pytest.raises(UsageError, match="has no type 'int8'"):
        build_micro("if_else", "int8")
    for size, width, classes in ((0, 1.0, 10), (32, 0.0, 10), (32, 1.0, 0), (32, float("nan"), 10)):
        with pytest.raises(UsageError, match="cannot build mobilenet_v2"):
            build_network("mobilenet_v2", size, width, classes=classes)
    with pytest.raises(UsageError, match="size 74") as caught:
        build_network("inception_v3", 74)
    assert str(caught.value.hint).startswith("size is 75 to 8192")
    with pytest.raises(UsageError, match="at least 2 classes"):
        build_network("ssd_mobilenet_v1", 33, 0.1, classes=1)


@pytest.mark.parametrize("deviation", [0.3, 1.0, 2.5, 6.0])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
def test_mean_square_after_an_activation(deviation: float, activation: str) -> None:
    samples = np.random.default_rng(0).normal(0, deviation, 400_000)
    if activation != "NONE":
        samples = np.clip(samples, 0, 6 if activation == "RELU6" else None)
    assert rectified(deviation**2, activation) == pytest.approx(float(np.mean(samples**2)), rel=0.02)


def test_int8_ranges_hold_what_they_should() -> None:
    for activation, low, high in (("NONE", -4.5, 4.48), ("RELU", 0, 4.5), ("RELU6", 0, 6)):
        quantisation = output_range(1.0, activation)
        ends = [quantisation.scale[0] * (q - quantisation.zero_point[0]) for q in (-128, 127)]
        assert ends == pytest.approx([low, high], abs=0.05)


def test_fingerprint_sees_structure_only(tmp_path: Path) -> None:
    def fingerprint(content: bytes) -> str:
        return read_bytes(tmp_path, content).fingerprint

    base = build_network("mobilenet_v1", 32, 0.25)
    same = fingerprint(base)
    assert same == fingerprint(build_network("mobilenet_v1", 32, 0.25, seed=9))
    renamed = edited(base, lambda model: setattr(model.subgraphs[0].tensors[0], "name", "image"))
    assert same == fingerprint(renamed)
    others = [
        build_network("mobilenet_v1", 33, 0.25),
        build_network("mobilenet_v1", 32, 0.5),
        build_network("mobilenet_v1", 32, 0.25, "int8"),
        build_network("mobilenet_v2", 32, 0.25),
        edited(base, lambda model: setattr(model.subgraphs[0].operators[0].builtinOptions, "strideW", 1)),
        edited(base, lambda model: setattr(model.subgraphs[0].operators[3], "inputs", [0, 1, 2])),
    ]
    assert len({same, *map(fingerprint, others)}) == len(others) + 1


def test_fingerprint_ignores_the_numbering_of_tensors(tmp_path: Path) -> None:
    def built(order: tuple[str, ...]) -> str:
        writer = ModelWriter()
        graph = writer.subgraph()
        index = {name: graph.tensor(name, (1, len(name))) for name in order}
        graph.inputs.append(index["a"])
        graph.op("RELU", [index["a"]], [index["bb"]])
        graph.op("ABS", [index["bb"]], [index["ccc"]])
        graph.output(index["ccc"])
        return read_bytes(tmp_path, writer.to_bytes()).fingerprint

    assert built(("a", "bb", "ccc")) == built(("ccc", "a", "bb"))


def test_constants_are_aligned(tmp_path: Path) -> None:
    content = build_micro("conv_2d", "int8")
    model = read_bytes(tmp_path, content)
    for tensor in model.subgraphs[0].tensors:
        if tensor.is_constant:
            assert content.index(model.data(0, tensor.index).tobytes()) % 16 == 0
