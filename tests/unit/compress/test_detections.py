"""What a detector did not find is no output."""

from __future__ import annotations

import numpy as np
import pytest

from tflprof.compress.detections import ends_in_detections, only_detected
from tflprof.model.build import build_network
from tflprof.model.read import read_model


def sample(count: float, rest: float) -> dict[str, np.ndarray]:
    boxes, rows = np.full((1, 5, 4), rest, np.float32), np.full((1, 5), rest, np.float32)
    boxes[:, :2], rows[:, :2] = 0.5, 0.75
    return {"scores": rows, "count": np.array([count], np.float32), "boxes": boxes, "classes": rows.copy()}


@pytest.mark.parametrize("rest", [7.0, np.nan])
def test_what_is_beyond_the_number_of_boxes_does_not_count(rest: float) -> None:
    (seen,) = only_detected([sample(2, rest)])
    (other,) = only_detected([sample(2, -1.0)])
    for name, value in seen.items():
        np.testing.assert_array_equal(value, other[name])
    assert seen["boxes"][0, :2].min() == 0.5
    assert not seen["scores"][0, 2:].any()


def test_all_is_kept_where_all_was_found() -> None:
    given = sample(5, 3.0)
    (seen,) = only_detected([given])
    for name, value in given.items():
        np.testing.assert_array_equal(seen[name], value)


def test_which_models_end_so() -> None:
    assert ends_in_detections(read_model(build_network("ssd_mobilenet_v1", 96, 0.25)))
    assert not ends_in_detections(read_model(build_network("mobilenet_v1", 32, 0.25)))
