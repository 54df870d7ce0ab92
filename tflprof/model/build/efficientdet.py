"""EfficientDet-Lite0 to Lite2, layer for layer as published, with random weights.

A file ends as the published ones do, in the custom operator ``TFLite_Detection_PostProcess``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tflprof.model.build.blocks import concatenate, dequantised, multiple_of_8, normalised, shared_range
from tflprof.model.build.detection import BOX, Options, post_processed
from tflprof.model.build.efficientnet import features
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.ranges import UNIT

LITE = ((320, 64, 3), (384, 88, 4), (448, 112, 5))
"""Input size, channels and number of cells of the feature pyramid (arXiv 1911.09070, table 1; sizes: the authors'
model card of the Lite variants)."""

REPEATS = 3
"""Convolutions before each predictor."""

ANCHORS = 9
"""Three sizes times three shapes at every place."""

_SCALE = 3.0
"""Sides of the smallest anchors, in strides."""

_FIRST_LEVEL = 3
_DETECTIONS = 25
_SCORE_OFFSET, _SCORE_SQUARE = -4.0, 4.0


def efficientdet_lite(variant: int) -> Callable[[int, float, str, int, int], bytes]:
    """The builder of EfficientDet-Lite ``variant``; its width multiplies backbone and pyramid."""

    def build(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
        net = Network(f"EfficientDet-Lite{variant} {width:g} {size} {dtype}", dtype, seed)
        _, channels, cells = LITE[variant]
        channels = multiple_of_8(channels * width)
        maps = features(net, net.input("input", (1, size, size, 3)), variant, width)
        squeezed = _conv(net, maps[-1], "resample_p6", channels)
        for level in (6, 7):
            squeezed = _halved(net, squeezed, f"p{level}")
            maps.append(squeezed)
        for number in range(cells):
            maps = _cell(net, maps, f"fpn_{number}", channels)
        return _heads(net, maps, classes)

    return build


def _cell(net: Network, maps: Sequence[Value], name: str, channels: int) -> list[Value]:
    """One cell of the bidirectional pyramid (arXiv 1911.09070, figure 3): down to the finest map and up again."""
    last = len(maps) - 1
    down = {last: maps[last]}
    for i in range(last - 1, -1, -1):
        own = _resampled(net, maps[i], f"{name}_down_{i}", channels)
        coarser = _enlarged(net, down[i + 1], f"{name}_down_{i}_up", own)
        down[i] = _node(net, [own, coarser], f"{name}_down_{i}")
    outputs = [down[0]]
    for i in range(1, last + 1):
        own = _resampled(net, maps[i], f"{name}_up_{i}", channels)
        finer = _halved(net, outputs[-1], f"{name}_up_{i}_pool")
        outputs.append(_node(net, [own, *([down[i]] if i < last else []), finer], f"{name}_up_{i}"))
    return outputs


def _node(net: Network, inputs: Sequence[Value], name: str) -> Value:
    """Sum of maps of one size, ReLU6, a separable convolution."""
    x = inputs[0]
    for number, other in enumerate(inputs[1:], 2):
        activation = "RELU6" if number == len(inputs) else "NONE"
        template = net.expected(x.mean_square + other.mean_square, activation)
        options = {"fused_activation_function": activation}
        x = net.apply("ADD", [x, other], f"{name}_add_{number}", x.shape, options, like=template)
    return _separable(net, x, name, x.shape[3], "NONE")


def _separable(net: Network, x: Value, name: str, channels: int, activation: str) -> Value:
    y = net.depthwise_conv2d(x, f"{name}_depthwise", 3, activation="NONE", draw=normalised(x))
    return net.conv2d(y, name, channels, 1, activation=activation, draw=normalised(y))


def _conv(net: Network, x: Value, name: str, channels: int) -> Value:
    return net.conv2d(x, name, channels, 1, activation="NONE", draw=normalised(x))


def _resampled(net: Network, x: Value, name: str, channels: int) -> Value:
    """The map with the pyramid's channels: only those of the backbone have others."""
    return x if x.shape[3] == channels else _conv(net, x, f"{name}_resample", channels)


