"""The planner's benchmark: crops of photographs, measures of nearness, and what is counted as better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.planner_judges import answers, best_box, landmarks, overlap
from benchmarks.planner_photographs import Framing, Photograph, crops
from benchmarks.planner_plot import plot
from benchmarks.planner_report import duels, text

FRAMING = Framing(32, "face", (1.0, 2.0), 0.5, 10.0, present=0.5, low=-1.0)
PHOTOGRAPHS = (Photograph("with", ((100, 60, 40),)), Photograph("without"))


@pytest.fixture
def images() -> dict[str, Image.Image]:
    """A dark picture with a bright face, and one that is grey."""
    dark = Image.new("RGB", (200, 120))
    dark.paste((255, 255, 255), (80, 40, 120, 80))
    return {"with": dark, "without": Image.new("RGB", (200, 120), (128, 128, 128))}


def test_crops_are_those_of_the_seed(images: dict[str, Image.Image]) -> None:
    first, same, other = (crops(images, PHOTOGRAPHS, FRAMING, 8, seed) for seed in (1, 1, 2))
    assert first.shape == (8, 32, 32, 3)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_crops_have_the_range_of_the_network_and_the_face_in_view(images: dict[str, Image.Image]) -> None:
    found = crops(images, PHOTOGRAPHS, replace(FRAMING, present=1.0), 40, 0)
    assert found.min() == -1
    assert found.max() <= 1
    assert min(float(one[8:24, 8:24].max()) for one in found) > 0.1


def test_a_crop_is_upright_where_nothing_turns_it(images: dict[str, Image.Image]) -> None:
    still = Framing(40, "face", (1.0, 1.0), 0.0, 0.0, present=1.0, low=0.0)
    (one,) = crops(images, PHOTOGRAPHS, still, 1, 0)
    assert one[1:-1, 1:-1].std() == pytest.approx(0, abs=1e-6)


def test_answers_of_a_classifier() -> None:
    teacher = [{"y": np.array([0.9, 0.1])}, {"y": np.array([0.2, 0.8])}]
    own = [{"y": np.array([0.9, 0.1])}, {"y": np.array([0.6, 0.4])}]
    found = answers(np.array([0, 0]))(teacher, own)
    assert found == {"accuracy": 1.0, "agreement": 0.5}


def test_landmarks_are_off_by_a_share_of_their_box() -> None:
    there = np.array([[0, 0, 5], [10, 0, 5], [10, 20, 5]], np.float32)
    here = there + np.array([3, 4, 100], np.float32)
    found = landmarks("points")([{"points": there[None]}], [{"points": here[None]}])
    assert found["nme"] == pytest.approx(5 / 20)


def test_overlap_of_boxes() -> None:
    box = np.array([0.0, 0.0, 2.0, 2.0])
    assert overlap(box, box) == 1
    assert overlap(box, box + np.array([1, 0, 1, 0])) == pytest.approx(2 / 6)
    assert overlap(box, box + 5) == 0


def _detected(cell: int, score: float) -> dict[str, Any]:
    boxes, scores = np.zeros((1, 16, 16), np.float32), np.full((1, 16, 1), -9, np.float32)
    boxes[0, cell, :4], scores[0, cell] = (1, 2, 10, 10), score
    return {"boxes": boxes, "scores": scores}


def test_a_face_that_is_lost_overlaps_nothing() -> None:
    measure = best_box("boxes", "scores", 40)
    seen, unseen = _detected(5, 3.0), _detected(5, -3.0)
    assert measure([seen], [seen]) == {"iou": 1.0, "same_verdict": 1.0}
    assert measure([seen, seen], [seen, unseen]) == {"iou": 0.5, "same_verdict": 0.5}
    # Cells are 10 pixels wide, as the box is.
    assert measure([seen], [_detected(6, 3.0)])["iou"] == 0


def _result(latency: float, **measures: float) -> dict[str, float]:
    return {"latency": latency, "divergence": 0.1} | measures


def _network(theirs: dict[str, float], planners: dict[str, float]) -> dict[str, Any]:
    planned = planners | {"budget": 900.0, "after": 890.0, "first_error": 0.01, "rounds": [{}]}
    spearman = dict.fromkeys(("fitted", "plain", "held_out", "median_ratio", "median_ratio_plain"), 0.9)
    entry = {"share": 0.9, "planned": planned, "greedy": {"rival": theirs, "planner": {"all": planners}}}
    return {
        "before": 1000.0,
        "model": "m.tflite",
        "original": {"accuracy": 0.99},
        "budgets": [entry],
        "spearman": spearman | {"plans": 50},
    }


def test_less_of_an_error_and_more_overlap_are_better() -> None:
    found = {
        "mesh": _network(_result(890, nme=0.1), _result(890, nme=0.05)),
        "detector": _network(_result(890, iou=0.8), _result(890, iou=0.7)),
    }
    assert [one.gain(name) for one, name in zip(duels(found), ("nme", "iou"), strict=True)] == [1, -1]
    report = text(found)
    assert "on 1 of 2: mesh" in report
    assert "| mesh | greedy | 1 | NME 1/0/0 |" in report
    assert "photographs" in report


def test_the_picture_has_every_network(tmp_path: Path) -> None:
    found = {"mesh": _network(_result(890, nme=0.1), _result(890, nme=0.05))}
    plot(found, tmp_path / "p.svg")
    assert "mesh (pre-trained)" in (tmp_path / "p.svg").read_text()
