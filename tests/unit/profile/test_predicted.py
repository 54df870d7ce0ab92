"""Predicted profiles: intervals of every value, sums that hold, and exact counts beside the times."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import MIXED, Part, group, make_profile, part
from tests.predictions import ANCHORED, UNANCHORED, predicted
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter, select_inferences
from tflprof.profile.store import read_profile, write_profile

costs = st.integers(0, 10**9)
parts = st.lists(
    st.one_of(
        costs.map(lambda cost: part("CONV_2D", "net/conv", cost)),
        costs.map(lambda cost: group(cost, ("PAD", "net/pad"), ("CONV_2D", "net/conv"))),
    ),
    min_size=1,
    max_size=8,
)
errors = st.floats(1e-6, 3.0)


@settings(max_examples=30)
@given(parts, errors, errors, st.floats(0.1, 20.0), st.booleans())
def test_layers_add_up_and_intervals_hold_what_they_are_of(
    rows: list[Part], error: float, layer_error: float, cycles: float, plain: bool
) -> None:
    prediction = replace(UNANCHORED, error=error, layer_error=layer_error)
    summary = predicted(rows, prediction=prediction, cycles_per_instruction=cycles, plain=plain).summary
    whole = summary.total.typical
    layers = [layer.estimate.typical for layer in summary.layers if layer.estimate.typical is not None]
    assert whole is not None
    assert summary.unattributed.typical is not None
    assert sum(layers) + summary.unattributed.typical == pytest.approx(whole, abs=1e-3)
    estimates = [(summary.total, error), *((layer.estimate, layer_error) for layer in summary.layers)]
    for estimate, off in estimates:
        if not estimate.typical:
            assert (estimate.lo, estimate.hi) == (None, None)
            continue
        assert estimate.lo is not None
        assert estimate.hi is not None
        assert 0 < estimate.lo < estimate.typical < estimate.hi
        assert math.log(estimate.hi / estimate.typical) == pytest.approx(off, rel=1e-6)
        assert math.log(estimate.typical / estimate.lo) == pytest.approx(off, rel=1e-6)


@settings(max_examples=20)
@given(parts, st.floats(0.1, 20.0))
def test_counts_are_those_of_a_profile_without_prediction(rows: list[Part], cycles: float) -> None:
    profile = predicted(rows, cycles_per_instruction=cycles)
    assert profile.summary.instructions == make_profile(rows, unit="instructions").summary
    assert profile.counts is not None
    assert profile.counts.summary == profile.summary.instructions
    assert (profile.counts.meta.unit, profile.counts.meta.provenance) == ("instructions", "emulated")


def test_the_model_itself_has_no_error() -> None:
    modelled = predicted().modelled.summary
    assert (
        modelled.total.lo == modelled.total.hi == modelled.total.typical == predicted().summary.total.typical
    )
    assert {layer.estimate.lo == layer.estimate.hi for layer in modelled.layers} == {True}


def test_creation_and_first_inference_are_predicted_without_an_interval() -> None:
    summary = predicted().summary
    for estimate in (summary.init, summary.first):
        assert estimate.typical is not None
        assert (estimate.lo, estimate.hi) == (None, None)


def test_of_a_large_model_the_profiled_twin_is_the_total() -> None:
    profile = predicted(plain=False)
    invoke = sum(part.cost for part in MIXED)
    assert profile.summary.instructions is not None
    assert profile.summary.instructions.total.typical == invoke
    assert profile.summary.unattributed.typical == 0
    assert profile.summary.total.typical == pytest.approx(invoke * 0.6 / 2.4576, rel=1e-4)
    assert profile.summary.overhead is None


def test_measured_times_and_counts_have_no_other_views() -> None:
    times, counts = make_profile(), make_profile(unit="instructions")
    assert (times.counts, times.modelled, times.summary.instructions) == (None, times, None)
    assert (counts.counts, counts.modelled, counts.summary.instructions) == (counts, counts, None)


@pytest.mark.parametrize("prediction", [UNANCHORED, ANCHORED])
def test_a_file_keeps_the_prediction_and_every_counter(tmp_path: Path, prediction: object) -> None:
    assert isinstance(prediction, type(UNANCHORED))
    profile = predicted(prediction=prediction, notes=["the anchor of 2026-11-20 is of other costs"])
    again = read_profile(write_profile(profile, tmp_path / "p.parquet"))
    assert again.meta == profile.meta
    assert again.table.equals(profile.table)
    assert again.summary == profile.summary
    assert {"instructions", "cycles", "dram_lines", "ns"} <= set(again.samples()["counter"])


def test_layers_as_a_table_have_times_and_instructions() -> None:
    frame = predicted().layers().set_index("id")
    assert set(frame["unit"]) == {"ns"}
    assert set(frame["provenance"]) == {"predicted"}
    assert frame.loc["0/0", "instructions"] == 820_000
    assert frame.loc["0/0", "lo"] < frame.loc["0/0", "typical"] < frame.loc["0/0", "hi"]
    assert make_profile().layers()["instructions"].isna().all()
    counted = make_profile(unit="instructions").layers()
    assert counted["instructions"].dropna().tolist() == counted["typical"].dropna().tolist()


def test_one_inference_has_one_number_in_all_counters() -> None:
    frame = predicted().samples()
    inferences = frame[frame["kind"] == "inference"]
    numbers = inferences.groupby("counter", observed=True)["inference"].apply(list)
    assert len({tuple(each) for each in numbers}) == 1
    assert numbers["ns"] == list(range(len(numbers["ns"])))


@settings(max_examples=20)
@given(st.permutations(["instructions", "cycles", "ns"]), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_counters_may_come_block_by_block_or_one_after_the_other(order: list[str], sizes: list[int]) -> None:
    def blocks(counter: str) -> list[BlockSamples]:
        shared = {"process": 0, "round": 0, "phase": "steady", "variant": "plain", "khz": None, "t": 0}
        return [
            BlockSamples(block=number, counter=counter, values=[7] * size, cores=[0] * size, **shared)
            for number, size in enumerate(sizes)
        ]

    apart, together = SampleWriter(), SampleWriter()
    for counter in order:
        for block in blocks(counter):
            apart.add_block(block)
    for same in zip(*map(blocks, order), strict=True):
        for block in same:
            together.add_block(block)
    for writer in (apart, together):
        table = writer.table()
        for counter in order:
            assert len(select_inferences(table, "plain", counter).values) == sum(sizes)
            frame = Profile(make_profile(processes=1).meta, table).samples()
            own = frame[frame["counter"] == counter]
            assert own["inference"].tolist() == list(range(sum(sizes)))
