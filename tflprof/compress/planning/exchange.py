"""Improving a choice within its budget: one knob is turned back for another that is turned further."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tflprof.compress.planning.alone import guess
from tflprof.compress.planning.variants import label

if TYPE_CHECKING:
    from tflprof.compress.planning.additivity import Additivity
    from tflprof.compress.planning.variants import Variant

_STEPS = (1, 2, 4, 8)
"""How far knobs with ordered options are turned at a time."""

_ENOUGH = 1e-4
"""Share of the loss below which something is no improvement."""

_DOUBT = 0.3
"""Share of the loss that a choice may promise to add and be run all the same: promises are no better than that."""

Choices = tuple[int, ...]
Turn = tuple[int, int]
"""A knob's number, and the place it is turned to."""


@dataclass(frozen=True)
class _Turned:
    turn: Turn
    cost: float
    part: float


class Exchange:
    """Looks for better choices by running those that promise most.

    What a turn really does to the loss where it was run corrects what is promised of it, so that what was promised
    wrongly is not tried again in every combination.

    Args:
        variant: what can be chosen.
        loss: runs choices and tells what they lose; infinite of what does not run.
        additivity: how losses add up.
    """

    def __init__(self, variant: Variant, loss: Callable[[Choices], float], additivity: Additivity) -> None:
        self._variant = variant
        self._loss = loss
        self._additivity = additivity
        self._surplus: dict[Turn, float] = {}
        self._seen: set[Choices] = set()

    def improve(self, choices: Choices, budget: float, most: int) -> Choices:
        """The best that is found from some choices, themselves if nothing is.

        Args:
            choices: within the budget.
            budget: in the unit of the table's costs.
            most: how many others are run.
        """
        best, loss = choices, self._loss(choices)
        for _ in range(most):
            found = self._most_promising(best, budget, _DOUBT * self._scaled(loss))
            if found is None:
                break
            turns, promised, other = found
            self._seen.add(other)
            true = self._loss(other)
            if math.isfinite(true):
                missed = (self._scaled(true) - self._scaled(loss) - promised) / len(turns)
                for turn in turns:
                    self._surplus[turn] = self._surplus.get(turn, 0.0) + missed
            if true < loss * (1 - _ENOUGH):
                best, loss = other, true
        return best

    def _scaled(self, loss: float) -> float:
        """A loss as a sum of parts."""
        return float(loss**self._additivity.power)

    def _most_promising(
        self, now: Choices, budget: float, most: float
    ) -> tuple[tuple[Turn, ...], float, Choices] | None:
        room = budget - self._variant.priced.cost(now)
        turned = [self._turned(now, turn) for turn in self._turns(now)]
        turned = [one for one in turned if math.isfinite(one.cost)]
        single = [((one,), one.part) for one in turned if one.cost <= room]
        back = [one for one in turned if one.part < 0]
        further = [one for one in turned if one.cost < 0]
        pairs = [
            ((a, b), a.part + b.part)
            for a in back
            for b in further
            if a.turn[0] != b.turn[0] and a.part + b.part < most
        ]
        for both, part in sorted([*single, *pairs], key=lambda one: one[1]):
            if part >= most:
                return None
            other = _made(now, both)
            # Costs of neighbours do not add up: what was short-listed is priced as a whole.
            if other not in self._seen and self._variant.priced.cost(other) <= budget:
                return tuple(one.turn for one in both), part, other
        return None

    def _turned(self, now: Choices, turn: Turn) -> _Turned:
        number, place = turn
        knob = self._variant.space.knobs[number]
        alone, name = self._variant.alone[knob.name], label(knob)
        part = self._additivity.part(name, guess(alone, place)) - self._additivity.part(
            name, guess(alone, now[number])
        )
        other = (*now[:number], place, *now[number + 1 :])
        cost = self._variant.priced.cost(other) - self._variant.priced.cost(now)
        return _Turned(turn, cost, part + self._surplus.get(turn, 0.0))

    def _turns(self, now: Choices) -> Iterator[Turn]:
        for number, (knob, place) in enumerate(zip(self._variant.space.knobs, now, strict=True)):
            last = len(knob.options) - 1
            near = (
                {max(0, place - step) for step in _STEPS} | {min(last, place + step) for step in _STEPS}
                if knob.ordered
                else set(range(last + 1))
            )
            losses = self._variant.alone[knob.name]
            yield from ((number, at) for at in sorted(near - {place}) if math.isfinite(guess(losses, at)))


def _made(now: Choices, turned: tuple[_Turned, ...]) -> Choices:
    other = list(now)
    for one in turned:
        other[one.turn[0]] = one.turn[1]
    return tuple(other)
