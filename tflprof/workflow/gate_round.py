"""One round of a gate's case: measure it, or take what is stored, and judge it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tflprof.analysis import gate
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.comparison import Comparison
from tflprof.analysis.verdicts import BudgetResult
from tflprof.errors import Untrusted
from tflprof.measure.pipeline import OnProgress
from tflprof.profile.meta import Finding, ProfileMeta
from tflprof.profile.mismatch import mismatches
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
        Interrupted: cut short; it has the partial profile.
    """
    if case.paired:
        return _paired(case, require_trust, on_progress, on_profile)
    profile = case.profile or measure_case(case, on_progress, on_profile)
    _check_trust([profile, *([case.baseline] if case.baseline else [])], require_trust)
    limits = case.spec.limits
    if case.baseline is None:
        return Round(profile, gate.judge(limits, profile), notes=_doubts([("", profile.meta)]))
    differing = mismatches(case.baseline.meta, profile.meta)
    notes = _doubts([("", profile.meta), ("baseline ", case.baseline.meta)])
    if differing:
        keys = tuple(f"{one.key}: {one.a} in the baseline, {one.b} now" for one in differing)
        absolute = [limit for limit in limits if limit.relative is None]
        refused = gate.not_comparable(limits, profile.meta.unit, differing)
        return Round(profile, (*gate.judge(absolute, profile), *refused), notes=(*keys, *notes))
    comparison = compare_profiles(case.baseline, profile)
    return _judged(case, profile, gate.Before(case.baseline, comparison), notes)


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
    live = comparing.compare_models(
        spec.baseline, spec.model, target=spec.target, **spec.options, on_progress=on_progress
    )
    on_profile(f"{case.title} baseline", live.a)
    on_profile(case.title, live.b)
    _check_trust([live.b, live.a], require_trust)
    notes = _doubts([("", live.b.meta), ("baseline ", live.a.meta)])
    return _judged(case, live.b, gate.Before(live.a, live.comparison), notes)


def _judged(case: Prepared, profile: Profile, before: gate.Before, notes: tuple[str, ...]) -> Round:
    results = gate.judge(case.spec.limits, profile, before)
    missing = gate.missing_layers(before.comparison)
    said = before.comparison.notes
    return Round(profile, results, before.comparison, (*missing, *notes, *said))


def _check_trust(profiles: Sequence[Profile], required: bool) -> None:
    for profile in profiles if required else ():
        meta = profile.meta
        if meta.verdict != "ok":
            found = "; ".join(f"{one.code}: {one.message}" for one in _grave(meta))
            raise Untrusted(
                f"the profile of {meta.model.name} is {meta.verdict}: {found}",
                "; ".join(dict.fromkeys(one.remedy for one in _grave(meta) if one.remedy)) or None,
            )


def _doubts(metas: Sequence[tuple[str, ProfileMeta]]) -> tuple[str, ...]:
    return tuple(
        f"the {whose}profile is {meta.verdict}: {one.code}, {one.message}"
        for whose, meta in metas
        for one in _grave(meta)
    )


def _grave(meta: ProfileMeta) -> list[Finding]:
    return [one for one in meta.findings if one.severity != "note"]
