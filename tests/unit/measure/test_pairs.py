"""Two models in the same processes: who gets which record, in which order they run, what a broken end costs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.measure.graphs import micro
from tests.unit.measure.scripted import SECOND, ScriptedRunner, block, lost, opening
from tflprof.errors import DeviceLost, RunnerError
from tflprof.measure.pair_collector import PairCollector
from tflprof.measure.pairs import PairedMeasurement, PairPlan
from tflprof.measure.pipeline import Progress
from tflprof.model.graph import Model
from tflprof.profile.profile import Profile
from tflprof.runner.interface import RunRequest, Session
from tflprof.runner.records import Affinity, Block, End, Hello, Record

Script = list[Record | BaseException]
SLOWER = 1.5


@dataclass
class Phone(ScriptedRunner):
    """Runs whatever two models it is given; ``script`` is not used. B's inferences take half as long again.

    ``change``: what becomes of the records of a session, by its number.
    """

    script: Callable[[int], Script] = lambda _: []
    change: Callable[[int, Script], Script] = lambda _, records: records
    recovered: int = 0
    slow: tuple[Path, ...] = field(default_factory=tuple)

    def start(self, request: RunRequest) -> Session:
        number = len(self.sessions)
        speeds = [SLOWER if path in self.slow else 1.0 for path in request.models]
        self.script = lambda _: self.change(number, session(number, speeds))
        return super().start(request)

    def recover(self) -> None:
        self.recovered += 1


def session(number: int, speeds: list[float], rounds: int = 4) -> Script:
    """Two models, number ``m`` as slow as ``speeds[m]``; rounds begin with the one or the other in turn."""
    shared = [record for record in opening() if not hasattr(record, "m")]
    records: Script = list(shared)
    for m in (0, 1):
        records += [replace(record, m=m) for record in opening() if hasattr(record, "m")]
        records.append(replace(block("plain", m, [77], "first"), m=m))
    for turn in range(rounds * 2):
        variant = ("plain", "profiled")[turn % 2]
        for m in (turn % 2, 1 - turn % 2):
            value = round(10_000_000 * speeds[m]) + (number * 7919 + turn * 104_729) % 1000
            t = number * SECOND + turn * SECOND // 20 + m
            records.append(replace(block(variant, turn, [value] * 4, t=t), m=m))
    return [*records, End("ok", len(records))]


@pytest.fixture
def models(tmp_path: Path) -> tuple[Model, Model]:
    return micro(tmp_path, "conv_2d"), micro(tmp_path, "softmax")


def measurement(
    phone: Phone,
    models: tuple[Model, Model],
    *,
    told: list[Progress] | None = None,
    seconds: float = 60,
    seed: int = 0,
) -> PairedMeasurement:
    paths = Path(models[0].path), Path(models[1].path)
    phone.slow = () if paths[0] == paths[1] else (paths[1],)
    request = RunRequest(paths, seed=seed)
    tell = (told if told is not None else []).append
    return PairedMeasurement(phone, request, models, PairPlan(seconds), tell)


def frame(profile: Profile, phase: str = "steady") -> pd.DataFrame:
    samples = profile.samples()
    return samples[(samples.kind == "inference") & (samples.phase == phase)]


def test_records_go_to_their_model_whichever_was_loaded_first(models: tuple[Model, Model]) -> None:
    phone = Phone()
    pairs = measurement(phone, models)
    assert pairs.extend(10)
    a, b = pairs.profiles([10])
    assert len({request.models for request in phone.requests}) == 2
    assert frame(a).value.between(10_000_000, 10_001_000).all()
    assert frame(b).value.between(15_000_000, 15_001_000).all()
    for side in (a, b):
        counts = frame(side).groupby(["process", "variant"])["round"].nunique()
        assert counts.to_dict() == {(p, v): 4 for p in range(10) for v in ("plain", "profiled")}
    assert a.meta.model.name == "conv_2d"
    assert b.meta.model.name == "softmax"


def test_the_profiles_know_each_other(models: tuple[Model, Model]) -> None:
    pairs = measurement(Phone(), models)
    pairs.extend(10)
    a, b = pairs.profiles([10])
    assert a.meta.pairing is not None
    assert b.meta.pairing is not None
    assert a.meta.pairing.id == b.meta.pairing.id
    assert (a.meta.pairing.side, b.meta.pairing.side) == ("a", "b")
    assert a.meta.pairing.looks == (10,)
    pairs.extend(20)
    again = pairs.profiles([10, 20])[1]
    assert again.meta.pairing == replace(b.meta.pairing, looks=(10, 20))
    other = measurement(Phone(), models)
    other.extend(1)
    pairing = other.profiles([1])[0].meta.pairing
    assert pairing is not None
    assert pairing.id != a.meta.pairing.id


@pytest.mark.parametrize("seed", range(4))
def test_each_is_loaded_first_once_in_every_two_processes(models: tuple[Model, Model], seed: int) -> None:
    phone = Phone()
    measurement(phone, models, seed=seed).extend(20)
    first = [request.models[0].stem for request in phone.requests]
    assert all({first[i], first[i + 1]} == {"conv_2d", "softmax"} for i in range(0, 20, 2))
    # In no fixed order, or what alternates in the machine would look like a difference.
    assert len({tuple(first[i : i + 2]) for i in range(0, 20, 2)}) == 2


def test_the_same_seed_gives_the_same_order(models: tuple[Model, Model]) -> None:
    orders = []
    for _ in range(2):
        phone = Phone()
        measurement(phone, models, seed=3).extend(10)
        orders.append([request.models for request in phone.requests])
    assert orders[0] == orders[1]
    assert {request.seed for request in phone.requests} == {3}


def test_a_model_against_itself(models: tuple[Model, Model]) -> None:
    pairs = measurement(Phone(), (models[0], models[0]))
    assert pairs.extend(10)
    a, b = pairs.profiles([10])
    assert len(frame(a)) == len(frame(b)) > 0
    assert a.meta.pairing != b.meta.pairing


def test_blocks_are_short_and_their_first_inference_is_left_out(models: tuple[Model, Model]) -> None:
    phone = Phone()
    measurement(phone, models).extend(1)
    request = phone.requests[0]
    assert (request.discard, request.block_min, request.profiled_every, request.fill) == (1, 4, 1, False)
    assert request.block_ms <= 5
    assert request.variants == ("plain", "profiled")


def test_what_the_start_costs_is_told_of_the_model_loaded_first_only(models: tuple[Model, Model]) -> None:
    phone = Phone()
    pairs = measurement(phone, models)
    pairs.extend(4)
    for path, profile in zip(models, pairs.profiles([4]), strict=True):
        own = {
            n for n, request in enumerate(phone.requests) if request.models[0].stem == Path(path.path).stem
        }
        samples = profile.samples()
        for kind in ("init", "memory"):
            assert set(samples[samples.kind == kind].process) == own
        assert set(frame(profile, "first").process) == own


def test_structures_are_told_apart_by_model(models: tuple[Model, Model]) -> None:
    """The runner numbers structures through the process: those of the second model do not begin with 0."""

    def renumbered(_: int, records: Script) -> Script:
        return [_renumbered(record) if getattr(record, "m", 0) == 1 else record for record in records]

    pairs = measurement(Phone(change=renumbered), models)
    assert pairs.extend(2)
    for profile in pairs.profiles([2]):
        assert len(profile.meta.alignment.structures) == 1
        events = profile.samples().query("kind == 'event'")
        assert len(events) > 0


def _renumbered(record: Record | BaseException) -> Record | BaseException:
    if isinstance(record, Block):
        return replace(record, structure=tuple(5 for _ in record.structure))
    return replace(record, s=5) if hasattr(record, "s") else record  # type: ignore[type-var]


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


def test_processes_become_shorter_so_that_enough_fit_the_budget() -> None:
    plan = PairPlan(max_seconds=20, most=40, process_seconds=0.5)
    assert plan.seconds_for_next(0, 0, 0.1) == pytest.approx(0.4)
    assert plan.seconds_for_next(10, 20, 0.4) == pytest.approx(0.1)
    assert PairPlan(max_seconds=1000).seconds_for_next(0, 0, 0.1) == PairPlan().process_seconds
    assert plan.out_of_time(19.9, 5, 0.4)
    assert not plan.out_of_time(19.0, 5, 0.4)


def test_progress_tells_pairs(models: tuple[Model, Model]) -> None:
    told: list[Progress] = []
    measurement(Phone(), models, told=told).extend(4)
    assert [progress.detail for progress in told] == [f"{n} of 4 pairs" for n in range(1, 5)]
    fractions = [progress.fraction or 0.0 for progress in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_precision_nobody_asked_for_is_no_finding(models: tuple[Model, Model]) -> None:
    def restless(number: int, records: Script) -> Script:
        return [
            replace(r, value=tuple(v * (1 + number % 2) for v in r.value)) if isinstance(r, Block) else r
            for r in records
        ]

    pairs = measurement(Phone(change=restless), models)
    pairs.extend(10)
    for profile in pairs.profiles([10]):
        total = profile.summary.total
        assert total.typical is not None
        assert total.hi is not None
        assert total.hi / total.typical > 1.1
        assert "interval-not-reached" not in {finding.code for finding in profile.meta.findings}
        assert profile.meta.schedule.reached is None


def test_looking_changes_nothing(models: tuple[Model, Model]) -> None:
    """Profiles made on the way leave what was gathered as it was."""
    looked, unlooked = (measurement(Phone(), models) for _ in range(2))
    looked.extend(10)
    looked.profiles([10])
    for pairs in (looked, unlooked):
        pairs.extend(20)
    one, other = looked.profiles([20])[0], unlooked.profiles([20])[0]
    assert one.table.equals(other.table)


def test_the_scheduler_took_the_core_from_both(models: tuple[Model, Model]) -> None:
    def pushed(_: int, records: Script) -> Script:
        return [replace(r, nivcsw=50) if isinstance(r, Block) and r.m == 0 else r for r in records]

    pairs = measurement(Phone(change=pushed), models)
    pairs.extend(4)
    a, b = pairs.profiles([4])
    assert a.meta.conditions["switches_per_second"] == b.meta.conditions["switches_per_second"]
    assert "host-busy" in {finding.code for finding in a.meta.findings}


def test_fewer_inferences_are_recorded_when_events_are_many(models: tuple[Model, Model]) -> None:
    def chatty(_: int, records: Script) -> Script:
        return [
            replace(
                r,
                events=r.events * 1500,
                structure=r.structure * 1500,
                value=r.value * 1500,
                core=r.core * 1500,
            )
            if isinstance(r, Block) and r.v == "profiled"
            else r
            for r in records
        ]

    phone = Phone(change=chatty)
    measurement(phone, models).extend(3)
    asked = [request.profiled_max for request in phone.requests]
    assert asked[0] > asked[1] >= 1


def test_a_record_of_no_model_goes_to_both() -> None:
    collector = PairCollector("ns")
    collector.begin_process()
    collector.add(Affinity((2, 3), (2, 3), None))
    assert collector.a.cpus == collector.b.cpus == (2, 3)


def test_a_fault_of_our_own_is_no_end_of_a_measurement(models: tuple[Model, Model]) -> None:
    phone = Phone(change=lambda _, records: [*records[:8], ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        measurement(phone, models).extend(2)
    assert phone.sessions[0].closed
