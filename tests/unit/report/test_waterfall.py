from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.comparisons import difference, every_kind, make_comparison, make_meta, unknown_total
from tflprof.report.axis import fit_axis
from tflprof.report.waterfall import contribution, make_waterfall


@pytest.mark.parametrize("layers", [1, 5, 24, 25, 100, 400])
def test_the_steps_lead_from_a_to_b(layers: int) -> None:
    comparison = make_comparison(layers)
    waterfall = make_waterfall(comparison)
    assert waterfall is not None
    first, *steps, last = waterfall.steps
    assert comparison.total.a is not None
    assert comparison.total.b is not None
    assert first.end == comparison.total.a.typical
    assert last.end == comparison.total.b.typical
    level = first.end
    for step in steps:
        assert step.start == level
        level = step.end
    assert level == pytest.approx(last.end, rel=0.0005)


def test_the_largest_come_first_and_the_rest_is_one() -> None:
    comparison = make_comparison(100)
    waterfall = make_waterfall(comparison)
    assert waterfall is not None
    sizes = [abs(step.end - step.start) for step in waterfall.steps if step.row is not None]
    assert len(sizes) == 20
    assert sizes == sorted(sizes, reverse=True)
    assert next(step.label for step in waterfall.steps if step.kind == "rest") == "80 layers more"


def test_a_few_are_not_put_together() -> None:
    waterfall = make_waterfall(make_comparison(24))
    assert waterfall is not None
    assert sum(step.row is not None for step in waterfall.steps) == 24


def test_layers_of_one_side_count_in_full() -> None:
    assert contribution(difference("x", 5e5, None, "gone", match="removed")) == -5e5
    assert contribution(difference("x", None, 5e5, "new", match="inserted")) == 5e5
    new = replace(difference("x", None, 5e5, "new", match="inserted"), difference=None)
    assert contribution(new) == 5e5
    assert contribution(difference("x", None, None, "inconclusive")) is None


def test_what_rows_do_not_explain_has_a_step_of_its_own() -> None:
    waterfall = make_waterfall(every_kind())
    assert waterfall is not None
    step = waterfall.steps[-2]
    assert step.label == "not explained"
    assert step.detail == "unknown of 2 layers"


def test_without_totals_or_with_two_units_there_is_none() -> None:
    assert make_waterfall(unknown_total()) is None
    forced = replace(make_comparison(forced=True), b=make_meta(unit="instructions"))
    assert make_waterfall(forced) is None


def test_an_axis_begins_at_zero_if_that_is_near() -> None:
    assert not fit_axis([3.0, 10.0], "ns").cut
    assert fit_axis([9.0, 10.0], "ns").cut
    assert fit_axis([-1.0, 10.0], "ns").low < -1.0
    assert fit_axis([], "ns").ticks()


def test_ticks_are_round_in_the_unit_that_is_shown() -> None:
    labels = [label for _, label in fit_axis([0.0, 80 * 2**20], "bytes").ticks()]
    assert labels == ["0 MiB", "50 MiB"]
    assert [label for _, label in fit_axis([8.9e6, 10.1e6], "ns").ticks()][:2] == ["9.0 ms", "9.5 ms"]


@given(st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), max_size=30))
def test_every_value_has_a_place(values: list[float]) -> None:
    axis = fit_axis(values, "ns")
    for value in values:
        assert 0 <= axis.place(value) <= 100
    places = [place for place, _ in axis.ticks()]
    assert places == sorted(places)
    assert len(places) <= 12
