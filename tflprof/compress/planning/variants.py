"""The problem at each resolution: what can be chosen, what it costs by the table and loses by the proxies."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tflprof.compress.interface import Change, Knob, Method, Option
from tflprof.compress.planning.additivity import Additivity
from tflprof.compress.planning.alone import guess
from tflprof.compress.planning.costs import Costs, Space, Wanted
from tflprof.compress.planning.prices import Prices
from tflprof.compress.planning.solver import Array, Factor, Problem, Solution, cheapest, front, solve

if TYPE_CHECKING:
    from tflprof.model.configs import LayerConfig

OUTER = "resolution"
"""The method whose options are tried one after the other, each with a problem of its own."""

MOST_OFFERED = 15
"""Options of one ordered knob in the problem that is solved."""

MOST_TOGETHER = 4096
"""Combinations of options in one layer, beyond which less is offered; a quarter of it where three or more meet."""

_NOISE = 0.5
_NEARLY = 0.01


@dataclass(frozen=True)
class Choice:
    """Options taken in one variant, with what they cost by the table (uncorrected) and lose as predicted."""

    variant: int
    choices: tuple[int, ...]
    cost: float
    loss: float


class Variant:
    """One resolution with everything else that can be chosen.

    Of knobs with many options some are in the problem that is solved, the *menu*; :meth:`refine` adds those next to
    what was chosen.

    Args:
        number: among all variants.
        outer: the knob of the resolution with the option taken; None where there is nothing to choose.
        space: what can be chosen at it.
        costs: of configurations.
        alone: losses of options alone, by knob; infinite of those that do not run.
    """

    def __init__(
        self,
        number: int,
        outer: tuple[Knob, Option] | None,
        space: Space,
        costs: Costs,
        alone: Mapping[str, Sequence[float]],
    ) -> None:
        self.number = number
        self.outer = outer
        self.space = space
        self._costs = costs
        self.alone = alone
        self.menu: list[list[int]] = [
            [place for place in knob.first if math.isfinite(alone[knob.name][place])] for knob in space.knobs
        ]
        self._thin((0,) * len(self.menu))

    @cached_property
    def priced(self) -> Prices:
        """What choices cost."""
        return Prices(self.space, self._costs)

    def forget(self) -> None:
        """Work costs out anew: the table knows more."""
        for name in ("priced", "_factors"):
            self.__dict__.pop(name, None)

    def refine(self, choices: Sequence[int]) -> bool:
        """Add the options midway between those chosen and their neighbours in the menu; False if there are none."""
        added = False
        for knob, offered, choice in zip(self.space.knobs, self.menu, choices, strict=True):
            new = between(offered, choice) if knob.ordered else []
            new = [place for place in new if math.isfinite(self.alone[knob.name][place])]
            while new and len(offered) + len(new) > MOST_OFFERED:
                # The first and the last stay, so that all that was in reach is.
                offered.remove(max(offered[1:-1], key=lambda place: abs(place - choice)))
            offered += new
            offered.sort()
            added = added or bool(new)
        if added:
            self._thin(choices)
            self.__dict__.pop("_factors", None)
        return added

    def _thin(self, choices: Sequence[int]) -> None:
        """Offer less where many ordered knobs meet in one layer, as in a concatenation, those of ``choices`` anyway."""
        for part in self.space.parts:
            ordered = [number for number in part.scope if self.space.knobs[number].ordered]
            most = MOST_TOGETHER if len(ordered) <= 2 else MOST_TOGETHER // 4
            while ordered and math.prod(len(self.menu[number]) for number in part.scope) > most:
                number = max(ordered, key=lambda one: len(self.menu[one]))
                offered = self.menu[number]
                inner = [at for at in range(1, len(offered) - 1) if offered[at] != choices[number]]
                if not inner:
                    break
                # Where its neighbours are closest an option is missed least.
                del offered[min(inner, key=lambda at: offered[at + 1] - offered[at - 1])]

    @cached_property
    def _factors(self) -> tuple[Factor, ...]:
        return self.priced.factors(self.menu)

    def problem(self, additivity: Additivity) -> Problem:
        """What is solved: the options of the menu, with losses as parts of a sum."""
        parts = tuple(
            np.array([additivity.part(label(knob), self.alone[knob.name][place]) for place in offered])
            for knob, offered in zip(self.space.knobs, self.menu, strict=True)
        )
        return Problem(parts, self._factors, self.priced.constant)

    def changes(self, choices: Sequence[int]) -> list[tuple[Knob, Option]]:
        """The options that change something, that of the resolution among them."""
        outer = [self.outer] if self.outer is not None and self.outer[1].change is not None else []
        return outer + self.space.changes(choices)

    def losses_alone(self, choices: Sequence[int], *, guessed: bool = False) -> dict[str, float]:
        """Losses of the changes alone, by label of their knobs; ``guessed``: none is found anew for it."""
        ask = guess if guessed else operator.getitem
        found = {
            label(knob): ask(self.alone[knob.name], choice)
            for knob, choice in zip(self.space.knobs, choices, strict=True)
        }
        if self.outer is not None:
            knob, option = self.outer
            found[label(knob)] = self.alone[knob.name][knob.options.index(option)]
        return {name: loss for name, loss in found.items() if loss > 0}

    def runs(self, choices: Sequence[int]) -> dict[str, list[Wanted]]:
        """What runs for each layer, and in addition."""
        return self.space.all_runs(choices)

    def choice(self, choices: Sequence[int], additivity: Additivity) -> Choice:
        """Choices with cost and loss."""
        loss = additivity.predict(self.losses_alone(choices, guessed=True))
        return Choice(self.number, tuple(choices), self.priced.cost(choices), loss)

    def best(
        self,
        additivity: Additivity,
        budget: float,
        random: np.random.Generator | None = None,
        *,
        nearly: bool = False,
    ) -> Choice | None:
        """The least loss within a budget; ``nearly``: or little more, which is found sooner.

        ``random``: with losses disturbed, to find others that are near it.
        """
        problem = self.problem(additivity)
        if random is not None:
            problem = replace(problem, losses=tuple(_disturbed(losses, random) for losses in problem.losses))
        found = solve(problem, budget, gap=_NEARLY if nearly or random is not None else 0.0)
        return None if found is None else self._choice(problem, found, additivity)

    def cheapest(self, additivity: Additivity) -> Choice:
        """The least cost, and the least loss at that cost."""
        problem = self.problem(additivity)
        least = cheapest(problem)
        return self._choice(problem, solve(problem, least.cost) or least, additivity)

    def front(self, additivity: Additivity, count: int) -> list[Choice]:
        """Choices that no other of this variant beats in both cost and loss."""
        problem = self.problem(additivity)
        return [self._choice(problem, one, additivity) for one in front(problem, count, gap=_NEARLY / 10)]

    def _choice(self, problem: Problem, found: Solution, additivity: Additivity) -> Choice:
        taken = _with_what_is_free(problem, found)
        return self.choice([offered[at] for offered, at in zip(self.menu, taken, strict=True)], additivity)


def between(offered: Sequence[int], choice: int) -> list[int]:
    """Places midway between one that is offered and the next ones on both sides, where there is one between."""
    at = offered.index(choice) if choice in offered else -1
    if at < 0:
        return [choice]
    sides = [*offered[max(at - 1, 0) : at], *offered[at + 1 : at + 2]]
    middle = [(side + choice) // 2 if side < choice else -(-(side + choice) // 2) for side in sides]
    return [place for place in middle if place not in offered]


def label(knob: Knob) -> str:
    """Name of a knob that begins with that of its method."""
    return knob.name if knob.name.startswith(f"{knob.method} ") else f"{knob.method} {knob.name}"


def changes_of(taken: Sequence[tuple[Knob, Option]]) -> list[Change]:
    """The changes of options that were taken."""
    return [option.change for _, option in taken if option.change is not None]


def at_resolution(
    layers: Sequence[LayerConfig], method: Method | None, option: Option | None
) -> tuple[LayerConfig, ...]:
    """Layers as they are at an option of the resolution."""
    if method is None or option is None or option.change is None:
        return tuple(layers)

    def resized(layer: LayerConfig) -> LayerConfig:
        if layer.uncosted is not None:
            return layer
        (config,) = method.rewrite(layer.id, (layer.config,), option)
        return replace(layer, config=config)

    return tuple(map(resized, layers))


def best_of(variants: Sequence[Variant], find: Callable[[Variant], Choice | None]) -> Choice | None:
    """The choice of least loss that any variant has, then of least cost."""
    found = [one for one in map(find, variants) if one is not None]
    return min(found, key=lambda one: (one.loss, one.cost), default=None)


def _disturbed(losses: Array, random: np.random.Generator) -> Array:
    disturbed: Array = (
        losses
        * np.exp(_NOISE * random.standard_normal())
        * np.exp(_NOISE / 2 * random.standard_normal(len(losses)))
    )
    return disturbed


def _with_what_is_free(problem: Problem, found: Solution) -> tuple[int, ...]:
    """The same with options that cost less and lose nothing more: the solver has no reason to take them."""
    choices, cost = list(found.choices), found.cost
    for knob, losses in enumerate(problem.losses):
        for option in np.flatnonzero(losses <= losses[choices[knob]]):
            other = [*choices[:knob], int(option), *choices[knob + 1 :]]
            if problem.cost(other) < cost * (1 - 1e-12):
                choices, cost = other, problem.cost(other)
    return tuple(choices)
