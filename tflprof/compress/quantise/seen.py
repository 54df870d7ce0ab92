"""What the tensors of a model hold on calibration data, as its quantisation needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tflprof.compress.activations import ChannelRange, Histogram, channel_ranges, histograms
from tflprof.compress.calibration import Calibration
from tflprof.compress.interface import Refusal
from tflprof.compress.quantise.layers import REAL
from tflprof.compress.quantise.ranges import best_range
from tflprof.compress.quantise.trouble import depthwise_trouble, told
from tflprof.errors import UsageError
from tflprof.model.graph import Model, Subgraph
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

_SAME_SCALE = (
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "PAD",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "SLICE",
    "SPACE_TO_DEPTH",
    "STRIDED_SLICE",
    "TRANSPOSE",
)
"""Operators whose integers are only moved or averaged: one scale before and after."""


@dataclass(frozen=True)
class Seen:
    """Values of a model's real, computed tensors, by their indices in the main subgraph.

    Attributes:
        channels: ranges per channel.
        ranges: what integers are to cover.
    """

    channels: Mapping[int, ChannelRange]
    ranges: Mapping[int, tuple[float, float]]


def look(executor: Executor, content: bytes, calibration: Calibration, how: str) -> Seen:
    """Run a model on calibration data.

    Args:
        executor: what runs it.
        content: the model.
        calibration: the samples.
        how: ``search`` or ``full``, see :class:`~tflprof.compress.quantise.method.Quantise`.

    Raises:
        UsageError: a tensor's values are not finite.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    constant = {tensor.index for tensor in graph.tensors if tensor.is_constant} | {-1}
    made = {index for op in graph.ops if set(op.inputs) - constant for index in op.outputs}
    wanted = [
        tensor.index
        for tensor in graph.tensors
        if tensor.dtype == "float32" and (tensor.index in made or tensor.index in graph.inputs)
    ]
    channels = channel_ranges(executor, model, calibration, wanted, content)
    for index, seen in channels.items():
        if not (np.isfinite(seen.low).all() and np.isfinite(seen.high).all()):
            raise UsageError(
                f"tensor {graph.tensors[index].name!r} is not finite on the calibration data, so it has no range",
                "leave such samples out, or mend the model",
            )
    if how == "full":
        ranges = {index: _ends(seen) for index, seen in channels.items()}
    else:
        found = histograms(executor, model, calibration, wanted, channels, content)
        ranges = {index: _searched(histogram) for index, histogram in found.items()}
    _share(graph, ranges)
    return Seen(channels, ranges)


def _share(graph: Subgraph, ranges: dict[int, tuple[float, float]]) -> None:
    """Give the parts of a concatenation its range: else each would be rescaled on its way in."""
    shared: set[int] = set()
    for op in reversed(graph.ops):
        output = op.outputs[0]
        joins = op.code == "CONCATENATION" or (op.code in _SAME_SCALE and output in shared)
        if joins and output in ranges:
            for index in op.inputs:
                if index in ranges:
                    ranges[index] = ranges[output]
                    shared.add(index)


def depthwise_troubles(model: Model, seen: Seen, layers: Sequence[str]) -> list[Refusal]:
    """What int8 will do badly in the depthwise layers among these."""
    graph = model.subgraphs[0]
    found = []
    for op in graph.ops:
        if op.code != "DEPTHWISE_CONV_2D" or op.id not in layers:
            continue
        weights = graph.tensors[op.inputs[1]]
        if weights.is_constant and weights.dtype in REAL:
            found.append(
                depthwise_trouble(op, model.data(0, weights.index), seen.channels.get(op.outputs[0]))
            )
    return told(found)


def _ends(seen: ChannelRange) -> tuple[float, float]:
    return min(float(seen.low.min(initial=0.0)), 0.0), max(float(seen.high.max(initial=0.0)), 0.0)


def _searched(histogram: Histogram) -> tuple[float, float]:
    found = best_range(histogram)
    return found.low, found.high
