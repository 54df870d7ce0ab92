"""Search for networks that meet a budget of latency: proposals of anyone, costs of a table, quality of the caller.

A :class:`Proposer` is asked for candidates and told what became of them; :class:`Evolution` is one, and users give
their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tflprof.analysis.latency_table import LatencyTable
from tflprof.analysis.search_space import Genes, SearchSpace, SpaceCosts

FloatArray = npt.NDArray[np.float64]

Quality = Callable[[Mapping[str, npt.NDArray[Any]]], npt.ArrayLike]
"""How good candidates are, [candidates], more is better; given their values by axis, [candidates] each."""


class Proposer(Protocol):
    """Where candidates come from."""

    def propose(self, count: int) -> Genes:
        """Candidates to be looked at, [at most count, axes]: which value of each axis."""

    def told(self, genes: Genes, fitness: FloatArray) -> None:
        """What became of the candidates last proposed: more is better; all over the budget are below the others."""


@dataclass(frozen=True)
class Candidate:
    """A network that was found.

    Attributes:
        genes: which value of each axis.
        values: by axis.
        quality: as the caller's function says.
        cost, lo, hi: predicted latency with its 95 % interval, in the table's unit.
        exact, interpolated, extrapolated: its layers by how the table knew them.
    """

    genes: tuple[int, ...]
    values: Mapping[str, Any]
    quality: float
    cost: float
    lo: float
    hi: float
    exact: int
    interpolated: int
    extrapolated: int


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        best: within the budget, best quality first; empty if nothing was.
        cheapest: the least latency that was seen; None if no candidate could be costed.
        seen: different candidates that were looked at.
        unknown: of those, how many have a layer of which the table knows nothing.
        unit: of costs.
    """

    best: tuple[Candidate, ...]
    cheapest: Candidate | None
    seen: int
    unknown: int
    unit: str


