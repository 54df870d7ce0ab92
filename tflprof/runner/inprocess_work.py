"""What an in-process session does, in the order of docs/runner-protocol.md."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tflprof.runner import inprocess_system as system
from tflprof.runner.inprocess_events import Inference
from tflprof.runner.inprocess_model import InProcessModel
from tflprof.runner.inprocess_pace import Pace
from tflprof.runner.inprocess_pmu import Counters
from tflprof.runner.interface import RunRequest
from tflprof.runner.litert_ctypes import LiteRt, LiteRtFailure
from tflprof.runner.records import (
    PROTOCOL_VERSION,
    Block,
    Event,
    Hello,
    Init,
    Library,
    Record,
    Structure,
)

BUILD = "inprocess"
_NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Order:
    """What a session is to do, and where.

    Attributes:
        request: the work.
        library: path of the library to load.
        platform: of this machine.
        folder: a temporary one.
        cpus: CPUs to run on; None: as it is.
        zones: files with temperatures of the processor.
    """

    request: RunRequest
    library: Path
    platform: str
    folder: Path
    cpus: tuple[int, ...] | None = None
    zones: Sequence[str] = ()


class Work:
    """The work of one session.

    Args:
        order: what to do, and where; the thread that asks for the records is the one that is pinned.

    Attributes:
        stopped: may be set at any time, then the work ends after the inference under way.
        model: number of the model at work, None before the first and when no single one is to blame.
    """

    def __init__(self, order: Order) -> None:
        self.stopped = False
        self.model: int | None = None
        self._order = order
        self._request = order.request
        self._variants = sorted(set(order.request.variants))  # plain comes before profiled
        self._models: list[InProcessModel] = []
        self._sizes: dict[tuple[int, str], tuple[int, int]] = {}
        self._structures: dict[tuple[int, tuple[Event, ...]], int] = {}
        self._blocks = 0
        self._pace = Pace(order.request.rate, lambda: self.stopped)
        self._foreign: set[int] = set()
        self._counters: Counters | None = None

    def records(self) -> Iterator[Record]:
        """Do the work. Raises LiteRtFailure if the library fails."""
        for steps in (self._begin(), self._open_second(), self._warm_up(), self._rounds()):
            yield from steps
            if self.stopped:
                break
        for model in self._models:
            yield system.memory(model.index, "end")

    def messages(self) -> str:
        """What the library says went wrong with the model at work, empty if it says nothing."""
        told = (model.messages() for model in self._models if model.index == self.model)
        return next((text for text in told if text), "")

    def _begin(self) -> Iterator[Record]:
        yield Hello(PROTOCOL_VERSION, BUILD, self._order.platform, os.getpid(), time.perf_counter_ns())
        yield system.clock()
        yield system.pin(self._order.cpus)
        if self._request.pmu:
            self._counters = Counters()
            yield self._counters.record()
        self._foreign = system.threads() - {threading.get_native_id()}
        library = LiteRt(self._order.library)
        yield Library(str(self._order.library), None, "litert")
        for index in range(len(self._request.models)):
            if not self.stopped:
                yield from self._open(library, index)
        self._check_names()

    def _open(self, library: LiteRt, index: int) -> Iterator[Record]:
        """Make the first variant of a model ready."""
        self.model = index
        variant = self._variants[0]
        cache = self._order.folder / f"weight.cache.{index}" if self._request.weight_cache else None
        yield system.memory(index, "start")
        model = InProcessModel(library, self._request, index, cache, self._counters)
        self._models.append(model)
        yield _init(model, variant, "cold" if cache else "none")
        if cache:
            model.discard(variant)
            yield _init(model, variant, "warm")
        yield system.memory(index, "init")
        yield model.prepare(variant)
        yield from self._first(model, variant)
        yield system.memory(index, "first")

    def _check_names(self) -> None:
        known = {name for model in self._models for name in model.input_names()}
        for name in (*self._request.inputs, *self._request.shapes):
            if name not in known and not self.stopped:
                self.model = None
                raise LiteRtFailure("options", f"no model has an input named `{name}`")

    def _open_second(self) -> Iterator[Record]:
        for model in self._models:
            for variant in self._variants[1:]:
                self.model = model.index
                yield _init(model, variant, "warm" if self._request.weight_cache else "none")
                model.prepare(variant)
                yield from self._first(model, variant)

    def _warm_up(self) -> Iterator[Record]:
        for model in self._models:
            for variant in self._variants:
                yield from self._warm_up_one(model, variant)

    def _warm_up_one(self, model: InProcessModel, variant: str) -> Iterator[Record]:
        request = self._request
        budget = request.block_ms * _NS_PER_MS
        done, spent, size = 0, 0, request.block_min
        most = request.profiled_max if variant == "profiled" else request.block_max
        while not self.stopped and (spent < request.warmup_ms * _NS_PER_MS or done < request.warmup_min):
            start = time.perf_counter_ns()
            structures, block = self._block(model, variant, "warmup", most, budget=budget)
            latest = max(1, time.perf_counter_ns() - start)
            count = len(block.value)
            done, spent, size = done + count, spent + latest, budget * count // latest
            yield from structures
            yield block
        recorded = max(min(request.block_min, most), min(size, most))
        # Blocks of very short inferences last as long as others by inferences that are not recorded.
        unrecorded = max(request.discard, size - recorded if request.fill else 0)
        self._sizes[model.index, variant] = recorded, unrecorded

    def _rounds(self) -> Iterator[Record]:
        request = self._request
        order, number = Random(request.seed), 0
        least = request.profiled_every + 1 if len(self._variants) == 2 else 1
        began = time.perf_counter_ns()
        while not self.stopped and not (request.blocks and number >= request.blocks):
            if number >= least and time.perf_counter_ns() - began >= request.seconds * 1e9:
                break
            turn = number % (request.profiled_every + 1) == request.profiled_every
            variant = self._variants[-1 if turn else 0]
            for model in order.sample(self._models, len(self._models)):
                if not self.stopped:
                    yield from self._steady(model, variant, number)
            number += 1

    def _first(self, model: InProcessModel, variant: str) -> Iterator[Record]:
        structures, block = self._block(model, variant, "first", 1)
        yield from structures
        yield block

    def _steady(self, model: InProcessModel, variant: str, number: int) -> Iterator[Record]:
        recorded, unrecorded = self._sizes[model.index, variant]
        structures, block = self._block(model, variant, "steady", recorded, number, unrecorded=unrecorded)
        yield from structures
        yield block

    def _block(
        self,
        model: InProcessModel,
        variant: str,
        phase: str,
        most: int,
        number: int = 0,
        budget: int | None = None,
        unrecorded: int = 0,
    ) -> tuple[list[Structure], Block]:
        """Run a block of at most ``most`` inferences, ``budget`` ns or until stopped; its new structures first."""
        self.model = model.index
        self._pace.restart()
        switches, before = system.involuntary_switches(), self._conditions(system.current_core())
        for _ in range(unrecorded):
            if not self.stopped:
                self._infer(model, variant)
        done, cores = self._run(model, variant, most, budget)
        after, workers = self._conditions(cores[-1]), self._workers()
        self._blocks += 1
        block = Block(
            m=model.index,
            v=variant,
            phase=phase,
            b=self._blocks - 1,
            round=number,
            counter="ns",
            t=done[0].start_ns,
            khz=after[0],
            khz_before=before[0],
            mc=after[1],
            mc_before=before[1],
            nivcsw=_since(switches, system.involuntary_switches()),
            missed=self._pace.missed,
            workers=workers,
            value=tuple(item.value for item in done),
            core=cores,
            pmu=self._counts(done),
        )
        return self._with_events(block, done) if variant == "profiled" else ([], block)

    def _run(
        self, model: InProcessModel, variant: str, most: int, budget: int | None
    ) -> tuple[list[Inference], tuple[int, ...]]:
        """Inferences, and the core that each ended on."""
        begun = time.perf_counter_ns()
        done: list[Inference] = []
        cores: list[int] = []
        while not done or (len(done) < most and not self.stopped):
            done.append(self._infer(model, variant))
            cores.append(system.current_core())
            if budget is not None and time.perf_counter_ns() - begun >= budget:
                break
        return done, tuple(cores)

    def _counts(self, done: Sequence[Inference]) -> dict[str, tuple[int, ...]] | None:
        if self._counters is None or not self._counters.names:
            return None
        columns = zip(*(item.counts for item in done), strict=True)
        return dict(zip(self._counters.names, columns, strict=True))

    def _workers(self) -> tuple[tuple[int, ...], ...]:
        return system.thread_cores(self._foreign) if self._request.threads > 1 else ()

    def _infer(self, model: InProcessModel, variant: str) -> Inference:
        self._pace.wait()
        done = model.infer(variant)
        self._pace.finished()
        return done

    def _conditions(self, core: int) -> tuple[int | None, int | None]:
        """Frequency of a core, kHz, and temperature of the hottest zone, thousandths of a degree Celsius."""
        return system.core_khz(core), system.hottest(self._order.zones)

    def _with_events(self, block: Block, done: Sequence[Inference]) -> tuple[list[Structure], Block]:
        """The lists of events that were not seen before, and the block with its events."""
        new: list[Structure] = []
        for seen in done:
            key = block.m, seen.events
            if key not in self._structures:
                self._structures[key] = len(self._structures)
                new.append(Structure(block.m, self._structures[key], seen.events, seen.start, seen.elapsed))
        numbers = tuple(self._structures[block.m, seen.events] for seen in done)
        return new, replace(block, structure=numbers, events=tuple(seen.elapsed for seen in done))


def _init(model: InProcessModel, variant: str, cache: str) -> Init:
    start = time.perf_counter_ns()
    model.compile(variant)
    return Init(model.index, variant, cache, start, time.perf_counter_ns() - start)


def _since(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
