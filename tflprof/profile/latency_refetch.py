"""What it costs to fetch weights again, which an inference that touches more than the caches keep has to."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from tflprof.op_config import OpConfig
from tflprof.op_memory import is_vector_product, read_bytes


@dataclass(frozen=True)
class Refetch:
    """Prices of weights by what an inference touches, as measured on a device.

    Attributes:
        touched: bytes that an inference touches, ascending, [n].
        vector: what a byte of weights that are multiplied by one vector costs then, beyond what it costs out of a
            near cache, in the table's unit, [n].
        matrix: likewise of all other weights.

    Raises:
        ValueError: they are not as many, not ascending, or not finite and at least 0.
    """

    touched: tuple[float, ...]
    vector: tuple[float, ...]
    matrix: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.touched) == len(self.vector) == len(self.matrix) > 0:
            raise ValueError("prices of weights are not as many as the sizes they are of")
        if not all(math.isfinite(one) and one >= 0 for one in (*self.touched, *self.vector, *self.matrix)):
            raise ValueError("a price of weights is none")
        if any(one >= other for one, other in itertools.pairwise(self.touched)):
            raise ValueError("the sizes that prices of weights are of do not ascend")

    def price(self, touched: float, *, vector: bool) -> float:
        """Cost of one byte of weights in an inference that touches so much; between the known ones in proportion."""
        return float(np.interp(touched, self.touched, self.vector if vector else self.matrix))

    def cost(self, config: OpConfig, touched: float) -> float:
        """What of a layer's cost is fetching its weights again."""
        return read_bytes(config) * self.price(touched, vector=is_vector_product(config))

    def scaled(self, factor: float) -> Refetch:
        """All prices times a factor."""
        return Refetch(
            self.touched,
            tuple(price * factor for price in self.vector),
            tuple(price * factor for price in self.matrix),
        )
