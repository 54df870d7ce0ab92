"""The measuring loop: when it stops, what it keeps when it is cut short."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.measure.scripted import SECOND, ScriptedRunner, block, lost, opening, steady, whole
from tflprof.errors import RunnerError
from tflprof.measure.collect import Collector
from tflprof.measure.pipeline import Outcome, Progress, measure
from tflprof.measure.schedule import LOOKS, MAX_EVENTS, Plan
from tflprof.runner.interface import RunRequest
from tflprof.runner.records import End, Init, Record

REQUEST = RunRequest((Path("m.tflite"),))


def run(runner: ScriptedRunner, plan: Plan | None = None) -> Outcome:
    return measure(runner, REQUEST, plan or Plan(max_seconds=20), lambda _: None)


def test_it_stops_at_the_first_look_when_the_total_is_known_well() -> None:
    runner = ScriptedRunner(whole)
    outcome = run(runner)
    assert outcome.reached
    assert outcome.looks == 1
    assert outcome.collector.processes == LOOKS[0]
    assert outcome.cause is None
    assert all(session.closed for session in runner.sessions)


def test_the_time_of_day_may_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    def jumped() -> float:
        raise AssertionError("the time of day was asked for")

    monkeypatch.setattr(time, "time", jumped)
    monkeypatch.setattr(time, "time_ns", jumped)
    assert run(ScriptedRunner(whole)).reached


def test_it_goes_on_while_processes_differ() -> None:
    """Two kinds of processes, 20 % apart: one look cannot be enough."""

    def restless(number: int) -> list[Record | BaseException]:
        return [
            *opening(),
            *steady(number * SECOND, value=10_000_000 + number % 2 * 2_000_000),
            End("ok", 20),
        ]

    outcome = run(ScriptedRunner(restless), Plan(max_seconds=2))
    assert not outcome.reached
    assert outcome.collector.processes > LOOKS[0]


def test_the_time_budget_ends_it() -> None:
    outcome = run(ScriptedRunner(whole), Plan(max_seconds=1e-9))
    assert outcome.collector.processes == 1
    assert not outcome.reached


def test_ctrl_c_keeps_what_was_gathered_and_drains_the_session() -> None:
    def interrupted(number: int) -> list[Record | BaseException]:
        if number < 3:
            return whole(number)
        return [
            *opening(),
            *steady(0, blocks=2),
            KeyboardInterrupt(),
            block("plain", 9, [5]),
            End("stopped", 9),
        ]

    runner = ScriptedRunner(interrupted)
    outcome = run(runner)
    assert isinstance(outcome.cause, KeyboardInterrupt)
    assert runner.sessions[-1].stopped
    assert runner.sessions[-1].closed
    assert outcome.collector.processes == 4
    assert outcome.collector.steady("plain")[-1].values == (5,)


def test_a_runner_that_dies_late_costs_only_what_it_had_not_said() -> None:
    def dying(number: int) -> list[Record | BaseException]:
        return whole(number) if number < 2 else [*opening(), *steady(0, blocks=1), lost()]

    outcome = run(ScriptedRunner(dying))
    assert isinstance(outcome.cause, RunnerError)
    assert len(outcome.collector.steady("plain")) == 17


@pytest.mark.parametrize("error", [lost(), KeyboardInterrupt()])
def test_an_end_before_any_steady_sample_is_raised(error: BaseException) -> None:
    with pytest.raises(type(error)):
        run(ScriptedRunner(lambda _: [*opening(), block("plain", 0, [10], "first"), error]))


def test_fewer_inferences_are_recorded_when_events_are_many() -> None:
    """And it settles: what is kept for long lists stays bounded, however many processes there are."""

    def chatty(number: int) -> list[Record | BaseException]:
        most = runner.requests[-1].profiled_max
        inferences = MAX_EVENTS // 16 * 5 * most // RunRequest(()).profiled_max
        return [*opening(), *steady(number * SECOND, inferences=inferences), End("ok", 9)]

    runner = ScriptedRunner(chatty)
    run(runner)
    asked = [request.profiled_max for request in runner.requests]
    assert asked[:2] == [50, 10]
    assert set(asked[1:]) == {10}


def test_warm_up_is_kept_apart_and_kept() -> None:
    def slow_start(number: int) -> list[Record | BaseException]:
        early = [block("plain", i, [20_000_000] * 6, t=i * SECOND // 100) for i in range(3)]
        return [*opening(), *early, *steady(SECOND), End("ok", 9)]

    outcome = run(ScriptedRunner(slow_start))
    values = {value for b in outcome.collector.steady("plain") for value in b.values}
    assert 20_000_000 not in values
    kept = [b for b in outcome.collector.blocks if b.phase == "warmup"]
    assert len(kept) == 3 * outcome.collector.processes


def counts(values: list[int], phases: list[str]) -> list[Record | BaseException]:
    found: list[Record | BaseException] = list(opening())
    for variant in ("plain", "profiled"):
        for number, (value, phase) in enumerate(zip(values, phases, strict=True)):
            found.append(block(variant, number, [value], phase, counter="instructions"))
    return [*found, End("ok", 9)]


def emulated(values: list[int], phases: list[str]) -> ScriptedRunner:
    return ScriptedRunner(
        lambda _: counts(values, phases),
        counters=("instructions",),
        deterministic=True,
        provenance="emulated",
    )


def test_an_emulated_run_is_one_session_until_counts_agree() -> None:
    outcome = run(emulated([100, 90, 90], ["warmup", "steady", "steady"]))
    assert outcome.reached
    assert outcome.collector.processes == 1
    assert [b.values for b in outcome.collector.steady("plain")] == [(90,), (90,)]


def test_counts_that_never_agree_are_kept_and_told() -> None:
    outcome = run(emulated([100, 90, 91, 90], ["warmup"] * 4))
    assert not outcome.reached
    assert [b.values for b in outcome.collector.steady("plain")] == [(91,), (90,)]


def several(phases: list[str], variants: tuple[str, ...] = ("profiled", "plain")) -> ScriptedRunner:
    """Inferences that three counters saw, of which only the first repeats itself."""

    def script(_: int) -> list[Record | BaseException]:
        found: list[Record | BaseException] = list(opening())
        numbered = ((v, p) for v in variants for p in phases)
        for number, (variant, phase) in enumerate(numbered):
            for counter, value in (("instructions", 100), ("cycles", 50 + number), ("dram_lines", 7)):
                found.append(block(variant, number, [value], phase, counter=counter))
        return [*found, End("ok", 9)]

    counters = ("instructions", "cycles", "dram_lines")
    return ScriptedRunner(
        script, counters=counters, deterministic=True, provenance="predicted", cost="caches"
    )


def test_of_several_counters_the_first_is_looked_at() -> None:
    told: list[Progress] = []
    outcome = measure(several(["first", "steady"]), REQUEST, Plan(), told.append)
    collector = outcome.collector
    assert outcome.reached
    assert [b.values for b in collector.steady("plain")] == [(100,)]
    assert [b.counter for b in collector.blocks[:3]] == ["instructions", "cycles", "dram_lines"]
    assert len({(b.process, b.block, b.phase, b.variant) for b in collector.blocks}) == 4
    (events,) = collector.event_lists()
    assert events.elapsed.tolist() == [100, 90]
    assert [p.detail for p in told] == [
        "1 inferences, profiled first",
        "2 inferences, profiled steady",
        "3 inferences, plain first",
        "4 inferences, plain steady",
    ]


def test_a_large_model_has_no_plain_inferences() -> None:
    outcome = run(several(["first", "steady"], ("profiled",)))
    assert outcome.reached
    assert outcome.collector.steady("plain") == []


def test_several_counters_may_never_agree() -> None:
    outcome = run(several(["first", "warmup", "warmup"]))
    assert not outcome.reached
    assert {b.counter for b in outcome.collector.blocks if b.phase == "steady"} == {
        "instructions",
        "cycles",
        "dram_lines",
    }


def test_an_init_has_its_counter() -> None:
    collector = Collector("instructions")
    collector.begin_process()
    for counter in (None, "cycles"):
        collector.add(Init(0, "profiled", "none", 0, 5, counter))
    assert collector.singles == [
        ("init", 0, "init", "profiled", "instructions", 5),
        ("init", 0, "init", "profiled", "cycles", 5),
    ]


def test_progress_is_told() -> None:
    told: list[Progress] = []
    measure(ScriptedRunner(whole), REQUEST, Plan(max_seconds=20), told.append)
    assert len(told) == LOOKS[0]
    assert all(p.fraction is None or 0 <= p.fraction <= 1 for p in told)
    assert "known within" in told[-1].detail
