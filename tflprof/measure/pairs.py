"""Measuring two models in the same processes, block by block in turn, so that what drifts cancels."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from tflprof.errors import DeviceLost, TflprofError
from tflprof.measure.assemble import assemble
from tflprof.measure.interrupt import Interrupts
from tflprof.measure.pair_collector import PairCollector
from tflprof.measure.pipeline import STOPPING, WAITING, OnProgress, Outcome, Progress
from tflprof.measure.resume import Resumption
from tflprof.measure.schedule import Plan, profiled_max
from tflprof.measure.session import run_session
from tflprof.model.graph import Model
from tflprof.profile.meta import Pairing
from tflprof.profile.profile import Profile
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.records import Record
from tflprof.targets.load import load_between, sample_load

BLOCK_MS = 5
"""A block lasts about so long, unless its fewest inferences last longer."""

BLOCK_MIN = 4
"""Recorded inferences of a block at least; one more runs before them."""

BLOCK_MAX = 200
PROFILED_MAX = 10
WARMUP_MS = 20
WARMUP_MIN = 2

PROCESS_SECONDS = 0.5
"""Steady phase of a process; longer ones know their own pair better and the processes' spread no better."""

LEAST_SECONDS = 0.02


@dataclass(frozen=True)
class PairPlan:
    """Time budget of a paired measurement.

    Attributes:
        max_seconds: of the whole, looked at between processes.
        most: pairs that the budget should have room for: processes become shorter for that.
        fewest: pairs without which there is no result: for them blocks of slow models become shorter, too.
        process_seconds: steady phase of a process.
    """

    max_seconds: float = 120.0
    most: int = 40
    fewest: int = 10
    process_seconds: float = PROCESS_SECONDS

    def seconds_for_next(self, elapsed: float, done: int, startup: float) -> float:
        """Steady seconds of the next process; ``startup`` is what one needs beside its steady phase."""
        left = max(self.max_seconds - elapsed, 0.0) / max(self.most - done, 1) - startup
        return min(self.process_seconds, max(left, LEAST_SECONDS))

    def too_slow(self, elapsed: float, done: int, took: float) -> bool:
        """True if the budget has no room for the fewest pairs, were each as long as the last."""
        return done < self.fewest and elapsed + took * (self.fewest - done) > self.max_seconds

    def out_of_time(self, elapsed: float, done: int, startup: float) -> bool:
        """True if no further process fits the budget; the first always does."""
        return done > 0 and elapsed + startup + LEAST_SECONDS > self.max_seconds


def paired_request(request: RunRequest) -> RunRequest:
    """The request with short blocks whose first inference is not recorded, plain and profiled in turn."""
    return replace(
        request,
        block_ms=BLOCK_MS,
        block_min=BLOCK_MIN,
        block_max=BLOCK_MAX,
        profiled_max=PROFILED_MAX,
        discard=1,
        fill=False,
        profiled_every=1,
        warmup_ms=WARMUP_MS,
        warmup_min=WARMUP_MIN,
    )


