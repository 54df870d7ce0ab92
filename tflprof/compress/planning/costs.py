"""What a model costs under every combination of options: knobs and a latency table as a problem to solve."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tflprof.compress.interface import Coupling, Knob, Method, Option
from tflprof.compress.methods import ORDER
from tflprof.compress.planning.layer_costs import Costs as Costs
from tflprof.compress.planning.layer_costs import Overheads as Overheads
from tflprof.compress.planning.layer_costs import Table as Table
from tflprof.compress.planning.layer_costs import Wanted as Wanted
from tflprof.compress.planning.solver import Array, Factor
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.model.configs import LayerConfig
    from tflprof.op_config import OpConfig

MOST_COMBINATIONS = 20_000
"""Of options in one layer; more would take longer than they are worth."""


class Space:
    """All that can be chosen: layers, the knobs that touch them, and what runs for each combination.

    Args:
        layers: of the model as it is.
        methods: by name.
        knobs: of all methods; those of one layer act in the order in which methods are applied.
        couplings: costs of several knobs beyond those of single layers.
    """

    def __init__(
        self,
        layers: Sequence[LayerConfig],
        methods: Mapping[str, Method],
        knobs: Sequence[Knob],
        couplings: Sequence[Coupling] = (),
    ) -> None:
        self.layers = tuple(layers)
        self.methods = methods
        self.knobs = tuple(sorted(knobs, key=lambda knob: ORDER.index(knob.method)))
        self._numbers = {knob.name: number for number, knob in enumerate(self.knobs)}
        if len(self._numbers) != len(self.knobs):
            raise ValueError("two knobs of one name")
        self._couplings = tuple(one for one in couplings if set(one.knobs) <= set(self._numbers))
        self._scopes: dict[str, tuple[int, ...]] = {layer.id: () for layer in layers}
        for number, knob in enumerate(self.knobs):
            for layer in dict.fromkeys(knob.layers):
                if layer in self._scopes:
                    self._scopes[layer] += (number,)

    def scope(self, layer: str) -> tuple[int, ...]:
        """Numbers of the knobs that touch a layer."""
        return self._scopes[layer]

    def runs(self, layer: LayerConfig, choices: Mapping[int, int]) -> list[Wanted]:
        """What runs in place of a layer; ``choices``: an option by number for each knob that touches it."""
        if layer.uncosted is not None:
            return []
        configs: tuple[OpConfig, ...] = (layer.config,)
        for number in self._scopes[layer.id]:
            option = self.knobs[number].options[choices[number]]
            if option.change is not None:
                configs = self.methods[self.knobs[number].method].rewrite(layer.id, configs, option)
        return [(config, layer.first and place == 0) for place, config in enumerate(configs)]

    def runs_of(self, number: int, place: int) -> list[Wanted]:
        """What runs in place of a knob's layers at one of its options, with all other knobs as they are."""
        chosen = dict.fromkeys(range(len(self.knobs)), 0) | {number: place}
        wanted = set(self.knobs[number].layers)
        return [run for layer in self.layers if layer.id in wanted for run in self.runs(layer, chosen)]

    def all_runs(self, choices: Sequence[int]) -> dict[str, list[Wanted]]:
        """What runs for each layer, and under ``+`` what runs in addition, with an option per knob."""
        chosen = dict(enumerate(choices))
        found = {layer.id: self.runs(layer, chosen) for layer in self.layers}
        extra = [one for coupling in self._couplings for one in self._extra(coupling, chosen)]
        return {**found, "+": extra} if extra else found

    def wanted(self) -> dict[tuple[str, bool], Wanted]:
        """Every configuration that any combination of options would run, once."""
        runs = (run for scope in self._scoped for _, found in scope.combinations() for run in found)
        return {(config.key, first): (config, first) for config, first in runs}

    def factors(self, costs: Costs) -> tuple[Factor, ...]:
        """Costs as factors; a combination with an unknown cost is infinite."""
        costs.look_up(self.wanted().values())
        return tuple(factor.filled(costs) for factor in self._scoped if factor.scope)

    def constant(self, costs: Costs) -> float:
        """Cost of what no knob touches, with overheads of the model and its parts; unknown rows count nothing."""
        runs = (
            run
            for scope in self._scoped
            if not scope.scope
            for _, found in scope.combinations()
            for run in found
        )
        known = [value for value in (costs.of(*run) for run in runs) if not math.isnan(value)]
        return sum(known) + self.overhead(costs)

    def overhead(self, costs: Costs) -> float:
        """What the model and its parts cost beyond its layers."""
        parts = sum(layer.first and layer.uncosted is None for layer in self.layers)
        return costs.overheads.model + costs.overheads.part * parts

    def changes(self, choices: Sequence[int]) -> list[tuple[Knob, Option]]:
        """The options that change something."""
        found = [(knob, knob.options[choice]) for knob, choice in zip(self.knobs, choices, strict=True)]
        return [(knob, option) for knob, option in found if option.change is not None]

    def without(self, costs: Costs) -> tuple[Space, list[tuple[Knob, Option, str]]]:
        """The same without options that would run what the table does not know, with the reasons."""
        dropped: list[tuple[Knob, Option, str]] = []
        kept: list[Knob] = []
        for number, knob in enumerate(self.knobs):
            options = [knob.options[0]]
            for place, option in enumerate(knob.options[1:], start=1):
                unknown = self._unknown(number, place, costs)
                if unknown is None:
                    options.append(option)
                else:
                    dropped.append((knob, option, unknown))
            if len(options) > 1:
                kept.append(replace(knob, options=tuple(options)))
        return Space(self.layers, self.methods, kept, self._couplings), dropped

    def _unknown(self, number: int, place: int, costs: Costs) -> str | None:
        """Why an option, with all other knobs as they are, has no cost; None if it has."""
        as_it_is = dict.fromkeys(range(len(self.knobs)), 0)
        wanted = set(self.knobs[number].layers)
        for layer in self.layers:
            if layer.id in wanted:
                for config, first in self.runs(layer, as_it_is) + self.runs(
                    layer, as_it_is | {number: place}
                ):
                    if math.isnan(costs.of(config, first)):
                        return f"{config.op} in {layer.id}: {costs.estimate(config, first).reason}"
        return None

    def _extra(self, coupling: Coupling, choices: Mapping[int, int]) -> list[Wanted]:
        numbers = [self._numbers[name] for name in coupling.knobs]
        options = tuple(self.knobs[number].options[choices[number]] for number in numbers)
        return [(config, False) for config in coupling.between(options)]

    @cached_property
    def _scoped(self) -> list[_Scoped]:
        """Layers and couplings, each with all its combinations: they are the same whatever things cost."""
        return list(self._scopes_of_all())

    def _scopes_of_all(self) -> Iterator[_Scoped]:
        for layer in self.layers:
            scope = self._scopes[layer.id] if layer.uncosted is None else ()
            yield _Scoped(self, scope, layer)
        for coupling in self._couplings:
            yield _Scoped(self, tuple(self._numbers[name] for name in coupling.knobs), coupling)


