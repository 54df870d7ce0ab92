"""Outputs of detectors: the operator that ends them writes as many boxes as it found, and leaves the rest as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.model.graph import Model

CODE = "TFLite_Detection_PostProcess"

Outputs = Mapping[str, npt.NDArray[Any]]


def ends_in_detections(model: Model) -> bool:
    """Whether a model has the outputs of one ``TFLite_Detection_PostProcess``: boxes, classes, scores, their number."""
    graph = model.subgraphs[0]
    found = [op for op in graph.ops if op.custom_code == CODE]
    return len(found) == 1 and set(found[0].outputs) == set(graph.outputs)


def only_detected(outputs: Sequence[Outputs]) -> list[Outputs]:
    """Detections with zeros where none was found; there is what earlier inferences left there, or anything.

    Args:
        outputs: per sample boxes [1, n, 4], classes and scores [1, n], and their number, the only single value.
    """
    return [_only_detected(sample) for sample in outputs]


def _only_detected(sample: Outputs) -> Outputs:
    single = [value for value in sample.values() if value.size == 1]
    if len(single) != 1:
        return sample
    count = max(0, int(np.nan_to_num(single[0].reshape(-1)[0])))
    return {name: value if value.size == 1 else _until(value, count) for name, value in sample.items()}


def _until(value: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    kept = value.copy()
    kept[:, count:] = 0
    return kept
