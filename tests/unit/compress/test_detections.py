"""Boxes of a changed detector are held against those they match."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tflprof.compress.detections import (
    Detections,
    disagreement,
    ends_in_detections,
    found_in,
    overlap,
    roles,
    side_by_side,
)
from tflprof.compress.fidelity import fidelity_of_detections
from tflprof.errors import UsageError
from tflprof.model.build import build_network
from tflprof.model.read import read_model

A, B = (0.0, 0.0, 0.4, 0.4), (0.5, 0.5, 0.9, 0.9)
HALF = (0.0, 0.0, 0.4, 0.2)
"""The left half of A: IoU 0.5."""


def found(*rows: tuple[Sequence[float], int, float]) -> Detections:
    boxes = np.array([row[0] for row in rows], float).reshape(-1, 4)
    return Detections(
        boxes, np.array([row[1] for row in rows], float), np.array([row[2] for row in rows], float)
    )


def sample(count: float, rest: float) -> dict[str, np.ndarray]:
    boxes, rows = np.full((1, 5, 4), rest, np.float32), np.full((1, 5), rest, np.float32)
    boxes[:, 0], boxes[:, 1], rows[:, :2] = A, B, 0.75
    return {"scores": rows, "count": np.array([count], np.float32), "boxes": boxes, "classes": rows.copy()}


PLACES = (2, 3, 0, 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [], 0.0),
        ([(A, 1, 0.8)], [(A, 1, 0.8)], 0.0),
        ([(A, 1, 0.8), (B, 2, 0.6)], [(B, 2, 0.6), (A, 1, 0.8)], 0.0),
        ([(A, 1, 0.8)], [], 1.0),
        ([], [(A, 1, 0.8)], 1.0),
        ([(A, 1, 0.8)], [(A, 2, 0.8)], 1.0),
        ([(A, 1, 0.8)], [(B, 1, 0.8)], 1.0),
        # One of two is gone: 1 - 2 · 0.6 / (1.0 + 0.6).
        ([(A, 1, 0.6), (B, 1, 0.4)], [(A, 1, 0.6)], 0.25),
        # A lower score: 1 - 2 · 0.4 / (0.6 + 0.4).
        ([(A, 1, 0.6)], [(A, 1, 0.4)], 0.2),
        # Half of the box: 1 - 2 · 0.5 · 0.6 / 1.2.
        ([(A, 1, 0.6)], [(HALF, 1, 0.6)], 0.5),
        # Of two on the same place the one of the higher score has the match: 1 - 2 · 0.5 · 0.6 / (0.6 + 1.0).
        ([(A, 1, 0.6)], [(A, 1, 0.4), (HALF, 1, 0.6)], 0.625),
    ],
)
def test_disagreement(
    old: list[tuple[Sequence[float], int, float]],
    new: list[tuple[Sequence[float], int, float]],
    expected: float,
) -> None:
    assert disagreement([found(*old)], [found(*new)]) == pytest.approx(expected, abs=1e-12)


def test_samples_add_up() -> None:
    one, none = found((A, 1, 0.5)), found()
    assert disagreement([one, one], [one, none]) == pytest.approx(1 - 2 * 0.5 / 1.5)


def test_what_is_no_number_is_no_result() -> None:
    one = found((A, 1, 0.5))
    assert disagreement([one], [found(((np.nan, 0, 1, 1), 1, 0.5))]) == np.inf


def test_overlap() -> None:
    boxes = np.array([A, B, HALF, (0.2, 0.2, 0.2, 0.2)])
    expected = np.eye(4)
    expected[0, 2] = expected[2, 0] = 0.5
    np.testing.assert_allclose(overlap(boxes, boxes), expected)


@pytest.mark.parametrize("rest", [7.0, np.nan])
def test_what_is_beyond_the_number_of_boxes_does_not_count(rest: float) -> None:
    seen = found_in(sample(2, rest), PLACES)
    np.testing.assert_allclose(seen.boxes, [A, B], atol=1e-7)
    assert seen.scores.tolist() == seen.classes.tolist() == [0.75, 0.75]
    assert len(found_in(sample(np.nan, rest), PLACES).scores) == 0
    assert len(found_in(sample(9, rest), PLACES).scores) == 5


def test_fidelity_is_that_of_matched_boxes() -> None:
    same = fidelity_of_detections([sample(2, 0.0)], [sample(2, 9.0)], PLACES)
    assert (same.cosine, same.top1_agreement, same.max_error, same.divergence) == (
        pytest.approx(1.0),
        None,
        0.0,
        0.0,
    )
    fewer = fidelity_of_detections([sample(2, 0.0)], [sample(1, 0.0)], PLACES)
    assert fewer.divergence == pytest.approx(1 - 2 * 0.75 / 2.25)
    assert fewer.max_error == pytest.approx(0.9)
    broken = fidelity_of_detections([sample(2, 0.0)], [sample(3, np.nan)], PLACES)
    assert broken.divergence == np.inf
    old, new = side_by_side(found((A, 1, 0.6)), found((B, 1, 0.4)))
    assert old.tolist() == [[0] * 5, [*A, 0.6]]
    assert new.tolist() == [[*B, 0.4], [0] * 5]


def test_which_models_end_so() -> None:
    detector = read_model(build_network("ssd_mobilenet_v1", 96, 0.25))
    assert ends_in_detections(detector)
    assert sorted(roles(detector)) == [0, 1, 2, 3]
    assert not ends_in_detections(read_model(build_network("mobilenet_v1", 32, 0.25)))


def test_an_original_that_is_not_finite_is_no_reference() -> None:
    broken, fine = found(((np.nan, 0, 1, 1), 1, 0.5)), found((A, 1, 0.5))
    assert disagreement([broken], [fine]) == np.inf
    assert disagreement([found((A, 1, np.nan))], [found((A, 1, np.nan))]) == np.inf


def test_outputs_of_another_order_are_paired_by_name() -> None:
    turned = dict(reversed(sample(2, 0.0).items()))
    assert fidelity_of_detections([sample(2, 0.0)], [turned], PLACES).divergence == 0


@pytest.mark.parametrize("other", [{"scores": np.zeros((1, 10))}, {name: np.zeros(1) for name in "abcd"}])
def test_outputs_of_no_detector_are_refused(other: dict[str, np.ndarray]) -> None:
    with pytest.raises(UsageError, match="detector"):
        fidelity_of_detections([sample(2, 0.0)], [other], PLACES)
