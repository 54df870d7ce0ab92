"""Two models in the same processes: who gets which record, in which order they run, what is told of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.measure.graphs import micro
from tests.unit.measure.paired import Phone, Script, frame, measurement
from tflprof.measure.pair_collector import PairCollector
from tflprof.measure.pairs import PairPlan
from tflprof.measure.pipeline import Progress
from tflprof.model.graph import Model
from tflprof.runner.records import Affinity, Block, Record


@pytest.fixture
def models(tmp_path: Path) -> tuple[Model, Model]:
    return micro(tmp_path, "conv_2d"), micro(tmp_path, "softmax")


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
        assert set(samples[samples.kind == "memory"].phase) == {"first"}


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
    return replace(record, s=5) if hasattr(record, "s") else record


def test_processes_become_shorter_so_that_enough_fit_the_budget() -> None:
    plan = PairPlan(max_seconds=20, most=40, process_seconds=0.5)
    assert plan.seconds_for_next(0, 0, 0.1) == pytest.approx(0.4)
    assert plan.seconds_for_next(10, 20, 0.4) == pytest.approx(0.1)
    assert PairPlan(max_seconds=1000).seconds_for_next(0, 0, 0.1) == PairPlan().process_seconds
    assert plan.out_of_time(19.9, 5, 0.4)
    assert not plan.out_of_time(19.0, 5, 0.4)


def test_blocks_of_slow_models_become_shorter(models: tuple[Model, Model]) -> None:
    plan = PairPlan(max_seconds=120)
    assert plan.too_slow(elapsed=30, done=1, took=30)
    assert not plan.too_slow(elapsed=10, done=1, took=10)
    assert not plan.too_slow(elapsed=119, done=10, took=10)
    phone = Phone()
    measurement(phone, models, fewest=10**9).extend(4)
    assert [request.block_min for request in phone.requests] == [4, 2, 1, 1]
    assert [request.warmup_min for request in phone.requests] == [2, 1, 1, 1]


def test_progress_tells_pairs(models: tuple[Model, Model]) -> None:
    told: list[Progress] = []
    measurement(Phone(), models, told=told).extend(4, "look 1")
    assert [progress.detail for progress in told] == [f"{n} of 4 pairs, look 1" for n in range(1, 5)]
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
