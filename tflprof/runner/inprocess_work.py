"""What an in-process session does, in the order of docs/runner-protocol.md."""

from __future__ import annotations

import ctypes
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

from tflprof.runner.inprocess_events import Inference
from tflprof.runner.inprocess_model import InProcessModel
from tflprof.runner.interface import RunRequest
from tflprof.runner.litert_ctypes import LiteRt, LiteRtFailure
from tflprof.runner.records import (
    PROTOCOL_VERSION,
    Affinity,
    Block,
    Clock,
    Event,
    Hello,
    Init,
    Library,
    Memory,
    Record,
    Structure,
)
from tflprof.targets.local import make_private_directory

BUILD = "inprocess"
_KERNEL_TICK_NS = 1000
_NS_PER_MS = 1_000_000


class Work:
    """The work of one session.

    Args:
        request: what to do.
        library: path of the library to load.
        platform: of this machine.
        cpus: CPUs to run on; None: as it is. The thread that reads the records gets them, and at the end its own back.

    Attributes:
        stopped: may be set at any time, then the work ends after the inference under way.
        model: number of the model at work, None before the first and when no single one is to blame.
    """

    def __init__(
        self, request: RunRequest, library: Path, platform: str, cpus: tuple[int, ...] | None = None
    ) -> None:
        self.stopped = False
        self.model: int | None = None
        self._request = request
        self._library = library
        self._platform = platform
        self._cpus = cpus
        self._own_cpus: set[int] | None = None
        self._variants = sorted(set(request.variants))  # plain comes before profiled
        self._models: list[InProcessModel] = []
        self._sizes: dict[tuple[int, str], int] = {}
        self._structures: dict[tuple[int, tuple[Event, ...]], int] = {}
        self._blocks = 0
        self._directory: Path | None = None

    def records(self) -> Iterator[Record]:
        """Do the work. Raises LiteRtFailure if the library fails."""
        for steps in (self._begin(), self._open_second(), self._warm_up(), self._rounds()):
            yield from steps
            if self.stopped:
                break
        for model in self._models:
            yield _memory(model.index, "end")

    def messages(self) -> str:
        """What the library says went wrong with the model at work, empty if it says nothing."""
        told = (model.messages() for model in self._models if model.index == self.model)
        return next((text for text in told if text), "")

    def close(self) -> None:
        """Destroy the models and remove what was written."""
        self.stopped = True
        while self._models:
            self._models.pop().close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        if self._own_cpus is not None:
            os.sched_setaffinity(0, self._own_cpus)
            self._own_cpus = None

    def _begin(self) -> Iterator[Record]:
        yield Hello(PROTOCOL_VERSION, BUILD, self._platform, os.getpid(), time.monotonic_ns())
        yield _clock()
        if self._cpus is not None:
            self._own_cpus = os.sched_getaffinity(0)
            os.sched_setaffinity(0, self._cpus)
        yield Affinity(self._cpus or (), tuple(sorted(os.sched_getaffinity(0))), None)
        library = LiteRt(self._library)
        yield Library(str(self._library), None)
        if self._request.weight_cache:
            self._directory = make_private_directory("tflprof-")
        for index in range(len(self._request.models)):
            if not self.stopped:
                yield from self._open(library, index)
        self._check_names()

    def _open(self, library: LiteRt, index: int) -> Iterator[Record]:
        """Make the first variant of a model ready."""
        self.model = index
        variant = self._variants[0]
        cache = self._directory / f"weight.cache.{index}" if self._directory else None
        yield _memory(index, "start")
        model = InProcessModel(library, self._request, index, cache)
        self._models.append(model)
        yield _init(model, variant, "cold" if cache else "none")
        if cache:
            model.discard(variant)
            yield _init(model, variant, "warm")
        yield _memory(index, "init")
        yield model.prepare(variant)
        yield from self._first(model, variant)
        yield _memory(index, "first")

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
            start = time.monotonic_ns()
            structures, block = self._block(model, variant, "warmup", most, budget=budget)
            latest = max(1, time.monotonic_ns() - start)
            count = len(block.value)
            done, spent, size = done + count, spent + latest, budget * count // latest
            yield from structures
            yield block
        self._sizes[model.index, variant] = max(min(request.block_min, most), min(size, most))

    def _rounds(self) -> Iterator[Record]:
        request = self._request
        order, number = Random(request.seed), 0
        least = request.profiled_every + 1 if len(self._variants) == 2 else 1
        began = time.monotonic_ns()
        while not self.stopped and not (request.blocks and number >= request.blocks):
            if number >= least and time.monotonic_ns() - began >= request.seconds * 1e9:
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
        for _ in range(self._request.discard):
            model.infer(variant)
        structures, block = self._block(model, variant, "steady", self._sizes[model.index, variant], number)
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
    ) -> tuple[list[Structure], Block]:
        """Run a block of at most ``most`` inferences, ``budget`` ns or until stopped; its new structures first."""
        self.model = model.index
        begun, switches = time.monotonic_ns(), _switches()
        done: list[Inference] = []
        cores: list[int] = []
        while not done or (len(done) < most and not self.stopped):
            done.append(model.infer(variant))
            cores.append(_current_cpu())
            if budget is not None and time.monotonic_ns() - begun >= budget:
                break
        structures: list[Structure] = []
        numbers = tuple(self._structure(model.index, item, structures) for item in done)
        self._blocks += 1
        profiled = variant == "profiled"
        block = Block(
            m=model.index,
            v=variant,
            phase=phase,
            b=self._blocks - 1,
            round=number,
            counter="ns",
            t=begun,
            khz=_khz(cores[-1]),
            nivcsw=_switches() - switches,
            value=tuple(item.value for item in done),
            core=tuple(cores),
            structure=numbers if profiled else (),
            events=tuple(item.elapsed for item in done) if profiled else (),
        )
        return structures, block

    def _structure(self, model: int, seen: Inference, new: list[Structure]) -> int:
        """The number of an inference's list of events; a list not seen before is added to ``new``."""
        if seen.events is None:
            return -1
        key = model, seen.events
        if key not in self._structures:
            self._structures[key] = len(self._structures)
            new.append(Structure(model, self._structures[key], seen.events, seen.start, seen.elapsed))
        return self._structures[key]


def _init(model: InProcessModel, variant: str, cache: str) -> Init:
    start = time.monotonic_ns()
    model.compile(variant)
    return Init(model.index, variant, cache, start, time.monotonic_ns() - start)


def _clock() -> Clock:
    """The cost is of our own clock; the tick is of the library's, which times kernels in microseconds."""
    readings = [time.monotonic_ns() for _ in range(1001)]
    steps = sorted(later - earlier for earlier, later in pairwise(readings))
    return Clock("ns", _KERNEL_TICK_NS, steps[len(steps) // 2])


def _memory(model: int, at: str) -> Memory:
    sizes: dict[str, int] = {}
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name in ("VmHWM", "VmRSS"):
            sizes[name] = int(value.split()[0]) * 1024
    return Memory(model, at, sizes.get("VmHWM"), sizes.get("VmRSS"))


def _switches() -> int:
    import resource  # which not every system has that runs tflprof

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@cache
def _sched_getcpu() -> Callable[[], int]:
    """The C library's function: not at import, for not every system has it."""
    function: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
    return function


def _current_cpu() -> int:
    return _sched_getcpu()()


def _khz(cpu: int) -> int | None:
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq")
    try:
        return int(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
