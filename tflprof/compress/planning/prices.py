"""Costs of all that can be chosen: of single choices, and of all combinations of some options as factors to solve."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tflprof.compress.planning.layer_costs import Costs, Wanted
from tflprof.compress.planning.solver import Array, Factor
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.compress.planning.costs import Space

MOST_COMBINATIONS = 20_000
"""Of options in one layer; more would take longer than they are worth."""

Places = Sequence[Sequence[int]]
"""Per knob the places of some of its options."""


class Part:
    """A layer, or what several knobs have in common, with the knobs that its cost depends on.

    Args:
        scope: numbers of the knobs.
        runs: what runs, from an option for each of them.
        name: for messages.
    """

    def __init__(
        self, scope: tuple[int, ...], runs: Callable[[Mapping[int, int]], list[Wanted]], name: str
    ) -> None:
        self.scope = scope
        self.name = name
        self._runs = runs
        self._found: dict[tuple[int, ...], list[Wanted]] = {}

    def runs(self, own: tuple[int, ...]) -> list[Wanted]:
        """What runs with an option for each knob of the scope."""
        if own not in self._found:
            self._found[own] = self._runs(dict(zip(self.scope, own, strict=True)))
        return self._found[own]

    def combinations(self, places: Places) -> list[tuple[int, ...]]:
        """All combinations of some options. Raises UsageError if they are too many."""
        offered = [places[number] for number in self.scope]
        if (count := math.prod(map(len, offered))) > MOST_COMBINATIONS:
            raise UsageError(
                f"{self.name} has {count} combinations of options, more than can be looked at",
                "choose fewer methods with --methods",
            )
        return list(itertools.product(*offered))


class Prices:
    """What choices cost by a table; each part is priced once per combination of its options.

    Args:
        space: what can be chosen.
        costs: of configurations.
    """

    def __init__(self, space: Space, costs: Costs) -> None:
        self._costs = costs
        self._parts = [part for part in space.parts if part.scope]
        self._memory: list[dict[tuple[int, ...], float]] = [{} for _ in self._parts]
        fixed = [run for part in space.parts if not part.scope for run in part.runs(())]
        costs.look_up(fixed)
        known = [value for value in (costs.of(*run) for run in fixed) if not math.isnan(value)]
        self.constant = sum(known) + space.overhead(costs)
        """Cost of what no knob touches, with overheads of the model and its parts; unknown rows count nothing."""

    def cost(self, choices: Sequence[int]) -> float:
        """Cost of one option per knob; infinite if the table does not know one that is made by them."""
        return self.constant + sum(
            self._part(number, tuple(choices[knob] for knob in part.scope))
            for number, part in enumerate(self._parts)
        )

    def factors(self, places: Places) -> tuple[Factor, ...]:
        """Costs of all combinations of some options; what the table does not know is infinite."""
        offered = [part.combinations(places) for part in self._parts]
        self._costs.look_up(self._wanted(offered))
        return tuple(
            Factor(part.scope, self._filled(number, own, [len(places[knob]) for knob in part.scope]))
            for number, (part, own) in enumerate(zip(self._parts, offered, strict=True))
        )

    def _wanted(self, offered: Sequence[Sequence[tuple[int, ...]]]) -> Iterable[Wanted]:
        return [
            run
            for part, own, memory in zip(self._parts, offered, self._memory, strict=True)
            for one in own
            if one not in memory
            for run in part.runs(one)
        ]

    def _filled(self, number: int, offered: Sequence[tuple[int, ...]], counts: Sequence[int]) -> Array:
        filled: Array = np.array([self._part(number, own) for own in offered], float).reshape(counts)
        return filled

    def _part(self, number: int, own: tuple[int, ...]) -> float:
        memory = self._memory[number]
        if own not in memory:
            value = sum(self._costs.of(*run) for run in self._parts[number].runs(own))
            if math.isnan(value):
                # What runs now and has no row counts nothing; what would run instead is not to be chosen.
                value = math.inf if any(own) else 0.0
            memory[own] = value
        return memory[own]
