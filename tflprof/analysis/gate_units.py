"""In which numbers of a profile a budget is judged: a prediction has times, and the counts behind them."""

from __future__ import annotations

from dataclasses import dataclass

from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.comparison import Comparison
from tflprof.analysis.verdicts import Limit
from tflprof.profile.mismatch import mismatches
from tflprof.profile.profile import Profile

COUNTED = ("instructions", "count")
"""Units of budgets that are about counts."""


@dataclass(frozen=True)
class Before:
    """What relative budgets are relative to: the baseline's profile and the comparison with it."""

    profile: Profile
    comparison: Comparison


class Sides:
    """A profile and what is before it, each as a budget wants them.

    A budget in instructions is judged on the counts, which are exact. A relative one in times is judged on what the
    model says of both, since that repeats exactly: how far it is from a phone's times is the same before and now.
    """

    def __init__(self, profile: Profile, before: Before | None) -> None:
        self._profile = profile
        self._before = before
        self._counted: tuple[Profile, Before | None] | None = None

    def of(self, limit: Limit) -> tuple[Profile, Before | None]:
        """The profile, and what is before it."""
        if in_counts(limit, self._profile):
            return self._counts()
        if limit.relative is None or self._before is None:
            return self._profile, self._before
        before = Before(self._before.profile.modelled, self._before.comparison)
        return self._profile.modelled, before

    def _counts(self) -> tuple[Profile, Before | None]:
        if self._counted is None:
            now = self._profile.counts or self._profile
            then = None if self._before is None else self._before.profile.counts
            before = None if then is None else Before(then, compare_profiles(then, now))
            self._counted = now, before
        return self._counted


def counts_before(profile: Profile, baseline: Profile) -> tuple[Profile, Before] | None:
    """The counts of both, where they may be compared although the predicted times may not; else None."""
    now, then = profile.counts, baseline.counts
    if now is None or then is None or mismatches(then.meta, now.meta):
        return None
    return now, Before(then, compare_profiles(then, now))


def in_counts(limit: Limit, profile: Profile) -> bool:
    """Whether a budget of predicted times is about the counts behind them."""
    return profile.meta.prediction is not None and limit.unit in COUNTED
