"""What a page of a gate's result shows, as text and places: bullet charts of budgets, cases, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tflprof import units
from tflprof.analysis.gate import amount_text
from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult, Verdict
from tflprof.report.axis import Axis, fit_axis
from tflprof.report.compare_view import CompareView, make_compare_view
from tflprof.report.conditions import Section, describe_conditions
from tflprof.report.gate_table import interval_text
from tflprof.report.gate_words import by_weight, measured_words, of_every_layer, result_words, verdict_words
from tflprof.report.text import plain

_DECISIVE = 5
"""Budgets named beside the verdict."""


@dataclass(frozen=True)
class Bullet:
    """A budget as a bar against its limit; places in percent, None for what is unknown."""

    axis: Axis
    value: float
    lo: float | None
    hi: float | None
    limit: float | None
    baseline: float | None


@dataclass(frozen=True)
class BudgetView:
    """One budget: its verdict, its numbers as (name, text), and its chart, None without a value."""

    result: BudgetResult
    numbers: tuple[tuple[str, str], ...]
    bullet: Bullet | None


@dataclass(frozen=True)
class CaseView:
    """One case. ``passed``: budgets of ``layer:*`` that passed, shown when asked for."""

    case: GateCase
    number: int
    words: str
    measured: str
    counts: str
    shown: tuple[BudgetView, ...]
    passed: tuple[BudgetView, ...]
    comparison: CompareView | None
    conditions: tuple[Section, ...]


@dataclass(frozen=True)
class GateView:
    """All cases with the verdict of the whole in words.

    Attributes:
        because: number of the case, verdict and sentence of what decided it, at most :data:`_DECISIVE`.
        more: number of those that are not among them.
        compared: the first comparison there is.
    """

    result: GateResult
    words: str
    because: tuple[tuple[int, str, str], ...]
    more: int
    cases: tuple[CaseView, ...]
    compared: CompareView | None


def make_gate_view(result: GateResult) -> GateView:
    """Work out what a page shows of ``result``."""
    cases = tuple(_case(case, number) for number, case in enumerate(result.cases, 1))
    because = [each for one in cases for each in _decisive(one, result.verdict)]
    return GateView(
        result=result,
        words=result_words(result),
        because=tuple(because[:_DECISIVE]),
        more=max(0, len(because) - _DECISIVE),
        cases=cases,
        compared=next((one.comparison for one in cases if one.comparison is not None), None),
    )


def _decisive(one: CaseView, verdict: Verdict) -> list[tuple[int, str, str]]:
    """What made the whole what it is; of a gate that passed, nothing."""
    if one.case.error is not None:
        return [(one.number, "error", f"{one.case.name}: {one.case.error}")]
    return [
        (one.number, verdict, f"{one.case.name}, {result.subject}: {result.reason}")
        for result in by_weight(one.case.results)
        if result.verdict == verdict and verdict != "pass"
    ]


def _case(case: GateCase, number: int) -> CaseView:
    quiet = [one for one in case.results if of_every_layer(one) and one.verdict == "pass"]
    comparison = case.comparison
    alone = comparison is None and case.meta is not None
    return CaseView(
        case=case,
        number=number,
        words=verdict_words(case),
        measured=measured_words(case),
        counts=_counts(case.results),
        shown=tuple(_budget(one) for one in case.results if one not in quiet),
        passed=tuple(map(_budget, quiet)),
        comparison=None if comparison is None else make_compare_view(comparison, f"case-{number}-", level=3),
        conditions=tuple(describe_conditions(case.meta)) if alone and case.meta is not None else (),
    )


def _counts(results: Sequence[BudgetResult]) -> str:
    """``1 fail, 3 pass``."""
    found: dict[str, int] = {}
    for result in results:
        found[result.verdict] = found.get(result.verdict, 0) + 1
    return ", ".join(f"{count} {verdict}" for verdict, count in found.items()) or units.UNKNOWN


def _budget(result: BudgetResult) -> BudgetView:
    interval = interval_text(result)
    found = amount_text(result.value, result.unit)
    numbers = [("found", found if interval in ("exact", units.UNKNOWN) else f"{found} ({interval})")]
    numbers.append(("at most", amount_text(result.limit, result.unit)))
    if result.baseline is not None:
        numbers.append(("baseline", amount_text(result.baseline, result.unit)))
    return BudgetView(result, tuple((name, plain(text)) for name, text in numbers), _bullet(result))


def _bullet(result: BudgetResult) -> Bullet | None:
    if not units.known(result.value):
        return None
    ends = (result.value, result.lo, result.hi, result.limit, result.baseline)
    axis = fit_axis([end for end in ends if units.known(end)], result.unit)
    lo, hi, limit, baseline = (axis.place(end) if units.known(end) else None for end in ends[1:])
    return Bullet(axis, axis.place(result.value), lo, hi, limit, baseline)
