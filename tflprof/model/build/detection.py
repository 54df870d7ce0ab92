"""The custom operator in which detectors end: boxes decoded, all but the best suppressed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tflprof.model.build.layers import Network, Value
from tflprof.model.custom import encode_custom_options

Options = dict[str, bool | int | float | str]
"""Options of ``TFLite_Detection_PostProcess`` by name."""

BOX = 4
"""Numbers of a box."""


def post_processed(
    net: Network, boxes: Value, scores: Value, anchors: npt.NDArray[np.float32], options: Options
) -> Sequence[Value]:
    """``TFLite_Detection_PostProcess`` over float32 values.

    Args:
        net: the network under construction.
        boxes: of each anchor, [1, anchors, 4].
        scores: of each anchor, [1, anchors, classes and the background].
        anchors: centre y, x, height and width of each, [anchors, 4].
        options: of the operator.

    Returns:
        Boxes, classes and scores of the detections, and how many there are.
    """
    inputs: list[Value | int] = [boxes, scores, net.graph.constant("anchors", anchors)]
    most = int(options["max_detections"])
    shapes = {
        "detection_boxes": (1, most, BOX),
        "detection_classes": (1, most),
        "detection_scores": (1, most),
        "num_detections": (1,),
    }
    outputs = [net.graph.tensor(name, shape) for name, shape in shapes.items()]
    net.connect(
        "TFLite_Detection_PostProcess", inputs, outputs, {"custom_options": encode_custom_options(options)}
    )
    made = zip(outputs, shapes.values(), strict=True)
    return [Value(index, shape, "float32", None, 1.0) for index, shape in made]
