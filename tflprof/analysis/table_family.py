"""Rows of one family of operators, and what lies between them: predicted with an interval, or said to be outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.special import stdtrit

from tflprof.analysis.table_features import (
    ARM,
    Kernels,
    Tiles,
    hypotheses,
    movements,
    narrow_hypotheses,
    operations,
    padded,
    uneven,
)
from tflprof.analysis.table_fit import Fit, fit_all, fit_best
from tflprof.analysis.table_shapes import Work

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEVEL = 0.95
FEW = 4
"""Below this many rows nothing is left out: tiles and prices are guesses, and the interval says so."""
GUESS = math.log(2.0)
"""Half-width where there are too few rows to tell, as a natural logarithm of a ratio."""
MOST = math.log(3.0)
"""Greatest half-width: what is known less is not known."""
LEAST = 1e-6
TWIN = 0.05
"""Greatest half-width for the sizes of a row, where only such differs as does not name a family."""
OUTSIDE = 1e-6
"""Distance from the rows' hull, in natural logarithms of sizes, from which on a configuration is outside."""
WIDENING = 2.0
"""How much wider an interval becomes per e-fold outside of the rows' hull."""
UNSEEN = 1.0
"""Distance of channels that do not fill tiles from rows that all do: another kernel may run."""
DRIFT = 0.05
"""Half-width that is added per e-fold outside."""

