"""How long to measure: processes, their length, and when the interval is looked at.

The total's interval is looked at after fixed numbers of processes only, because every look is another
chance to stop by luck; the interval is widened for as many looks as there were (docs/statistics.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tflprof import stats
from tflprof.runner.interface import RunRequest

LOOKS = (20, 30, 40, 60, 80, 120)
"""Numbers of processes after which the interval is looked at."""

BLOCK_PERIODS = 4
"""Inferences of a block of a periodic run, at least."""

SUSTAINED_EVERY = 9
"""Plain blocks of an endurance run before each profiled one."""

PROCESS_START = 1.0
"""Seconds that the start of a process is taken for, where none has been seen."""

MAX_EVENTS = 40_000
"""Events kept per process; with more, fewer inferences of a profiled block are recorded."""


@dataclass(frozen=True)
class Plan:
    """Time budget and wanted precision of a measurement.

    Attributes:
        max_seconds: of the whole measurement.
        precision: wanted half-width of the total's 95 % interval, relative.
        process_seconds: steady phase of one process.
        sustain: an endurance run: the whole budget is used, whatever the precision.
    """

    max_seconds: float = 60.0
    precision: float = 0.01
    process_seconds: float = 0.5
    sustain: bool = False

    def seconds_for_next(self, elapsed: float, done: int, startup: float) -> float:
        """Steady seconds of the next process.

        Args:
            elapsed: seconds since the measurement began.
            done: processes finished.
            startup: seconds a process needs beside its steady phase, as seen so far.
        """
        if self.sustain:
            return min(self.process_seconds, max(self.max_seconds - elapsed, 0.05))
        if done >= LOOKS[0]:
            return self.process_seconds
        left = max(self.max_seconds - elapsed, 0.0) / (LOOKS[0] - done) - startup
        return min(self.process_seconds, max(left, 0.05))

    def out_of_time(self, elapsed: float, done: int, startup: float) -> bool:
        """True if no further process fits the budget; the first always does."""
        return done > 0 and elapsed + startup + min(self.process_seconds, 0.05) > self.max_seconds


def shaped(request: RunRequest, plan: Plan) -> RunRequest:
    """The request with blocks that suit a periodic or an endurance run.

    Blocks of a periodic run last several periods, and nothing in them goes unrecorded. An endurance run has
    fewer profiled inferences and longer blocks, since it lasts so long.
    """
    if request.rate is not None:
        periods = BLOCK_PERIODS * 1000 / request.rate
        request = replace(request, fill=False, block_ms=max(request.block_ms, round(periods)))
    if plan.sustain:
        request = replace(
            request,
            block_ms=max(request.block_ms, 100),
            block_max=100,
            profiled_max=5,
            profiled_every=SUSTAINED_EVERY,
        )
    return request


def least_seconds(rate: float, *, sustain: bool = False) -> float:
    """Seconds that a process of a periodic run waits at least: 22 periods, 50 in an endurance run.

    Both variants run once and warm up for a block; then there is a round of blocks of both.
    """
    blocks = 2 + (SUSTAINED_EVERY if sustain else RunRequest.profiled_every) + 1
    return (2 + blocks * BLOCK_PERIODS) / rate


def seconds_for_interval(rate: float) -> int:
    """Time budget in which a periodic run has processes enough for an interval, if it runs a fast model."""
    return math.ceil(stats.MIN_PROCESSES * (least_seconds(rate) + PROCESS_START))


def speed_as_it_is(request: RunRequest, plan: Plan) -> bool:
    """True if changes of the core's speed are what the run is to show.

    Heat makes them in an endurance run, a governor between the inferences of a periodic one.
    """
    return plan.sustain or request.rate is not None


def is_look(done: int) -> bool:
    """True if the interval is looked at after so many processes."""
    return done in LOOKS or (done > LOOKS[-1] and done % LOOKS[-1] == 0)


def profiled_max(current: int, events: int) -> int:
    """Recorded inferences of a profiled block, given the events that the last process kept with ``current``."""
    return current if events <= MAX_EVENTS else max(1, current * MAX_EVENTS // events)
