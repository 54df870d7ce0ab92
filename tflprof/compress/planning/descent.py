"""The greedy way to a budget (NetAdapt, arXiv 1804.03230): step by step, what loses least for what it saves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tflprof.compress.planning.alone import guess
from tflprof.compress.planning.variants import label

if TYPE_CHECKING:
    from tflprof.compress.planning.additivity import Additivity
    from tflprof.compress.planning.variants import Variant

STEPS = 20
"""Between the model as it is and the budget; each saves at least its share."""

TRIES = 3
"""Steps of several knobs that are run, of which the best is taken."""

_LEAST = 1e-9

Choices = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One knob turned: what is chosen then, what that saves by the table, and how much it adds to the sum of losses."""

    choices: Choices
    saved: float
    added: float


class Descent:
    """A path from the model as it is, which goes on from budget to budget.

    Args:
        variant: what can be chosen.
        loss: runs choices and tells what they lose; infinite of what does not run.
        tries: how many steps are run before one is taken.
    """

    def __init__(self, variant: Variant, loss: Callable[[Choices], float], tries: int = TRIES) -> None:
        self._variant = variant
        self._loss = loss
        self._tries = tries
        self._path: list[Choices] = [(0,) * len(variant.space.knobs)]

    def to(self, budget: float, additivity: Additivity) -> Choices | None:
        """Choices whose cost by the table is within a budget; None if the path ends before.

        Args:
            budget: in the unit of the table's costs.
            additivity: how losses add up, by which steps are short-listed.
        """
        cost = self._variant.priced.cost
        while len(self._path) > 1 and (
            cost(self._path[-2]) <= budget or not math.isfinite(self._loss(self._path[-1]))
        ):
            self._path.pop()
        least = max(cost(self._path[0]) - budget, 0.0) / STEPS
        while (now := cost(self._path[-1])) > budget:
            if len(self._path) > 1 and now >= cost(self._path[-2]):
                self._path.pop()  # the table was corrected, and a step saves nothing any more
                continue
            taken = self._step(min(least, now - budget), additivity)
            if taken is None:
                return None
            self._path.append(taken)
        return self._path[-1]

    def _step(self, least: float, additivity: Additivity) -> Choices | None:
        now = self._path[-1]
        found = [self._cheapest(now, knob, least, additivity) for knob in range(len(now))]
        listed = sorted(
            (one for one in found if one is not None), key=lambda one: max(one.added, _LEAST) / one.saved
        )
        before = self._loss(now)
        rated = []
        for one in listed:
            loss = self._loss(one.choices)
            if math.isfinite(loss):
                rated.append((max(loss - before, _LEAST) / one.saved, one.choices))
            if len(rated) == self._tries:
                break
        return min(rated, default=(0.0, None))[1]

    def _cheapest(self, now: Choices, number: int, least: float, additivity: Additivity) -> Step | None:
        """The turn of one knob that saves enough and, as far as is known, loses least."""
        knob = self._variant.space.knobs[number]
        alone, name = self._variant.alone[knob.name], label(knob)
        cost = self._variant.priced.cost(now)
        before = additivity.part(name, guess(alone, now[number]))
        best: Step | None = None
        for place in range(now[number] + 1 if knob.ordered else 1, len(knob.options)):
            choices = (*now[:number], place, *now[number + 1 :])
            saved = cost - self._variant.priced.cost(choices)
            if saved <= 0 or saved < least * (1 - 1e-9) or not math.isfinite(saved):
                continue
            added = additivity.part(name, guess(alone, place)) - before
            if best is None or added < best.added:
                best = Step(choices, saved, added)
            if knob.ordered:
                break  # those behind it cut more
        return best
