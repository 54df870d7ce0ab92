"""Means and covariances of what layers take, over calibration data: what removed channels carried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.interface import Subject
from tflprof.compress.prune.values import Real, real
from tflprof.model.graph import Op

MOST_COVARIANCE = 2304
"""Inputs of a layer beyond which only means and variances are kept."""

_MOST_ROWS = 512
"""Pixels of a sample that are looked at, evenly spread."""


@dataclass(frozen=True)
class Moments:
    """Of the inputs of a layer with weights: channels of a convolution, the flattened row of a dense layer.

    Attributes:
        mean: of each input.
        variance: of each input.
        covariance: of all pairs; None if there are too many.
        rows: pixels or rows that were looked at.
    """

    mean: Real
    variance: Real
    covariance: Real | None
    rows: int


@dataclass
class _Sums:
    depth: int
    count: int = 0
    total: Any = 0.0
    squares: Any = 0.0

    def add(self, values: Real) -> None:
        rows = values.reshape(-1, self.depth)
        rows = rows[:: -(-len(rows) // _MOST_ROWS)]
        self.count += len(rows)
        self.total = self.total + rows.sum(axis=0)
        full = self.depth <= MOST_COVARIANCE
        self.squares = self.squares + (rows.T @ rows if full else np.square(rows).sum(axis=0))

    def moments(self) -> Moments:
        mean = self.total / self.count
        if self.depth > MOST_COVARIANCE:
            return Moments(mean, np.maximum(self.squares / self.count - mean**2, 0.0), None, self.count)
        covariance = self.squares / self.count - np.outer(mean, mean)
        return Moments(mean, np.maximum(np.diag(covariance), 0.0), covariance, self.count)


def moments(subject: Subject, layers: Iterable[Op]) -> dict[str, Moments]:
    """Moments of the inputs of convolutions and dense layers, by their ids; one pass over the calibration data.

    Raises ModelError if LiteRT cannot run the model.
    """
    graph = subject.model.subgraphs[0]
    ops = list(layers)
    sums = {op.id: _Sums(graph.tensors[op.inputs[1]].shape[-1]) for op in ops}
    tensors = sorted({op.inputs[0] for op in ops})
    if not tensors:
        return {}
    for found in _activations(subject, tensors):
        for op in ops:
            tensor = graph.tensors[op.inputs[0]]
            sums[op.id].add(real(found[op.inputs[0]], tensor.quantisation))
    return {name: each.moments() for name, each in sums.items() if each.count}


def _activations(subject: Subject, tensors: list[int]) -> Iterable[Mapping[Any, npt.NDArray[Any]]]:
    return subject.executor.stream(Path(subject.model.path), subject.calibration.samples, tensors=tensors)
