"""Two models in the same processes: what is kept of disturbed, broken and interrupted ones."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.measure.graphs import micro
from tests.unit.measure.paired import Phone, Script, frame, measurement
from tests.unit.measure.scripted import lost
from tflprof.errors import DeviceLost, RunnerError
from tflprof.measure.pipeline import Progress
from tflprof.model.graph import Model
from tflprof.runner.records import Affinity, Block, End, Hello


@pytest.fixture
def models(tmp_path: Path) -> tuple[Model, Model]:
    return micro(tmp_path, "conv_2d"), micro(tmp_path, "softmax")


def test_a_process_that_was_off_its_core_is_no_pair(models: tuple[Model, Model]) -> None:
    def off(number: int, records: Script) -> Script:
        hello, *rest = records
        assert isinstance(hello, Hello)
        changed = [
            replace(r, core=(0,) * len(r.core))
            if isinstance(r, Block) and number in (1, 2) and r.m == 0
            else r
            for r in rest
        ]
        return [hello, Affinity((1,), (1,), None), *changed]

    phone = Phone(change=off)
    pairs = measurement(phone, models)
    assert pairs.extend(5)
    assert pairs.pairs == 5
    assert len(phone.requests) == 7
    a, b = pairs.profiles([5])
    assert a.samples().tainted.any()
    assert b.samples().tainted.any()


def test_a_runner_that_dies_costs_only_what_it_had_not_said(models: tuple[Model, Model]) -> None:
    def dying(number: int, records: Script) -> Script:
        steady = [i for i, r in enumerate(records) if isinstance(r, Block) and r.phase == "steady"]
        # After a block of one model, in the middle of a round.
        return records if number < 3 else [*records[: steady[0] + 1], lost()]

    pairs = measurement(Phone(change=dying), models)
    assert not pairs.extend(10)
    assert isinstance(pairs.cause, RunnerError)
    assert pairs.pairs == 3
    a, b = pairs.profiles([3])
    assert (a.meta.schedule.complete, b.meta.schedule.complete) == (False, False)
    assert "partial-run" in {finding.code for finding in a.meta.findings}
    processes = [set(frame(side).process) for side in (a, b)]
    assert sorted(map(len, processes)) == [3, 4]
    assert processes[0] & processes[1] == {0, 1, 2}


def test_a_link_that_breaks_is_waited_for(models: tuple[Model, Model]) -> None:
    def breaking(number: int, records: Script) -> Script:
        if number in (0, 4):
            return [*records[:-6], DeviceLost("the link broke", "check the cable")]
        return records

    phone = Phone(change=breaking)
    told: list[Progress] = []
    pairs = measurement(phone, models, told=told)
    assert pairs.extend(10)
    assert phone.recovered == 2
    a, b = pairs.profiles([10])
    assert a.meta.conditions["reconnects"] == b.meta.conditions["reconnects"] == 2
    assert a.meta.schedule.complete
    assert "waiting for the phone" in {progress.stage for progress in told}


def test_a_link_that_never_holds_is_given_up(models: tuple[Model, Model]) -> None:
    phone = Phone(change=lambda _, records: [*records[:3], DeviceLost("the link broke", None)])
    with pytest.raises(DeviceLost, match="in a row"):
        measurement(phone, models).extend(10)


def test_ctrl_c_keeps_what_was_gathered_and_drains_the_session(models: tuple[Model, Model]) -> None:
    def interrupted(number: int, records: Script) -> Script:
        if number < 3:
            return records
        steady = [i for i, r in enumerate(records) if isinstance(r, Block) and r.phase == "steady"]
        # A whole round of each variant is over, and another round half.
        return [*records[: steady[4]], KeyboardInterrupt(), records[steady[4]], End("stopped", 1)]

    phone = Phone(change=interrupted)
    pairs = measurement(phone, models)
    assert not pairs.extend(10)
    assert isinstance(pairs.cause, KeyboardInterrupt)
    assert phone.sessions[-1].stopped
    assert phone.sessions[-1].closed
    assert pairs.pairs == 4
    a, b = pairs.profiles([4])
    assert a.meta.conditions["ended_by"] == b.meta.conditions["ended_by"] == "Ctrl-C"
    assert {len(frame(side).query("process == 3")["round"].unique()) for side in (a, b)} == {2, 3}


def test_a_signal_ends_it_after_the_inference_under_way(models: tuple[Model, Model]) -> None:
    told: list[Progress] = []

    def signalled(number: int, records: Script) -> Script:
        if number == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return records

    phone = Phone(change=signalled)
    pairs = measurement(phone, models, told=told)
    assert not pairs.extend(10)
    assert isinstance(pairs.cause, KeyboardInterrupt)
    assert len(phone.sessions) == 3
    assert pairs.pairs == 3  # what the session still said
    assert told[-1].stage == "stopping"


@pytest.mark.parametrize("error", [lost(), KeyboardInterrupt()])
def test_an_end_before_both_have_samples_is_raised(models: tuple[Model, Model], error: BaseException) -> None:
    def early(_: int, records: Script) -> Script:
        steady = [i for i, r in enumerate(records) if isinstance(r, Block) and r.phase == "steady"]
        return [*records[: steady[0] + 1], error]

    with pytest.raises(type(error)):
        measurement(Phone(change=early), models).extend(10)


def test_the_time_budget_ends_it(models: tuple[Model, Model]) -> None:
    phone = Phone()
    pairs = measurement(phone, models, seconds=1e-9)
    assert not pairs.extend(10)
    assert pairs.cause is None
    assert pairs.pairs == len(phone.requests) == 1
    a, _ = pairs.profiles([1])
    assert a.meta.schedule.complete


def test_the_scheduler_took_the_core_from_both(models: tuple[Model, Model]) -> None:
    def pushed(_: int, records: Script) -> Script:
        return [replace(r, nivcsw=50) if isinstance(r, Block) and r.m == 0 else r for r in records]

    pairs = measurement(Phone(change=pushed), models)
    pairs.extend(4)
    a, b = pairs.profiles([4])
    assert a.meta.conditions["switches_per_second"] == b.meta.conditions["switches_per_second"]
    assert "host-busy" in {finding.code for finding in a.meta.findings}


def test_a_fault_of_our_own_is_no_end_of_a_measurement(models: tuple[Model, Model]) -> None:
    phone = Phone(change=lambda _, records: [*records[:8], ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        measurement(phone, models).extend(2)
    assert phone.sessions[0].closed
