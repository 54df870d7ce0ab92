from __future__ import annotations

import pytest

from tflprof.analysis.gate import NEW_LAYER
from tflprof.analysis.gate_hint import next_step
from tflprof.analysis.verdicts import BudgetResult, Verdict


def result(verdict: Verdict, reason: str = "so", baseline: float | None = 1.0) -> BudgetResult:
    return BudgetResult("total=+3%", "total", "ns", verdict, reason, 2.0, 2.0, 2.0, 1.03, baseline)


@pytest.mark.parametrize(
    ("one", "updatable", "time", "word"),
    [
        (result("fail"), True, True, "--update-baseline"),
        (result("fail"), False, True, None),
        (result("fail", baseline=None), True, True, None),
        (result("incomparable"), True, False, "--update-baseline"),
        (result("incomparable"), False, False, None),
        (result("inconclusive", NEW_LAYER), True, False, "--update-baseline"),
        (result("inconclusive", NEW_LAYER), False, False, None),
        (result("inconclusive"), True, True, "--max-seconds"),
        (result("inconclusive"), True, False, None),
        (result("pass"), True, True, None),
    ],
)
def test_what_to_do_next_is_said_where_something_can_be_done(
    one: BudgetResult, updatable: bool, time: bool, word: str | None
) -> None:
    found = next_step([result("pass"), one], one.verdict, updatable=updatable, measured_time=time)
    assert found is None if word is None else word in str(found)
