"""Going on after a lost link."""

from __future__ import annotations

import time
from collections.abc import Callable

from tflprof.errors import DeviceLost
from tflprof.measure.interrupt import Interrupts
from tflprof.measure.session import Taker
from tflprof.runner.interface import Runner

MAX_FRUITLESS = 3
"""Losses in a row, with no new steady sample between them, after which it is given up."""


class Resumption:
    """Counts losses and waits for the device.

    Args:
        runner: whose link may break.
        collector: what came before the loss stays in it.
        interrupts: signals cut the waiting.
        on_wait: called with the error before a wait.

    Attributes:
        reconnects: how often the device came back.
    """

    def __init__(
        self,
        runner: Runner,
        collector: Taker,
        interrupts: Interrupts,
        on_wait: Callable[[DeviceLost], object],
    ) -> None:
        self.reconnects = 0
        self._runner = runner
        self._collector = collector
        self._interrupts = interrupts
        self._on_wait = on_wait
        self._steady = 0
        self._fruitless = 0

    def went_well(self) -> None:
        """A session came to its end."""
        self._steady = self._count()
        self._fruitless = 0

    def _count(self) -> int:
        return sum(block.phase == "steady" for block in self._collector.blocks)

    def after(self, error: DeviceLost) -> float:
        """Keep what the lost session gave and wait until the device answers; the seconds that took.

        Raises:
            DeviceLost: the given one, if going on leads nowhere.
            TargetError: the device did not come back.
            KeyboardInterrupt: a signal came.
        """
        began = time.monotonic()
        self._collector.end_process()
        steady = self._count()
        self._fruitless = 0 if steady > self._steady else self._fruitless + 1
        self._steady = steady
        if self._fruitless >= MAX_FRUITLESS:
            raise DeviceLost(
                f"{error.what}, {self._fruitless} times in a row without a new sample", error.hint
            ) from error
        self._on_wait(error)
        with self._interrupts.released():
            self._runner.recover()
        self.reconnects += 1
        return time.monotonic() - began
