"""Options that no table knows, for what they cost depends on data: measured with the whole model, each alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tflprof.compress.interface import Knob, Method, Option
from tflprof.errors import ModelError, RunnerError

if TYPE_CHECKING:
    from tflprof.compress.planning.candidates import Candidates
    from tflprof.compress.planning.costs import Costs, Space
    from tflprof.compress.planning.plan import Amount
    from tflprof.compress.planning.proxies import Losses

UNMEASURED = "its cost depends on data: only a plan measures it, with rounds of at least 1"

Tell = Callable[[str, float | None, str], None]


class Measuring(Protocol):
    """Where models are measured."""

    def measure(self, content: bytes) -> Amount:
        """Latency of a model."""


def needs_model(method: Method | None) -> bool:
    """Whether a method's options are measured with the whole model: ``measured_with_model`` says so."""
    return bool(getattr(method, "measured_with_model", False))


def measure_options(
    candidates: Candidates, losses: Losses, costs: Costs, bench: Measuring, before: Amount, tell: Tell
) -> None:
    """Find what each such option saves, and fix its cost for good.

    Args:
        candidates: what can be changed; told which options have a cost now.
        losses: what makes the changed models.
        costs: where the costs are fixed, those of the layers as they are among them.
        bench: measures models.
        before: latency of the model as it is, measured by the same bench.
        tell: progress.
    """
    space = candidates.space()
    for number, knob in enumerate(space.knobs):
        if not needs_model(candidates.methods.get(knob.method)):
            continue
        base = _cost(space, number, 0, costs)
        found = {0: 0.0 if math.isnan(base) else base}
        for place, option in enumerate(knob.options[1:], start=1):
            tell("measuring options", (place - 1) / len(knob.options), f"{knob.name}: {option.label}")
            total = _total(losses, bench, knob, option, candidates.notes)
            if total is not None:
                found[place] = max(found[0] + total.value - before.value, 0.0)
                candidates.measured.add((knob.name, option.label))
        for place, cost in found.items():
            _fix(space, number, place, cost, costs)


def _total(losses: Losses, bench: Measuring, knob: Knob, option: Option, notes: list[str]) -> Amount | None:
    assert option.change is not None
    try:
        return bench.measure(losses.applied([option.change]).content)
    except (ModelError, RunnerError) as error:
        notes.append(f"{knob.name}: {option.label} could not be measured: {error}")
        return None


def _cost(space: Space, number: int, place: int, costs: Costs) -> float:
    return sum(costs.of(*run) for run in space.runs_of(number, place))


def _fix(space: Space, number: int, place: int, cost: float, costs: Costs) -> None:
    """Give what an option runs its cost as a whole: the first operator has it, others cost nothing."""
    for at, run in enumerate(space.runs_of(number, place)):
        costs.fix(*run, cost if at == 0 else 0.0)
