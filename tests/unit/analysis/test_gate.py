from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.factories import MIXED, Part, make_profile, part
from tflprof.analysis import gate
from tflprof.analysis.budget import parse_limits
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult, worst
from tflprof.profile.mismatch import Mismatch
from tflprof.profile.profile import Profile

POINTWISE = "net/Conv2d_3_pointwise/Relu6"


def scaled(factor: float, name: str | None = None) -> tuple[Part, ...]:
    """MIXED with the cost of one layer, or of all, multiplied."""
    return tuple(
        replace(item, cost=item.cost * factor) if name in (None, item.layers[0][1]) else item
        for item in MIXED
    )


def judge(profile: Profile, *budgets: str, baseline: Profile | None = None) -> dict[str, BudgetResult]:
    """Results by subject."""
    before = baseline and gate.Before(baseline, compare_profiles(baseline, profile))
    return {one.subject: one for one in gate.judge(parse_limits(budgets), profile, before)}


def only(profile: Profile, budget: str, baseline: Profile | None = None) -> BudgetResult:
    (found,) = judge(profile, budget, baseline=baseline).values()
    return found


def counted(parts: Sequence[Part] = MIXED, **options: object) -> Profile:
    return make_profile(parts, unit="instructions", **options)


def wired(profile: Profile, fingerprint: str) -> Profile:
    """The profile of a model of that structure, in which each layer reads what the one before it made."""
    model, before, layers = profile.meta.model, "input", []
    for info in model.layers:
        size = {"parameters": len(info.name), "weight_bytes": 4 * len(info.name)}
        layers.append(replace(info, inputs=(before,), outputs=(info.name,), **size))
        before = info.name
    model = replace(model, layers=tuple(layers), fingerprint=fingerprint)
    return Profile(replace(profile.meta, model=model), profile.table)


TIMED = make_profile()


@pytest.mark.parametrize("subject", ["total", "layer:0/4", "op:CONV_2D", "init", "first", "memory"])
def test_an_absolute_budget_fails_above_the_interval_and_passes_below(subject: str) -> None:
    found = only(TIMED, f"{subject}=1{'GB' if subject == 'memory' else 's'}")
    assert found.verdict == "pass"
    assert found.lo is not None
    assert found.hi is not None
    unit = "B" if subject == "memory" else "ns"
    assert only(TIMED, f"{subject}={found.hi:.0f}.9{unit}").verdict == "pass"
    assert only(TIMED, f"{subject}={found.lo - 1:.0f}{unit}").verdict == "fail"
    middle = only(TIMED, f"{subject}={(found.lo + found.hi) / 2:.3f}{unit}")
    assert middle.verdict == ("pass" if found.lo == found.hi else "inconclusive")
    assert middle.limit == pytest.approx((found.lo + found.hi) / 2, abs=0.01)


def test_counts_and_sizes_are_judged_exactly() -> None:
    profile = counted()
    assert only(profile, "layer:0/4=1310k").verdict == "pass"
    assert only(profile, "layer:0/4=1309999inst").verdict == "fail"
    size = profile.meta.model.size_bytes
    assert only(profile, f"size={size}B").verdict == "pass"
    failed = only(profile, f"size={(size or 0) - 1}B")
    assert (failed.verdict, failed.unit, failed.lo) == ("fail", "bytes", size)


def test_what_cannot_be_told_is_inconclusive_with_its_reason() -> None:
    short = make_profile(processes=3)
    for budget in ("1s", "layer:0/4=1s", "op:CONV_2D=1s", "init=1s"):
        found = only(short, budget)
        assert found.verdict == "inconclusive"
        assert "processes" in found.reason
    assert only(counted(complete=False), "1G").reason == "no two inferences gave the same counts"


def test_every_layer_has_a_result_and_a_static_one_has_none() -> None:
    found = judge(counted(), "layer:*=1M")
    assert len(found) == 6
    assert {name: one.verdict for name, one in found.items() if one.verdict != "pass"} == {
        f"layer 0/4 {POINTWISE} (CONV_2D)": "fail"
    }
    assert only(counted(), "layer:net/Logits/Squeeze=1inst").verdict == "pass"