def _halved(net: Network, x: Value, name: str) -> Value:
    return net.pool(x, name, (3, 3), 2, "SAME", "MAX_POOL_2D")


def _enlarged(net: Network, x: Value, name: str, like: Value) -> Value:
    """The nearest pixels, as many as ``like`` has."""
    size = net.ints(f"{name}/size", like.shape[1:3])
    shape = (x.shape[0], *like.shape[1:3], x.shape[3])
    options = {"align_corners": False, "half_pixel_centers": False}
    return net.apply("RESIZE_NEAREST_NEIGHBOR", [x, size], name, shape, options, like=x)


def _heads(net: Network, maps: Sequence[Value], classes: int) -> bytes:
    """The same predictors over every map, all their outputs side by side, and the custom operator."""
    sides = [x.shape[1] for x in maps]
    scores = [_head(net, x, f"class_{i}", classes, _SCORE_SQUARE, _SCORE_OFFSET) for i, x in enumerate(maps)]
    boxes = [_head(net, x, f"box_{i}", BOX, 1.0, 0.0) for i, x in enumerate(maps)]
    raw = concatenate(net, scores, "scores", 1)
    like = replace(raw, quantisation=UNIT if net.dtype == "int8" else None, mean_square=0.01)
    probable = net.apply("LOGISTIC", [raw], "class_predictions", raw.shape, like=like)
    anchors = anchor_boxes(sides, maps[0].shape[1] << _FIRST_LEVEL)
    found = dequantised(net, concatenate(net, boxes, "box_encodings", 1), "box_encodings_float")
    certain = dequantised(net, probable, "class_predictions_float")
    return net.finish(*post_processed(net, found, certain, anchors, _options(classes)))


def _head(net: Network, x: Value, name: str, numbers: int, square: float, offset: float) -> Value:
    """Predictor of so many numbers for every anchor, one row each."""
    cells = x.shape[1] * x.shape[2]
    for repeat in range(REPEATS):
        x = _separable(net, x, f"{name}_{repeat}", x.shape[3], "RELU6")
    y = net.depthwise_conv2d(x, f"{name}_depthwise", 3, activation="NONE", draw=normalised(x))
    draw = shared_range(y, "NONE", square, offset)
    y = net.conv2d(y, name, ANCHORS * numbers, 1, activation="NONE", draw=draw)
    return net.reshape(y, f"{name}_rows", (1, cells * ANCHORS, numbers))


def _options(classes: int) -> Options:
    return {
        "_output_quantized": True,
        "detections_per_class": 100,
        "h_scale": 1.0,
        "max_classes_per_detection": 1,
        "max_detections": _DETECTIONS,
        "nms_iou_threshold": 0.5,
        "nms_score_threshold": 1e-8,
        "num_classes": classes,
        "use_regular_nms": False,
        "w_scale": 1.0,
        "x_scale": 1.0,
        "y_scale": 1.0,
    }


def anchor_boxes(sides: Sequence[int], size: int) -> npt.NDArray[np.float32]:
    """Anchors as rows of centre y, x, height and width, in sizes of the image of ``size`` pixels."""
    rows = []
    for level, side in enumerate(sides, _FIRST_LEVEL):
        centres = (np.arange(side) + 0.5) / side
        y, x = np.meshgrid(centres, centres, indexing="ij")
        places = np.stack([y, x], axis=-1).reshape(-1, 1, 2)
        base = _SCALE * 2**level / size
        shapes = np.array(
            [
                (base * 2 ** (octave / 3) * height, base * 2 ** (octave / 3) * width)
                for octave in range(3)
                for height, width in ((1.0, 1.0), (0.7, 1.4), (1.4, 0.7))
            ]
        )
        count = side * side
        boxes = np.concatenate(
            [np.broadcast_to(places, (count, ANCHORS, 2)), np.broadcast_to(shapes, (count, ANCHORS, 2))],
            axis=2,
        )
        rows.append(boxes.reshape(-1, BOX))
    return np.concatenate(rows).astype(np.float32)
