"""What all forms of a gate's result say in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from tflprof.analysis.budget import EVERY_LAYER
from tflprof.analysis.verdicts import BY_WEIGHT, BudgetResult, GateCase, GateResult
from tflprof.report.describe import describe_prediction
from tflprof.report.view import provenance_text

MOST_REASONS = 12
"""Reasons told below a table."""


def result_words(result: GateResult) -> str:
    """``failed: 1 of 3 cases``, and what an inconclusive verdict was taken as."""
    count = len(result.cases)
    words = {
        "pass": "passed",
        "fail": "failed",
        "inconclusive": "inconclusive",
        "incomparable": "incomparable",
    }[result.verdict]
    if any(case.error is not None for case in result.cases) and result.verdict != "fail":
        words = "not judged in full"
    parts = [f"{words}: {count} case{'' if count == 1 else 's'}"]
    if count > 1:
        counts: dict[str, int] = {}
        for case in result.cases:
            counts[verdict_words(case)] = counts.get(verdict_words(case), 0) + 1
        parts = [f"{words}: " + ", ".join(f"{number} {name}" for name, number in counts.items())]
    if result.inconclusive_as and any(result.taken(case) != case.verdict for case in result.cases):
        parts.append(f"inconclusive taken as {result.inconclusive_as}")
    return "; ".join(parts)


def verdict_words(case: GateCase) -> str:
    """The verdict of a case, or ``error``."""
    return "error" if case.error is not None else case.verdict


def measured_words(case: GateCase) -> str:
    """What was judged: provenance, library, and how often it was measured."""
    if case.meta is None:
        return ""
    times = {0: "stored profile", 1: "measured once", 2: "measured twice"}.get(
        case.measured, f"measured {case.measured} times"
    )
    runtime = " ".join(filter(None, (case.meta.runtime.get("name"), case.meta.runtime.get("version"))))
    trust = f"trust: {case.meta.verdict}"
    provenance = describe_prediction(case.meta) or provenance_text(case.meta)
    return " · ".join(filter(None, (provenance, runtime, times, trust)))


def shown_results(results: Sequence[BudgetResult]) -> tuple[list[BudgetResult], list[str]]:
    """Results worth a line each, and sentences on the layers of ``layer:*`` that passed."""
    shown = [one for one in results if not (of_every_layer(one) and one.verdict == "pass")]
    passed: dict[str, int] = {}
    for one in results:
        if of_every_layer(one) and one.verdict == "pass":
            passed[one.limit_text] = passed.get(one.limit_text, 0) + 1
    return shown, [f"{text}: {count} layers pass" for text, count in passed.items()]


def explained(shown: Sequence[BudgetResult]) -> tuple[list[BudgetResult], int]:
    """Results whose reasons are told below a table, and how many more did not pass; the table has all of them."""
    failed = by_weight([one for one in shown if one.verdict != "pass"])
    return failed[:MOST_REASONS], len(failed[MOST_REASONS:])


def by_weight(results: Sequence[BudgetResult]) -> list[BudgetResult]:
    """What decides first: failures before the rest, and of ``layer:*`` the layer that is over it most."""

    def weight(one: BudgetResult) -> tuple[int, bool, float]:
        over = 0.0 if one.lo is None or one.limit is None else one.lo - one.limit
        return BY_WEIGHT.index(one.verdict), of_every_layer(one), -over if of_every_layer(one) else 0.0

    return sorted(results, key=weight)


def of_every_layer(result: BudgetResult) -> bool:
    """Whether the result is one of many of ``layer:*``."""
    return result.limit_text.rpartition("=")[0].strip() == EVERY_LAYER
