"""What several threads make of the cycles of one: only XNNPACK's kernels are shared, memory serves all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tflprof.errors import TargetError, UsageError
from tflprof.facts import DeviceFacts
from tflprof.measure.kernels import family
from tflprof.profile.events import KERNELS
from tflprof.profile.meta import StructureInfo

if TYPE_CHECKING:
    from tflprof.runner.interface import Runner, RunRequest
    from tflprof.targets.cost_table import CoreCosts

FloatArray = npt.NDArray[np.float64]

LINE_BYTES = 64
MODELLED = (2, 4)
MOST_OUTSIDE = 0.2
"""Of an inference, outside XNNPACK's kernels: above that what is not modelled decides."""

# XNNPACK divides these among threads by batches or channels only, of which one image has too few.
_SERIAL = frozenset({"Softmax", "Global Average Pooling", "Global Sum Pooling", "Mean", "Sum"})

EFFICIENCY = {2: 1.0, 4: 0.84}
"""By threads: share of ideal speed that kernels keep where tiles do not divide evenly and a cache is shared. Tuned, as
``SYNC_NS``, by ``python -m benchmarks.prediction_threads`` on XNNPACK's README: MobileNet v1, v2, v3 large and small
in float32 on Pixel and Pixel 3a (2 threads) and Pixel 2 (4)."""
SYNC_NS = {2: 8_500.0, 4: 21_500.0}
"""By threads: of waking and joining them, per kernel. Tuned."""

_ONE = "predict one thread, or measure several on the phone (--target adb)"


@dataclass(frozen=True)
class SharedWork:
    """Divides the work of kernels among threads.

    Attributes:
        threads: how many.
        line_cycles: cycles that one thread waits for each line of memory.
        memory: what remains of that waiting: bandwidth of one core over that of all threads' cores.
        sync_cycles: of waking and joining the threads, per kernel.
        efficiency: share of ideal speed that a kernel's own work keeps.
        floor_cycles: cycles per line that all cores together take at least.
    """

    threads: int
    line_cycles: float
    memory: float
    sync_cycles: float
    efficiency: float = 1.0
    floor_cycles: float = 0.0

    def shared(
        self, structure: StructureInfo, cycles: FloatArray, lines: FloatArray, rest: float
    ) -> FloatArray:
        """Cycles [events] that threads leave of those each event itself takes with one; the rest is not shared.

        Args:
            structure: the events.
            cycles: exclusive cycles of each event, [events].
            lines: lines of memory each event itself moves, [events].
            rest: cycles of the inference outside all events.

        Raises:
            TargetError: too much of the inference is outside XNNPACK's kernels.
        """
        kernels = np.array([event.type in KERNELS for event in structure.events], dtype=bool)
        _check_outside(float(rest + cycles[~kernels].sum()), float(rest + cycles.sum()), self.threads)
        alone = np.array([family(event.tag) in _SERIAL for event in structure.events], dtype=bool)
        waiting = np.clip(lines * self.line_cycles, 0.0, np.maximum(cycles, 0.0))
        working = (cycles - waiting) / (self.threads * self.efficiency)
        # One core computes while lines come; several compute less, and no faster than all lines come at all.
        divided = np.maximum(working + waiting * self.memory, lines * self.floor_cycles) + self.sync_cycles
        # What is shorter than waking others is one tile, and one thread runs it.
        return np.where(kernels & ~alone & (cycles > 0), np.minimum(divided, cycles), cycles)


def shared_work(costs: CoreCosts, threads: int) -> SharedWork | None:
    """How threads share work on a core with these costs; None for one thread.

    Raises:
        TargetError: they are not modelled on it, saying why.
    """
    if threads == 1:
        return None
    wide = None if costs.memory is None else costs.memory.multi_gb_s.get(threads)
    if costs.memory is None or wide is None:
        raise TargetError(
            f"{threads} threads cannot be predicted: no published speed of the memory with {threads} cores was found",
            _ONE,
        )
    ratio = min(1.0, max(1 / threads, costs.memory.read_gb_s / wide))
    sync = SYNC_NS[threads] * costs.hertz / 1e9
    floor = LINE_BYTES / wide * costs.hertz / 1e9
    return SharedWork(threads, costs.dram_line_cycles, ratio, sync, EFFICIENCY[threads], floor)


def sharing_text(threads: int) -> str | None:
    """What was tuned of so many threads, as profiles keep it: ``efficiency 0.84, sync 21.5 µs``; None for one."""
    if threads == 1:
        return None
    return f"efficiency {EFFICIENCY[threads]:g}, sync {SYNC_NS[threads] / 1000:g} µs"


def check_threads(runner: Runner, request: RunRequest) -> None:
    """Raise UsageError or TargetError for threads that are not modelled, saying why and what to do."""
    threads = request.threads
    if threads == 1:
        return
    if threads not in MODELLED:
        known = " or ".join(map(str, (1, *MODELLED)))
        raise UsageError(f"{threads} threads cannot be predicted: {known} are modelled", f"--threads {known}")
    if runner.cost == "cycles":
        raise UsageError(
            f"{threads} threads cannot be predicted without caches and memory, which they share",
            "--cost caches, or --threads 1",
        )
    if request.kernels != "xnnpack":
        raise UsageError(
            f"{threads} threads cannot be predicted with {request.kernels} kernels: how they share work is not "
            "modelled",
            "--kernels xnnpack, or --threads 1",
        )


def check_cores(facts: DeviceFacts, cpus: tuple[int, ...] | None, threads: int) -> None:
    """Raise UsageError if several threads would be on different kinds of cores."""
    kinds = {cpu.cluster: cpu for cpu in facts.cpus if cpus is not None and cpu.index in cpus}
    if threads > 1 and len(kinds) > 1:
        names = " and ".join(str(cpu.part or f"CPU {cpu.index}") for cpu in kinds.values())
        raise UsageError(
            f"{threads} threads on different cores cannot be predicted: {names}", "choose cores of one kind"
        )


def _check_outside(outside: float, whole: float, threads: int) -> None:
    share = outside / whole if whole > 0 else 0.0
    if share > MOST_OUTSIDE and math.isfinite(share):
        raise TargetError(
            f"{threads} threads cannot be predicted: {share:.0%} of the inference is not in XNNPACK's kernels, "
            f"and how the rest would share it is not modelled",
            _ONE,
        )
