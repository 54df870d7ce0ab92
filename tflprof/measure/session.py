"""One session from its start to its end, whoever takes its records."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from tflprof.errors import RunnerError
from tflprof.measure.interrupt import Interrupts
from tflprof.profile.samples import BlockSamples
from tflprof.runner.interface import Runner, RunRequest, Session
from tflprof.runner.records import Block, Record


class Taker(Protocol):
    """Takes the records of one process after the other."""

    @property
    def blocks(self) -> Sequence[BlockSamples]:
        """All blocks of finished processes."""

    def begin_process(self) -> None:
        """The records that follow are of a new process."""

    def add(self, record: Record) -> None:
        """Take one record."""

    def end_process(self) -> None:
        """The process is over; what a lost one gave is kept, too."""


def run_session(
    runner: Runner,
    request: RunRequest,
    taker: Taker,
    tell: Callable[[Record], None],
    interrupts: Interrupts,
) -> int:
    """One process to its end; returns how many events it gave. Raises KeyboardInterrupt if a signal came."""
    # Pushing to a phone may take minutes and loses nothing; elsewhere a session begins in no time.
    with interrupts.released() if runner.facts.kind == "adb" else contextlib.nullcontext():
        session = runner.start(request)
    taker.begin_process()
    kept = 0
    try:
        for record in interrupts.records(session):
            taker.add(record)
            if isinstance(record, Block):
                kept += sum(len(events) for events in record.events)
            if not interrupts.received:
                tell(record)
    except KeyboardInterrupt:
        if not interrupts.received:
            _drain(session, taker)
        raise
    finally:
        session.close()
    taker.end_process()
    interrupts.check()
    return kept


def _drain(session: Session, taker: Taker) -> None:
    """Ask a session that Python's own KeyboardInterrupt cut to end, and keep what it still says.

    The exception may have taken a record with it: what the rest lacks is no fault of the runner.
    """
    session.stop()
    with contextlib.suppress(RunnerError):
        for record in session.records():
            taker.add(record)
