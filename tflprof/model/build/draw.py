"""How the weights of one layer are drawn, where the usual way would not keep activations alive."""

from __future__ import annotations

from dataclasses import dataclass

from tflprof.model.graph import Quantisation


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
    """

    gain: float | None = None
    offset: float = 0.0
    reach: float = 1.0
    quantisation: Quantisation | None = None


USUAL = Draw()
"""Weights that keep the mean square of activations, biases around 0, a range of the output's own."""
