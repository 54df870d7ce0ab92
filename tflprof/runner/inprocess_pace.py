"""When inferences of a session in Python begin: each after the last, or on a grid of times."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGEST_SLEEP_NS = 200_000_000
"""A wait is cut into pieces, so that a request to stop is heard."""

_AWAKE_NS = 500_000
"""The last of a wait is spent awake: a system may wake up who sleeps by so much too late."""


class Pace:
    """The grid of a periodic run (docs/runner-protocol.md, Order of work); without a rate nothing waits.

    Args:
        rate: inferences a second; None: each follows the last.
        stopped: whether the work was asked to end; then nothing waits any more.

    Attributes:
        missed: deadlines missed since it was last set to 0; None unless the run is periodic.
    """

    def __init__(self, rate: float | None, stopped: Callable[[], bool]) -> None:
        self.missed: int | None = None if rate is None else 0
        self._period = None if rate is None else round(1e9 / rate)
        self._stopped = stopped
        self._release = 0

    def wait(self) -> None:
        """Wait for the next time of the grid, which begins now if it has not begun."""
        if self._period is None:
            return
        now = time.perf_counter_ns()
        self._release = self._release or now
        if self._release < now:
            self._release += -(-(now - self._release) // self._period) * self._period
        while now < self._release and not self._stopped():
            if self._release - now > _AWAKE_NS:
                time.sleep(min(self._release - now - _AWAKE_NS, _LONGEST_SLEEP_NS) / 1e9)
            now = time.perf_counter_ns()

    def finished(self) -> None:
        """An inference is over: what has passed of the grid since it began are deadlines that it missed."""
        if self._period is not None and self.missed is not None:
            late = time.perf_counter_ns() - self._release
            self.missed += max(0, late - 1) // self._period

    def restart(self) -> None:
        """Count missed deadlines from 0."""
        if self.missed is not None:
            self.missed = 0