class PairedMeasurement:
    """Processes with both models, one after the other; each is a pair of the comparison.

    Args:
        runner: where; it stays open.
        request: what to run; ``models`` has two paths, which may be equal.
        graphs: the two models.
        plan: how long.
        on_progress: called now and then.

    Attributes:
        cause: what cut it short, None if nothing did (a signal: KeyboardInterrupt).
        collector: everything gathered.
    """

    def __init__(
        self,
        runner: Runner,
        request: RunRequest,
        graphs: tuple[Model, Model],
        plan: PairPlan,
        on_progress: OnProgress,
    ) -> None:
        self.cause: BaseException | None = None
        self.collector = PairCollector(runner.counters[0])
        self._runner = runner
        self._request = request if runner.deterministic else paired_request(request)
        self._graphs = graphs
        self._plan = plan
        self._tell = on_progress
        self._id = str(uuid.uuid4())
        self._orders = _Orders(request.seed)
        self._began: float | None = None
        self._waited = 0.0
        self._startup = 0.0
        self._reconnects = 0
        self._pairs = 0
        self._device: dict[str, Mapping[str, object]] = {}
        # What this machine does meanwhile is nothing to a phone.
        self._load = None if runner.facts.kind == "adb" else sample_load(time.monotonic())

    @property
    def pairs(self) -> int:
        """Processes so far that gave what a comparison needs."""
        return self._pairs

    def extend(self, pairs: int, what_for: str = "") -> bool:
        """Run processes until so many gave usable data; False if the time is over or something cut it short.

        A process whose device is lost is followed by the next one, once the device is back. Ctrl-C, SIGTERM or
        an error after the first steady samples of both models is told in ``cause``; what was gathered is kept.
        Progress says ``what_for`` the pairs are.

        Raises:
            KeyboardInterrupt, TflprofError: before there was any steady sample of both.
        """
        if self.cause is not None:
            return False
        if self._began is None:
            self._began = time.monotonic()
            self._device["start"] = self._runner.conditions()
        with Interrupts(lambda: self._tell(STOPPING)) as interrupts:
            try:
                self._run(pairs, interrupts, what_for)
                interrupts.check()
            except (KeyboardInterrupt, TflprofError) as error:
                self.collector.end_process()
                # A session that was told to stop may fail on its way: that is not what ended the measurement.
                self.cause = KeyboardInterrupt() if interrupts.received else error
        if self.cause is not None and not self.collector.has_steady():
            raise self.cause
        self._pairs = self.collector.pairs()
        return self.cause is None and self._pairs >= pairs

    def profiles(self, looks: Sequence[int]) -> tuple[Profile, Profile]:
        """Profiles of both models from all there is so far.

        Args:
            looks: numbers of pairs after which they were compared, this time included.
        """
        self._device["end"] = self._runner.conditions()
        load = None if self._load is None else load_between(self._load, sample_load(time.monotonic()))
        plan = Plan(max_seconds=self._plan.max_seconds, process_seconds=self._plan.process_seconds)
        made = []
        for side, graph, collector in zip("ab", self._graphs, self.collector.sides(), strict=True):
            outcome = Outcome(
                collector,
                cause=self.cause,
                load=load,
                reconnects=self._reconnects,
                device=dict(self._device),
            )
            pairing = Pairing(self._id, side, tuple(looks))
            made.append(assemble(graph, self._runner, self._request, plan, outcome, pairing))
        return made[0], made[1]

    def _run(self, pairs: int, interrupts: Interrupts, what_for: str) -> None:
        resumption = Resumption(
            self._runner,
            self.collector,
            interrupts,
            lambda error: self._tell(Progress(WAITING, None, error.what)),
        )
        while self._pairs < pairs and not self._plan.out_of_time(
            self._elapsed(), self.collector.processes, self._startup
        ):
            try:
                self._one(interrupts)
            except DeviceLost as error:
                # The time budget is for measuring.
                self._waited += resumption.after(error)
                self._reconnects += 1
            else:
                resumption.went_well()
            self._pairs = self._count(pairs)
            self._tell(self._progress(pairs, what_for))

    def _one(self, interrupts: Interrupts) -> None:
        """One process with both models."""
        swapped = self._orders.next()
        self.collector.load(swapped=swapped)
        seconds = self._plan.seconds_for_next(self._elapsed(), self._pairs, self._startup)
        models = self._request.models[::-1] if swapped else self._request.models
        step = replace(self._request, models=models, seconds=seconds)
        started, spoke = time.monotonic(), 0.0

        def note(_: Record) -> None:
            nonlocal spoke
            spoke = spoke or time.monotonic()

        kept = run_session(self._runner, step, self.collector, note, interrupts)
        if self.collector.processes == 1 and spoke:
            # Before the first process a phone is given its files: no other waits for that.
            self._waited += spoke - started
            started = spoke
        took = time.monotonic() - started
        self._startup = max(self._startup, took - seconds)
        self._adapt(kept, took)

    def _adapt(self, kept: int, took: float) -> None:
        """Shorten the blocks if the last process kept too many events, or ``took`` too many seconds."""
        request = self._request
        self._request = replace(request, profiled_max=profiled_max(request.profiled_max, kept // 2))
        if self._plan.too_slow(self._elapsed(), self._pairs + 1, took):
            self._request = replace(self._request, block_min=max(1, request.block_min // 2), warmup_min=1)

    def _count(self, wanted: int) -> int:
        """Pairs so far; exactly only when they seem enough, since what is usual changes with every process."""
        return self.collector.likely if self.collector.likely < wanted else self.collector.pairs()

    def _elapsed(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began - self._waited

    def _progress(self, wanted: int, what_for: str) -> Progress:
        """The fraction is of the pairs until the next look, or of the time budget."""
        fraction = max(self._pairs / wanted, self._elapsed() / self._plan.max_seconds)
        detail = ", ".join(filter(None, [f"{self._pairs} of {wanted} pairs", what_for]))
        return Progress("measuring", min(fraction, 1.0), detail)


class _Orders:
    """Which model is loaded first: at random, and each as often as the other in every two processes."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._pending: list[bool] = []

    def next(self) -> bool:
        """True if the next process is to load B first."""
        if not self._pending:
            self._pending = [False, True]
            self._random.shuffle(self._pending)
        return self._pending.pop()
