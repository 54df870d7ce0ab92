"""From the cycles of an emulated core to nanoseconds of the phone that has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.measure.parallel import check_cores, check_threads, shared_work, sharing_text
from tflprof.model.element_type import element_type
from tflprof.model.read import read_model
from tflprof.profile.meta import Prediction, StructureInfo
from tflprof.profile.samples import BlockSamples
from tflprof.targets.anchors import AUTO, NONE, Anchored, Basis, scale_for
from tflprof.targets.prediction_error import errors

if TYPE_CHECKING:
    from tflprof.runner.interface import Runner, RunRequest
    from tflprof.targets.cost_table import CoreCosts

FloatArray = npt.NDArray[np.float64]

TIME, CYCLES, LINES = "ns", "cycles", "dram_lines"


@dataclass(frozen=True)
class Predictor:
    """What makes times of a request's counts.

    Attributes:
        prediction: what the profile says of it.
        several: how threads share the work; None for one.
        notes: what a user should know of the anchors, as sentences.
    """

    prediction: Prediction
    several: Several | None
    notes: tuple[str, ...]


def is_predicted(runner: Runner) -> bool:
    """Whether the runner's counts are to become times."""
    return runner.cost in ("cycles", "caches")


def check_predictable(runner: Runner, request: RunRequest, anchors: str = AUTO) -> None:
    """Raise what :func:`predictor_of` would; UsageError for anchors where nothing is predicted."""
    if is_predicted(runner):
        predictor_of(runner, request, anchors)
    elif anchors not in (AUTO, NONE):
        raise UsageError(
            f"--anchors {anchors}: only predicted times are scaled to anchors",
            "--target emulated:PHONE, without --cost instructions",
        )


def predictor_of(runner: Runner, request: RunRequest, anchors: str = AUTO) -> Predictor:
    """What makes times of this request's counts; may be asked before anything runs.

    Args:
        runner: one with costs.
        request: with the threads that are predicted.
        anchors: ``auto``, ``none`` or a file, see :func:`tflprof.targets.anchors.scale_for`.

    Raises:
        UsageError: the anchors cannot be used, or the request cannot be predicted.
        TargetError: there is no such core, or its threads are not modelled.
    """
    check_threads(runner, request)
    cpus = runner.cpus_for(request.core, request.threads)
    check_cores(runner.facts, cpus, request.threads)
    costs = runner.costs(cpus)
    assert costs is not None
    assert runner.cost is not None
    basis = Basis(costs.name, costs.hertz, costs.sha256, runner.cost)
    found = scale_for(runner.facts.name, basis, anchors, lambda: _element_type(request))
    prediction = _prediction(request, costs, runner.cost, found)
    return Predictor(prediction, shared_work(costs, request.threads), found.notes)


def _element_type(request: RunRequest) -> str:
    return element_type(read_model(request.models[0])) if request.models else ""


def _prediction(request: RunRequest, costs: CoreCosts, mode: str, found: Anchored) -> Prediction:
    error = errors(
        costs.name, mode, len(found.anchors), request.threads, request.kernels, same_type=found.same_type
    )
    return Prediction(
        mode=mode,
        core=costs.name,
        hertz=costs.hertz,
        threads=request.threads,
        scale=found.scale,
        anchors=tuple(anchor.text() for anchor in found.anchors),
        error=error.total,
        layer_error=error.layer,
        costs_sha256=costs.sha256,
        ratio_error=error.ratio,
        extrapolated=error.extrapolated,
        sharing=sharing_text(request.threads),
    )


class Several(Protocol):
    """How several threads share the work of an inference."""

    def shared(
        self, structure: StructureInfo, cycles: FloatArray, lines: FloatArray, rest: float
    ) -> FloatArray:
        """Cycles [events] that threads leave of those one thread spends in each event itself.

        Args:
            structure: the events.
            cycles: exclusive cycles of each event, [events].
            lines: lines of memory each event itself moves, [events].
            rest: cycles of the inference outside all events.
        """


@dataclass(frozen=True)
class _Counted:
    """An inference: cycles outside all events, and cycles that each event itself takes, [events]."""

    rest: float
    own: FloatArray


def predict(
    blocks: Sequence[BlockSamples],
    structures: Sequence[StructureInfo],
    prediction: Prediction,
    several: Several | None = None,
) -> list[BlockSamples]:
    """Blocks of nanoseconds beside those of cycles, with the same numbers, phases and variants.

    Times are differences of rounded moments, so the events of an inference, and what is between them, add up to
    it exactly.

    Args:
        blocks: with counters ``cycles`` and, for several threads, ``dram_lines``; others are passed over.
        structures: the event lists that profiled blocks refer to.
        prediction: clock and scale.
        several: how threads share the work; None for one thread.
    """
    clock = Clock.of(prediction)
    lines = {_key(block): block for block in blocks if block.counter == LINES}
    cycles = [block for block in blocks if block.counter == CYCLES]
    work = _Work(structures, several)
    spared = _typical([work.spared(block, lines.get(_key(block))) for block in cycles if _counts(block)])
    return [_timed(block, lines.get(_key(block)), work, clock, spared) for block in cycles]


