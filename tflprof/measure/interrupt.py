"""Ctrl-C and SIGTERM while there is something to lose.

Python answers a signal by an exception in the middle of whatever runs: a record being decoded, a file being
written. Here a signal is counted, and answered where nothing is cut in two. Only the main thread can install
handlers; in others these contexts do nothing, and a KeyboardInterrupt does what it always does.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from tflprof.runner.interface import Session
from tflprof.runner.records import Record

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class HeldSignals:
    """A context in which SIGINT and SIGTERM are counted and do nothing else.

    Args:
        holding: False lets them raise KeyboardInterrupt, until the attribute is set to True.

    Attributes:
        holding: whether signals are held back now.
        received: how many were held back.
    """

    def __init__(self, *, holding: bool = True) -> None:
        self.holding = holding
        self.received = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                # One that is ignored (nohup) stays so; None is a handler that could not be put back.
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if not self.holding:
            raise KeyboardInterrupt
        self.received += 1


class Interrupts(HeldSignals):
    """Signals while sessions run: the first asks the session to stop, the second gives up waiting for it.

    Args:
        on_stop: called when a session was asked to stop.
    """

    def __init__(self, on_stop: Callable[[], None]) -> None:
        super().__init__()
        self._on_stop = on_stop
        self._session: Session | None = None
        self._waiting = False
        self._stopping = False

    def records(self, session: Session) -> Iterator[Record]:
        """The session's records. Raises KeyboardInterrupt between two of them at the second signal."""
        self._session = session
        coming = session.records()
        while True:
            self._waiting = True
            try:
                if self.received:
                    self._answer()
                record = next(coming, None)
            finally:
                self._waiting = False
            if record is None:
                return
            yield record

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Signals raise KeyboardInterrupt meanwhile: for a wait that loses nothing by being cut."""
        self.check()
        self.holding = False
        try:
            yield
        finally:
            self.holding = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came."""
        if self.received:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        super()._handle(number, frame)
        # Elsewhere a record is being kept or progress told: then it is answered before the next record.
        if self._waiting:
            self._answer()

    def _answer(self) -> None:
        if self.received > 1:
            self._waiting = False  # a third signal must not disturb the cleaning up
            raise KeyboardInterrupt
        if self._session is not None and not self._stopping:
            self._stopping = True
            self._session.stop()
            # Who listens may have been ended by the same Ctrl-C.
            with contextlib.suppress(OSError):
                self._on_stop()
