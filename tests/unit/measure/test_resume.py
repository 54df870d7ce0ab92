"""A link that breaks while measuring: what is kept, when it goes on, when it gives up."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.measure.scripted import SECOND, ScriptedRunner, opening, steady, whole
from tflprof.errors import DeviceLost, TargetError
from tflprof.facts import DeviceFacts
from tflprof.measure.pipeline import Outcome, Progress, measure
from tflprof.measure.resume import MAX_FRUITLESS
from tflprof.measure.schedule import LOOKS, Plan
from tflprof.runner.interface import RunRequest, Session
from tflprof.runner.records import Record

REQUEST = RunRequest((Path("m.tflite"),))


def broken() -> DeviceLost:
    return DeviceLost("the link to Pixel 2 broke", "check the cable")


class Phone(ScriptedRunner):
    """Comes back as often as it is asked to, unless told otherwise; starting may lose it, too."""

    recovered = 0
    on_recover: Callable[[], object] = staticmethod(lambda: None)
    starts_lost: frozenset[int] = frozenset()
    tries = 0

    def start(self, request: RunRequest) -> Session:
        self.tries += 1
        if self.tries - 1 in self.starts_lost:
            raise broken()
        return super().start(request)

    def recover(self) -> None:
        self.recovered += 1
        self.on_recover()


def run(phone: Phone, told: list[Progress] | None = None) -> Outcome:
    return measure(phone, REQUEST, Plan(max_seconds=20), (told if told is not None else []).append)


def half(number: int) -> list[Record | BaseException]:
    return [*opening(), *steady(number * SECOND, blocks=3), broken()]


def nothing(number: int) -> list[Record | BaseException]:
    return [*opening(), broken()]


def test_it_goes_on_and_keeps_what_the_lost_session_gave() -> None:
    phone = Phone(lambda number: half(number) if number in (2, 5) else whole(number))
    told: list[Progress] = []
    outcome = run(phone, told)
    assert outcome.cause is None
    assert outcome.reached
    assert (outcome.reconnects, phone.recovered) == (2, 2)
    assert outcome.collector.processes == LOOKS[0]
    assert sum(block.process == 2 for block in outcome.collector.steady("plain")) == 3
    assert all(session.closed for session in phone.sessions)
    waits = [progress for progress in told if "waiting" in progress.stage]
    assert [wait.detail for wait in waits] == ["the link to Pixel 2 broke"] * 2


def test_a_session_that_cannot_begin_is_no_process() -> None:
    phone = Phone(whole)
    phone.starts_lost = frozenset({0, 7})
    outcome = run(phone)
    assert outcome.cause is None
    assert outcome.reconnects == 2
    assert outcome.collector.processes == LOOKS[0] == len(phone.sessions)


def test_losses_without_a_new_sample_are_given_up() -> None:
    phone = Phone(lambda number: whole(number) if number < 2 else nothing(number))
    outcome = run(phone)
    assert isinstance(outcome.cause, DeviceLost)
    assert f"{MAX_FRUITLESS} times in a row" in outcome.cause.what
    assert outcome.cause.hint
    assert phone.recovered == MAX_FRUITLESS - 1
    assert len(outcome.collector.steady("plain")) == 2 * 8


def test_losses_that_give_samples_are_never_given_up() -> None:
    phone = Phone(lambda number: half(number) if number < 3 * MAX_FRUITLESS else whole(number))
    outcome = run(phone)
    assert outcome.cause is None
    assert outcome.reconnects == 3 * MAX_FRUITLESS


def test_losses_before_any_sample_are_an_error() -> None:
    phone = Phone(nothing)
    with pytest.raises(DeviceLost):
        run(phone)
    assert phone.recovered == MAX_FRUITLESS - 1


def test_a_phone_that_does_not_come_back_ends_it_with_what_there_is() -> None:
    def gone() -> None:
        raise TargetError("Pixel 2 did not come back")

    phone = Phone(lambda number: half(number) if number == 3 else whole(number))
    phone.on_recover = gone
    outcome = run(phone)
    assert str(outcome.cause) == "Pixel 2 did not come back"
    assert outcome.reconnects == 0
    assert len(outcome.collector.steady("plain")) == 3 * 8 + 3


def wait_for_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()


def test_ctrl_c_cuts_the_pushing_to_a_phone() -> None:
    class Slow(Phone):
        def start(self, request: RunRequest) -> Session:
            if len(self.sessions) == 3:
                wait_for_ctrl_c()
            return super().start(request)

    phone = Slow(whole, facts=DeviceFacts("Pixel 2", "adb", "Android", "arm64-v8a"))
    outcome = run(phone)
    assert isinstance(outcome.cause, KeyboardInterrupt)
    assert outcome.collector.processes == 3


def test_ctrl_c_cuts_the_waiting() -> None:
    phone = Phone(lambda number: half(number) if number == 3 else whole(number))
    phone.on_recover = wait_for_ctrl_c
    outcome = run(phone)
    assert isinstance(outcome.cause, KeyboardInterrupt)
    assert len(phone.sessions) == 4
    assert len(outcome.collector.steady("plain")) == 3 * 8 + 3
