"""What a model costs under every combination of options: knobs and a latency table as a problem to solve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from tflprof.compress.interface import Coupling, Knob, Method, Option
from tflprof.compress.methods import ORDER
from tflprof.compress.planning.layer_costs import Costs as Costs
from tflprof.compress.planning.layer_costs import Overheads as Overheads
from tflprof.compress.planning.layer_costs import Table as Table
from tflprof.compress.planning.layer_costs import Wanted as Wanted
from tflprof.compress.planning.prices import Part

if TYPE_CHECKING:
    from tflprof.model.configs import LayerConfig
    from tflprof.op_config import OpConfig


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
        pairs = [
            (number, place) for number, knob in enumerate(self.knobs) for place in range(len(knob.options))
        ]
        costs.look_up([run for pair in pairs for run in self.runs_of(*pair)])
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
    def parts(self) -> tuple[Part, ...]:
        """Layers and couplings, whose costs add up: what runs in them is the same whatever things cost."""
        layers = [
            Part(
                self._scopes[layer.id] if layer.uncosted is None else (), partial(self.runs, layer), layer.id
            )
            for layer in self.layers
        ]
        couplings = [
            Part(
                tuple(self._numbers[name] for name in one.knobs),
                partial(self._extra, one),
                ", ".join(one.knobs),
            )
            for one in self._couplings
        ]
        return (*layers, *couplings)
