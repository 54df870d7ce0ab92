"""Networks against what is published of them: counts, layer tables, anchors, options."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests.unit.model.published import PUBLISHED, Counts, Published, counts, zero_model
from tests.unit.model.tables import read_bytes
from tflprof.model.build import NETWORKS, build_network
from tflprof.model.build.blocks import concatenate
from tflprof.model.build.layers import Network
from tflprof.model.build.ranges import hard_swished, swish_range
from tflprof.model.build.ssd import anchor_boxes
from tflprof.model.custom import custom_options

Layers = dict[str, tuple[int, ...]]
"""Rows, columns and channels of every layer's output, by name, in order."""


@dataclass(frozen=True)
class Built:
    """What a network of one size and width comes to."""

    counts: Counts
    layers: Layers
    codes: Counter[str]
    kernels: Counter[tuple[int, ...]]


@cache
def built(name: str, size: int, width: float, classes: int) -> Built:
    with TemporaryDirectory() as folder:
        model = zero_model(Path(folder), name, size, width, classes)
        tensors = model.subgraphs[0].tensors
        named = {tensors[op.outputs[0]].name: tensors[op.outputs[0]].shape[1:] for op in model.ops()}
        convolutions = [op for op in model.ops() if op.code == "CONV_2D"]
        kernels = Counter(tensors[op.inputs[1]].shape[1:3] for op in convolutions)
        return Built(counts(model), named, Counter(op.code for op in model.ops()), kernels)


def layers(name: str, classes: int = 1000) -> Layers:
    return built(name, NETWORKS[name].size, 1.0, classes).layers


@pytest.mark.parametrize("case", PUBLISHED, ids=str)
def test_counts_are_the_published_ones(case: Published) -> None:
    found = built(case.name, case.size, case.width, case.classes).counts
    macs = found.macs + case.per_output * found.outputs + case.per_normalised * found.normalised
    parameters = found.weights + case.per_channel * found.channels
    for ours, theirs in ((macs, case.macs), (parameters, case.parameters)):
        if theirs is not None:
            unit = 10 ** np.floor(np.log10(theirs))
            last = unit if theirs % unit == 0 else unit / 10
            assert ours == pytest.approx(theirs, abs=last if case.coarse else 0.01 * theirs)
    if case.exact:
        assert parameters == case.parameters


def test_every_image_network_has_a_published_count() -> None:
    assert {case.name for case in PUBLISHED} == set(NETWORKS) - {"bert_tiny", "mixednet_kws"}
    for name in {case.name for case in PUBLISHED if case.coarse or case.per_normalised}:
        fine = [case for case in PUBLISHED if case.name == name and not (case.coarse or case.per_normalised)]
        assert any(case.macs for case in fine)
        assert any(case.parameters for case in fine)


@pytest.mark.parametrize(
    ("name", "side"),
    [("mobilenet_v1", 224), ("ssd_mobilenet_v1", 300), ("inception_v3", 299), ("efficientnet_lite1", 240)],
)
def test_a_network_has_the_published_size_unless_told(tmp_path: Path, name: str, side: int) -> None:
    graph = read_bytes(tmp_path, build_network(name, width=0.05)).subgraphs[0]
    assert graph.tensors[graph.inputs[0]].shape == (1, side, side, 3)


def test_stride_in_the_first_convolution_is_all_that_separates_the_two_resnets() -> None:
    """Torchvision's 4.089 G: three 1×1 convolutions before the stride, not after it."""
    found = built("resnet_50", 224, 1.0, 1000).counts
    moved = sum(3 * side * side * before * inside for side, before, inside in (
        (28, 256, 128), (14, 512, 256), (7, 1024, 512)
    ))  # fmt: skip
    assert found.macs + moved == pytest.approx(4.089e9, abs=0.5e6)


def test_stages_of_mobilenet_v3_large() -> None:
    """Table 1 of the paper: output of every block, and where it squeezes."""
    found = layers("mobilenet_v3_large")
    projected = [found[f"block_{number}_project"] for number in range(15)]
    assert projected == (
        [(112, 112, 16)] + [(56, 56, 24)] * 2 + [(28, 28, 40)] * 3 + [(14, 14, 80)] * 4
        + [(14, 14, 112)] * 2 + [(7, 7, 160)] * 3
    )  # fmt: skip
    expanded = [found[f"block_{number}_depthwise"][2] for number in range(15)]
    assert expanded == [16, 64, 72, 72, 120, 120, 240, 200, 184, 184, 480, 672, 672, 960, 960]
    squeezed = {n: found.get(f"block_{n}_se_reduce", (0,))[-1] for n in range(15)}
    assert {n: c for n, c in squeezed.items() if c} == {
        3: 24, 4: 32, 5: 32, 10: 120, 11: 168, 12: 168, 13: 240, 14: 240,
    }  # fmt: skip
    assert [name for name in found if name.endswith("_swish")][:2] == ["conv_swish", "block_6_expand_swish"]
    assert [found[name] for name in ("conv_1", "pool", "conv_2")] == [(7, 7, 960), (1, 1, 960), (1, 1, 1280)]


