"""Results of gates for tests of what is made of them, with names that try to do something."""

from __future__ import annotations

from dataclasses import replace

from tests.factories import make_profile
from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult
from tflprof.profile.meta import Finding

HOSTILE = 'a|b<script>alert("1")</script>`x`\r\n::error::pwned\x1b[31m]]>%0A@team #1'
META = make_profile(processes=1, blocks=1, inferences=1).meta
DOUBTED = replace(META, verdict="doubtful", findings=(Finding("host-busy", "doubt", "busy", "wait"),))


def budget(verdict: str, **values: object) -> BudgetResult:
    shown = {"value": 31e6, "lo": 30.5e6, "hi": 31.5e6, "limit": 30e6, "baseline": 29e6} | values
    return BudgetResult("total=+3%", "total", "ns", verdict, "it is so", **shown)


PASSED = budget("pass", value=20e6, lo=19e6, hi=21e6)
FAILED = budget("fail")
UNSURE = budget("inconclusive", value=None, lo=None, hi=None)
REFUSED = BudgetResult("+3%", "total", "ns", "incomparable", "the baseline is from other conditions (core)")
EVERY = tuple(replace(PASSED, limit_text="layer:*=5ms", subject=f"layer 0/{i}") for i in range(4))
HOSTILE_BUDGET = replace(
    FAILED, limit_text=f"layer:{HOSTILE}=5ms", subject=f"layer 0/1 {HOSTILE}", reason=HOSTILE
)


def case(name: str, verdict: str, *results: BudgetResult, **values: object) -> GateCase:
    shown = {"meta": META, "measured": 1} | values
    return GateCase(name, "m.tflite", "host", results, verdict, **shown)


BROKEN = case(
    "phone", "inconclusive", meta=None, measured=0, error="no phone is there", hint="plug it in", error_code=3
)
MIXED = GateResult(
    (
        case("good", "pass", PASSED, *EVERY),
        case(
            "bad",
            "fail",
            FAILED,
            PASSED,
            replace(EVERY[0], verdict="fail", subject="layer 0/9"),
            *EVERY,
            notes=("slower: layer 0/9",),
        ),
        case(
            "unsure",
            "inconclusive",
            UNSURE,
            meta=DOUBTED,
            notes=("the profile is doubtful: host-busy, busy",),
        ),
        case("other", "incomparable", REFUSED),
        case(HOSTILE, "fail", HOSTILE_BUDGET, notes=(HOSTILE,)),
        BROKEN,
    )
)
"""A case of every kind."""
