"""Judging budgets on a profile, and on its comparison with a baseline; docs/ci.md explains the rules.

A budget fails if the whole interval lies above it, passes if none of it does, else it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tflprof import units
from tflprof.analysis.budget import EVERY_LAYER
from tflprof.analysis.comparison import Comparison, Difference, Status
from tflprof.analysis.exact import exact_threshold
from tflprof.analysis.gate_units import Before as Before
from tflprof.analysis.gate_units import Sides
from tflprof.analysis.quantity import Quantity, describe_layers, every_layer, measure_subject
from tflprof.analysis.subject import find_layer, layer_name
from tflprof.analysis.verdicts import BudgetResult, Limit
from tflprof.profile.meta import LayerInfo, ProfileMeta
from tflprof.profile.mismatch import Mismatch, shown_value
from tflprof.profile.profile import Profile

MOST_NAMED = 5
"""Layers that grew are named in full up to so many."""
NEW_LAYER = "it is new: the baseline does not have it"
GONE_LAYER = "it is gone: only the baseline has it"


def judge(
    limits: Sequence[Limit], profile: Profile, before: Before | None = None
) -> tuple[BudgetResult, ...]:
    """A result for every budget, of ``layer:*`` one for every layer.

    Raises:
        UsageError: several layers have the name that a budget uses.
    """
    sides = Sides(profile, before)
    return tuple(result for limit in limits for result in _judged(limit, *sides.of(limit)))


def not_comparable(
    limits: Sequence[Limit], unit: str, mismatches: Sequence[Mismatch]
) -> tuple[BudgetResult, ...]:
    """The results of relative budgets against a baseline from other conditions."""
    keys = ", ".join(one.key for one in mismatches)
    reason = (
        f"the baseline is from other conditions ({keys})" if keys else "the baseline cannot be compared with"
    )
    return tuple(
        BudgetResult(limit.text, limit.subject, unit, "incomparable", reason)
        for limit in limits
        if limit.relative is not None
    )


def condition_text(one: Mismatch, before: str = "in the baseline", now: str = "now") -> str:
    """``core: Cortex-A73 in the baseline, Cortex-A53 now``."""
    return f"{one.key}: {shown_value(one.a)} {before}, {shown_value(one.b)} {now}"


def changed_layers(comparison: Comparison, status: Status = "slower") -> tuple[str, ...]:
    """Sentences about the layers that are ``slower`` or ``faster``, largest difference first."""
    found = [one for one in comparison.layers if one.status == status and one.difference is not None]
    found.sort(key=lambda one: -abs(one.difference or 0.0))
    named = [f"{status}: {change_text(one, comparison)}" for one in found[:MOST_NAMED]]
    more = len(found) - len(named)
    return (*named, *([f"{status}: {more} more layer{'' if more == 1 else 's'}"] if more else []))


def change_text(difference: Difference, comparison: Comparison) -> str:
    """``layer 0/3 net/conv (CONV_2D), 1.31 ms before, 1.57 ms now``."""
    then, now = (
        amount_text(part.typical if part else None, comparison.unit) for part in (difference.a, difference.b)
    )
    return f"{_subject_of(difference, comparison)}, {then} before, {now} now"


def missing_layers(comparison: Comparison) -> tuple[str, ...]:
    """Sentences about layers that the baseline or the model lacks."""
    new = [one for one in comparison.layers if one.a is None and one.b is not None]
    gone = [one for one in comparison.layers if one.b is None and one.a is not None]
    found = [f"new, not in the baseline: {_cost(one, comparison)}" for one in new]
    return (*found, *(f"gone since the baseline: {_cost(one, comparison)}" for one in gone))


def _judged(limit: Limit, profile: Profile, before: Before | None) -> Iterator[BudgetResult]:
    if limit.relative is None:
        if limit.subject != EVERY_LAYER:
            yield _absolute(limit, measure_subject(profile, limit.subject))
            return
        found = every_layer(profile)
        yield from (_absolute(limit, one) for one in found)
        if not found:
            yield _no_layers(limit, profile.meta.unit)
    elif before is None:
        yield BudgetResult(
            limit.text,
            limit.subject,
            profile.meta.unit,
            "inconclusive",
            "there is no baseline to compare with",
        )
    elif limit.subject == "total":
        yield _grown(limit, before.comparison.total, before.comparison)
    elif limit.subject == EVERY_LAYER:
        yield from _every_layer_grown(limit, profile, before.comparison)
    elif (name := layer_name(limit.subject)) is not None:
        yield _grown_layer(limit, name, before.comparison)
    else:
        yield _against(
            limit, measure_subject(profile, limit.subject), measure_subject(before.profile, limit.subject)
        )


def _every_layer_grown(limit: Limit, profile: Profile, comparison: Comparison) -> Iterator[BudgetResult]:
    """Of every layer that runs something at inference now; a cost that is not known is no reason to leave it out."""
    static = {one for row in profile.meta.alignment.rows if row.note == "static" for one in row.layers}
    running = [one for one in comparison.layers if one.b is not None and not static.issuperset(one.b.layers)]
    yield from (_grown(limit, one, comparison) for one in running)
    if not running:
        yield _no_layers(limit, comparison.unit)


def _no_layers(limit: Limit, unit: str) -> BudgetResult:
    """Nothing to judge is not that all is well."""
    return BudgetResult(limit.text, "every layer", unit, "inconclusive", "the profile has no layers")


def _absolute(limit: Limit, found: Quantity) -> BudgetResult:
    most = limit.absolute
    assert most is not None
    result = BudgetResult(
        limit.text,
        found.subject,
        found.unit,
        "inconclusive",
        found.why,
        found.value,
        found.lo,
        found.hi,
        most,
    )
    return _decided(result, found.why)


def _decided(result: BudgetResult, remark: str) -> BudgetResult:
    """The result with the verdict that its interval and limit make."""
    most, lo, hi = result.limit, result.lo, result.hi
    if result.value is None or lo is None or hi is None or most is None:
        return replace(result, reason=remark or "it is not known")
    limit = amount_text(most, result.unit)
    exact = lo == hi
    what = amount_text(result.value, result.unit)
    if not exact:
        what = f"between {amount_text(lo, result.unit)} and {amount_text(hi, result.unit)}"
    tail = f" ({remark})" if remark else ""
    if lo > most:
        over = (
            f"{'' if exact else 'at least '}{amount_text(lo - most, result.unit)} above the limit of {limit}"
        )
        return replace(result, verdict="fail", reason=f"{what}, {over}{_growth(result)}{tail}")
    if hi <= most:
        return replace(result, verdict="pass", reason=f"{what} is within {limit}{tail}")
    return replace(result, verdict="inconclusive", reason=f"{what} may be above or within {limit}{tail}")


def _growth(result: BudgetResult) -> str:
    """`` (+12.3 % on the baseline)``; empty if that is not known."""
    if result.value is None or not result.baseline:
        return ""
    return f" ({units.format_change(result.value / result.baseline)} on the baseline)"


def amount_text(value: float | None, unit: str) -> str:
    """A value with its unit."""
    if unit == "bytes":
        return units.format_bytes(value)
    text = units.format_value(value, unit)
    return text if unit == "ns" or value is None else f"{text} {unit}"


def _grown_layer(limit: Limit, name: str, comparison: Comparison) -> BudgetResult:
    """The row of the comparison that the budget's layer is in, as the model names it or as the baseline did."""
    now, then = find_layer(name, comparison.b.model.layers), None
    if now is None:
        then = find_layer(name, comparison.a.model.layers)
    for difference in comparison.layers:
        if (difference.b is not None and now in difference.b.layers) or (
            difference.a is not None and then in difference.a.layers
        ):
            return _grown(limit, difference, comparison)
    subject = f"layer {name}"
    return BudgetResult(limit.text, subject, comparison.unit, "inconclusive", "it did not run")


