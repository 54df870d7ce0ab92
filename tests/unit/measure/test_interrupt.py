"""Signals while measuring: nothing that was collected is lost, nothing is cut in two."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.measure.scripted import ScriptedRunner, block, lost, opening, steady, whole
from tests.unit.runner.test_native import HELLO, ScriptDevice, make_runner, says
from tflprof.measure import pipeline
from tflprof.measure.interrupt import HeldSignals, Interrupts
from tflprof.measure.pipeline import Outcome, Progress, measure
from tflprof.measure.schedule import Plan
from tflprof.runner.interface import RunRequest
from tflprof.runner.records import End, Hello, Record

REQUEST = RunRequest((Path("m.tflite"),))
Step = Record | BaseException | Callable[[], None]


class SignalledSession:
    """Yields records; a function among them is called while the next is waited for."""

    def __init__(self, script: list[Step]) -> None:
        self.script = script
        self.stops = 0
        self.closed = False

    def records(self) -> Iterator[Record]:
        while self.script:
            step = self.script.pop(0)
            if isinstance(step, BaseException):
                raise step
            if callable(step):
                step()
            else:
                yield step

    def stop(self) -> None:
        self.stops += 1

    def close(self) -> None:
        self.closed = True


class SignalledRunner(ScriptedRunner):
    """One session that follows the steps."""

    def __init__(self, *steps: Step) -> None:
        super().__init__(whole)
        self.session = SignalledSession(list(steps))

    def start(self, request: RunRequest) -> SignalledSession:
        return self.session


def raising(number: signal.Signals = signal.SIGINT) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


def run(runner: ScriptedRunner, told: list[Progress] | None = None) -> Outcome:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        return measure(runner, REQUEST, Plan(max_seconds=20), (told if told is not None else []).append)
    finally:
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


LAST = block("plain", 9, [5])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_session_and_says_so(number: signal.Signals) -> None:
    told: list[Progress] = []
    runner = SignalledRunner(*opening(), *steady(0, blocks=2), raising(number), LAST, End("stopped", 9))
    outcome = run(runner, told)
    assert isinstance(outcome.cause, KeyboardInterrupt)
    assert (runner.session.stops, runner.session.closed) == (1, True)
    assert outcome.collector.steady("plain")[-1].values == (5,)
    assert [progress.stage for progress in told] == ["stopping"]
    assert "Ctrl-C again" in told[0].detail


def test_the_second_signal_ends_the_wait_and_the_third_changes_nothing() -> None:
    runner = SignalledRunner(*opening(), *steady(0, blocks=2), raising(), LAST, raising(), lost())
    runner.session.close = raising()
    outcome = run(runner)
    assert isinstance(outcome.cause, KeyboardInterrupt)
    assert outcome.collector.steady("plain")[-1].values == (5,)


def test_a_failure_of_a_session_that_was_told_to_stop_is_no_cause() -> None:
    runner = SignalledRunner(*opening(), *steady(0, blocks=2), raising(), lost())
    assert isinstance(run(runner).cause, KeyboardInterrupt)


def test_a_signal_before_any_steady_sample_is_raised() -> None:
    runner = SignalledRunner(*opening(), raising(), lost())
    with pytest.raises(KeyboardInterrupt):
        run(runner)
    assert runner.session.closed


def test_a_signal_while_a_record_is_kept_does_not_cut_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even two of them: the record is kept whole, then the wait ends."""
    add = pipeline.Collector.add

    def signalled(self: pipeline.Collector, record: Record) -> None:
        if record is LAST:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        add(self, record)

    monkeypatch.setattr(pipeline.Collector, "add", signalled)
    runner = SignalledRunner(*opening(), *steady(0, blocks=2), LAST, lost())
    outcome = run(runner)
    assert isinstance(outcome.cause, KeyboardInterrupt)
    assert outcome.collector.steady("plain")[-1].values == (5,)
    assert len(runner.session.script) == 1


def test_a_listener_that_is_gone_costs_nothing() -> None:
    def gone(_: Progress) -> None:
        raise BrokenPipeError

    runner = SignalledRunner(*opening(), *steady(0, blocks=2), raising(), LAST, End("stopped", 9))
    outcome = measure(runner, REQUEST, Plan(max_seconds=20), gone)
    assert outcome.collector.steady("plain")[-1].values == (5,)


def test_pythons_own_interrupt_is_no_failure_of_the_runner_that_follows() -> None:
    """It may have taken a record with it, which the rest of the session then lacks."""
    outcome = run(ScriptedRunner(lambda _: [*opening(), *steady(0, blocks=2), KeyboardInterrupt(), lost()]))
    assert isinstance(outcome.cause, KeyboardInterrupt)


def test_a_process_that_is_waited_for_is_stopped(tmp_path: Path) -> None:
    """The wait is in the kernel: the handler itself has to stop the session."""
    script = says(HELLO) + f"sleep 0.3; kill -INT {os.getpid()}; cat; "
    script += says('{"r":"end","status":"stopped","records":1}')
    (tmp_path / "m.tflite").write_bytes(b"TFL3")
    told: list[str] = []
    with Interrupts(lambda: told.append("stopping")) as interrupts:
        session = make_runner(ScriptDevice(script), tmp_path).start(RunRequest((tmp_path / "m.tflite",)))
        records = list(interrupts.records(session))
    session.close()
    assert [type(record) for record in records] == [Hello, End]
    assert told == ["stopping"]
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_held_signals_are_counted() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with HeldSignals() as held:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert held.received == 2
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_are_not_held_yet_raise(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), HeldSignals(holding=False):
        signal.raise_signal(number)


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with HeldSignals(holding=False):
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_install_nothing() -> None:
    seen: list[object] = []

    def work() -> None:
        with HeldSignals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
