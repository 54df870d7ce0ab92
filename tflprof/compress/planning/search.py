"""Combinations that are run to see what they lose together: near the solution, and spread over all budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tflprof.compress.planning.additivity import Additivity, Sample, fit
from tflprof.compress.planning.descent import TRIES, Descent
from tflprof.compress.planning.exchange import Exchange
from tflprof.compress.planning.uniform import uniform
from tflprof.compress.planning.variants import Choice, Variant, best_of, changes_of
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.compress.planning.proxies import Losses

_SOLVES = 2
_SPREAD = 4
_ATTEMPTS = 1
_REFINEMENTS = 8
_WORTH = 0.001
_EXCHANGES = 4
_SAME = 0.02


class Search:
    """Finds the choice of least true loss within a budget, and learns how losses add up on the way.

    Args:
        variants: what can be chosen.
        losses: what runs combinations.
        trials: how many are run for each budget.
        tell: progress.
    """

    def __init__(
        self,
        variants: Sequence[Variant],
        losses: Losses,
        trials: int,
        tell: Callable[[str, float | None, str], None],
    ) -> None:
        self.variants = variants
        self.additivity = Additivity()
        self._losses = losses
        self._trials = trials
        self._tell = tell
        self._random = np.random.default_rng(0)
        self._found: dict[tuple[int, tuple[int, ...]], float] = {}
        self._choices: list[Choice] = []
        self._descents: dict[int, Descent] = {}
        self._budgets: list[float] = []

    def best(self, budget: float) -> Choice | None:
        """The best choice within a budget of cost by the table; None if there is none.

        Of the combinations that were run the one that lost least is taken, which may be another than the solver's:
        the greedy way to the budget and uniform choices are among them, and what exchanges make of the best.
        """
        first = self._finely(budget)
        if first is None:
            return None
        # Budgets of later rounds are corrected a little: most of what is to be learned is known by then.
        is_new = all(abs(budget / old - 1) > _SAME for old in self._budgets)
        self._budgets.append(budget)
        if self._trials:
            if not self._choices:
                self._spread(budget)
            self._descend(first.variant, budget)
            self._uniform(first.variant, budget)
        solved = self._solutions(budget, is_new=is_new)
        found = self._best_run(budget)
        if self._trials and found is not None:
            found = self._exchange(found, budget, self._trials * (_EXCHANGES if is_new else 1))
        found = found or solved or first
        return self.again(found)

    def _solutions(self, budget: float, *, is_new: bool) -> Choice | None:
        """Solve, run what is found and others near it, learn from it, and solve again."""
        solved = None
        for _ in range(_SOLVES):
            solved = self._finely(budget)
            if solved is None or self._is_run(solved):
                break
            self._run([solved, *(self._near(budget) if is_new else ())])
        return solved

    def _finely(self, budget: float) -> Choice | None:
        """The solution, with options between those that were offered at first where it lies."""
        loss = math.inf
        for _ in range(_REFINEMENTS):
            found = best_of(self.variants, lambda one: one.best(self.additivity, budget, nearly=True))
            if found is None:
                break
            self._tell("losses of options", None, "between those that were looked at")
            if not self.variants[found.variant].refine(found.choices) or found.loss > loss * (1 - _WORTH):
                break
            loss = found.loss
        return best_of(self.variants, lambda one: one.best(self.additivity, budget))

    def _best_run(self, budget: float) -> Choice | None:
        """Of what was run and is within a budget, what lost least."""
        within = [
            one
            for one in map(self.again, self._choices)
            if one.cost <= budget and math.isfinite(self.true_loss(one))
        ]
        return min(within, key=lambda one: (self.true_loss(one), one.cost), default=None)

    def _descend(self, number: int, budget: float) -> None:
        """Go the greedy way, for where it leads and for what is lost on it."""
        self._way(number).to(budget, self.additivity)
        self._refit()

    def _uniform(self, number: int, budget: float) -> None:
        for choices in uniform(self.variants[number], budget):
            self._tried(number, choices, "uniform choices")
        self._refit()

    def _way(self, number: int) -> Descent:
        if number not in self._descents:
            self._descents[number] = Descent(
                self.variants[number],
                lambda choices: self._tried(number, choices, "the greedy way"),
                max(1, min(TRIES, self._trials)),
            )
        return self._descents[number]

    def _exchange(self, found: Choice, budget: float, most: int) -> Choice:
        """Improve a choice by running some others."""
        number = found.variant
        exchange = Exchange(
            self.variants[number],
            lambda choices: self._tried(number, choices, "exchanges"),
            self.additivity,
        )
        better = exchange.improve(found.choices, budget, most)
        self._refit()
        return self.variants[number].choice(better, self.additivity)

    def _tried(self, number: int, choices: tuple[int, ...], what: str) -> float:
        one = self.variants[number].choice(choices, self.additivity)
        self._tell("trying combinations", None, f"{what}, {len(self._choices)} so far")
        if not self._is_run(one):
            self._choices.append(one)
        return self.true_loss(one)

    def exclude(self, choice: Choice) -> bool:
        """Never choose this again: it cannot be measured. False if that was known."""
        key = (choice.variant, choice.choices)
        if self._found.get(key) == math.inf:
            return False
        self._found[key] = math.inf
        return True

    def again(self, choice: Choice) -> Choice:
        """The same choice with cost and loss as they are predicted by now."""
        return self.variants[choice.variant].choice(choice.choices, self.additivity)

    def true_loss(self, choice: Choice) -> float:
        """What a choice loses, as it was run."""
        key = (choice.variant, choice.choices)
        if key not in self._found:
            changes = changes_of(self.variants[choice.variant].changes(choice.choices))
            self._found[key] = self._losses.together(changes)
        return self._found[key]

    def _is_run(self, choice: Choice) -> bool:
        return (choice.variant, choice.choices) in self._found

    def _spread(self, budget: float) -> None:
        """Run solutions of other budgets: how losses add up is told best by both small and large ones."""
        dearest = max(variant.priced.cost((0,) * len(variant.space.knobs)) for variant in self.variants)
        for share in np.linspace(0.25, 0.75, min(_SPREAD, self._trials)):
            at = budget + (dearest - budget) * float(share)
            found = best_of(self.variants, partial(self._solved, at))
            if found is not None and not self._is_run(found):
                self._run([found], refit=False)
        self._refit()

    def _near(self, budget: float) -> list[Choice]:
        """Solutions with losses disturbed: other ways to about the same cost."""
        found: dict[tuple[int, tuple[int, ...]], Choice] = {}
        for _ in range(_ATTEMPTS * self._trials):
            one = best_of(self.variants, partial(self._solved, budget))
            if one is not None and not self._is_run(one):
                found.setdefault((one.variant, one.choices), one)
            if len(found) >= self._trials:
                break
        return list(found.values())

    def _solved(self, budget: float, variant: Variant) -> Choice | None:
        """A solution with losses disturbed."""
        return variant.best(self.additivity, budget, self._random)

    def _run(self, choices: Sequence[Choice], *, refit: bool = True) -> None:
        for number, one in enumerate(choices):
            self._tell("trying combinations", number / len(choices), f"{len(self._choices)} so far")
            self.true_loss(one)
            if all((one.variant, one.choices) != (old.variant, old.choices) for old in self._choices):
                self._choices.append(one)
        if refit:
            self._refit()

    def _refit(self) -> None:
        samples = [
            Sample(self.variants[one.variant].losses_alone(one.choices, guessed=True), self.true_loss(one))
            for one in self._choices
        ]
        self.additivity = fit(samples)


class GreedySearch(Search):
    """The greedy way alone (NetAdapt): again and again the step that loses least for what it saves."""

    def best(self, budget: float) -> Choice | None:
        """Where the greedy way first meets a budget of cost by the table; None if it never does."""
        ends = [(one.number, self._way(one.number).to(budget, self.additivity)) for one in self.variants]
        met = [self.variants[number].choice(end, self.additivity) for number, end in ends if end is not None]
        return min(met, key=lambda one: (self.true_loss(one), one.cost), default=None)


SOLVERS: Mapping[str, type[Search]] = {"milp": Search, "netadapt": GreedySearch}
"""Ways to find choices, by name."""


def find_search(solver: str) -> type[Search]:
    """One of :data:`SOLVERS`. Raises UsageError for another name."""
    if solver not in SOLVERS:
        raise UsageError(f"there is no solver {solver!r}", f"choose {' or '.join(SOLVERS)}")
    return SOLVERS[solver]