def _grown(limit: Limit, difference: Difference, comparison: Comparison) -> BudgetResult:
    subject = _subject_of(difference, comparison)
    now = difference.b.typical if difference.b else None
    result = BudgetResult(limit.text, subject, comparison.unit, "inconclusive", "", now)
    if difference.a is None:
        return replace(result, reason=NEW_LAYER)
    then, exact = difference.a.typical, comparison.method == "exact"
    if difference.b is None:
        return replace(result, baseline=then, reason=GONE_LAYER)
    if now is None and (then is None or difference.difference is not None):
        return replace(result, verdict="pass", baseline=then, reason="nothing of it runs at inference")
    if then is None and exact and difference.difference is not None:
        then = 0.0  # it ran nothing, which is known without an interval
        difference = replace(difference, lo=difference.difference, hi=difference.difference)
    if then is None or difference.difference is None or difference.lo is None or difference.hi is None:
        return replace(result, baseline=then, reason=difference.reason or "its growth is not known")
    # On the scale of the limit: what was measured together moves together, and typical values need not.
    result = replace(
        result,
        value=then + difference.difference,
        lo=then + difference.lo,
        hi=then + difference.hi,
        baseline=then,
        limit=_most(limit, then, exact=exact),
    )
    return _decided(result, "")


def _against(limit: Limit, now: Quantity, then: Quantity) -> BudgetResult:
    """Two profiles' quantities: it has grown too much if it has whatever both are within their intervals."""
    result = BudgetResult(
        limit.text, now.subject, now.unit, "inconclusive", "", now.value, now.lo, now.hi, None, then.value
    )
    if then.value is None or then.lo is None or then.hi is None:
        return replace(result, reason=f"of the baseline: {then.why or 'it is not known'}")
    if now.lo is None or now.hi is None or now.value is None:
        return replace(result, limit=_most(limit, then.value), reason=now.why or "it is not known")
    result = replace(result, limit=_most(limit, then.value))
    if then.exact:
        counted = now.exact and now.unit != "bytes"
        return _decided(replace(result, limit=_most(limit, then.value, exact=counted)), now.why)
    least, most = _most(limit, then.lo), _most(limit, then.hi)
    allowed = f"what the baseline allows, {amount_text(least, now.unit)} to {amount_text(most, now.unit)}"
    ends = f"between {amount_text(now.lo, now.unit)} and {amount_text(now.hi, now.unit)}"
    if now.lo > most:
        over = f"at least {amount_text(now.lo - most, now.unit)} above"
        return replace(result, verdict="fail", reason=f"{ends}, {over} {allowed}{_growth(result)}")
    if now.hi <= least:
        return replace(result, verdict="pass", reason=f"{ends} is within {allowed}")
    return replace(result, reason=f"{ends} may be above or within {allowed}")


def _most(limit: Limit, then: float, *, exact: bool = False) -> float:
    """Most that is allowed of what was ``then`` before; ``exact``: counts, of which small differences are none."""
    assert limit.relative is not None
    least = exact_threshold(then) if exact else 0.0
    return then + max(limit.relative * then, limit.floor or 0.0, least)


def _subject_of(difference: Difference, comparison: Comparison) -> str:
    if difference.match == "total":
        return "total"
    part, meta = (difference.b, comparison.b) if difference.b else (difference.a, comparison.a)
    assert part is not None
    return describe_layers(_infos(meta, part.layers))


def _infos(meta: ProfileMeta, ids: tuple[str, ...]) -> tuple[LayerInfo, ...]:
    known = {info.id: info for info in meta.model.layers}
    return tuple(known[identity] for identity in ids)


def _cost(difference: Difference, comparison: Comparison) -> str:
    part = difference.b or difference.a
    cost = part.typical if part else None
    text = _subject_of(difference, comparison)
    return text if cost is None else f"{text}, {amount_text(cost, comparison.unit)}"
