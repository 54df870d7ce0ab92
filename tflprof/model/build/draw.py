"""How the weights of one layer are drawn, where the usual way would not keep activations alive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.model.graph import Quantisation

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Moments:
    """Mean and variance of what goes into a layer, the same for all channels."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Draw:
    """Statistics of one layer's weights and the range of its output.

    Attributes:
        gain: mean square before the activation over that of the input; None: 2 before a rectifier,
            1 without.
        offset: mean of the biases.
        reach: how much further than usual the output's int8 range goes: few inputs, or inputs that
            resemble each other, make some channels far louder than others.
        quantisation: of the output in int8, for layers that share theirs with others (those of a
            concatenation, which must not rescale); None follows from the mean square.
        moments: of the input. With them every channel comes out with mean 0 and the same variance, as
            after a batch normalisation; without, only all channels together have the mean square.
    """

    gain: float | None = None
    offset: float = 0.0
    reach: float = 1.0
    quantisation: Quantisation | None = None
    moments: Moments | None = None

    def standardised(self, weights: Floats, axis: int, mean_square: float) -> tuple[Floats, Floats]:
        """Weights of which no channel along ``axis`` is louder than ``mean_square``, and their biases."""
        if self.moments is None:
            return weights, np.zeros(weights.shape[axis], np.float32)
        others = tuple(i for i in range(weights.ndim) if i != axis)
        inputs = weights.size // weights.shape[axis]
        totals = weights.sum(others, keepdims=True)
        rest = weights - totals / inputs
        # A single input, or weights that are all the same, leave nothing to scale.
        rest /= np.maximum(np.sqrt(np.square(rest).sum(others, keepdims=True)), np.float32(1e-12))
        if axis:
            # Neighbouring pixels resemble each other, so that weights of sum 0 would leave little of a
            # depthwise convolution's input. With the sum as large as the norm it does not matter how much.
            rest = rest * np.float32((1 - 1 / inputs) ** 0.5) + np.where(totals < 0, -1, 1) / np.float32(
                inputs
            )
        out = (rest * np.float32((mean_square / self.moments.variance) ** 0.5)).astype(np.float32)
        return out, -np.float32(self.moments.mean) * out.sum(others)


USUAL = Draw()
"""Weights that keep the mean square of activations, biases around 0, a range of the output's own."""