MANY = 40
"""Rows that decide about the tiles."""
_BETTER = 0.9
"""Other tiles than the most usual must leave at most this much of the error."""
_TOLD = 1e-4
"""Errors below this are no reason to prefer one size of tiles to another."""
_ALIKE = 1.5
"""Other tiles of at most so many times the least error are as likely."""
_MODELS = 4
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
        unlike: where channels do not fill tiles, which they do in all rows.
    """

    values: FloatArray
    halves: FloatArray
    outside: FloatArray
    recalled: BoolArray
    unlike: BoolArray


class Family:
    """Configurations of one family with their costs.

    Args:
        works: the configurations.
        values: what they cost, above 0.
        moves: True for times, which grow with bytes, too; False for instructions.
        tiles: likely sizes of tiles, such as from instructions; empty: the values are to tell.
        kernels: those that the rows' device has.
    """

    def __init__(
        self,
        works: Sequence[Work],
        values: Sequence[float],
        *,
        moves: bool,
        tiles: tuple[Tiles, ...] = (),
        kernels: Kernels = ARM,
    ) -> None:
        places: dict[tuple[tuple[int, ...], float], list[int]] = {}
        # In an order of their own, so that that of the table's rows means nothing.
        for index in sorted(range(len(works)), key=lambda one: (works[one].sizes, works[one].weight_bytes)):
            places.setdefault((works[index].sizes, works[index].weight_bytes), []).append(index)
        logarithms = np.log(np.maximum(np.array(values, dtype=float), 1e-9))
        self._works = [works[indices[0]] for indices in places.values()]
        self._values = np.exp([logarithms[indices].mean() for indices in places.values()])
        self._moves, self._given, self._kernels = moves, tiles, kernels
        self._sizes = _sizes(self._works)
        self._uneven = uneven(self._works[0].kind, self._sizes, kernels)

    def __len__(self) -> int:
        return len(self._works)

    @cached_property
    def tiles(self) -> Tiles:
        """The sizes of tiles that explain the rows best."""
        return self.likely_tiles[0]

    @cached_property
    def likely_tiles(self) -> tuple[Tiles, ...]:
        """Sizes of tiles among which the rows do not decide, the best first."""
        known = [*hypotheses(self._works[0].kind, self._kernels)]
        if self._given or len(self) < FEW:
            return self._given or (known[0],)
        even = ~self._uneven if (~self._uneven).sum() >= FEW else np.ones(len(self), dtype=np.bool_)
        errors = [max(self._quick(tiles, even), _TOLD) for tiles in known]
        best = known[
            int(np.argmin(np.array(errors) / np.where(np.arange(len(known)) == 0, 1 / _BETTER, 1.0)))
        ]
        limit = errors[known.index(best)] * _ALIKE
        others = sorted((error, place) for place, error in enumerate(errors) if error <= limit)
        # Channels come in multiples of eight mostly, so that rows seldom tell their tiles: the usual ones are taken.
        same = [known[place] for _, place in others if replace(known[place], pixels=best.pixels) == best]
        alike = [tiles for tiles in same if tiles != best][: _MODELS - 1] if len(self) < MANY else []
        narrow = self._narrow(best)
        return tuple(replace(tiles, narrow=narrow) for tiles in (best, *alike))

    def _narrow(self, best: Tiles) -> Tiles | None:
        """Tiles of another kernel for uneven channels, if the rows say that there is one."""
        if self._uneven.sum() < FEW or self._uneven.all():
            return None
        every = np.ones(len(self), dtype=np.bool_)
        tried = [
            (self._quick(replace(best, narrow=tiles), every), tiles)
            for tiles in narrow_hypotheses(self._kernels)
        ]
        error, tiles = min(tried, key=lambda one: one[0])
        return tiles if error < _BETTER * self._quick(best, every) else None

    def predict(self, works: Sequence[Work]) -> Interpolated:
        """What other configurations of the family cost."""
        sizes = _sizes(works)
        unlike = uneven(works[0].kind, sizes, self._kernels) & (not self._uneven.any())
        if len(self) < FEW:
            outside = self._models[0].outside(sizes)
            values, halves = self._scaled(works), np.full(len(works), GUESS)
        else:
            each = np.stack([model.predict(works, sizes) for model in self._models])
            outside = np.stack([model.outside(sizes) for model in self._models]).min(axis=0)
            outside = np.where(unlike, np.maximum(outside, UNSEEN), outside)
            middle = each.mean(axis=0)
            # Where the rows do not tell the tiles, what these would make of it is not known either.
            spread = np.abs(each - middle).max(axis=0)
            values, halves = np.exp(middle), np.hypot(max(model.half for model in self._models), spread)
        halves = np.minimum(halves * (1 + WIDENING * outside) + DRIFT * outside, MOST)
        return Interpolated(values, halves, outside, self._recall(works, values, halves), unlike)

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
        return math.nan if len(self) < FEW else self._models[0].error

    @cached_property
    def _models(self) -> list[_Model]:
        return [_Model(self._works, self._values, tiles, self._moves) for tiles in self.likely_tiles]

    def _quick(self, tiles: Tiles, rows: BoolArray) -> float:
        features = operations(self._works[0].kind, self._sizes[rows], tiles)
        return fit_all(features, self._values[rows]).error

    def _scaled(self, works: Sequence[Work]) -> FloatArray:
        """Cost of the nearest row, in proportion to the work."""
        nearest = np.argmin(self._models[0].distances(_sizes(works)), axis=1)
        own = np.array([work.weight for work in self._works])
        scaled: FloatArray = self._values[nearest] * np.array([work.weight for work in works]) / own[nearest]
        return scaled


class _Model:
    """Prices of a family's features for one size of tiles, and how far its rows agree with them."""

    def __init__(self, works: Sequence[Work], values: FloatArray, tiles: Tiles, moves: bool) -> None:
        self._kind, self._tiles, self._moves = works[0].kind, tiles, moves
        sizes = _sizes(works)
        self._places = padded(self._kind, sizes, tiles)
        self._least = float(np.log(values.min() * 1e-3))
        self._features_of_rows = self._features(works, sizes)
        self._values = values

    def predict(self, works: Sequence[Work], sizes: FloatArray) -> FloatArray:
        """Costs as natural logarithms."""
        with np.errstate(divide="ignore"):
            plain = np.log(self._features(works, sizes) @ self._fit.prices)
        return np.maximum(plain, self._least) + _pulled(
            self._fit.residuals, self.distances(sizes), self._pull
        )

    def distances(self, sizes: FloatArray) -> FloatArray:
        """Of configurations from rows, in natural logarithms of sizes, [n, rows]."""
        places = padded(self._kind, sizes, self._tiles)
        apart: FloatArray = np.linalg.norm(places[:, None, :] - self._places[None, :, :], axis=2)
        return apart

    def outside(self, sizes: FloatArray) -> FloatArray:
        """How far configurations are from the convex hull of the rows."""
        return np.array([_distance(self._places, place) for place in padded(self._kind, sizes, self._tiles)])

    @cached_property
    def error(self) -> float:
        """Root mean square of the errors of rows that were left out."""
        return float(np.sqrt(np.mean(self._left_out(self._pull) ** 2)))

    @cached_property
    def half(self) -> float:
        """Half-width of the interval."""
        freedom = max(len(self._values) - self._fit.parameters, 1)
        errors = np.abs(self._left_out(self._pull))
        wide = -float(stdtrit(freedom, (1 - LEVEL) / 2)) * self.error
        return max(wide, float(np.quantile(errors, LEVEL)), LEAST)

    @cached_property
    def _fit(self) -> Fit:
        return fit_best(self._features_of_rows, self._values)

    @cached_property
    def _pull(self) -> float:
        errors = [(float(np.mean(self._left_out(pull) ** 2)), pull) for pull in _PULLS]
        return min(errors, key=lambda error: error[0])[1]

    def _left_out(self, pull: float) -> FloatArray:
        """Errors of rows that were left out, the neighbours' residuals taken into account."""
        distances = np.linalg.norm(self._places[:, None, :] - self._places[None, :, :], axis=2)
        np.fill_diagonal(distances, np.inf)
        left: FloatArray = self._fit.left_out - _pulled(self._fit.residuals, distances, pull)
        return left

    def _features(self, works: Sequence[Work], sizes: FloatArray) -> FloatArray:
        counted = operations(self._kind, sizes, self._tiles)
        return np.hstack([counted, movements(works, sizes, self._tiles)]) if self._moves else counted


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
