"""Greedy pruning in the way of NetAdapt (arXiv 1804.03230): again and again the cut that costs least for what it saves.

Cuts are short-listed by what the layers behind them lose, and chosen by what the model's output loses on
calibration data. A simple way to a budget, and what a planner has to beat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tflprof.compress.fidelity import Reference
from tflprof.compress.interface import Change, Knob, Option, Subject
from tflprof.compress.prune.method import Pruning, known_channels
from tflprof.model.edit import ModelEditor
from tflprof.op_config import OpConfig

LayerCost = Callable[[str, tuple[OpConfig, ...]], float]
"""Latency of what runs for a layer, by its id; that of a model is the sum."""

_LEAST_LOSS = 1e-9


@dataclass(frozen=True)
class Adapted:
    """What greedy pruning came to.

    Attributes:
        changes: one per group that is cut.
        cost: latency with them, in the unit of the costs.
        loss: divergence of the outputs with them.
        reached: whether the cost is within the budget.
        steps: cost and loss after each cut.
    """

    changes: tuple[Change, ...]
    cost: float
    loss: float
    reached: bool
    steps: tuple[tuple[float, float], ...]


def netadapt(
    subject: Subject,
    cost: LayerCost,
    budget: float,
    *,
    method: Pruning | None = None,
    rounds: int = 20,
    tries: int = 3,
    samples: int = 32,
) -> Adapted:
    """Cut channels until the model's latency is within a budget, or nothing is left to cut.

    Args:
        subject: the model with calibration data.
        cost: latency of each layer.
        budget: in the unit of ``cost``, for all layers of the subject.
        method: how channels are ranked; by default by activations.
        rounds: cuts between the latency as it is and the budget; each saves at least its share.
        tries: cuts per round that are tried on calibration data.
        samples: of the calibration data that are used.
    """
    search = _Search(subject, cost, method or Pruning(fine=True), samples)
    least = max(search.total() - budget, 0.0) / rounds
    steps = []
    while search.total() > budget:
        candidates = search.candidates(min(least, search.total() - budget))
        if not candidates:
            break
        search.take(candidates[:tries])
        steps.append((search.total(), search.loss))
    return Adapted(search.changes(), search.total(), search.loss, search.total() <= budget, tuple(steps))


@dataclass(frozen=True)
class _Candidate:
    group: int
    option: int
    saved: float
    rate: float


class _Search:
    """Which option of each knob is taken so far."""

    def __init__(self, subject: Subject, cost: LayerCost, method: Pruning, samples: int) -> None:
        self._subject, self._method = subject, method
        self._cost = cost
        self._knobs, _ = method.knobs(subject)
        self._taken = [0] * len(self._knobs)
        self._configs = {layer.id: layer.config for layer in subject.layers}
        self._touching: dict[str, list[int]] = {name: [] for name in self._configs}
        for number, knob in enumerate(self._knobs):
            for layer in knob.layers:
                self._touching.setdefault(layer, []).append(number)
        self._memory: dict[tuple[str, tuple[int, ...]], float] = {}
        self._losses = [self._cumulative(knob) for knob in self._knobs]
        data = subject.calibration.first(samples)
        self._reference = Reference(subject.executor, subject.model, data)
        self.loss = 0.0

    def total(self) -> float:
        """Latency with what is taken."""
        return sum(self._layer(name, self._taken) for name in self._configs)

    def candidates(self, least: float) -> list[_Candidate]:
        """The smallest cut of each group that saves enough, those first that lose least for it."""
        found = [self._candidate(number, least) for number in range(len(self._knobs))]
        return sorted((each for each in found if each is not None), key=lambda each: each.rate)

    def take(self, candidates: list[_Candidate]) -> None:
        """Try cuts, and take the one that costs least quality for what it saves."""
        tried = [(self._tried(each), each) for each in candidates]
        rates = [max(loss - self.loss, _LEAST_LOSS) / each.saved for loss, each in tried]
        self.loss, best = tried[int(np.argmin(rates))]
        self._taken[best.group] = best.option

    def changes(self) -> tuple[Change, ...]:
        """What is taken."""
        return self._made(self._taken)

    def _candidate(self, number: int, least: float) -> _Candidate | None:
        knob, now = self._knobs[number], self._taken[number]
        layers = [name for name in knob.layers if name in self._configs]
        before = sum(self._layer(name, self._taken) for name in layers)
        for option in range(now + 1, len(knob.options)):
            taken = [*self._taken[:number], option, *self._taken[number + 1 :]]
            saved = before - sum(self._layer(name, taken) for name in layers)
            if saved > 0 and saved >= least:
                lost = self._losses[number][option] - self._losses[number][now]
                return _Candidate(number, option, saved, max(lost, _LEAST_LOSS) / saved)
        return None

    def _tried(self, candidate: _Candidate) -> float:
        taken = [*self._taken]
        taken[candidate.group] = candidate.option
        editor = ModelEditor.open(self._subject.model.path)
        self._method.apply(editor, self._made(taken), self._subject)
        return self._reference.fidelity(editor.to_bytes()).divergence

    def _made(self, taken: list[int]) -> tuple[Change, ...]:
        options = (knob.options[choice] for knob, choice in zip(self._knobs, taken, strict=True))
        return tuple(option.change for option in options if option.change is not None)

    def _layer(self, name: str, taken: list[int]) -> float:
        choice = tuple(taken[number] for number in self._touching[name])
        if (name, choice) not in self._memory:
            configs: tuple[OpConfig, ...] = (self._configs[name],)
            for number in self._touching[name]:
                configs = self._method.rewrite(name, configs, self._knobs[number].options[taken[number]])
            self._memory[name, choice] = self._cost(name, configs)
        return self._memory[name, choice]

    def _cumulative(self, knob: Knob) -> list[float]:
        """What the layers behind lose with each option of a knob."""
        return [self._lost(option) for option in knob.options]

    def _lost(self, option: Option) -> float:
        if option.change is None:
            return 0.0
        chosen: Mapping[str, object] = option.change.parameters
        known = known_channels(self._subject, str(chosen["criterion"]))
        return float(np.sum(known.losses[str(chosen["group"])][int(str(chosen["keep"])) :]))