@dataclass(frozen=True)
class Clock:
    """Turns a moment in cycles into nanoseconds: those of the core's clock times the scale of the anchors."""

    ns_per_cycle: float

    @classmethod
    def of(cls, prediction: Prediction) -> Clock:
        """The clock of a prediction."""
        return cls(1e9 * prediction.scale / prediction.hertz)

    def at(self, cycles: float) -> int:
        """Nanoseconds until a moment, rounded."""
        return math.floor(cycles * self.ns_per_cycle + 0.5)


@dataclass(frozen=True)
class _Work:
    """Reads inferences against their event lists."""

    structures: Sequence[StructureInfo]
    several: Several | None

    def counted(self, block: BlockSamples, lines: BlockSamples | None, index: int) -> _Counted:
        """An inference of a block as it is predicted: of one thread as counted, of several shared."""
        alone = self._alone(block, index)
        if self.several is None:
            return alone
        structure = self.structures[block.structures[index]]
        moved = np.zeros(len(alone.own)) if lines is None else self._alone(lines, index).own
        return _Counted(alone.rest, self.several.shared(structure, alone.own, moved, alone.rest))

    def spared(self, block: BlockSamples, lines: BlockSamples | None) -> list[float]:
        """Cycles that several threads spare each inference of a profiled block."""
        if self.several is None:
            return []
        counts = range(len(block.values))
        return [math.fsum(self._alone(block, i).own - self.counted(block, lines, i).own) for i in counts]

    def _alone(self, block: BlockSamples, index: int) -> _Counted:
        events = np.asarray(block.events[index], dtype=np.float64)
        own, parents = events.copy(), np.asarray(self.structures[block.structures[index]].parent, dtype=int)
        enclosed = parents >= 0
        np.subtract.at(own, parents[enclosed], events[enclosed])
        return _Counted(float(block.values[index]) - math.fsum(events[~enclosed]), own)


def _counts(block: BlockSamples) -> bool:
    return block.phase == "steady" and bool(block.events)


def _typical(spared: Sequence[Sequence[float]]) -> float:
    found = [one for some in spared for one in some]
    return math.fsum(found) / len(found) if found else 0.0


def _timed(
    block: BlockSamples, lines: BlockSamples | None, work: _Work, clock: Clock, spared: float
) -> BlockSamples:
    if not block.events:
        # Profiling tells what threads do to each kernel; the twin without it runs the same kernels.
        values = [clock.at(max(0.0, value - spared)) for value in block.values]
        return replace(block, counter=TIME, values=values)
    inferences = [work.counted(block, lines, index) for index in range(len(block.values))]
    laid = [
        _laid(one, work.structures[number].parent, clock)
        for one, number in zip(inferences, block.structures, strict=True)
    ]
    return replace(block, counter=TIME, values=[value for value, _ in laid], events=[e for _, e in laid])


def _laid(inference: _Counted, parent: Sequence[int], clock: Clock) -> tuple[int, list[int]]:
    """Nanoseconds of an inference and of its events, laid one behind the other, each behind what it encloses."""
    children: dict[int, list[int]] = {}
    for event, enclosing in enumerate(parent):
        children.setdefault(enclosing, []).append(event)
    now, elapsed = 0.0, [0] * len(parent)
    ahead: list[tuple[int, float | None]] = [(event, None) for event in reversed(children.get(-1, []))]
    while ahead:
        event, began = ahead.pop()
        if began is None:
            ahead.append((event, now))
            ahead.extend((child, None) for child in reversed(children.get(event, [])))
        else:
            now += float(inference.own[event])
            elapsed[event] = clock.at(now) - clock.at(began)
    return clock.at(now + inference.rest), elapsed


def _key(block: BlockSamples) -> tuple[int, int, str, str]:
    return block.process, block.block, block.variant, block.phase


def predict_singles(
    singles: Sequence[tuple[str, int, str, str, str, int]], prediction: Prediction
) -> list[tuple[str, int, str, str, str, int]]:
    """Nanoseconds of what belongs to no block (``init``): kind, process, phase, variant, counter, value."""
    clock = Clock.of(prediction)
    return [
        (kind, process, phase, variant, TIME, clock.at(value))
        for kind, process, phase, variant, counter, value in singles
        if counter == CYCLES
    ]
