"""Replacing the baseline of a gate's case by what was measured now."""

from __future__ import annotations

from tflprof import units
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.comparison import Comparison
from tflprof.analysis.gate import amount_text, change_text, changed_layers, condition_text, missing_layers
from tflprof.errors import Untrusted
from tflprof.profile.mismatch import mismatches
from tflprof.profile.profile import Profile
from tflprof.profile.store import write_profile
from tflprof.workflow.gate_case import Prepared


def update_baseline(case: Prepared, profile: Profile) -> tuple[str, ...]:
    """Write the profile to the baseline's place in one step; sentences on what changed.

    Raises:
        Untrusted: the profile is tainted or partial, and the baseline was left as it was.
        EnvironmentFault: it cannot be written.
    """
    place, meta = case.spec.baseline, profile.meta
    assert place is not None
    unfit = [one for one in meta.findings if one.severity == "taint"]
    if unfit or meta.verdict == "tainted" or not meta.schedule.complete:
        why = "; ".join(one.message for one in unfit) or "the measurement was cut short"
        raise Untrusted(f"the baseline {place} was left as it was: {why}", "measure again")
    write_profile(profile, place, overwrite=True)
    total = amount_text(profile.summary.total.typical, meta.unit)
    if case.baseline is None:
        return (f"the baseline {place} is new: total {total}",)
    differing = mismatches(case.baseline.meta, meta)
    if differing:
        keys = (condition_text(one, "before") for one in differing)
        return (f"the baseline {place} was replaced: total {total}, under other conditions", *keys)
    return (f"the baseline {place} was replaced", *_changes(compare_profiles(case.baseline, profile)))


def _changes(comparison: Comparison) -> tuple[str, ...]:
    """The total before and now, and every layer that is slower, faster, new or gone."""
    total = f"{change_text(comparison.total, comparison)} ({units.format_change(comparison.total.ratio)})"
    return (
        total,
        *changed_layers(comparison, "slower"),
        *changed_layers(comparison, "faster"),
        *missing_layers(comparison),
    )