def test_relative_budgets_on_counts_name_the_layer_that_grew() -> None:
    baseline, grown = counted(), counted(scaled(1.2, POINTWISE))
    found = judge(grown, "layer:*=+10%", "total=+20%", "op:CONV_2D=+5%", "size=+0%", baseline=baseline)
    failed = [name for name, one in found.items() if one.verdict == "fail"]
    assert failed == [f"layer 0/4 {POINTWISE} (CONV_2D)", "operators CONV_2D"]
    layer = found[failed[0]]
    assert (layer.baseline, layer.value, layer.limit) == (1_310_000, 1_572_000, pytest.approx(1_441_000))
    comparison = compare_profiles(baseline, grown)
    assert gate.changed_layers(comparison) == (
        f"slower: layer 0/4 {POINTWISE} (CONV_2D), 1.31 M instructions before, 1.57 M instructions now",
    )


@pytest.mark.parametrize(
    ("budget", "verdict"),
    [
        ("layer:0/4=+0%", "fail"),
        ("layer:0/4=+9.9%", "fail"),
        ("layer:0/4=+10.1%", "pass"),
        ("layer:0/4=+0%,140kinst", "pass"),
        ("layer:0/4=+0%,130kinst", "fail"),
        ("layer:0/4=+11%,1inst", "pass"),
        ("layer:0/0=+0%", "pass"),
    ],
)
def test_a_relative_budget_allows_the_larger_of_percentage_and_floor(budget: str, verdict: str) -> None:
    assert only(counted(scaled(1.1, POINTWISE)), budget, baseline=counted()).verdict == verdict


def test_counts_that_are_the_same_pass_any_relative_budget() -> None:
    """A difference of less than max(0.1 %, 1000) is none."""
    softmax = counted(scaled(1.9, "net/Predictions"))
    assert only(softmax, "layer:net/Predictions=+0%", baseline=counted()).verdict == "pass"
    assert (
        only(counted(scaled(2.2, "net/Predictions")), "layer:0/6=+0%", baseline=counted()).verdict == "pass"
    )
    assert (
        only(counted(scaled(2.2, "net/Predictions")), "layer:0/7=+0%", baseline=counted()).verdict == "fail"
    )


def test_relative_budgets_on_times_keep_to_the_intervals() -> None:
    again, much = make_profile(seed=1), make_profile(scaled(1.5), seed=1)
    assert only(again, "+20%", baseline=TIMED).verdict == "pass"
    assert only(much, "+20%", baseline=TIMED).verdict == "fail"
    for subject in ("total", "layer:0/4", "op:CONV_2D", "first"):
        assert only(much, f"{subject}=+50.0%", baseline=TIMED).verdict == "inconclusive", subject
        assert only(again, f"{subject}=+0%", baseline=TIMED).verdict == "inconclusive", subject
    assert only(again, "init=+1%", baseline=TIMED).verdict == "pass"


def test_new_and_gone_layers_are_reported_and_never_pass_silently() -> None:
    added = (*MIXED[:3], part("ADD", "net/added", 50_000), *MIXED[3:])
    baseline, larger = wired(counted(), "without"), wired(counted(added), "with")
    found = only(larger, "layer:net/added=+5%", baseline=baseline)
    assert (found.verdict, found.reason) == ("inconclusive", "it is new: the baseline does not have it")
    every = judge(larger, "layer:*=+5%", baseline=baseline)
    assert {one.verdict for name, one in every.items() if "net/added" not in name} == {"pass"}
    assert every["layer 0/4 net/added (ADD)"].verdict == "inconclusive"
    gone = only(baseline, "layer:net/added=+5%", baseline=larger)
    assert (gone.verdict, gone.reason, gone.value) == (
        "inconclusive",
        "it is gone: only the baseline has it",
        None,
    )
    assert gate.missing_layers(compare_profiles(baseline, larger)) == (
        "new, not in the baseline: layer 0/4 net/added (ADD), 50.0 k instructions",
    )
    assert gate.missing_layers(compare_profiles(larger, baseline)) == (
        "gone since the baseline: layer 0/4 net/added (ADD), 50.0 k instructions",
    )


def test_a_relative_budget_without_a_baseline_is_inconclusive() -> None:
    assert only(counted(), "+3%").verdict == "inconclusive"


def test_a_baseline_without_an_interval_makes_it_inconclusive() -> None:
    found = only(TIMED, "init=+5%", baseline=make_profile(processes=3))
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("of the baseline: an interval of its median takes")


