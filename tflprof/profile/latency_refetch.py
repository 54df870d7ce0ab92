"""What it costs to fetch weights and images again, which an inference that touches more than the caches keep has to."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from tflprof.op_config import OpConfig
from tflprof.op_memory import input_bytes, is_vector_product, read_bytes, reads_image


@dataclass(frozen=True)
class Refetch:
    """Prices of weights, and of the image at the beginning, by what an inference touches, as measured on a device.

    Attributes:
        touched: bytes that an inference touches, ascending, [n].
        vector: what a byte of weights that are multiplied by one vector costs then, beyond what it costs out of a
            near cache, in the table's unit, [n].
        matrix: likewise of all other weights.
        image: likewise of the model's input; what is written of it is out of the caches, too.

    Raises:
        ValueError: they are not as many, not ascending, or not finite and at least 0.
    """

    touched: tuple[float, ...]
    vector: tuple[float, ...]
    matrix: tuple[float, ...]
    image: tuple[float, ...]

    def __post_init__(self) -> None:
        kinds = (self.vector, self.matrix, self.image)
        if not self.touched or any(len(prices) != len(self.touched) for prices in kinds):
            raise ValueError("prices of weights are not as many as the sizes they are of")
        if not all(math.isfinite(one) and one >= 0 for each in (self.touched, *kinds) for one in each):
            raise ValueError("a price of weights is none")
        if any(one >= other for one, other in itertools.pairwise(self.touched)):
            raise ValueError("the sizes that prices of weights are of do not ascend")

    def at(self, touched: float) -> tuple[float, float, float]:
        """Cost of a byte, of ``vector``, ``matrix`` and ``image``, in an inference that touches so much.

        Between the known ones in proportion.
        """
        kinds = (self.vector, self.matrix, self.image)
        vector, matrix, image = (float(np.interp(touched, self.touched, prices)) for prices in kinds)
        return vector, matrix, image

    def cost(self, config: OpConfig, touched: float) -> float:
        """What of a layer's cost is fetching again what it reads."""
        return sum(size * price for size, price in zip(fetched_bytes(config), self.at(touched), strict=True))

    def scaled(self, factor: float) -> Refetch:
        """All prices times a factor."""
        kinds = (self.vector, self.matrix, self.image)
        vector, matrix, image = (tuple(price * factor for price in prices) for prices in kinds)
        return Refetch(self.touched, vector, matrix, image)


def fetched_bytes(config: OpConfig) -> tuple[float, float, float]:
    """Bytes of a layer that have a price: of weights for one vector, of other weights, and of a model's input."""
    weights, one = read_bytes(config), is_vector_product(config)
    return (
        weights if one else 0.0,
        0.0 if one else weights,
        input_bytes(config) if reads_image(config) else 0.0,
    )