@dataclass(frozen=True)
class _Scoped:
    """A layer or a coupling with the knobs it depends on."""

    space: Space
    scope: tuple[int, ...]
    what: LayerConfig | Coupling
    _found: list[tuple[tuple[int, ...], list[Wanted]]] | None = None

    def combinations(self) -> list[tuple[tuple[int, ...], list[Wanted]]]:
        """All combinations of options with what runs."""
        if self._found is None:
            object.__setattr__(self, "_found", list(self._combinations()))
        assert self._found is not None
        return self._found

    def _combinations(self) -> Iterator[tuple[tuple[int, ...], list[Wanted]]]:
        counts = [len(self.space.knobs[number].options) for number in self.scope]
        if math.prod(counts) > MOST_COMBINATIONS:
            where = self.what.id if not isinstance(self.what, Coupling) else ", ".join(self.what.knobs)
            raise UsageError(
                f"{where} has {math.prod(counts)} combinations of options, more than can be looked at",
                "choose fewer methods with --methods",
            )
        for combination in itertools.product(*map(range, counts)):
            chosen = dict(zip(self.scope, combination, strict=True))
            if isinstance(self.what, Coupling):
                yield combination, self.space._extra(self.what, chosen)
            else:
                yield combination, self.space.runs(self.what, chosen)

    def filled(self, costs: Costs) -> Factor:
        counts = [len(self.space.knobs[number].options) for number in self.scope]
        values: Array = np.zeros(counts)
        for combination, runs in self.combinations():
            total = sum(costs.of(config, first) for config, first in runs)
            values[combination] = total
        base = values[(0,) * len(counts)]
        # What runs now and has no row costs the same in all combinations that the table does not know either.
        values[np.isnan(values)] = 0.0 if math.isnan(base) and np.isnan(values).all() else math.inf
        return Factor(self.scope, values)
