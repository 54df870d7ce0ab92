"""Several measurements of one case: whether another is needed, and what they say together (docs/ci.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tflprof.analysis.verdicts import BudgetResult, Verdict


def more_needed(rounds: Sequence[Sequence[BudgetResult]], *, deterministic: bool) -> bool:
    """Whether another measurement can decide a budget, after so many rounds of results."""
    return not deterministic and any(_undecided(_verdicts(one, rounds)) for one in rounds[0])


def combine(rounds: Sequence[Sequence[BudgetResult]]) -> tuple[BudgetResult, ...]:
    """All measurements of a case together, one result for every budget of the first.

    ``fail`` takes two measurements that say so and none that says ``pass``; ``pass`` takes one, and none that
    says ``fail``; what passed at first is left as it was. The numbers are those of the last measurement that
    says what is concluded, else of the last.
    """
    return tuple(_combined(one, rounds) for one in rounds[0])


def conclude_from(verdicts: Sequence[Verdict]) -> Verdict:
    """What measurements one after the other say together of a budget."""
    if verdicts[0] in ("pass", "incomparable"):
        return verdicts[0]
    fails, passes = verdicts.count("fail"), verdicts.count("pass")
    if fails > 1 and not passes:
        return "fail"
    return "pass" if passes and not fails else "inconclusive"


def _undecided(verdicts: Sequence[Verdict]) -> bool:
    """A first measurement that did not pass; two of which one failed and the other could not tell."""
    if len(verdicts) == 1:
        return verdicts[0] in ("fail", "inconclusive")
    return len(verdicts) == 2 and sorted(verdicts) == ["fail", "inconclusive"]


def _verdicts(first: BudgetResult, rounds: Sequence[Sequence[BudgetResult]]) -> list[Verdict]:
    return [one.verdict for one in _measurements(first, rounds)]


def _measurements(first: BudgetResult, rounds: Sequence[Sequence[BudgetResult]]) -> list[BudgetResult]:
    """The results of one budget in every round; unknown in one that does not have it."""
    key = first.limit_text, first.subject
    lacking = replace(first, verdict="inconclusive", reason="a further measurement does not have it")
    later = ({(one.limit_text, one.subject): one for one in results} for results in rounds[1:])
    return [first, *(results.get(key, lacking) for results in later)]


def _combined(first: BudgetResult, rounds: Sequence[Sequence[BudgetResult]]) -> BudgetResult:
    found = _measurements(first, rounds)
    verdicts = [one.verdict for one in found]
    verdict = conclude_from(verdicts)
    if len(found) == 1 or verdicts[0] in ("pass", "incomparable"):
        return replace(first, verdict=verdict)
    shown = next((one for one in reversed(found) if one.verdict == verdict), found[-1])
    return replace(shown, verdict=verdict, reason=f"{shown.reason} (measurements: {', '.join(verdicts)})")


def unconfirmed(results: Sequence[BudgetResult]) -> tuple[BudgetResult, ...]:
    """What one measurement found, if the further one that it takes could not be had: no failure yet."""
    return tuple(
        replace(one, verdict="inconclusive", reason=f"{one.reason}, and it could not be measured again")
        if one.verdict == "fail"
        else one
        for one in results
    )
