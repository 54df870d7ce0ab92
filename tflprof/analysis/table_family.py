"""Rows of one family of operators, and what lies between them: predicted with an interval, or said to be outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.special import stdtrit

from tflprof.analysis.table_features import Tiles, hypotheses, movements, operations, padded
from tflprof.analysis.table_fit import Fit, fit_all, fit_best
from tflprof.analysis.table_shapes import Work

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEVEL = 0.95
FEW = 4
"""Below this many rows nothing is left out: tiles and prices are guesses, and the interval says so."""
GUESS = math.log(2.0)
"""Half-width where there are too few rows to tell, as a natural logarithm of a ratio."""
LEAST = 1e-6
TWIN = 0.05
"""Greatest half-width for the sizes of a row, where only such differs as does not name a family."""
OUTSIDE = 1e-6
"""Distance from the rows' hull, in natural logarithms of sizes, from which on a configuration is outside."""
WIDENING = 2.0
"""How much wider an interval becomes per e-fold outside of the rows' hull."""
DRIFT = 0.05
"""Half-width that is added per e-fold outside."""

_BETTER = 0.9
"""Other tiles than the most usual must leave at most this much of the error."""
_PULLS = (math.inf, 30.0, 10.0, 3.0, 1.0, 0.3)
"""How far a neighbour's residual is believed: the weight of believing none of it, tried in turn."""


@dataclass(frozen=True)
class Interpolated:
    """Predictions of several configurations, [n] each.

    Attributes:
        values: in the unit of the rows.
        halves: half-widths of the 95 % intervals, as natural logarithms of ratios.
        outside: distances from the rows' hull as natural logarithms of sizes, 0 within.
        recalled: where there is a row of these very sizes.
    """

    values: FloatArray
    halves: FloatArray
    outside: FloatArray
    recalled: BoolArray


