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
        quantisation: of the output in int8, for layers that share theirs with others (those of a
            concatenation, which must not rescale); None follows from the mean square.
    """

    gain: float | None = None
    offset: float = 0.0
    quantisation: Quantisation | None = None


USUAL = Draw()
"""Weights that keep the mean square of activations, biases around 0, a range of the output's own."""
