"""Scores: published rules, one's own formulas, and the interval of the latency carried through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import make_profile
from tests.predictions import predicted
from tflprof.compress.score import CHALLENGE_IMAGES, RULES, Latency, latency_of, score
from tflprof.errors import UsageError


def test_the_rule_of_2018_rewards_nothing_below_30_ms() -> None:
    slow, fast, faster = (score(0.7, Latency(ms, ms)).value for ms in (60.0, 30.0, 12.0))
    assert fast == faster == pytest.approx(0.7 / (30 * CHALLENGE_IMAGES))
    assert slow == pytest.approx(fast / 2)


def test_the_second_place_of_2018_scored_as_published() -> None:
    # 28 ms and 0.62 of 20,000 images is a score of a few in ten million, the order of the table of results.
    assert 1e-6 < score(0.62, Latency(28.0, 28.0)).value < 1.1e-6


@pytest.mark.parametrize(("rule", "limit"), [("30ms", 30.0), ("100ms", 100.0)])
def test_images_that_are_late_count_as_wrong(rule: str, limit: float) -> None:
    assert score(0.8, Latency(limit, limit), rule=rule).value == pytest.approx(0.8)
    assert score(0.8, Latency(limit / 2, limit / 2), rule=rule).value == pytest.approx(0.8)
    late = score(0.8, Latency(2 * limit, 2 * limit), rule=rule)
    assert late.value == pytest.approx(0.4)
    assert late.assumption
    assert late.source


def test_the_interval_of_the_latency_is_the_scores() -> None:
    made = score(0.7, Latency(40.0, 41.0, 35.0, 50.0), images=100)
    assert (made.lo, made.hi) == (pytest.approx(0.7 / 5000), pytest.approx(0.7 / 3500))
    assert made.notes == ()


def test_an_interval_that_reaches_over_the_corner_ends_there() -> None:
    made = score(0.7, Latency(29.0, 29.0, 20.0, 60.0), images=1)
    assert (made.lo, made.hi) == (pytest.approx(0.7 / 60), pytest.approx(0.7 / 30))


def test_an_unknown_interval_stays_unknown() -> None:
    made = score(0.7, Latency(40.0, 40.0))
    assert (made.lo, made.hi) == (None, None)
    assert any("unknown" in note for note in made.notes)
    assert made.to_json()["ci95"] is None


def test_a_formula_of_ones_own_uses_further_numbers() -> None:
    own = "accuracy - k * log(median_ms / limit)"
    made = score(0.7, Latency(40.0, 40.0), formula=own, extra={"k": 0.1, "limit": 40.0})
    assert made.value == pytest.approx(0.7)
    assert (made.rule, made.source, made.assumption) == ("formula", None, None)


def test_the_median_is_as_uncertain_as_the_total() -> None:
    made = score(1.0, Latency(40.0, 20.0, 36.0, 44.0), formula="median_ms")
    assert (made.value, made.lo, made.hi) == (20.0, pytest.approx(18.0), pytest.approx(22.0))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"accuracy": 71.0}, "71%"),
        ({"accuracy": -0.1}, "0 and 1"),
        ({"accuracy": float("nan")}, "0 and 1"),
        ({"images": 0}, "images"),
        ({"images": 10**400}, "images"),
        ({"latency": Latency(0.0, 1.0)}, "latency of 0 ms"),
        ({"latency": Latency(10.0, 10.0, 11.0, 12.0)}, "does not hold"),
        ({"latency": Latency(10.0, 10.0, 12.0, 8.0)}, "does not hold"),
        ({"rule": "2019"}, "no rule '2019'"),
        ({"formula": "accuracy / cost"}, "'cost'"),
        ({"extra": {"accuracy": 1.0}}, "accuracy has its meaning"),
        ({"formula": "1 / (median_ms - 40)"}, "divides by zero"),
    ],
)
def test_bad_numbers_are_refused_by_name(changes: dict[str, Any], part: str) -> None:
    given = {"accuracy": 0.7, "latency": Latency(40.0, 40.0), **changes}
    with pytest.raises(UsageError) as caught:
        score(given.pop("accuracy"), given.pop("latency"), **given)
    assert part in f"{caught.value.what} {caught.value.hint}"


def test_a_profile_gives_its_time_and_its_interval() -> None:
    profile = predicted()
    latency, total = latency_of(profile), profile.summary.total
    assert latency.provenance == "predicted"
    assert latency.typical == pytest.approx((total.typical or 0) / 1e6)
    assert latency.lo is not None
    assert latency.hi is not None
    assert latency.lo < latency.typical < latency.hi
    document = score(0.7, latency).to_json()
    assert document["latency"]["provenance"] == "predicted"
    assert document["ci95"][0] <= document["score"] <= document["ci95"][1]


def test_counts_are_no_time() -> None:
    with pytest.raises(UsageError, match="instructions"):
        latency_of(make_profile(unit="instructions"))


@given(
    st.floats(0, 1),
    st.floats(1, 500),
    st.floats(0.5, 1),
    st.floats(1, 2),
    st.sampled_from(sorted(RULES)),
)
@settings(max_examples=60)
def test_a_score_lies_in_its_interval_and_never_grows_with_time(
    accuracy: float, ms: float, below: float, above: float, rule: str
) -> None:
    made = score(accuracy, Latency(ms, ms, ms * below, ms * above), rule=rule)
    assert made.lo is not None
    assert made.hi is not None
    assert made.lo <= made.value <= made.hi
    slower = score(accuracy, Latency(2 * ms, 2 * ms), rule=rule)
    assert slower.value <= made.value
