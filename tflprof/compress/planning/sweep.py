"""Measuring what a table does not know: models in which all knobs of a method stand at their n-th option."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from tflprof.compress.interface import Knob
from tflprof.compress.planning.layer_costs import Table
from tflprof.compress.planning.measured import needs_model
from tflprof.compress.planning.plan import Amount
from tflprof.compress.planning.variants import changes_of
from tflprof.errors import ModelError, RunnerError

if TYPE_CHECKING:
    from tflprof.compress.planning.candidates import Candidates
    from tflprof.compress.planning.costs import Costs, Space
    from tflprof.compress.planning.proxies import Losses

_UNKNOWN = ("missing", "extrapolated")
_TOGETHER = (0.34, 0.67, 1.0)
_MOST_PLACES = 8

Tell = Callable[[str, float | None, str], None]


class Bench(Protocol):
    """A target on which models are measured, with what is known of it by now."""

    @property
    def table(self) -> Table:
        """The latency table, with rows of all that was measured."""

    def measure(self, content: bytes) -> Amount:
        """Latency of a model; the table has its layers afterwards."""


def sweep(candidates: Candidates, losses: Losses, costs: Costs, bench: Bench, tell: Tell) -> None:
    """Measure until the table knows every option; of many some are measured, and it tells what is between them.

    Args:
        candidates: what can be changed; gets a note of what could not be measured.
        losses: what makes the changed models.
        costs: asked what is unknown, and given the table that knows more.
        bench: measures models.
        tell: progress.
    """
    space = candidates.space()

    def one(choices: Sequence[int], name: str) -> None:
        if not _is_new(space, choices, costs):
            return
        tell("measuring options", None, name)
        try:
            bench.measure(losses.applied(changes_of(space.changes(choices))).content)
        except (ModelError, RunnerError) as error:
            # Options that do not run are found one by one when their losses are.
            candidates.notes.append(f"a combination of options could not be measured: {error}")
        costs.renew(bench.table)

    methods = list(dict.fromkeys(knob.method for knob in space.knobs))
    methods = [name for name in methods if not needs_model(candidates.methods[name])]
    for name in methods:
        count = min(max(_last(knob) for knob in space.knobs if knob.method == name), _MOST_PLACES)
        for number in range(1, count + 1):
            one([_spread(knob, number) if knob.method == name else 0 for knob in space.knobs], name)
    if len(methods) > 1:
        for share in _TOGETHER:
            one([round(share * _last(knob)) for knob in space.knobs], "all methods")


def _is_new(space: Space, choices: Sequence[int], costs: Costs) -> bool:
    runs = (run for found in space.all_runs(choices).values() for run in found)
    return any(costs.estimate(*run).kind in _UNKNOWN for run in runs)


def _last(knob: Knob) -> int:
    return len(knob.options) - 1


def _spread(knob: Knob, number: int) -> int:
    """The n-th option, or the last; of many options the n-th of a few that are spread evenly."""
    last = _last(knob)
    if last <= _MOST_PLACES:
        return min(number, last)
    return round(1 + (number - 1) * (last - 1) / (_MOST_PLACES - 1))
