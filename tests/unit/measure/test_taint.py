"""Disturbed samples: marked, kept, and used only when there is nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.measure.scripted import opening
from tflprof.measure.collect import Collector
from tflprof.measure.notice import notice
from tflprof.measure.taint import off_core
from tflprof.profile.samples import select_inferences
from tflprof.runner.records import Affinity, Block, Pmu

CALM: dict[str, Any] = {"khz": 2_000_000, "khz_before": 2_000_000}


def block(number: int, *, cores: tuple[int, ...] = (4, 4), variant: str = "plain", **more: Any) -> Block:
    count = len(cores)
    values: dict[str, Any] = {"khz": None} | more
    khz = values.pop("khz")
    profiled = variant == "profiled"
    return Block(
        *(0, variant, "steady", number, number, "ns", number * 10**9, khz, 0),
        tuple(100 + number + at for at in range(count)),
        cores,
        (0,) * count if profiled else (),
        ((90, 80),) * count if profiled else (),
        **values,
    )


def collected(*blocks: Block, cpus: tuple[int, ...] = (4,)) -> Collector:
    collector = Collector("ns", settle=False)
    collector.begin_process()
    for record in (*opening(), Affinity(cpus, cpus, None), *blocks):
        collector.add(record)
    collector.end_process()
    return collector


def summarised(collector: Collector) -> list[int]:
    """Values that a summary of the plain inferences rests on."""
    return select_inferences(collector.writer().table(), "plain", "ns").values.tolist()


# --- cores ---


def test_an_inference_on_another_core_is_kept_and_not_summarised() -> None:
    collector = collected(block(0), block(10, cores=(4, 7, 4)))
    noticed = notice(collector, as_it_is=False)
    assert noticed["other_cores"] == {"inferences": 1, "of": 5, "cores": [7], "used": False}
    assert summarised(collector) == [100, 101, 110, 112]
    assert len(collector.writer().table()) == 5 + 2  # init and memory are two of the opening


def test_a_worker_on_another_core_taints_its_block() -> None:
    collector = collected(
        block(0, workers=((9, 4), (10, 5))), block(10, workers=((9, 4), (10, 6))), cpus=(4, 5)
    )
    noticed = notice(collector, as_it_is=False)
    assert noticed["other_cores"] == {"inferences": 2, "of": 4, "cores": [6], "used": False}
    assert summarised(collector) == [100, 101]


def test_when_nothing_else_is_left_they_are_used() -> None:
    collector = collected(block(0, cores=(7, 7)), block(10, cores=(6, 7)))
    noticed = notice(collector, as_it_is=False)
    assert noticed["other_cores"] == {"inferences": 4, "of": 4, "cores": [6, 7], "used": True}
    assert summarised(collector) == [100, 101, 110, 111]


def test_a_variant_of_which_nothing_is_left_is_used_alone() -> None:
    collector = collected(block(0), block(10, cores=(7, 4)), block(20, variant="profiled", cores=(7, 7)))
    assert notice(collector, as_it_is=False)["other_cores"]["used"] is True
    assert summarised(collector) == [100, 101, 111]
    assert len(select_inferences(collector.writer().table(), "profiled", "ns").values) == 2


def test_what_was_not_asked_for_or_is_unknown_is_no_taint() -> None:
    assert off_core([1, 2, -1], [3, -1], ()) == [False] * 3
    assert off_core([4, -1], [-1, 4], (4,)) == [False] * 2
    assert "other_cores" not in notice(collected(block(0, cores=(1, 2)), cpus=()), as_it_is=False)


def test_one_inference_on_another_core_costs_a_look_no_more_than_the_result() -> None:
    collector = collected(block(0), block(10, cores=(7, 4)), block(20, cores=(7, 7)))
    assert [one.values for one in collector.steady("plain")] == [(100, 101), (111,)]
    notice(collector, as_it_is=False)
    assert summarised(collector) == [100, 101, 111]


def test_a_profiled_block_keeps_what_belongs_to_the_inferences_left() -> None:
    counts = {"cycles": (1, 2, 3)}
    disturbed = replace(block(10, variant="profiled", cores=(4, 7, 4), pmu=counts), structure=(0, 0, 0))
    (left,) = collected(disturbed).steady("profiled")
    assert (left.values, left.cores, left.structures) == ((110, 112), (4, 4), (0, 0))
    assert left.events == ((90, 80), (90, 80))
    assert left.pmu == {"cycles": (1, 3)}


# --- frequency ---


def test_the_fewer_blocks_at_another_frequency_are_left_out() -> None:
    slow = {"khz": 1_800_000, "khz_before": 2_000_000}
    blocks = [block(10 * at, **(slow if at == 3 else CALM)) for at in range(10)]
    collector = collected(*blocks)
    frequency = notice(collector, as_it_is=False)["frequency"]
    assert frequency["changed_share"] == 0.1
    assert frequency["left_out"] is True
    assert (frequency["lowest_khz"], frequency["usual_khz"], frequency["highest_khz"]) == (
        1_800_000,
        2_000_000,
        2_000_000,
    )
    assert frequency["measured"] is False
    assert not {130, 131} & set(summarised(collector))
    assert len(summarised(collector)) == 18


def test_within_five_percent_nothing_changed() -> None:
    blocks = [block(at, khz=2_000_000 + at * 9_000, khz_before=2_000_000) for at in range(10)]
    collector = collected(*blocks)
    frequency = notice(collector, as_it_is=False)["frequency"]
    assert (frequency["changed_share"], frequency["left_out"]) == (0.0, False)
    assert len(summarised(collector)) == 20


def test_a_frequency_that_never_rests_leaves_all_in() -> None:
    blocks = [
        block(at, khz=1_000_000 * (1 + at % 3), khz_before=1_000_000 * (1 + at % 3)) for at in range(12)
    ]
    collector = collected(*blocks)
    frequency = notice(collector, as_it_is=False)["frequency"]
    assert frequency["changed_share"] == pytest.approx(2 / 3)
    assert frequency["left_out"] is False
    assert len(summarised(collector)) == 24


@pytest.mark.parametrize("measured", [True, False])
def test_what_is_measured_and_what_the_system_says_count_each(measured: bool) -> None:
    quiet = {"khz": 2_000_000, "khz_before": 2_000_000, "chain_khz": 1_900_000, "chain_khz_before": 1_900_000}
    slow = {"chain_khz": 1_500_000} if measured else {"khz": 1_500_000}
    blocks = [block(at, **(quiet | slow if at == 2 else quiet)) for at in range(10)]
    collector = collected(*blocks)
    frequency = notice(collector, as_it_is=False)["frequency"]
    assert frequency["measured"] is measured
    assert frequency["usual_khz"] == (1_900_000 if measured else 2_000_000)
    assert (frequency["lowest_khz"], frequency["changed_share"]) == (1_500_000, 0.1)
    assert frequency["told_usual_khz"] == 2_000_000
    assert len(summarised(collector)) == 18


def test_the_share_is_of_the_clock_whose_range_is_told() -> None:
    quiet = {"khz": 2_000_000, "khz_before": 2_000_000, "chain_khz": 1_900_000, "chain_khz_before": 1_900_000}
    slow = {1: {"chain_khz": 1_500_000}, 4: {"chain_khz": 1_400_000}, 7: {"khz": 1_000_000}}
    collector = collected(*(block(at, **quiet | slow.get(at, {})) for at in range(10)))
    frequency = notice(collector, as_it_is=False)["frequency"]
    assert (frequency["measured"], frequency["lowest_khz"]) == (True, 1_400_000)
    assert frequency["changed_share"] == 0.2
    assert (frequency["either_share"], frequency["left_out"]) == (pytest.approx(0.3), True)
    assert len(summarised(collector)) == 14


def test_what_only_a_measurement_knows_is_not_the_systems() -> None:
    collector = collected(*(block(at, chain_khz=1_900_000) for at in range(10)))
    assert notice(collector, as_it_is=False)["frequency"]["told_usual_khz"] is None


def test_few_blocks_have_no_usual_frequency() -> None:
    blocks = [block(at, khz=1_000_000 if at else 2_000_000, khz_before=1_000_000) for at in range(5)]
    collector = collected(*blocks)
    frequency = notice(collector, as_it_is=False)["frequency"]
    assert (frequency["changed_share"], frequency["left_out"]) == (None, False)
    assert len(summarised(collector)) == 10


def test_cores_of_several_kinds_have_their_own_usual_frequency() -> None:
    big = {"khz": 2_400_000, "khz_before": 2_400_000}
    little = {"khz": 1_800_000, "khz_before": 1_800_000}
    blocks = [block(at, cores=(at % 4,), **(big if at % 4 > 1 else little)) for at in range(12)]
    collector = collected(*blocks, cpus=())
    assert notice(collector, as_it_is=False)["frequency"]["changed_share"] == 0.0


def test_an_endurance_run_keeps_what_it_is_about() -> None:
    blocks = [block(at, **CALM) for at in range(8)] + [
        block(8 + at, khz=1_000_000, khz_before=1_000_000) for at in range(4)
    ]
    collector = collected(*blocks)
    frequency = notice(collector, as_it_is=True)["frequency"]
    assert frequency["changed_share"] == pytest.approx(1 / 3)
    assert frequency["left_out"] is False
    assert frequency["end_to_start"] == 0.5
    assert len(summarised(collector)) == 24


# --- what else is noticed ---


def test_heat_deadlines_and_counters() -> None:
    blocks = [replace(block(at), mc=40_000 + 1000 * at, missed=at % 2) for at in range(10)]
    collector = collected(*blocks)
    collector.add(Pmu((), "perf_event_open: Permission denied"))
    noticed = notice(collector, as_it_is=False)
    assert noticed["temperature"] == {
        "start_celsius": 40.0,
        "end_celsius": 49.0,
        "highest_celsius": 49.0,
    }
    assert (noticed["missed_deadlines"], noticed["deadlines"]) == (5, 20)
    assert noticed["pmu_error"] == "perf_event_open: Permission denied"


def test_counters_that_one_process_lacked_are_told_though_a_later_one_had_all() -> None:
    collector = collected(block(0))
    told = "perf_event_open: Invalid argument for cache_refills"
    collector.add(Pmu(("cycles", "instructions"), told))
    collector.add(Pmu(("cycles", "instructions", "cache_refills"), None))
    assert notice(collector, as_it_is=False)["pmu_error"] == told


def test_only_settled_inferences_without_profiling_have_deadlines() -> None:
    warm = replace(block(0, missed=7), phase="warmup")
    blocks = [warm, block(10, missed=1), block(20, variant="profiled", missed=5), block(30, missed=0)]
    noticed = notice(collected(*blocks), as_it_is=True)
    assert (noticed["missed_deadlines"], noticed["deadlines"]) == (1, 4)


def test_deadlines_before_the_steady_state_was_found_do_not_count() -> None:
    slow, fast = (7_000, 7_000), (100, 101)
    blocks = [replace(block(at, missed=2 * (at < 2)), value=slow if at < 2 else fast) for at in range(12)]
    collector = Collector("ns")
    collector.begin_process()
    for record in (*opening(), *blocks):
        collector.add(record)
    collector.end_process()
    noticed = notice(collector, as_it_is=True)
    assert (noticed["missed_deadlines"], noticed["deadlines"]) == (0, 20)


@pytest.mark.parametrize(
    ("record", "counts", "error"),
    [
        (Pmu(("cycles",), None), {"cycles": (5, -1)}, None),
        (Pmu(("cycles",), None), {"cycles": (-1, -1)}, "cycles never ran"),
        (
            Pmu(("cycles", "instructions"), None),
            {"cycles": (1, 2), "instructions": (-1, -1)},
            "instructions never ran",
        ),
        (Pmu(("cycles",), "cache_refills: No such file"), {"cycles": (5, 6)}, "cache_refills: No such file"),
        (Pmu(("cycles",), "no cache_refills"), {"cycles": (-1, -1)}, "no cache_refills; cycles never ran"),
    ],
)
def test_counters_that_do_not_count_are_named(
    record: Pmu, counts: dict[str, tuple[int, ...]], error: str | None
) -> None:
    collector = Collector("ns", settle=False)
    for _ in range(2):
        collector.begin_process()
        for one in (*opening(), record, block(0, pmu=counts)):
            collector.add(one)
        collector.end_process()
    assert notice(collector, as_it_is=False).get("pmu_error") == error


def test_the_main_thread_comes_first_whatever_its_number() -> None:
    collector = Collector("ns", settle=False)
    collector.begin_process()
    hello = replace(opening()[0], pid=900)
    for one in (hello, block(0, workers=((17, 5), (900, 4), (901, 6)))):
        collector.add(one)
    collector.end_process()
    assert collector.blocks[0].worker_cores == (4, 5, 6)


def test_nothing_known_is_nothing_said() -> None:
    assert notice(collected(block(0)), as_it_is=False) == {}
    assert notice(Collector("ns"), as_it_is=False) == {}
