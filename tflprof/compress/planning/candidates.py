"""What methods offer for a model, what each option would cost, save and lose, or why nothing is offered."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tflprof.compress.interface import CoupledMethod, Coupling, Knob, Method, Option, Refusal, Subject
from tflprof.compress.planning.alone import Alone
from tflprof.compress.planning.costs import Costs, Space
from tflprof.compress.planning.measured import UNMEASURED, needs_model
from tflprof.compress.planning.proxies import Losses
from tflprof.compress.planning.variants import OUTER, Variant, at_resolution

Tell = Callable[[str, float | None, str], None]


@dataclass(frozen=True)
class Candidate:
    """One option, alone.

    Attributes:
        cost: latency of the whole model with it, by the table; NaN if the table does not know.
        saved: what it saves of that.
        loss: of quality, NaN if it was not run.
        reason: why it cannot be chosen; empty if it can.
    """

    knob: Knob
    option: Option
    cost: float
    saved: float
    loss: float
    reason: str = ""


class Candidates:
    """What can be changed in a model.

    Args:
        subject: the model.
        methods: by name.

    Attributes:
        knobs: of all methods.
        refusals: why there are no more.
        notes: sentences to be heeded.
        measured: knobs and labels of options whose cost was found by measuring the model with them.
    """

    def __init__(self, subject: Subject, methods: Mapping[str, Method]) -> None:
        self.subject = subject
        self.methods = methods
        self.knobs: list[Knob] = []
        self.refusals: list[Refusal] = []
        self.notes: list[str] = []
        self.measured: set[tuple[str, str]] = set()
        self._couplings: list[Coupling] = []
        for method in methods.values():
            knobs, refusals = method.knobs(subject)
            self.knobs += knobs
            self.refusals += refusals
            if isinstance(method, CoupledMethod):
                self._couplings += method.couplings(subject, knobs)

    def space(self, outer: Option | None = None) -> Space:
        """All knobs but the resolution's, at one of its options."""
        layers = at_resolution(self.subject.layers, self.methods.get(OUTER), outer)
        return Space(
            layers, self.methods, [one for one in self.knobs if one.method != OUTER], self._couplings
        )

    def outers(self) -> list[tuple[Knob, Option] | None]:
        """The options of the resolution, as it is first; one None if there is no choice."""
        return [(knob, option) for knob in self.knobs if knob.method == OUTER for option in knob.options] or [
            None
        ]

    def variants(self, costs: Costs, losses: Losses, tell: Tell) -> list[Variant]:
        """The problems to be solved, without options that the table does not know or that do not run."""
        priced = self._priced(costs)
        alone = {knob.name: Alone(knob, losses.alone) for knob in priced}
        self._first(alone, priced, tell)
        usable = [knob for knob in priced if knob.method != OUTER]
        found: list[Variant] = []
        for outer in self.outers():
            if outer is not None and not math.isfinite(
                alone[outer[0].name][outer[0].options.index(outer[1])]
            ):
                continue
            layers = self.space(outer and outer[1]).layers
            space = Space(layers, self.methods, usable, self._couplings)
            found.append(Variant(len(found), outer, space, costs, alone))
        return found

    def plain(self, costs: Costs) -> Variant:
        """The model as it is, with nothing to be chosen."""
        return Variant(0, None, Space(self.subject.layers, self.methods, ()), costs, {})

    def listed(self, costs: Costs, losses: Losses | None, tell: Tell) -> list[Candidate]:
        """Options alone, of many some, with latency and, if losses are given, loss."""
        base = self.space()
        as_it_is = _total(base, costs, {})
        found = []
        for done, knob in enumerate(self.knobs):
            tell("trying options", done / max(1, len(self.knobs)), knob.name)
            for place in knob.first[1:]:
                option = knob.options[place]
                if knob.method == OUTER:
                    cost = _total(self.space(option), costs, {})
                else:
                    cost = _total(base, costs, {knob.name: place})
                loss = math.nan if losses is None else losses.alone(option)
                reason = "" if math.isfinite(cost) else "not in the table"
                if not self._is_measured(knob, option):
                    cost, reason = math.nan, UNMEASURED
                reason = reason or ("does not run" if loss == math.inf else "")
                found.append(Candidate(knob, option, cost, as_it_is - cost, loss, reason))
        return found

    def total(self, costs: Costs) -> float:
        """Cost of the model as it is, by the table; what has no row counts nothing."""
        return _total(self.space(), costs, {})

    def _priced(self, costs: Costs) -> list[Knob]:
        """Knobs without options that the table does not know."""
        everything = Space(self.subject.layers, self.methods, self._without_unmeasured(), self._couplings)
        space, dropped = everything.without(costs)
        for method in dict.fromkeys(knob.method for knob, _, _ in dropped):
            own = [one for one in dropped if one[0].method == method]
            self.refusals += [
                Refusal(method, knob.layers, f"{option.label}: not in the table: {why}")
                for knob, option, why in own
            ]
            self.notes.append(
                f"{len(own)} options of {method} are not in the table and were left out "
                "(tflprof table build --from MODEL --candidates adds them)"
            )
        return [*space.knobs, *(knob for knob in self.knobs if knob.method == OUTER)]

    def _is_measured(self, knob: Knob, option: Option) -> bool:
        """Whether an option has a cost, as far as that depends on data."""
        if option.change is None or not needs_model(self.methods.get(knob.method)):
            return True
        return (knob.name, option.label) in self.measured

    def _without_unmeasured(self) -> list[Knob]:
        """Knobs, but for resolution, without options whose cost depends on data and was not measured."""
        found = []
        for knob in self.space().knobs:
            gone = [option for option in knob.options if not self._is_measured(knob, option)]
            self.refusals += [
                Refusal(knob.method, knob.layers, f"{option.label}: {UNMEASURED}") for option in gone
            ]
            found.append(replace(knob, options=tuple(one for one in knob.options if one not in gone)))
        return found

    def _first(self, alone: Mapping[str, Alone], knobs: Sequence[Knob], tell: Tell) -> None:
        """Find the losses of options that are looked at first."""
        pairs = [(knob, place) for knob in knobs for place in knob.first]
        for number, (knob, place) in enumerate(pairs):
            tell("losses of options", number / len(pairs), f"{knob.name}: {knob.options[place].label}")
            _ = alone[knob.name][place]


def _total(space: Space, costs: Costs, taken: Mapping[str, int]) -> float:
    """Cost of a model with some options taken; what has no row as it is counts nothing."""
    choices = [taken.get(knob.name, 0) for knob in space.knobs]
    now = space.all_runs([0] * len(choices))
    total = space.overhead(costs)
    for layer, runs in space.all_runs(choices).items():
        value = sum(costs.of(*run) for run in runs)
        if math.isnan(value) and runs != now.get(layer):
            return math.nan
        total += 0.0 if math.isnan(value) else value
    return total
