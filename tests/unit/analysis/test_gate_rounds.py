from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.analysis.gate_rounds import combine, conclude_from, more_needed, unconfirmed
from tflprof.analysis.verdicts import BudgetResult, Verdict

VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "inconclusive")


def result(verdict: Verdict, value: float = 1.0, subject: str = "total") -> BudgetResult:
    return BudgetResult("30ms", subject, "ns", verdict, f"reason of {value:g}", value, value, value, 30.0)


def measured(verdicts: list[Verdict]) -> list[list[BudgetResult]]:
    return [[result(verdict, number)] for number, verdict in enumerate(verdicts, 1)]


@pytest.mark.parametrize(
    ("verdicts", "together", "more"),
    [
        ("p", "pass", False),
        ("f", "fail", True),
        ("i", "inconclusive", True),
        ("ff", "fail", False),
        ("fp", "inconclusive", False),
        ("fi", "inconclusive", True),
        ("if", "inconclusive", True),
        ("ip", "pass", False),
        ("ii", "inconclusive", False),
        ("fif", "fail", False),
        ("iff", "fail", False),
        ("fip", "inconclusive", False),
        ("ifp", "inconclusive", False),
        ("fii", "inconclusive", False),
        ("ifi", "inconclusive", False),
    ],
)
def test_what_measurements_say_together(verdicts: str, together: Verdict, more: bool) -> None:
    names: dict[str, Verdict] = {"p": "pass", "f": "fail", "i": "inconclusive"}
    rounds = measured([names[letter] for letter in verdicts])
    (found,) = combine(rounds)
    # One measurement alone confirms nothing: the workflow asks for more before it concludes.
    assert found.verdict == together or len(verdicts) == 1
    assert more_needed(rounds, deterministic=False) == more
    assert not more_needed(rounds, deterministic=True)


@given(st.lists(st.sampled_from(VERDICTS), min_size=2, max_size=3))
def test_a_failure_takes_two_and_no_pass(verdicts: list[Verdict]) -> None:
    found = conclude_from(verdicts)
    if found == "fail":
        assert verdicts.count("fail") >= 2
        assert "pass" not in verdicts
    if found == "pass" and verdicts[0] != "pass":
        assert "fail" not in verdicts
        assert "pass" in verdicts


def test_it_ends_after_three_measurements_whatever_they_say() -> None:
    for verdicts in product(VERDICTS, repeat=3):
        assert not more_needed(measured(list(verdicts)), deterministic=False)


def test_the_numbers_are_of_the_measurement_that_decided() -> None:
    (found,) = combine(measured(["inconclusive", "pass"]))
    assert (found.value, found.reason) == (2.0, "reason of 2 (measurements: inconclusive, pass)")
    (found,) = combine(measured(["fail", "inconclusive", "fail"]))
    assert found.value == 3.0
    (found,) = combine(measured(["fail", "pass"]))
    assert (found.verdict, found.value) == ("inconclusive", 2.0)


def test_what_passed_at_first_stays_as_it_was() -> None:
    rounds = [[result("pass", 1), result("fail", 1, "init")], [result("fail", 2), result("fail", 2, "init")]]
    first, second = combine(rounds)
    assert (first.verdict, first.value) == ("pass", 1.0)
    assert second.verdict == "fail"


def test_what_a_further_measurement_lacks_is_not_confirmed() -> None:
    (found,) = combine([[result("fail")], []])
    assert found.verdict == "inconclusive"
    assert more_needed([[result("fail")], []], deterministic=False)


def test_a_failure_that_could_not_be_measured_again_is_none_yet() -> None:
    failed, passed = unconfirmed([result("fail"), result("pass")])
    assert (failed.verdict, passed.verdict) == ("inconclusive", "pass")
    assert "could not be measured again" in failed.reason


def test_how_often_it_errs_at_the_limit() -> None:
    """The rates of docs/ci.md: one measurement errs to either side with probability a, and they are independent."""
    a = 0.025
    chance: dict[Verdict, float] = {"fail": a, "pass": a, "inconclusive": 1 - 2 * a}
    ends = dict.fromkeys(VERDICTS, 0.0)

    def follow(verdicts: list[Verdict], probability: float) -> None:
        for verdict in VERDICTS:
            so_far, share = [*verdicts, verdict], probability * chance[verdict]
            if more_needed(measured(so_far), deterministic=False):
                follow(so_far, share)
            else:
                ends[conclude_from(so_far)] += share

    follow([], 1.0)
    assert sum(ends.values()) == pytest.approx(1)
    assert ends["fail"] == pytest.approx(a * a * (3 - 4 * a))
    assert ends["fail"] < 0.002
    assert ends["pass"] < 2 * a
