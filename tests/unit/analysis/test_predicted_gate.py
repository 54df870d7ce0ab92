"""Budgets on predicted times: intervals of a phone's time, exact counts, and growth that is exact."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MIXED, Part, part
from tests.predictions import ANCHORED, UNANCHORED, predicted
from tflprof.analysis import gate
from tflprof.analysis.budget import parse_limits
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.gate_hint import next_step
from tflprof.analysis.subject import check_limits
from tflprof.analysis.verdicts import BudgetResult
from tflprof.errors import UsageError
from tflprof.profile.profile import Profile

POINTWISE = "net/Conv2d_3_pointwise/Relu6"
PREDICTED = predicted()
TOTAL = PREDICTED.summary.total.typical or 0.0
COUNT = 3_301_158


def scaled(factor: float, name: str | None = None) -> tuple[Part, ...]:
    return tuple(
        replace(item, cost=item.cost * factor) if name in (None, item.layers[0][1]) else item
        for item in MIXED
    )


def judge(profile: Profile, *budgets: str, baseline: Profile | None = None) -> list[BudgetResult]:
    before = baseline and gate.Before(baseline, compare_profiles(baseline, profile))
    return list(gate.judge(parse_limits(budgets), profile, before))


def only(profile: Profile, budget: str, baseline: Profile | None = None) -> BudgetResult:
    (found,) = judge(profile, budget, baseline=baseline)
    return found


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.25, "pass"), (1.19, "inconclusive"), (1.0, "inconclusive"), (0.84, "inconclusive"), (0.8, "fail")],
)
def test_a_limit_within_the_interval_is_inconclusive(factor: float, verdict: str) -> None:
    found = only(PREDICTED, f"{TOTAL * factor:.0f}ns")
    assert found.verdict == verdict
    assert (found.unit, found.value) == ("ns", TOTAL)
    assert found.lo == pytest.approx(TOTAL * math.exp(-0.18))
    assert found.hi == pytest.approx(TOTAL * math.exp(0.18))


@given(st.floats(0.2, 5.0), st.floats(0.01, 1.0))
def test_verdicts_are_those_of_the_interval(factor: float, error: float) -> None:
    profile = Profile(replace(PREDICTED.meta, prediction=replace(UNANCHORED, error=error)), PREDICTED.table)
    found = only(profile, f"{TOTAL * factor:.3f}ns")
    far = math.log(round(TOTAL * factor, 3) / TOTAL)
    assert found.verdict == ("pass" if far >= error else "fail" if far < -error else "inconclusive")


def test_an_anchor_decides_what_was_open() -> None:
    limit = f"{TOTAL * 1.19:.0f}ns"
    assert only(predicted(prediction=replace(ANCHORED, scale=1.0)), limit).verdict == "pass"


@pytest.mark.parametrize(
    "budget", [f"total={COUNT}inst", f"{COUNT / 1000}k", "layer:0/4=1310k", "op:CONV_2D=2770kinst"]
)
def test_budgets_in_instructions_are_exact_on_the_same_profile(budget: str) -> None:
    found = only(PREDICTED, budget)
    assert (found.verdict, found.unit) == ("pass", "instructions")
    assert found.lo == found.hi == found.value == found.limit
    subject, _, _ = budget.rpartition("=")
    less = only(PREDICTED, f"{subject or 'total'}={(found.limit or 0) - 1:.0f}inst")
    assert (less.verdict, less.unit) == ("fail", "instructions")


def test_layers_and_operators_have_the_wider_interval() -> None:
    for budget in ("layer:0/4=1s", "op:CONV_2D=1s", "layer:*=1s"):
        for found in judge(PREDICTED, budget):
            assert found.verdict == "pass"
            assert found.value is not None
            assert found.hi == pytest.approx(found.value * math.exp(0.35))


@pytest.mark.parametrize("subject", ["init", "first"])
def test_of_creation_and_the_first_inference_nobody_knows_the_error(subject: str) -> None:
    found = only(PREDICTED, f"{subject}=10s")
    assert (found.verdict, found.lo) == ("inconclusive", None)
    assert "not been compared" in found.reason
    assert only(PREDICTED, f"{subject}=10G").verdict == "pass"
    assert only(PREDICTED, f"{subject}=+1%", baseline=predicted()).verdict == "pass"


def test_growth_is_exact_whatever_the_error() -> None:
    grown = predicted(scaled(1.2, POINTWISE))
    found = judge(
        grown, "layer:*=+10%", "total=+7%", "total=+9%", "op:CONV_2D=+5%", "init=+0%", baseline=PREDICTED
    )
    failed = [one.subject for one in found if one.verdict == "fail"]
    assert failed == [f"layer 0/4 {POINTWISE} (CONV_2D)", "total", "operators CONV_2D"]
    assert {one.verdict for one in found} == {"fail", "pass"}
    assert {one.unit for one in found} == {"ns"}
    assert all(one.lo == one.hi for one in found)


def test_growth_with_a_floor_in_instructions_is_judged_on_counts() -> None:
    grown = predicted(scaled(1.2, POINTWISE))
    layers = judge(grown, "layer:*=+5%,300kinst", "total=+1%,20kinst", baseline=PREDICTED)
    assert {one.unit for one in layers} == {"instructions"}
    assert [one.verdict for one in layers if one.subject == "total"] == ["fail"]
    layer = next(one for one in layers if POINTWISE in one.subject)
    assert (layer.verdict, layer.baseline, layer.value) == ("pass", 1_310_000, 1_572_000)
    assert "instructions" in layer.reason


@pytest.mark.parametrize(("more", "verdict"), [(900, "pass"), (1200, "fail")])
def test_what_is_below_a_microsecond_is_no_growth(more: float, verdict: str) -> None:
    small = (part("CONV_2D", "net/a", 10_000), part("ADD", "net/b", 5_000_000))
    # 1 instruction is 1 ns here.
    fast = replace(UNANCHORED, hertz=600_000_000)
    before = predicted(small, prediction=fast)
    after = predicted([replace(small[0], cost=10_000 + more), small[1]], prediction=fast)
    assert only(after, "layer:0/0=+0%", baseline=before).verdict == verdict


def test_counts_that_did_not_repeat_are_inconclusive_in_every_unit() -> None:
    profile = predicted(complete=False)
    for budget in ("1s", "1G", "layer:0/4=1s", "init=1G"):
        found = only(profile, budget)
        assert (found.verdict, found.reason) == ("inconclusive", "no two inferences gave the same counts")


def test_units_that_a_prediction_has() -> None:
    layers, units = PREDICTED.meta.model.layers, ("ns", "instructions")
    budgets = ["30ms", "5Minst", "5M", "layer:*=+5%,20kinst", "total=+5%,1ms"]
    check_limits(parse_limits(budgets), layers, units, layers)
    with pytest.raises(UsageError, match="cycles"):
        check_limits(parse_limits(["5Mcycles"]), layers, units, None)
    with pytest.raises(UsageError, match="memory"):
        check_limits(parse_limits(["memory=1GB"]), layers, units, None)


def test_what_to_do_about_a_limit_within_the_interval() -> None:
    def hint(budget: str, profile: Profile = PREDICTED) -> str | None:
        found = judge(profile, budget)
        return next_step(
            found,
            found[0].verdict,
            updatable=False,
            measured_time=False,
            prediction=profile.meta.prediction,
        )

    open_limit = f"{TOTAL:.0f}ns"
    assert "tflprof calibrate" in (hint(open_limit) or "")
    anchored = predicted(prediction=replace(ANCHORED, scale=1.0))
    assert "calibrate" not in (hint(open_limit, anchored) or "calibrate")
    assert hint("1s") is None
