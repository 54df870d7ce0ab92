"""What tensors of a model hold on calibration data: ranges, histograms, covariances, one sample at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.calibration import Calibration
from tflprof.compress.images import fitted
from tflprof.model.graph import Model, Tensor
from tflprof.runtimes.execute import Executor

BINS = 2048


@dataclass(frozen=True)
class Histogram:
    """How often values of a tensor fall into equal bins from ``low`` to ``high``.

    Attributes:
        low, high: the least and the greatest value seen.
        counts: per bin, float64.
        zeros: how many of them are exactly zero, as half of what a ReLU leaves.
    """

    low: float
    high: float
    counts: npt.NDArray[np.float64]
    zeros: float = 0.0

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """The middle of each bin."""
        edges = np.linspace(self.low, self.high, len(self.counts) + 1, dtype=np.float64)
        return (edges[:-1] + edges[1:]) / 2


@dataclass(frozen=True)
class ChannelRange:
    """The least and the greatest value seen per channel (last axis), float64 of shape (channels,)."""

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Covariance:
    """Second moments of a tensor's channels (last axis), for errors weighted by what really flows.

    Attributes:
        moments: mean of ``x xᵀ``, shape (channels, channels), float64.
        mean: mean of ``x``, shape (channels,).
        count: vectors seen.
    """

    moments: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    count: int


def activations(
    executor: Executor,
    model: Model,
    calibration: Calibration,
    tensors: Sequence[int],
    content: bytes | None = None,
) -> Iterator[dict[int, npt.NDArray[Any]]]:
    """Values of tensors of the main subgraph, sample by sample; quantised integers as the reals they stand for.

    ``content``: bytes of the model if they are in no file. Raises as :meth:`Executor.stream` does.
    """
    graph = model.subgraphs[0]
    source = Path(model.path) if content is None else content
    samples = fitted(calibration, model).samples
    for values in executor.stream(source, samples, tensors, name=model.path):
        yield {index: _real(graph.tensors[index], value) for index, value in values.items()}


def channel_ranges(
    executor: Executor,
    model: Model,
    calibration: Calibration,
    tensors: Sequence[int],
    content: bytes | None = None,
) -> dict[int, ChannelRange]:
    """Ranges per channel. Tensors without axes have one channel."""
    found: dict[int, ChannelRange] = {}
    for values in activations(executor, model, calibration, tensors, content):
        for index, value in values.items():
            rows = _rows(value)
            low, high = rows.min(axis=0, initial=np.inf), rows.max(axis=0, initial=-np.inf)
            old = found.get(index)
            if old is not None:
                low, high = np.minimum(old.low, low), np.maximum(old.high, high)
            found[index] = ChannelRange(low, high)
    return found


def histograms(
    executor: Executor,
    model: Model,
    calibration: Calibration,
    tensors: Sequence[int],
    ranges: Mapping[int, ChannelRange] | None = None,
    content: bytes | None = None,
) -> dict[int, Histogram]:
    """Histograms between each tensor's least and greatest value, which a first pass finds unless given."""
    if ranges is None:
        ranges = channel_ranges(executor, model, calibration, tensors, content)
    found = {
        index: Histogram(float(ranges[index].low.min()), float(ranges[index].high.max()), np.zeros(BINS))
        for index in tensors
    }
    for values in activations(executor, model, calibration, tensors, content):
        found = {index: _more(found[index], value) for index, value in values.items()}
    return found


def _more(histogram: Histogram, value: npt.NDArray[Any]) -> Histogram:
    """A histogram with a sample's values counted as well."""
    flat = value.reshape(-1).astype(np.float64)
    width = (histogram.high - histogram.low) / BINS
    places = np.clip((flat - histogram.low) / width, 0, BINS - 1) if width > 0 else np.zeros(len(flat))
    counts = histogram.counts + np.bincount(places.astype(np.intp), minlength=BINS)
    return Histogram(histogram.low, histogram.high, counts, histogram.zeros + float((flat == 0).sum()))


def covariances(
    executor: Executor,
    model: Model,
    calibration: Calibration,
    tensors: Sequence[int],
    content: bytes | None = None,
) -> dict[int, Covariance]:
    """Second moments per pair of channels: memory for one sample and one matrix per tensor."""
    sums: dict[int, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], int]] = {}
    for values in activations(executor, model, calibration, tensors, content):
        for index, value in values.items():
            rows = _rows(value)
            squares, total, count = rows.T @ rows, rows.sum(axis=0), len(rows)
            if index in sums:
                old = sums[index]
                squares, total, count = squares + old[0], total + old[1], count + old[2]
            sums[index] = squares, total, count
    return {
        index: Covariance(squares / max(count, 1), total / max(count, 1), count)
        for index, (squares, total, count) in sums.items()
    }


def _rows(value: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Vectors of channels, one per place."""
    width = value.shape[-1] if value.ndim else 1
    return value.reshape(-1, width).astype(np.float64)


def _real(tensor: Tensor, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    quantisation = tensor.quantisation
    if quantisation is None or quantisation.kind != "tensor" or value.dtype.kind not in "iu":
        return value
    zero = quantisation.zero_point[0] if quantisation.zero_point else 0
    return ((value.astype(np.float64) - zero) * quantisation.scale[0]).astype(np.float32)
