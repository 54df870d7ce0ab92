"""How near a compressed network is to its original on inputs that nothing was fitted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.fidelity import divergence
from tflprof.runtimes.execute import Executor

Values = npt.NDArray[Any]
Outputs = Sequence[Mapping[str, Values]]
Measure = Callable[[Outputs, Outputs], dict[str, float]]
"""Told the original's outputs and another's, for the same inputs."""

_FACE = 0.5
_PER_POINT = 3


@dataclass(frozen=True)
class HeldOut:
    """Inputs that nothing was fitted to, what the original makes of them, and how others are held against it."""

    samples: Sequence[Mapping[str, Values]]
    reference: Outputs
    kind: str
    measure: Measure

    def judge(self, executor: Executor, content: bytes) -> dict[str, float]:
        """What the measure tells, and the divergence from the original."""
        found = executor.run(content, self.samples, dequantised=True)
        return self.measure(self.reference, found) | {
            "divergence": divergence(self.reference, found, self.kind)
        }


def answers(labels: npt.NDArray[np.int64]) -> Measure:
    """Accuracy of a classifier, and how often it answers as the original does."""

    def measure(reference: Outputs, found: Outputs) -> dict[str, float]:
        own, teacher = _largest(found), _largest(reference)
        return {"accuracy": float(np.mean(own == labels)), "agreement": float(np.mean(own == teacher))}

    return measure


def landmarks(output: str) -> Measure:
    """Normalised mean error: distance of points from the original's, over the side of the box around those."""

    def measure(reference: Outputs, found: Outputs) -> dict[str, float]:
        errors = []
        for teacher, own in zip(reference, found, strict=True):
            there, here = (_points(one[output]) for one in (teacher, own))
            side = float(np.ptp(there, axis=0).max())
            errors.append(float(np.linalg.norm(here - there, axis=1).mean()) / side)
        return {"nme": float(np.mean(errors))}

    return measure


def best_box(boxes: str, scores: str, size: int) -> Measure:
    """Mean intersection over union of the best box and the original's, where the original finds a face.

    Anchors are the middles of a square grid, one each; boxes (x and y of the middle, width, height) are relative to
    them, in pixels of the input. Where only the original finds one, the overlap is 0.
    """

    def measure(reference: Outputs, found: Outputs) -> dict[str, float]:
        overlaps, same = [], []
        for teacher, own in zip(reference, found, strict=True):
            there, here = (_face(one[boxes], one[scores], size) for one in (teacher, own))
            same.append((there is None) == (here is None))
            if there is not None:
                overlaps.append(0.0 if here is None else overlap(there, here))
        return {"iou": float(np.mean(overlaps)), "same_verdict": float(np.mean(same))}

    return measure


def overlap(a: Values, b: Values) -> float:
    """Intersection over union of two boxes: left, top, right, bottom."""
    sides = np.maximum(0.0, np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]))
    inside = float(sides.prod())
    areas = [float(np.maximum(0.0, one[2:] - one[:2]).prod()) for one in (a, b)]
    return inside / (sum(areas) - inside) if inside > 0 else 0.0


def _face(boxes: Values, scores: Values, size: int) -> Values | None:
    """The box of the highest score, None if that is none of a face."""
    flat = scores.reshape(-1)
    best = int(np.argmax(flat))
    if flat[best] < np.log(_FACE / (1 - _FACE)):
        return None
    cells = round(len(flat) ** 0.5)
    anchor = (np.array([best % cells, best // cells]) + 0.5) / cells * size
    x, y, width, height = boxes.reshape(len(flat), -1)[best, :4]
    half = np.array([width, height]) / 2
    middle = anchor + np.array([x, y])
    return np.concatenate([middle - half, middle + half])


def _points(values: Values) -> Values:
    """Height and width of each point; depth is left out."""
    return np.asarray(values.reshape(-1, _PER_POINT)[:, :2], np.float64)


def _largest(outputs: Outputs) -> npt.NDArray[np.intp]:
    return np.array([int(np.argmax(next(iter(one.values())))) for one in outputs])