class Family:
    """Configurations of one family with their costs.

    Args:
        works: the configurations.
        values: what they cost, above 0.
        moves: True for times, which grow with bytes, too; False for instructions.
        tiles: sizes of tiles if they are known, such as from instructions.
    """

    def __init__(
        self, works: Sequence[Work], values: Sequence[float], *, moves: bool, tiles: Tiles | None = None
    ) -> None:
        places: dict[tuple[tuple[int, ...], float], list[int]] = {}
        for index, work in enumerate(works):
            places.setdefault((work.sizes, work.weight_bytes), []).append(index)
        logarithms = np.log(np.maximum(np.array(values, dtype=float), 1e-9))
        self._works = [works[indices[0]] for indices in places.values()]
        self._values = np.exp([logarithms[indices].mean() for indices in places.values()])
        self._moves, self._tiles = moves, tiles
        self._sizes = _sizes(self._works)

    def __len__(self) -> int:
        return len(self._works)

    @cached_property
    def tiles(self) -> Tiles:
        """The sizes of tiles that explain the rows best."""
        usual = next(hypotheses(self._works[0].kind))
        if self._tiles is not None or len(self) < FEW:
            return self._tiles or usual
        best, least = usual, self._quick(usual)
        for tiles in hypotheses(self._works[0].kind):
            error = self._quick(tiles)
            if error < _BETTER * least:
                best, least = tiles, error
        return best

    def predict(self, works: Sequence[Work]) -> Interpolated:
        """What other configurations of the family cost."""
        sizes = _sizes(works)
        places = self._places(works, sizes)
        outside = self._outside(places)
        if len(self) < FEW:
            values = self._scaled(works)
            halves = np.full(len(works), GUESS)
        else:
            values = self._features(works, sizes) @ self._fit.prices
            values = np.maximum(values, self._values.min() * 1e-3) * np.exp(
                _pulled(self._fit.residuals, self._distances(places), self._pull)
            )
            halves = np.full(len(works), self._half)
        halves = halves * (1 + WIDENING * outside) + DRIFT * outside
        return Interpolated(values, halves, outside, self._recall(works, values, halves))

    def _recall(self, works: Sequence[Work], values: FloatArray, halves: FloatArray) -> BoolArray:
        """Give configurations of a row's sizes what the row costs, and tell which they are."""
        recalled = np.zeros(len(works), dtype=np.bool_)
        known = {(work.sizes, work.weight_bytes): index for index, work in enumerate(self._works)}
        for place, work in enumerate(works):
            index = known.get((work.sizes, work.weight_bytes))
            if index is not None:
                values[place] = self._values[index]
                halves[place], recalled[place] = min(halves[place], TWIN), True
        return recalled

    @cached_property
    def error(self) -> float:
        """Root mean square of the errors of rows that were left out, as natural logarithms; NaN for too few rows."""
        return math.nan if len(self) < FEW else float(np.sqrt(np.mean(self._left_out(self._pull) ** 2)))

    @cached_property
    def _fit(self) -> Fit:
        return fit_best(self._features(self._works, self._sizes), self._values)

    @cached_property
    def _pull(self) -> float:
        errors = [(float(np.mean(self._left_out(pull) ** 2)), pull) for pull in _PULLS]
        return min(errors, key=lambda error: error[0])[1]

    @cached_property
    def _half(self) -> float:
        freedom = max(len(self) - self._fit.parameters, 1)
        errors = np.abs(self._left_out(self._pull))
        wide = -float(stdtrit(freedom, (1 - LEVEL) / 2)) * self.error
        return max(wide, float(np.quantile(errors, LEVEL)), LEAST)

    def _left_out(self, pull: float) -> FloatArray:
        """Errors of rows that were left out, the neighbours' residuals taken into account."""
        places = self._places(self._works, self._sizes)
        distances = self._distances(places)
        np.fill_diagonal(distances, np.inf)
        left: FloatArray = self._fit.left_out - _pulled(self._fit.residuals, distances, pull)
        return left

    def _quick(self, tiles: Tiles) -> float:
        return fit_all(operations(self._works[0].kind, self._sizes, tiles), self._values).error

    def _features(self, works: Sequence[Work], sizes: FloatArray) -> FloatArray:
        kind = self._works[0].kind
        counted = operations(kind, sizes, self.tiles)
        return np.hstack([counted, movements(works, sizes, self.tiles)]) if self._moves else counted

    def _scaled(self, works: Sequence[Work]) -> FloatArray:
        """Cost of the nearest row, in proportion to the work."""
        distances = self._distances(self._places(works, _sizes(works)))
        nearest = np.argmin(distances, axis=1)
        own = np.array([work.weight for work in self._works])
        scaled: FloatArray = self._values[nearest] * np.array([work.weight for work in works]) / own[nearest]
        return scaled

    def _places(self, works: Sequence[Work], sizes: FloatArray) -> FloatArray:
        return padded(works[0].kind, sizes, self.tiles)

    def _distances(self, places: FloatArray) -> FloatArray:
        own = self._places(self._works, self._sizes)
        distances: FloatArray = np.linalg.norm(places[:, None, :] - own[None, :, :], axis=2)
        return distances

    def _outside(self, places: FloatArray) -> FloatArray:
        """How far places are from the convex hull of the rows."""
        own = self._places(self._works, self._sizes)
        return np.array([_distance(own, place) for place in places])


def _distance(corners: FloatArray, place: FloatArray) -> float:
    """Distance of a place from the convex hull of corners [n, d]; exact at 0, an approximation above."""
    if (np.abs(corners - place).max(axis=1) < OUTSIDE).any():
        return 0.0
    heavy = 1e3
    system = np.vstack([corners.T, np.full(len(corners), heavy)])
    weights, _ = nnls(system, np.append(place, heavy), maxiter=50 * len(corners))
    gap = float(np.linalg.norm(corners.T @ weights - place))
    return 0.0 if gap < OUTSIDE * 10 else gap


def _pulled(residuals: FloatArray, distances: FloatArray, pull: float) -> FloatArray:
    """Residuals of the neighbours, weighted by nearness; ``pull`` is what stands for no residual."""
    if math.isinf(pull):
        return np.zeros(len(distances))
    weights = 1.0 / (distances**2 + 1e-3)
    # The scale of nearness is a doubling of one size.
    shared: FloatArray = (weights @ residuals) / (weights.sum(axis=1) + pull / math.log(2) ** 2)
    return shared


def _sizes(works: Sequence[Work]) -> FloatArray:
    return np.array([work.sizes for work in works], dtype=float)
