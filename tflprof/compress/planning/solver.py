"""Choosing one option of every knob: least loss within a budget of cost, exactly, by integer programming.

A cost may depend on several knobs at once (channels of a layer come from two groups). Each such *factor* has one
variable per combination of its knobs' options, tied to the knobs by their marginals: with one-hot knobs these
are 0 or 1 without being declared whole. Where every factor has a single knob what remains is a knapsack.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from tflprof.errors import EnvironmentFault

Array = npt.NDArray[np.float64]

_SLACK = 1e-9
_TOLERANCE = 2e-6


class SolverFailed(EnvironmentFault):
    """HiGHS gave no solution where there is one, such as for lack of time."""


class NothingFits(SolverFailed):
    """No choices go together, whatever they cost."""


@dataclass(frozen=True)
class Factor:
    """A cost that depends on some knobs.

    Attributes:
        scope: numbers of the knobs, each once.
        costs: one axis per knob, in the order of ``scope``, as long as it has options. Infinity: not together.
    """

    scope: tuple[int, ...]
    costs: Array


@dataclass(frozen=True)
class Problem:
    """What is to be chosen from.

    Attributes:
        losses: per knob the loss of each of its options, finite.
        factors: costs; they add up.
        constant: cost of what no knob touches.
    """

    losses: tuple[Array, ...]
    factors: tuple[Factor, ...]
    constant: float = 0.0

    def cost(self, choices: Sequence[int]) -> float:
        """Cost of one option per knob; infinite if they do not go together."""
        parts = (float(each.costs[tuple(choices[k] for k in each.scope)]) for each in self.factors)
        return self.constant + sum(parts)

    def loss(self, choices: Sequence[int]) -> float:
        """Loss of one option per knob."""
        return float(sum(losses[choice] for losses, choice in zip(self.losses, choices, strict=True)))

    @cached_property
    def is_decoupled(self) -> bool:
        """True if no cost depends on two knobs: a knapsack."""
        return all(len(factor.scope) <= 1 for factor in self.factors)


@dataclass(frozen=True)
class Solution:
    """One option per knob, with what it costs and loses."""

    choices: tuple[int, ...]
    cost: float
    loss: float


def solve(problem: Problem, budget: float, *, gap: float = 0.0, seconds: float = 60.0) -> Solution | None:
    """The choices of least loss whose cost is within ``budget``; None if there are none.

    ``gap``: share of its loss by which the solution may be above the least, which is found much sooner.
    After ``seconds`` the best so far is taken; raises SolverFailed if there is none.
    """
    free = _freely(problem)
    if free.cost <= budget:
        return free
    program = _Program(problem, gap)
    found = program.within(budget, seconds)
    if found is not None:
        return found
    try:
        least = program.cheapest(seconds)
    except NothingFits:
        return None
    return least if least.cost <= budget * (1 + _SLACK) else None


def cheapest(problem: Problem, *, seconds: float = 60.0) -> Solution:
    """The choices of least cost. Raises NothingFits if no choices go together."""
    return _Program(problem).cheapest(seconds)


def front(problem: Problem, count: int, *, gap: float = 0.0, seconds: float = 60.0) -> list[Solution]:
    """Solutions for ``count`` budgets from the least cost to where nothing more is lost, by falling cost.

    None of them is dominated by another. ``gap``: as of :func:`solve`.
    """
    program = _Program(problem, gap)
    least, free = program.cheapest(seconds), program.freest(seconds)
    if free.cost <= least.cost:
        return [free]
    budgets = np.linspace(least.cost, free.cost, count)[1:-1]
    found = [program.within(float(budget), seconds) or least for budget in (*budgets, least.cost)]
    return _undominated([free, *found])


def _undominated(found: Sequence[Solution]) -> list[Solution]:
    kept: list[Solution] = []
    for each in sorted(found, key=lambda one: (one.cost, one.loss)):
        if not kept or each.loss < kept[-1].loss:
            kept.append(each)
    return kept[::-1]


def _freely(problem: Problem) -> Solution:
    """What is chosen if cost does not matter."""
    choices = tuple(int(np.argmin(losses)) for losses in problem.losses)
    return Solution(choices, problem.cost(choices), problem.loss(choices))


class _Program:
    """A problem as a mixed integer program: one column per option, then one per combination of each factor."""

    def __init__(self, problem: Problem, gap: float = 0.0) -> None:
        self.problem = problem
        self.gap = gap
        self.counts = [len(losses) for losses in problem.losses]
        self.starts = np.concatenate([[0], np.cumsum(self.counts)]).astype(int)
        self.options = int(self.starts[-1])
        merged = _merged(problem)
        self.pairs = [factor for factor in merged if len(factor.scope) > 1]
        self.costs = self._cost_row([factor for factor in merged if len(factor.scope) == 1])
        self.forbidden = ~np.isfinite(self.costs)
        self.costs[self.forbidden] = 0.0
        self.fixed = problem.constant + sum(float(each.costs) for each in merged if not each.scope)
        self.equalities = self._equalities()

    def cheapest(self, seconds: float) -> Solution:
        """The least cost; the loss does not matter."""
        scale = max(float(np.abs(self.costs).max(initial=0.0)), 1e-300)
        found = self._run(self.costs / scale, None, seconds)
        if found is None:
            raise NothingFits("no choices go together")
        return found

    def freest(self, seconds: float) -> Solution:
        """The least loss; the cost does not matter, but for what does not go together."""
        free = _freely(self.problem)
        return free if np.isfinite(free.cost) else self._run(self._losses(), None, seconds) or free

    def within(self, budget: float, seconds: float) -> Solution | None:
        """The least loss within a budget; None if there is none."""
        losses = self._losses()
        room = budget - self.fixed
        for share in (1.0, 1.0 - _TOLERANCE):
            found = self._run(losses, room * share if room > 0 else room, seconds)
            # HiGHS keeps constraints within a tolerance; a budget is kept in earnest.
            if found is None or found.cost <= budget * (1 + _SLACK):
                return found
        return None

    def _losses(self) -> Array:
        losses = np.concatenate([*self.problem.losses, np.zeros(len(self.costs) - self.options)])
        scaled: Array = losses / max(float(np.abs(losses).max(initial=0.0)), 1e-300)
        return scaled

    def _cost_row(self, single: list[Factor]) -> Array:
        row = np.zeros(self.options + sum(factor.costs.size for factor in self.pairs))
        for factor in single:
            start = self.starts[factor.scope[0]]
            row[start : start + factor.costs.size] += factor.costs
        at = self.options
        for factor in self.pairs:
            row[at : at + factor.costs.size] = factor.costs.ravel()
            at += factor.costs.size
        return row

    def _equalities(self) -> LinearConstraint:
        rows, columns, values, right = self._one_hot()
        at = self.options
        for factor in self.pairs:
            for axis, knob in enumerate(factor.scope):
                number = np.indices(factor.costs.shape)[axis].ravel()
                first = len(right)
                rows += (first + number).tolist() + list(range(first, first + self.counts[knob]))
                columns += list(range(at, at + factor.costs.size))
                columns += list(range(self.starts[knob], self.starts[knob + 1]))
                values += [1.0] * factor.costs.size + [-1.0] * self.counts[knob]
                right += [0.0] * self.counts[knob]
            at += factor.costs.size
        matrix = csr_array((values, (rows, columns)), shape=(len(right), len(self.costs)))
        return LinearConstraint(matrix, right, right)

    def _one_hot(self) -> tuple[list[int], list[int], list[float], list[float]]:
        rows = [knob for knob, count in enumerate(self.counts) for _ in range(count)]
        return rows, list(range(self.options)), [1.0] * self.options, [1.0] * len(self.counts)

    def _run(self, objective: Array, room: float | None, seconds: float) -> Solution | None:
        if not self.options:
            return _freely(self.problem) if room is None or room >= 0 else None
        constraints = [self.equalities]
        if room is not None:
            scale = max(abs(room), float(np.abs(self.costs).max(initial=0.0)), 1e-300)
            constraints.append(
                LinearConstraint(csr_array(self.costs[None, :] / scale), -np.inf, room / scale)
            )
        with _silence():
            result = milp(
                objective,
                integrality=(np.arange(len(objective)) < self.options).astype(np.int64),
                bounds=Bounds(0.0, np.where(self.forbidden, 0.0, 1.0)),
                constraints=constraints,
                options={"time_limit": seconds, "mip_rel_gap": self.gap},
            )
        if result.status == 2:
            return None
        # A solution that is not proved to be the best for lack of time is still one.
        if result.x is None or result.status not in (0, 1):
            raise SolverFailed(f"the solver gave up: {result.message}", "choose fewer methods with --methods")
        chosen = result.x[: self.options]
        choices = tuple(
            int(np.argmax(chosen[self.starts[k] : self.starts[k + 1]])) for k in range(len(self.counts))
        )
        return Solution(choices, self.problem.cost(choices), self.problem.loss(choices))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing on the process's standard output: HiGHS prints there now and then, whatever it is told."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError):
        yield  # there is no standard output
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        _flush_c()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_c() -> None:
    """Empty the C library's buffers: what is left in them would come out later, where output goes again."""
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).fflush(None)


def _merged(problem: Problem) -> list[Factor]:
    """Factors of the same knobs as one, each with its knobs in rising order."""
    sums: dict[tuple[int, ...], Array] = {}
    for factor in problem.factors:
        order = np.argsort(factor.scope, kind="stable")
        scope = tuple(factor.scope[i] for i in order)
        costs = np.transpose(np.asarray(factor.costs, float), order)
        sums[scope] = sums[scope] + costs if scope in sums else costs
    return [Factor(scope, costs) for scope, costs in sums.items()]