def test_stages_of_mobilenet_v3_small() -> None:
    """Table 2 of the paper."""
    found = layers("mobilenet_v3_small")
    assert [found[f"block_{number}_project"] for number in range(11)] == (
        [(56, 56, 16)] + [(28, 28, 24)] * 2 + [(14, 14, 40)] * 3 + [(14, 14, 48)] * 2 + [(7, 7, 96)] * 3
    )
    expanded = [found[f"block_{number}_depthwise"][2] for number in range(11)]
    assert expanded == [16, 72, 88, 96, 240, 240, 120, 144, 288, 576, 576]
    assert sum(name.endswith("_se_excite") for name in found) == 9
    assert [found[name] for name in ("conv_1", "pool", "conv_2")] == [(7, 7, 576), (1, 1, 576), (1, 1, 1024)]


def test_stages_of_resnet_50() -> None:
    """Table 1 of the paper; every first block of a stage projects its shortcut."""
    found = layers("resnet_50")
    assert (found["conv1"], found["pool1"]) == ((112, 112, 64), (56, 56, 64))
    stages = {2: (3, 56, 256), 3: (4, 28, 512), 4: (6, 14, 1024), 5: (3, 7, 2048)}
    for stage, (blocks, side, channels) in stages.items():
        names = [name for name in found if name.startswith(f"conv{stage}_") and name.endswith("_add")]
        assert [found[name] for name in names] == [(side, side, channels)] * blocks
        assert [n for n in found if n.startswith(f"conv{stage}_") and n.endswith("_0")] == [
            f"conv{stage}_block1_0"
        ]
    assert len(found) == 75
    assert found["pool"] == (2048,)


def test_stages_of_inception_v3() -> None:
    """Table 1 of the paper: 35×35×288, 17×17×768, 8×8×1280, 8×8×2048."""
    found = layers("inception_v3")
    assert [found[f"conv_{n}"] for n in range(5)] == [
        (149, 149, 32), (147, 147, 32), (147, 147, 64), (73, 73, 80), (71, 71, 192),
    ]  # fmt: skip
    assert [found[f"mixed{number}"] for number in range(11)] == (
        [(35, 35, 256)] + [(35, 35, 288)] * 2 + [(17, 17, 768)] * 5 + [(8, 8, 1280)] + [(8, 8, 2048)] * 2
    )
    whole = built("inception_v3", 299, 1.0, 1000)
    assert whole.codes == {
        "CONV_2D": 94, "CONCATENATION": 15, "AVERAGE_POOL_2D": 9, "MAX_POOL_2D": 4, "MEAN": 1,
        "FULLY_CONNECTED": 1, "SOFTMAX": 1,
    }  # fmt: skip
    kernels = whole.kernels
    assert kernels[1, 7] == kernels[7, 1] == 4 * 3 + 1
    assert kernels[1, 3] == kernels[3, 1] == 2 * 2
    assert kernels[5, 5] == 3


