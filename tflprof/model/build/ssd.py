"""SSD detectors over MobileNet v1 and v2, layer for layer as published, with random weights.

A file ends as the published ones do: raw boxes and scores of every anchor go into the custom operator
``TFLite_Detection_PostProcess``, which decodes the boxes and suppresses all but the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.model.build.blocks import concatenate, dequantised, normalised, shared_range
from tflprof.model.build.detection import BOX, Options, post_processed
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.mobilenet import v1_features, v2_features
from tflprof.model.build.ranges import UNIT

EXTRA = (512, 256, 256, 128)
"""Channels of the feature maps behind those of the network itself, each half as large as the one before."""

ASPECT_RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)
"""Widths of anchors over their heights; those of the finest map are 1, 2 and 0.5."""

SCALES = (0.2, 0.95)
"""Sizes of anchors on the finest and the coarsest map, of the image's size."""

_DETECTIONS = 10
_LEAST_CHANNELS = 16

_SCORE_OFFSET = -4.0
"""Mean of the raw scores: most anchors of a trained detector see no object."""

_SCORE_SQUARE = 4.0


def ssd_mobilenet_v1(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """SSD over MobileNet v1: 1×1 box predictors on six maps, 1917 anchors at 300×300."""
    net = Network(f"SSD MobileNet v1 {width:g} {size} {dtype}", dtype, seed)
    x = net.input("input", (1, size, size, 3))
    maps = list(v1_features(net, x, width, _LEAST_CHANNELS))
    for number, channels in enumerate(EXTRA):
        name, filters = f"extra_{number}", max(int(channels * width), _LEAST_CHANNELS)
        y = _squeezed(net, maps[-1], name, filters)
        maps.append(net.conv2d(y, name, filters, 3, 2, draw=normalised(y)))
    return _detector(net, maps, classes, depthwise=False)


def ssdlite_mobilenet_v2(size: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """SSDLite over MobileNet v2: as SSD, every 3×3 convolution split into depthwise and 1×1."""
    net = Network(f"SSDLite MobileNet v2 {width:g} {size} {dtype}", dtype, seed)
    x = net.input("input", (1, size, size, 3))
    maps = list(v2_features(net, x, width))
    for number, channels in enumerate(EXTRA):
        name, filters = f"extra_{number}", max(int(channels * width), _LEAST_CHANNELS)
        y = _squeezed(net, maps[-1], name, filters)
        y = net.depthwise_conv2d(y, f"{name}_depthwise", 3, 2, draw=normalised(y))
        maps.append(net.conv2d(y, name, filters, 1, draw=normalised(y)))
    return _detector(net, maps, classes, depthwise=True)


def _squeezed(net: Network, x: Value, name: str, filters: int) -> Value:
    return net.conv2d(x, f"{name}_squeeze", max(filters // 2, _LEAST_CHANNELS), 1, draw=normalised(x))


def _detector(net: Network, maps: Sequence[Value], classes: int, *, depthwise: bool) -> bytes:
    """Predictors on every map, all their outputs side by side, and the custom operator."""
    if classes < 2:
        raise UsageError("a detector needs at least 2 classes", "the background is one of them")
    boxes, scores = [], []
    for number, x in enumerate(maps):
        anchors = len(_shapes(number, len(maps)))
        box, score = (
            net.depthwise_conv2d(x, f"{kind}_{number}_depthwise", 3, draw=normalised(x)) if depthwise else x
            for kind in ("box", "class")
        )
        draw = shared_range(box, "NONE")
        y = net.conv2d(box, f"box_{number}", anchors * BOX, 1, activation="NONE", draw=draw)
        boxes.append(net.reshape(y, f"box_{number}_rows", (1, _cells(x) * anchors, 1, BOX)))
        draw = shared_range(score, "NONE", _SCORE_SQUARE, _SCORE_OFFSET)
        y = net.conv2d(score, f"class_{number}", anchors * classes, 1, activation="NONE", draw=draw)
        scores.append(net.reshape(y, f"class_{number}_rows", (1, _cells(x) * anchors, classes)))
    raw = concatenate(net, boxes, "boxes", 1)
    raw = net.apply("SQUEEZE", [raw], "box_encodings", _without(raw.shape), {"squeeze_dims": (2,)}, like=raw)
    return _post_processed(net, raw, _logistic(net, concatenate(net, scores, "scores", 1)), maps, classes)


def _cells(x: Value) -> int:
    return x.shape[1] * x.shape[2]


def _without(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:2], *shape[3:])


def _logistic(net: Network, x: Value) -> Value:
    like = replace(x, quantisation=UNIT if net.dtype == "int8" else None, mean_square=0.01)
    return net.apply("LOGISTIC", [x], "class_predictions", x.shape, like=like)


def _post_processed(net: Network, boxes: Value, scores: Value, maps: Sequence[Value], classes: int) -> bytes:
    """Non-maximum suppression. It has no int8 kernel: converters put DEQUANTIZE before it."""
    anchors = anchor_boxes([x.shape[1] for x in maps])
    boxes = dequantised(net, boxes, "box_encodings_float")
    scores = dequantised(net, scores, "class_predictions_float")
    return net.finish(*post_processed(net, boxes, scores, anchors, _post_process_options(classes - 1)))


def _post_process_options(classes: int) -> Options:
    """Those of the published files; ``classes`` without the background."""
    return {
        "_output_quantized": True,
        "detections_per_class": 100,
        "h_scale": 5.0,
        "max_classes_per_detection": 1,
        "max_detections": _DETECTIONS,
        "nms_iou_threshold": 0.6,
        "nms_score_threshold": 1e-8,
        "num_classes": classes,
        "use_regular_nms": False,
        "w_scale": 5.0,
        "x_scale": 10.0,
        "y_scale": 10.0,
    }


def anchor_boxes(sides: Sequence[int]) -> npt.NDArray[np.float32]:
    """Anchors of maps with so many rows and columns, as rows of centre y, x, height and width.

    The order is that of the predictors: map, row, column, shape. Lengths are in sizes of the image.
    """
    rows = []
    for number, side in enumerate(sides):
        centres = (np.arange(side) + 0.5) / side
        y, x = np.meshgrid(centres, centres, indexing="ij")
        shapes = np.array(_shapes(number, len(sides)))
        cells = np.stack([y, x], axis=-1).reshape(-1, 1, 2)
        rows.append(
            np.concatenate(
                [
                    np.broadcast_to(cells, (side * side, len(shapes), 2)),
                    np.broadcast_to(shapes, (side * side, *shapes.shape)),
                ],
                axis=2,
            ).reshape(-1, BOX)
        )
    return np.concatenate(rows).astype(np.float32)


def _shapes(number: int, maps: int) -> list[tuple[float, float]]:
    """Heights and widths of a map's anchors (arXiv 1512.02325, section 2.2)."""
    low, high = SCALES
    scales = [low + (high - low) * i / (maps - 1) for i in range(maps)] + [1.0]
    scale = scales[number]
    if number == 0:
        return [(0.1, 0.1), _shape(scale, 2.0), _shape(scale, 0.5)]
    between = (scale * scales[number + 1]) ** 0.5
    return [*(_shape(scale, ratio) for ratio in ASPECT_RATIOS), (between, between)]


def _shape(scale: float, ratio: float) -> tuple[float, float]:
    return scale / ratio**0.5, scale * ratio**0.5
