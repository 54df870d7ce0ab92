"""Ranges of activations in closed form, so that int8 models need no calibration data.

Weights are random with mean zero, so an activation before its non-linearity is close to normal
with mean zero; its mean square follows from those of the inputs and of the weights.
"""

from __future__ import annotations

import math

from tflprof.model.graph import Quantisation

_SPREAD = 4.5
"""Standard deviations an int8 range reaches: beyond them lie 7 values in a million."""

UNIT = Quantisation("tensor", (1 / 256,), (-128,))
"""What the runtime demands of softmax and logistic outputs in int8: 0 to 1."""

IMAGE = Quantisation("tensor", (1 / 128,), (0,))
"""An image normalised to -1..1."""


def rectified(mean_square: float, activation: str) -> float:
    """Mean square of a centred normal variable after ``NONE``, ``RELU`` or ``RELU6``."""
    if activation == "NONE":
        return mean_square
    if activation == "RELU":
        return mean_square / 2
    limit = 6 / math.sqrt(mean_square)
    tail = math.erfc(limit / math.sqrt(2)) / 2
    density = math.exp(-limit * limit / 2) / math.sqrt(2 * math.pi)
    return mean_square * (0.5 - tail - limit * density) + 36 * tail


def output_range(mean_square: float, activation: str) -> Quantisation:
    """Per-tensor int8 quantisation of an output; ``mean_square`` is before the activation."""
    reach = _SPREAD * math.sqrt(mean_square)
    if activation == "RELU6":
        return Quantisation("tensor", (6 / 255,), (-128,))
    if activation == "RELU":
        return Quantisation("tensor", (reach / 255,), (-128,))
    return Quantisation("tensor", (2 * reach / 255,), (0,))


def hard_swished(mean_square: float) -> float:
    """Mean square of a centred normal variable after ``x · relu6(x + 3) / 6``."""
    deviation = math.sqrt(mean_square)
    # Simpson's rule over ±8 deviations: far closer than int8 needs.
    steps = [(8 * (i / 400 - 1), 4 if i % 2 else 2) for i in range(1, 800)]
    values = (weight * math.exp(-z * z / 2) * _hard_swish(z * deviation) ** 2 for z, weight in steps)
    return sum(values) * 0.02 / 3 / math.sqrt(2 * math.pi)


def swish_range(mean_square: float) -> Quantisation:
    """Per-tensor int8 quantisation after ``x · relu6(x + 3) / 6``; ``mean_square`` is before it."""
    reach = _SPREAD * math.sqrt(mean_square)
    low, high = min(_hard_swish(-min(reach, 1.5)), 0.0), _hard_swish(reach)
    scale = (high - low) / 255
    return Quantisation("tensor", (scale,), (round(-128 - low / scale),))


def _hard_swish(x: float) -> float:
    return x * min(max(x + 3, 0.0), 6.0) / 6