@pytest.mark.parametrize(
    ("variant", "blocks", "channels"),
    [
        (0, 16, [16, 24, 40, 80, 112, 192, 320]),
        (1, 21, [16, 24, 40, 80, 112, 192, 320]),
        (4, 30, [24, 32, 56, 112, 160, 272, 448]),
    ],
)
def test_stages_of_efficientnet_lite(variant: int, blocks: int, channels: list[int]) -> None:
    """Table 1 of the paper, scaled; stem and head stay at 32 and 1280 channels."""
    name = f"efficientnet_lite{variant}"
    found = layers(name)
    projected = [shape for layer, shape in found.items() if layer.endswith("_project")]
    assert len(projected) == blocks
    assert [a[2] for a, b in pairwise([*projected, (0, 0, 0)]) if a[2] != b[2]] == channels
    half = -(-NETWORKS[name].size // 2)
    assert found["stem"] == (half, half, 32)
    assert found["head"][2] == 1280
    assert found["pool"][:2] == (1, 1)


@pytest.mark.parametrize(("variant", "channels", "cells"), [(0, 64, 3), (1, 88, 4), (2, 112, 5)])
def test_pyramid_of_efficientdet_lite(variant: int, channels: int, cells: int) -> None:
    """Table 1 of the paper; as many enlargements as cut the published files into 13, 17 and 21 partitions."""
    name = f"efficientdet_lite{variant}"
    size = NETWORKS[name].size
    whole = built(name, size, 1.0, 90)
    found = whole.layers
    sides = [-(-size // 2**level) for level in range(3, 8)]
    last = [found[f"fpn_{cells - 1}_down_0"], *(found[f"fpn_{cells - 1}_up_{i}"] for i in range(1, 5))]
    assert last == [(side, side, channels) for side in sides]
    assert f"fpn_{cells}_down_0" not in found
    assert whole.codes["RESIZE_NEAREST_NEIGHBOR"] == 4 * cells
    anchors = 9 * sum(side * side for side in sides)
    assert (found["scores"], found["box_encodings"]) == ((anchors, 90), (anchors, 4))
    assert [found[f"class_{i}"][2] for i in range(5)] == [9 * 90] * 5


@pytest.mark.parametrize("name", ["ssd_mobilenet_v1", "ssdlite_mobilenet_v2"])
def test_a_detector_looks_at_six_maps(name: str) -> None:
    found = layers(name, 91)
    cells = [found[f"box_{number}"][:2] for number in range(6)]
    assert cells == [(19, 19), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]
    assert [found[f"class_{number}"][2] for number in range(6)] == [3 * 91] + [6 * 91] * 5
    assert found["box_encodings"] == (1917, 4)
    assert found["class_predictions"] == (1917, 91)
    first, last = ("conv_11_pointwise", 512), ("conv_13_pointwise", 1024)
    if name == "ssdlite_mobilenet_v2":
        first, last = ("block_13_expand", 576), ("conv_1", 1280)
    assert [found[layer][2] for layer, _ in (first, last)] == [channels for _, channels in (first, last)]
    assert [found[f"extra_{number}"][2] for number in range(4)] == [512, 256, 256, 128]


def test_a_detector_ends_as_published_files_do(tmp_path: Path) -> None:
    model = zero_model(tmp_path, "ssd_mobilenet_v1", 300, 0.1, 91)
    last = model.ops()[-1]
    assert last.type == "TFLite_Detection_PostProcess"
    options = custom_options(last)
    assert options["num_classes"] == 90
    assert options["nms_score_threshold"] == pytest.approx(1e-8)
    assert [options[f"{side}_scale"] for side in "yxhw"] == [10, 10, 5, 5]
    shapes = [model.subgraphs[0].tensors[i].shape for i in last.outputs]
    assert shapes == [(1, 10, 4), (1, 10), (1, 10), (1,)]


def test_anchors_lie_as_published() -> None:
    anchors = anchor_boxes([19, 10, 5, 3, 2, 1])
    assert anchors.shape == (1917, 4)
    corner = 0.5 / 19
    np.testing.assert_allclose(anchors[:3], [
        [corner, corner, 0.1, 0.1], [corner, corner, 0.1414214, 0.2828427],
        [corner, corner, 0.2828427, 0.1414214],
    ], atol=1e-6)  # fmt: skip
    np.testing.assert_allclose(anchors[3, :2], [corner, 3 * corner], atol=1e-6)
    np.testing.assert_allclose(anchors[-6], [0.5, 0.5, 0.95, 0.95], atol=1e-6)
    np.testing.assert_allclose(anchors[-1], [0.5, 0.5, 0.95**0.5, 0.95**0.5], atol=1e-6)


@pytest.mark.parametrize("deviation", [0.2, 1.0, 3.0])
def test_mean_square_and_range_after_hard_swish(deviation: float) -> None:
    x = np.random.default_rng(0).normal(0, deviation, 400_000)
    swished = x * np.clip(x + 3, 0, 6) / 6
    assert hard_swished(deviation**2) == pytest.approx(float(np.mean(swished**2)), rel=0.02)
    quantisation = swish_range(deviation**2)
    low, high = (quantisation.scale[0] * (q - quantisation.zero_point[0]) for q in (-128, 127))
    assert low <= np.quantile(swished, 0.0001)
    assert high >= np.quantile(swished, 0.9999)


def test_parts_of_different_ranges_are_never_concatenated() -> None:
    net = Network("two ranges", "int8")
    x = net.input("x", (1, 4, 4, 8))
    with pytest.raises(ValueError, match="several ranges"):
        concatenate(net, [x, net.conv2d(x, "conv", 8)], "joined")