def test_only_relative_budgets_need_a_comparable_baseline() -> None:
    limits = parse_limits(("30ms", "+3%", "layer:*=+5%"))
    refused = gate.not_comparable(limits, "ns", [Mismatch("core", ("A73",), None), Mismatch("threads", 1, 4)])
    assert [(one.limit_text, one.verdict) for one in refused] == [
        ("+3%", "incomparable"),
        ("layer:*=+5%", "incomparable"),
    ]
    assert "(core, threads)" in refused[0].reason
    assert (
        gate.condition_text(Mismatch("core", ("A73", "A53"), None))
        == "core: A73 A53 in the baseline, unknown now"
    )


def case(verdict: str, **options: object) -> GateCase:
    return GateCase("c", "m.tflite", "host", (), verdict, **options)


@pytest.mark.parametrize(
    ("verdicts", "inconclusive_as", "verdict", "code"),
    [
        ([], None, "pass", 0),
        (["pass", "pass"], None, "pass", 0),
        (["pass", "inconclusive"], None, "inconclusive", 4),
        (["inconclusive", "incomparable"], None, "incomparable", 4),
        (["incomparable", "fail"], None, "fail", 1),
        (["pass", "inconclusive"], "pass", "pass", 0),
        (["pass", "inconclusive"], "fail", "fail", 1),
        (["inconclusive", "incomparable"], "pass", "incomparable", 4),
        (["inconclusive", "incomparable"], "fail", "fail", 1),
    ],
)
def test_the_worst_case_is_the_verdict(
    verdicts: list[str], inconclusive_as: str | None, verdict: str, code: int
) -> None:
    result = GateResult(tuple(map(case, verdicts)), inconclusive_as)
    assert (result.verdict, result.exit_code) == (verdict, code)


def test_an_error_is_never_taken_as_a_pass() -> None:
    broken = case("inconclusive", error="no phone", error_code=3)
    assert GateResult((case("pass"), broken), "pass").exit_code == 3
    assert GateResult((case("pass"), broken), "fail").exit_code == 3
    untrusted = case("inconclusive", error="tainted", error_code=4)
    assert GateResult((untrusted, broken)).exit_code == 3
    assert GateResult((untrusted, case("inconclusive")), "pass").exit_code == 4
    # A regression that was found stays one, whatever happened to the other cases.
    assert GateResult((broken, case("fail"))).exit_code == 1
    assert worst(()) == "pass"


def test_a_failure_says_by_how_much_it_failed() -> None:
    grown = counted(scaled(1.2, POINTWISE))
    assert only(grown, "layer:0/4=+10%", baseline=counted()).reason == (
        "1.57 M instructions, 131 k instructions above the limit of 1.44 M instructions (+20.0 % on the baseline)"
    )
    # The limit and what was found look alike when rounded; what is between them does not.
    assert only(counted(), "layer:0/4=1309500inst").reason == (
        "1.31 M instructions, 500 instructions above the limit of 1.31 M instructions"
    )
    assert ", at least " in only(TIMED, "total=1us").reason


def test_a_wildcard_without_layers_does_not_pass() -> None:
    static = tuple(replace(item, note="static", cost=0) for item in MIXED)
    for budget, baseline in (("layer:*=1G", None), ("layer:*=+5%", counted(static))):
        found = only(counted(static), budget, baseline=baseline)
        assert (found.verdict, found.subject) == ("inconclusive", "every layer")


def test_a_wildcard_does_not_leave_out_a_layer_of_unknown_cost() -> None:
    profile = counted()
    comparison = compare_profiles(profile, profile)
    rows = list(comparison.layers)
    at = next(i for i, row in enumerate(rows) if row.b is not None and "0/4" in row.b.layers)
    now = rows[at].b
    assert now is not None
    rows[at] = replace(
        rows[at],
        b=replace(now, typical=None),
        difference=None,
        lo=None,
        hi=None,
        reason="not measured",
    )
    before = gate.Before(profile, replace(comparison, layers=tuple(rows)))
    results = gate.judge(parse_limits(["layer:*=+5%"]), profile, before)
    assert [one.reason for one in results if one.verdict == "inconclusive"] == ["not measured"]