class Evolution:
    """Proposes by evolution: tournaments choose parents, axes are mixed, and some change, mostly to a neighbour.

    Args:
        space: what may be proposed.
        seed: of all its choices.
        population: of parents that are kept.
        tournament: of how many parents the best is taken.
        mutations: axes that change on average.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        population: int = 256,
        tournament: int = 3,
        mutations: float = 2.0,
    ) -> None:
        if population < 2 or tournament < 1:
            raise ValueError(f"a population of {population} with tournaments of {tournament} cannot evolve")
        self._sizes = space.sizes
        self._random = np.random.default_rng(seed)
        self._population, self._tournament = population, tournament
        self._rate = min(1.0, mutations / len(self._sizes))
        self._parents: Genes = np.empty((0, len(self._sizes)), np.int64)
        self._fitness: FloatArray = np.empty(0)

    def propose(self, count: int) -> Genes:
        """Children of the best so far; at first anything."""
        if not len(self._parents):
            return self._random.integers(0, self._sizes, (count, len(self._sizes)))
        mothers, fathers = self._chosen(count), self._chosen(count)
        genes = np.where(self._random.random(mothers.shape) < 0.5, mothers, fathers)
        changes = self._random.random(genes.shape) < self._rate
        steps = self._random.choice([-2, -1, 1, 2], genes.shape)
        anything = self._random.integers(0, self._sizes, genes.shape)
        moved = np.where(self._random.random(genes.shape) < 0.2, anything, genes + steps)
        children: Genes = np.clip(np.where(changes, moved, genes), 0, self._sizes - 1)
        return children

    def told(self, genes: Genes, fitness: FloatArray) -> None:
        """Keep the best of old and new ones, each once."""
        together = np.vstack([self._parents, genes])
        scores = np.concatenate([self._fitness, fitness])
        together, first = np.unique(together, axis=0, return_index=True)
        order = np.argsort(-scores[first], kind="stable")[: self._population]
        self._parents, self._fitness = together[order], scores[first][order]

    def _chosen(self, count: int) -> Genes:
        # Parents lie in the order of their fitness: the least number wins.
        entrants = self._random.integers(0, len(self._parents), (count, self._tournament))
        chosen: Genes = self._parents[entrants.min(axis=1)]
        return chosen


def search(
    space: SearchSpace,
    table: LatencyTable,
    budget: float,
    quality: Quality,
    *,
    proposer: Proposer | None = None,
    proposals: int = 256,
    rounds: int = 60,
    keep: int = 5,
) -> Found:
    """Look for the best networks within a budget.

    Args:
        space: what may be proposed.
        table: of latencies; candidates with a layer that it does not know are never taken.
        budget: most a candidate may cost, in the table's unit.
        quality: of candidates.
        proposer: where they come from; evolution by default.
        proposals: candidates per round.
        rounds: how often the proposer is asked.
        keep: how many of the best are given back.

    Raises:
        ValueError: genes or qualities of a wrong shape, or outside the space.
    """
    costs, source = SpaceCosts(space, table), proposer or Evolution(space)
    archive = _Archive(space, keep)
    for _ in range(rounds):
        genes = _checked(source.propose(proposals), space)
        if not len(genes):
            break
        source.told(genes, archive.look(genes, costs, budget, quality))
    return archive.found(table.meta.unit)


class _Archive:
    """Everything that was looked at, as far as it is worth keeping."""

    def __init__(self, space: SearchSpace, keep: int) -> None:
        self._space, self._keep = space, keep
        self._seen: dict[bytes, bool] = {}
        self._best: dict[bytes, Candidate] = {}
        self._cheapest: Candidate | None = None

    def look(self, genes: Genes, costs: SpaceCosts, budget: float, quality: Quality) -> FloatArray:
        """Cost and judge candidates; returns their fitness."""
        predicted = costs.predict(genes)
        values = self._space.values(genes)
        judged = np.asarray(quality(values), np.float64)
        if judged.shape != (len(genes),):
            raise ValueError(
                f"qualities have the shape {judged.shape}, and there are {len(genes)} candidates"
            )
        within = predicted.total <= budget
        # Over the budget, the cheaper the better; unknown costs come last.
        over = np.where(np.isnan(predicted.total), -np.inf, -predicted.total / budget - 1e9)
        fitness = np.where(within & ~np.isnan(judged), judged, over)
        for at, row in enumerate(genes):
            self._seen[row.tobytes()] = bool(np.isnan(predicted.total[at]))
        usable = np.flatnonzero(within & ~np.isnan(judged))
        for at in usable[np.argsort(-judged[usable], kind="stable")][: 4 * self._keep]:
            self._best[genes[at].tobytes()] = self._candidate(genes, values, judged, predicted, int(at))
        order = sorted(self._best.items(), key=lambda item: (-item[1].quality, item[1].cost))
        self._best = dict(order[: self._keep])
        if not np.all(np.isnan(predicted.total)):
            least = int(np.nanargmin(predicted.total))
            if self._cheapest is None or predicted.total[least] < self._cheapest.cost:
                self._cheapest = self._candidate(genes, values, judged, predicted, least)
        return fitness

    def _candidate(self, genes: Genes, values: Any, judged: FloatArray, predicted: Any, at: int) -> Candidate:
        exact, interpolated, extrapolated, _ = predicted.kinds[at].tolist()
        return Candidate(
            genes=tuple(genes[at].tolist()),
            values={name: column[at].item() for name, column in values.items()},
            quality=float(judged[at]),
            cost=float(predicted.total[at]),
            lo=float(predicted.lo[at]),
            hi=float(predicted.hi[at]),
            exact=exact,
            interpolated=interpolated,
            extrapolated=extrapolated,
        )

    def found(self, unit: str) -> Found:
        unknown = sum(self._seen.values())
        return Found(tuple(self._best.values()), self._cheapest, len(self._seen), unknown, unit)


def _checked(genes: Genes, space: SearchSpace) -> Genes:
    """Candidates as whole numbers within the space."""
    found = np.asarray(genes)
    if found.ndim != 2 or found.shape[1] != len(space.axes) or found.dtype.kind not in "iu":
        raise ValueError(
            f"proposals must be whole numbers [candidates, {len(space.axes)}], not {found.shape}"
        )
    if found.size and not ((found >= 0) & (found < space.sizes)).all():
        raise ValueError("a proposal has a number outside its axis")
    return np.ascontiguousarray(found, np.int64)
