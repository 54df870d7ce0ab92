"""Which changes make a model meet a budget at the least loss: solve, apply, measure, correct, and solve again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tflprof.compress.interface import Change
from tflprof.compress.planning.additivity import Additivity
from tflprof.compress.planning.candidates import Candidates
from tflprof.compress.planning.costs import Costs
from tflprof.compress.planning.measured import measure_options
from tflprof.compress.planning.plan import Amount, Round
from tflprof.compress.planning.search import Search, find_search
from tflprof.compress.planning.sweep import Bench as Bench
from tflprof.compress.planning.sweep import Tell as Tell
from tflprof.compress.planning.sweep import sweep
from tflprof.compress.planning.variants import Choice, Variant, changes_of
from tflprof.errors import ModelError, RunnerError

if TYPE_CHECKING:
    from tflprof.compress.planning.proxies import Losses

_STOPPED = "planning was stopped early: this is the best that had been measured, and there may be better"

MOST_ROUNDS = 5
_MOST_REFUSALS = 8
CLOSE = 0.01
"""A result this near below its budget is not improved upon."""


_EARLY = "the rounds ended before the budget was met, which by the table is in reach: allow more --rounds"


@dataclass(frozen=True)
class Wish:
    """What a plan is to reach.

    Attributes:
        budget: latency, in the unit of costs.
        rounds: how often a result is measured and the plan corrected by it; 0: the table is believed.
        trials: how many combinations are run in each round to see what they lose together.
        solver: which way choices are found, of :data:`tflprof.compress.planning.search.SOLVERS`.
    """

    budget: float
    rounds: int = MOST_ROUNDS
    trials: int = 8
    solver: str = "milp"


@dataclass
class Outcome:
    """How the planning went.

    Attributes:
        choice: what was decided; None if nothing has to be done.
        variant: what it was chosen from.
        feasible: whether the budget is met.
        ratio: obtained over predicted latency, by which predictions are corrected.
        true_loss: of the choice; None if it was not run.
        obtained: latency of the choice as measured; None if it was not.
        stopped: what ended the rounds before their time, after something within the budget had been measured.
    """

    choice: Choice | None
    variant: Variant
    feasible: bool
    ratio: float
    additivity: Additivity
    true_loss: float | None = None
    obtained: Amount | None = None
    rounds: list[Round] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: BaseException | None = None


@dataclass(frozen=True)
class _Tried:
    choice: Choice
    loss: float
    obtained: Amount


@dataclass
class _Going:
    """How the rounds stand."""

    ratio: float
    tried: list[_Tried] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    choice: Choice | None = None
    refused: ModelError | RunnerError | None = None
    refusals: int = 0
    stopped: BaseException | None = None

    def within(self, budget: float) -> list[_Tried]:
        return [one for one in self.tried if one.obtained.value <= budget]


class Planner:
    """Plans for one model on one target.

    Args:
        candidates: what can be changed.
        losses: what changes lose.
        costs: what configurations cost.
        bench: where models are measured; None if nothing is to be.
        tell: progress.
    """

    def __init__(
        self, candidates: Candidates, losses: Losses, costs: Costs, bench: Bench | None, tell: Tell
    ) -> None:
        self.candidates = candidates
        self.losses = losses
        self.costs = costs
        self._bench = bench
        self._tell = tell
        self.variants: Sequence[Variant] = ()
        self._search: Search | None = None
        self._measured: dict[tuple[int, tuple[int, ...]], Amount] = {}

    def plan(self, wish: Wish, before: Amount) -> Outcome:
        """Decide what to change; ``before``: latency of the model as it is, measured unless nothing is.

        Raises:
            ModelError, RunnerError: none of the models that were decided upon can be made and run.
            KeyboardInterrupt, TflprofError: what ended it before anything within the budget had been measured.
        """
        if before.value <= wish.budget:
            plain = self.candidates.plain(self.costs)
            ratio = _ratio(before, plain)
            return Outcome(None, plain, feasible=True, ratio=ratio, additivity=Additivity())
        if not self.variants:
            if self._bench is not None and wish.rounds:
                measure_options(self.candidates, self.losses, self.costs, self._bench, before, self._tell)
                sweep(self.candidates, self.losses, self.costs, self._bench, self._tell)
            self.variants = self.candidates.variants(self.costs, self.losses, self._tell)
        self._know_unchanged(before)
        ratio = _ratio(before, self.variants[0])
        if self._search is None:
            self._search = find_search(wish.solver)(self.variants, self.losses, wish.trials, self._tell)
        outcome = self._rounds(wish, self._search, ratio)
        outcome.notes += self.candidates.notes
        return outcome

    def _know_unchanged(self, before: Amount) -> None:
        """Looked at again, the model as it is could seem faster by chance, and meet the budget."""
        if not before.measured:
            return
        for variant in self.variants:
            unchanged = (0,) * len(variant.space.knobs)
            if not changes_of(variant.changes(unchanged)):
                self._measured[variant.number, unchanged] = before

    def front(self, outcome: Outcome, points: int) -> list[Choice]:
        """Choices that no other beats in both predicted cost and predicted loss, by falling cost."""
        every = [one for variant in self.variants for one in variant.front(outcome.additivity, points)]
        kept: list[Choice] = []
        for one in sorted(every, key=lambda each: (each.cost, each.loss)):
            if not kept or one.loss < kept[-1].loss:
                kept.append(one)
        places = np.unique(np.linspace(0, len(kept) - 1, min(points, len(kept))).round().astype(int))
        return [kept[place] for place in places[::-1]]

    def changes(self, choice: Choice) -> list[Change]:
        """The changes of a choice."""
        return changes_of(self.variants[choice.variant].changes(choice.choices))

    def _rounds(self, wish: Wish, search: Search, ratio: float) -> Outcome:
        going = _Going(ratio)
        try:
            rounds = max(1, wish.rounds)
            while len(going.rounds) < rounds and going.refusals < _MOST_REFUSALS:
                number = len(going.rounds)
                self._tell("planning", number / rounds, f"round {number + 1}")
                if self._is_done(going, wish, search):
                    break
        except (Exception, KeyboardInterrupt) as error:
            if not going.within(wish.budget):
                raise
            going.stopped = error
        if going.refused is not None and not going.tried:
            raise going.refused
        return self._decided(wish, search, going)

    def _is_done(self, going: _Going, wish: Wish, search: Search) -> bool:
        """One round: solve, measure, correct. True if there is nothing more to be found."""
        choice = going.choice = search.best(wish.budget / going.ratio) or self._cheapest(search)
        loss = search.true_loss(choice)
        if self._bench is None or wish.rounds == 0:
            going.rounds.append(self._round(choice, going.ratio, None, loss))
            return True
        known = (choice.variant, choice.choices) in self._measured
        try:
            obtained = self._obtained(choice)
        except (ModelError, RunnerError) as error:
            going.refused, going.refusals = error, going.refusals + 1
            self.candidates.notes.append(
                f"a choice of {len(self.changes(choice))} changes was left out: {error}"
            )
            return not search.exclude(choice)
        going.rounds.append(self._round(choice, going.ratio, obtained, loss))
        going.tried.append(_Tried(choice, loss, obtained))
        going.ratio = obtained.value / search.again(choice).cost
        return known or wish.budget * (1 - CLOSE) <= obtained.value <= wish.budget

    def _decided(self, wish: Wish, search: Search, going: _Going) -> Outcome:
        best = min(going.within(wish.budget), key=lambda one: (one.loss, one.obtained.value), default=None)
        best = best or min(going.tried, key=lambda one: one.obtained.value, default=None)
        choice = best.choice if best is not None else going.choice
        assert choice is not None
        chosen = search.again(choice)
        obtained = best.obtained if best is not None else None
        reached = obtained.value if obtained is not None else chosen.cost * going.ratio
        feasible = reached <= wish.budget * (1 + 1e-9)
        # The best that was measured is not the best there is.
        early = not feasible and self._cheapest(search).cost * going.ratio <= wish.budget
        notes = [_EARLY] if early else []
        return Outcome(
            choice=chosen,
            variant=self.variants[chosen.variant],
            feasible=feasible,
            ratio=reached / chosen.cost if chosen.cost else going.ratio,
            additivity=search.additivity,
            true_loss=search.true_loss(chosen),
            obtained=obtained,
            rounds=going.rounds,
            notes=notes if going.stopped is None else [*notes, _STOPPED],
            stopped=going.stopped,
        )

    def _cheapest(self, search: Search) -> Choice:
        every = [variant.cheapest(search.additivity) for variant in self.variants]
        return min(every, key=lambda one: (one.cost, one.loss))

    def _obtained(self, choice: Choice) -> Amount:
        key = (choice.variant, choice.choices)
        if key not in self._measured:
            assert self._bench is not None
            self._measured[key] = self._bench.measure(self.losses.applied(self.changes(choice)).content)
            self.costs.renew(self._bench.table)
            for variant in self.variants:
                variant.forget()
        return self._measured[key]

    def _round(self, choice: Choice, ratio: float, obtained: Amount | None, loss: float) -> Round:
        return Round(
            predicted=choice.cost * ratio,
            obtained=None if obtained is None else obtained.value,
            predicted_loss=choice.loss,
            true_loss=loss,
            changes=len(self.changes(choice)),
        )


def _ratio(before: Amount, plain: Variant) -> float:
    """How measured latency relates to the table's, by the model as it is."""
    predicted = plain.priced.cost((0,) * len(plain.space.knobs))
    return before.value / predicted if before.measured and predicted > 0 else 1.0
