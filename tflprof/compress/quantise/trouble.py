"""Layers whose channels are too unlike each other for int8: found before anything is quantised, and mended or told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.activations import ChannelRange
from tflprof.compress.interface import Refusal
from tflprof.compress.quantise.layers import METHOD
from tflprof.model.graph import Op

WIDE = 100.0
"""Ranges of channels that differ by more than this many times are told."""

_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
_DEAD = 1e-6  # of the largest channel's
_MOST_BIAS = 2.0**30
_WEIGHT_LEVELS, _LEVELS = 127, 255


def weight_bounds(op: Op, weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The largest magnitude per output channel, of the weights' rank with 1 along the other axes."""
    others = tuple(axis for axis in range(weights.ndim) if axis != _AXIS[op.code])
    return np.asarray(np.abs(weights.astype(np.float64)).max(axis=others, keepdims=True, initial=0.0))


def raised_bounds(
    op: Op, weights: npt.NDArray[Any], bias: npt.NDArray[Any] | None, low: float, high: float
) -> npt.NDArray[np.float64] | None:
    """Bounds of weights with which each bias fits 32 bits; None if the weights' own do.

    A bias is stored in steps of the input's times the weights': where weights of a channel are all (nearly) zero,
    it would need more than 32 bits, and saturates without a word.

    Args:
        op: a layer with weights.
        weights: as the file has them.
        bias: one value per output channel.
        low: the least value of its input.
        high: the greatest.
    """
    if bias is None or op.code not in _AXIS:
        return None
    own = weight_bounds(op, weights)
    step = max((max(high, 0.0) - min(low, 0.0)) / _LEVELS, 1e-30)
    least = np.abs(bias.astype(np.float64)) * _WEIGHT_LEVELS / (step * _MOST_BIAS)
    if own.size != least.size:
        return None
    raised = np.maximum(own, least.reshape(own.shape))
    return raised if (raised > own).any() else None


@dataclass(frozen=True)
class DepthwiseTrouble:
    """What int8 makes of a depthwise layer.

    Attributes:
        layer: its id.
        dead: channels with weights below a millionth of the largest.
        weights: how many times the largest weights of a channel exceed the smallest.
        results: likewise of its results, on calibration data.
    """

    layer: str
    dead: int
    weights: float
    results: float


def depthwise_trouble(op: Op, weights: npt.NDArray[Any], outputs: ChannelRange | None) -> DepthwiseTrouble:
    """How unlike the channels of a depthwise layer are."""
    dead, spread = _spread(weight_bounds(op, weights).reshape(-1))
    results = 1.0
    if outputs is not None:
        results = _spread(np.maximum(np.abs(outputs.low), np.abs(outputs.high)))[1]
    return DepthwiseTrouble(op.id, dead, spread, results)


def told(troubles: Sequence[DepthwiseTrouble]) -> list[Refusal]:
    """One refusal per kind of trouble, with the layers that have it. They can be quantised, but at a loss."""
    found = []
    dead = [one for one in troubles if one.dead]
    if dead:
        count = sum(one.dead for one in dead)
        found.append(
            _refusal(
                dead,
                f"{count} of their channels are dead (weights below a millionth of the largest): they cost time for "
                "nothing, and int8 keeps their biases only because the steps of their weights are raised; prune them",
            )
        )
    wide = [one for one in troubles if one.weights > WIDE]
    if wide:
        found.append(
            _refusal(
                wide,
                f"weights of their channels differ up to {max(one.weights for one in wide):.0f}-fold: int8 needs a "
                "scale per channel, which they get; one scale for all would lose the small ones",
            )
        )
    wide = [one for one in troubles if one.results > WIDE]
    if wide:
        found.append(
            _refusal(
                wide,
                f"results of their channels differ up to {max(one.results for one in wide):.0f}-fold, and int8 has one "
                "scale for all of them: the smallest channels get fewer than 3 of 256 steps; their measured loss says "
                "whether that matters",
            )
        )
    return found


def _refusal(troubles: Sequence[DepthwiseTrouble], reason: str) -> Refusal:
    return Refusal(METHOD, tuple(one.layer for one in troubles), f"int8 is offered, but {reason}")


def _spread(ranges: npt.NDArray[np.float64]) -> tuple[int, float]:
    """How many channels are dead, and how many times the largest of the others exceeds the smallest."""
    largest = float(ranges.max(initial=0.0))
    alive = ranges[ranges > _DEAD * largest] if largest > 0 else ranges[:0]
    spread = largest / float(alive.min()) if len(alive) else 1.0
    return len(ranges) - len(alive), spread


def input_ranges(ranges: Mapping[int, tuple[float, float]], op: Op) -> tuple[float, float] | None:
    """The range of a layer's data; None if it is not known."""
    return ranges.get(op.inputs[2 if op.code == "TRANSPOSE_CONV" else 0])
