"""Outputs of detectors (``TFLite_Detection_PostProcess``): boxes are held against those they match.

A box of the changed model matches one of the original's if both are of the same class and their intersection over
union (IoU) is at least 0.5; those of the highest scores choose first, as when average precision is reckoned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.model.graph import Model

CODE = "TFLite_Detection_PostProcess"
SAME = 0.5
"""The least IoU of boxes that match."""

Outputs = Mapping[str, npt.NDArray[Any]]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Detections:
    """What was found in one sample: boxes [n, 4] (top, left, bottom, right), classes and scores [n]."""

    boxes: Real
    classes: Real
    scores: Real

    @property
    def is_finite(self) -> bool:
        """Whether all values are numbers."""
        return all(bool(np.isfinite(part).all()) for part in (self.boxes, self.classes, self.scores))


@dataclass(frozen=True)
class Match:
    """A box of the original and one of the changed model, by their numbers; None: it has no partner."""

    old: int | None
    new: int | None
    iou: float = 0.0


def ends_in_detections(model: Model) -> bool:
    """Whether a model has the outputs of one ``TFLite_Detection_PostProcess``: boxes, classes, scores, their number."""
    graph = model.subgraphs[0]
    found = [op for op in graph.ops if op.custom_code == CODE]
    return len(found) == 1 and set(found[0].outputs) == set(graph.outputs)


def roles(model: Model) -> tuple[int, ...]:
    """Where among a detector's outputs boxes, classes, scores and their number stand."""
    graph = model.subgraphs[0]
    (op,) = (op for op in graph.ops if op.custom_code == CODE)
    return tuple(list(graph.outputs).index(output) for output in op.outputs)


def found_in(sample: Outputs, places: Sequence[int]) -> Detections:
    """The detections of a sample: what lies beyond their number was left there by earlier inferences, or is anything.

    Args:
        sample: boxes [1, n, 4], classes and scores [1, n], and their number, the only single value.
        places: of the four among the outputs, as :func:`roles` tells.

    Raises:
        UsageError: these are no outputs of a detector.
    """
    values = list(sample.values())
    if len(values) != len(places):
        raise UsageError(
            f"{len(values)} outputs ({', '.join(sample)}) are not the {len(places)} of a detector"
        )
    boxes, classes, scores, number = (np.asarray(values[place], np.float64) for place in places)
    if not boxes.size == 4 * classes.size == 4 * scores.size or number.size != 1:
        shapes = ", ".join(f"{name} {list(np.shape(value))}" for name, value in sample.items())
        raise UsageError(f"outputs {shapes} are not the boxes, classes, scores and number of a detector")
    count = int(np.clip(np.nan_to_num(number.reshape(-1)[0]), 0, scores.size))
    return Detections(boxes.reshape(-1, 4)[:count], classes.reshape(-1)[:count], scores.reshape(-1)[:count])


def overlap(a: Real, b: Real) -> Real:
    """IoU of every box of one [n, 4] with every box of another [m, 4]: [n, m]. Equal boxes have 1, without area too."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    sizes = [np.clip(one[:, 2:] - one[:, :2], 0, None).prod(axis=-1) for one in (a, b)]
    union = sizes[0][:, None] + sizes[1][None, :] - shared
    same = (a[:, None] == b[None]).all(axis=-1)
    found: Real = np.where(same, 1.0, shared / np.where(union > 0, union, 1.0))
    return found


def matches(old: Detections, new: Detections) -> Iterator[Match]:
    """Pairs of boxes, then what has no partner."""
    found = np.where(old.classes[:, None] == new.classes[None], overlap(old.boxes, new.boxes), 0.0)
    taken: set[int] = set()
    alone = []
    for number in np.argsort(-new.scores, kind="stable").tolist():
        free = [place for place in range(len(old.scores)) if place not in taken]
        best = max(free, key=lambda place: float(found[place, number]), default=None)
        if best is None or found[best, number] < SAME:
            alone.append(Match(None, number))
            continue
        taken.add(best)
        yield Match(best, number, float(found[best, number]))
    yield from alone
    yield from (Match(place, None) for place in range(len(old.scores)) if place not in taken)


def disagreement(old: Sequence[Detections], new: Sequence[Detections]) -> float:
    """How much of what is found differs, 0 to 1: 1 - 2 Σ IoU · min(scores) / Σ (all scores of both).

    The sum in the numerator is over pairs that match. It is one minus an F-measure in which every box counts by its
    score, and a pair by its overlap; infinite if any value is not finite.
    """
    if not all(one.is_finite for one in (*old, *new)):
        return float("inf")
    both = total = 0.0
    for a, b in zip(old, new, strict=True):
        total += float(a.scores.sum() + b.scores.sum())
        both += sum(
            one.iou * min(a.scores[one.old], b.scores[one.new])
            for one in matches(a, b)
            if one.old is not None and one.new is not None
        )
    return float(max(0.0, 1.0 - 2.0 * both / total)) if total > 0 else 0.0


def side_by_side(old: Detections, new: Detections) -> tuple[Real, Real]:
    """Boxes with their scores of both [n, 5], each beside its match; zeros for what has none."""
    sides: tuple[list[Real], list[Real]] = ([], [])
    for one in matches(old, new):
        for side, found, number in zip(sides, (old, new), (one.old, one.new), strict=True):
            row = np.zeros(5) if number is None else np.append(found.boxes[number], found.scores[number])
            side.append(row)
    empty = np.zeros((0, 5))
    return (np.stack(sides[0]), np.stack(sides[1])) if sides[0] else (empty, empty)
