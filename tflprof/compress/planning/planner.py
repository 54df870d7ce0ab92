"""Which changes make a model meet a budget at the least loss: solve, apply, measure, correct, and solve again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tflprof.compress.interface import Change, Knob
from tflprof.compress.planning.additivity import Additivity
from tflprof.compress.planning.candidates import Candidates
from tflprof.compress.planning.costs import Costs, Space, Table
from tflprof.compress.planning.measured import measure_options, needs_model
from tflprof.compress.planning.plan import Amount, Round
from tflprof.compress.planning.search import Search
from tflprof.compress.planning.variants import Choice, Variant, changes_of
from tflprof.errors import ModelError, RunnerError

if TYPE_CHECKING:
    from tflprof.compress.planning.proxies import Losses

MOST_ROUNDS = 5
CLOSE = 0.01
"""A result this near below its budget is not improved upon."""


class Bench(Protocol):
    """A target on which models are measured, with what is known of it by now."""

    @property
    def table(self) -> Table:
        """The latency table, with rows of all that was measured."""

    def measure(self, content: bytes) -> Amount:
        """Latency of a model; the table has its layers afterwards."""


_UNKNOWN = ("missing", "extrapolated")
_TOGETHER = (0.34, 0.67, 1.0)
_MOST_PLACES = 8
_EARLY = "the rounds ended before the budget was met, which by the table is in reach: allow more --rounds"

Tell = Callable[[str, float | None, str], None]
"""Told what is done: stage, share that is done, detail."""


@dataclass(frozen=True)
class Wish:
    """What a plan is to reach.

    Attributes:
        budget: latency, in the unit of costs.
        rounds: how often a result is measured and the plan corrected by it; 0: the table is believed.
        trials: how many combinations are run in each round to see what they lose together.
    """

    budget: float
    rounds: int = MOST_ROUNDS
    trials: int = 8


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


@dataclass(frozen=True)
class _Tried:
    choice: Choice
    loss: float
    obtained: Amount


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
            ModelError, RunnerError: the decided model cannot be made or run.
        """
        if before.value <= wish.budget:
            plain = self.candidates.plain(self.costs)
            ratio = _ratio(before, plain)
            return Outcome(None, plain, feasible=True, ratio=ratio, additivity=Additivity())
        if not self.variants:
            if self._bench is not None and wish.rounds:
                measure_options(self.candidates, self.losses, self.costs, self._bench, before, self._tell)
                self._sweep()
            self.variants = self.candidates.variants(self.costs, self.losses, self._tell)
        ratio = _ratio(before, self.variants[0])
        if self._search is None:
            self._search = Search(self.variants, self.losses, wish.trials, self._tell)
        outcome = self._rounds(wish, self._search, ratio)
        outcome.notes += self.candidates.notes
        return outcome

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
        tried: list[_Tried] = []
        rounds: list[Round] = []
        choice = loss = None
        for number in range(max(1, wish.rounds)):
            self._tell("planning", number / max(1, wish.rounds), f"round {number + 1}")
            choice = search.best(wish.budget / ratio) or self._cheapest(search)
            loss = search.true_loss(choice)
            known = (choice.variant, choice.choices) in self._measured
            if self._bench is None or wish.rounds == 0:
                rounds.append(self._round(choice, ratio, None, loss))
                break
            obtained = self._obtained(choice)
            rounds.append(self._round(choice, ratio, obtained, loss))
            tried.append(_Tried(choice, loss, obtained))
            ratio = obtained.value / search.again(choice).cost
            if known or wish.budget * (1 - CLOSE) <= obtained.value <= wish.budget:
                break
        assert choice is not None
        return self._decided(wish, search, ratio, tried, rounds, choice)

    def _decided(
        self,
        wish: Wish,
        search: Search,
        ratio: float,
        tried: Sequence[_Tried],
        rounds: list[Round],
        choice: Choice,
    ) -> Outcome:
        within = [one for one in tried if one.obtained.value <= wish.budget]
        best = min(within, key=lambda one: (one.loss, one.obtained.value), default=None)
        best = best or min(tried, key=lambda one: one.obtained.value, default=None)
        chosen = search.again(best.choice if best is not None else choice)
        obtained = best.obtained if best is not None else None
        reached = obtained.value if obtained is not None else chosen.cost * ratio
        feasible = reached <= wish.budget * (1 + 1e-9)
        # The best that was measured is not the best there is.
        early = not feasible and self._cheapest(search).cost * ratio <= wish.budget
        return Outcome(
            choice=chosen,
            variant=self.variants[chosen.variant],
            feasible=feasible,
            ratio=reached / chosen.cost if chosen.cost else ratio,
            additivity=search.additivity,
            true_loss=search.true_loss(chosen),
            obtained=obtained,
            rounds=rounds,
            notes=[_EARLY] if early else [],
        )

    def _sweep(self) -> None:
        """Measure what the table does not know: models in which all knobs of a method stand at their n-th option.

        Of many options some are measured, and the table tells what is between them.
        """
        space = self.candidates.space()
        methods = list(dict.fromkeys(knob.method for knob in space.knobs))
        methods = [name for name in methods if not needs_model(self.candidates.methods[name])]
        for name in methods:
            count = min(max(_last(knob) for knob in space.knobs if knob.method == name), _MOST_PLACES)
            for number in range(1, count + 1):
                places = [_spread(knob, number) if knob.method == name else 0 for knob in space.knobs]
                self._sweep_one(space, places, name)
        if len(methods) > 1:
            for share in _TOGETHER:
                self._sweep_one(space, [round(share * _last(knob)) for knob in space.knobs], "all methods")

    def _sweep_one(self, space: Space, choices: Sequence[int], name: str) -> None:
        if self._is_new(space, choices):
            self._tell("measuring options", None, name)
            self._measure_sweep(changes_of(space.changes(choices)))

    def _is_new(self, space: Space, choices: Sequence[int]) -> bool:
        runs = (run for found in space.all_runs(choices).values() for run in found)
        return any(self.costs.estimate(*run).kind in _UNKNOWN for run in runs)

    def _measure_sweep(self, changes: Sequence[Change]) -> None:
        assert self._bench is not None
        try:
            self._bench.measure(self.losses.applied(changes).content)
        except (ModelError, RunnerError) as error:
            # Options that do not run are found one by one when their losses are.
            self.candidates.notes.append(f"a combination of options could not be measured: {error}")
        self.costs.renew(self._bench.table)

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


def _last(knob: Knob) -> int:
    return len(knob.options) - 1


def _spread(knob: Knob, number: int) -> int:
    """The n-th option, or the last; of many options the n-th of a few that are spread evenly."""
    last = _last(knob)
    if last <= _MOST_PLACES:
        return min(number, last)
    return round(1 + (number - 1) * (last - 1) / (_MOST_PLACES - 1))


def _ratio(before: Amount, plain: Variant) -> float:
    """How measured latency relates to the table's, by the model as it is."""
    predicted = plain.priced.cost((0,) * len(plain.space.knobs))
    return before.value / predicted if before.measured and predicted > 0 else 1.0
