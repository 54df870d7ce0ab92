"""One round of a gate's case: measure it, or take what is stored, and judge it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tflprof.analysis import gate
from tflprof.analysis.compare import check_trust, compare_profiles
from tflprof.analysis.comparison import Comparison
from tflprof.analysis.gate_units import counts_before, in_counts
from tflprof.analysis.verdicts import BudgetResult, Limit
from tflprof.measure.pipeline import OnProgress
from tflprof.profile.meta import Finding, ProfileMeta
from tflprof.profile.mismatch import Mismatch, mismatches
from tflprof.profile.profile import Profile
from tflprof.workflow import compare as comparing
from tflprof.workflow import profile as profiling
from tflprof.workflow.gate_case import Prepared

OnProfile = Callable[[str, Profile], None]
"""Told the name of a case and each profile that was measured for it."""


@dataclass(frozen=True)
class Round:
    """What one measurement of a case says.

    Attributes:
        results: of every budget.
        comparison: with the baseline, None without or if it cannot be compared.
        notes: sentences.
    """

    profile: Profile
    results: tuple[BudgetResult, ...]
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()


def run_round(
    case: Prepared, *, require_trust: bool, on_progress: OnProgress | None, on_profile: OnProfile
) -> Round:
    """Measure a case (a stored profile is taken as it is) and judge its budgets.

    Raises:
        TflprofError: it cannot be measured; Untrusted: it must not be judged.
        Interrupted, ComparisonInterrupted: cut short, or refused after it was measured.
    """
    if case.paired:
        return _paired(case, require_trust, on_progress, on_profile)
    profile = case.profile or measure_case(case, on_progress, on_profile)
    if require_trust:
        check_trust(profile.meta, *([case.baseline.meta] if case.baseline else []))
    if case.baseline is None:
        results = gate.judge(case.spec.limits, profile)
        return Round(profile, results, notes=doubts([("", profile.meta)]))
    differing = mismatches(case.baseline.meta, profile.meta)
    notes = doubts([("", profile.meta), ("baseline", case.baseline.meta)])
    if differing:
        keys = tuple(map(gate.condition_text, differing))
        results = _despite(case.spec.limits, profile, case.baseline, differing)
        return Round(profile, results, notes=(*keys, *notes))
    comparison = compare_profiles(case.baseline, profile)
    return _judged(case, profile, gate.Before(case.baseline, comparison), notes)


def _despite(
    limits: Sequence[Limit], profile: Profile, baseline: Profile, differing: Sequence[Mismatch]
) -> tuple[BudgetResult, ...]:
    """Budgets beside a baseline from other conditions: absolute ones, and growth of counts that are from equal ones."""
    absolute = [limit for limit in limits if limit.relative is None]
    counted = [limit for limit in limits if limit.relative is not None and in_counts(limit, profile)]
    both = counts_before(profile, baseline) if counted else None
    judged = gate.judge(counted, *both) if both else ()
    refused = [limit for limit in limits if not both or limit not in counted]
    return (
        *gate.judge(absolute, profile),
        *judged,
        *gate.not_comparable(refused, profile.meta.unit, differing),
    )


def measure_case(case: Prepared, on_progress: OnProgress | None, on_profile: OnProfile) -> Profile:
    """Measure the model of a case. Raises what :func:`tflprof.profile_model` raises."""
    spec = case.spec
    try:
        profile = profiling.profile_model(
            spec.model, target=spec.target, **spec.options, on_progress=on_progress
        )
    except profiling.Interrupted as stop:
        on_profile(case.title, stop.profile)
        raise
    on_profile(case.title, profile)
    return profile


def _paired(
    case: Prepared, require_trust: bool, on_progress: OnProgress | None, on_profile: OnProfile
) -> Round:
    spec = case.spec
    assert spec.baseline is not None

    def keep(a: Profile | None, b: Profile | None) -> None:
        for name, profile in ((f"{case.title} baseline", a), (case.title, b)):
            if profile is not None:
                on_profile(name, profile)

    try:
        live = comparing.compare_models(
            spec.baseline, spec.model, target=spec.target, **spec.options, on_progress=on_progress
        )
    except comparing.ComparisonInterrupted as stop:
        keep(stop.a, stop.b)
        raise
    keep(live.a, live.b)
    if require_trust:
        check_trust(live.b.meta, live.a.meta)
    notes = doubts([("", live.b.meta), ("baseline", live.a.meta)])
    return _judged(case, live.b, gate.Before(live.a, live.comparison), notes)


def _judged(case: Prepared, profile: Profile, before: gate.Before, notes: tuple[str, ...]) -> Round:
    results = gate.judge(case.spec.limits, profile, before)
    changed = [*gate.changed_layers(before.comparison), *gate.missing_layers(before.comparison)]
    compared = (f"against the baseline (A): {note}" for note in before.comparison.notes)
    return Round(profile, results, before.comparison, (*changed, *notes, *compared))


def doubts(metas: Sequence[tuple[str, ProfileMeta]]) -> tuple[str, ...]:
    """Sentences about what is found against profiles; each comes with what it is called, empty or ``baseline``."""
    return tuple(
        f"the {f'{whose} ' if whose else ''}profile is {meta.verdict}: {one.code}, {one.message}"
        for whose, meta in metas
        for one in _grave(meta)
    )


def _grave(meta: ProfileMeta) -> list[Finding]:
    return [one for one in meta.findings if one.severity != "note"]
