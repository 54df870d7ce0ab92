"""What a latency gate says: a verdict with a reason for every budget, every case and the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tflprof import errors
from tflprof.analysis.comparison import Comparison
from tflprof.profile.meta import ProfileMeta

Verdict = Literal["pass", "fail", "inconclusive", "incomparable"]

EXIT_OF: dict[Verdict, int] = {
    "pass": errors.EXIT_OK,
    "fail": errors.EXIT_FAILED,
    "inconclusive": errors.EXIT_INCONCLUSIVE,
    "incomparable": errors.EXIT_INCONCLUSIVE,
}
"""Exit status of each verdict."""

BY_WEIGHT: tuple[Verdict, ...] = ("fail", "incomparable", "inconclusive", "pass")
"""Verdicts, the worst first."""


def worst(verdicts: tuple[Verdict, ...]) -> Verdict:
    """The verdict of several together; ``pass`` of none."""
    return next((one for one in BY_WEIGHT if one in verdicts), "pass")


@dataclass(frozen=True)
class Limit:
    """A budget as it was written.

    Attributes:
        text: as written, such as ``layer:0/3=+5%,20us``.
        subject: ``total``, ``layer:ID``, ``op:TYPE``, ``init``, ``first``, ``memory`` or ``size``.
        absolute: most it may be, in the unit of the subject; None for a relative budget.
        relative: most it may grow over the baseline, such as 0.03; None for an absolute one.
        floor: growth below which a relative budget never fails, in the unit of the subject; None: none.
        unit: in which it is written: ``ns``, ``instructions``, ``cycles``, ``bytes`` or ``count`` (of whatever the
            profile counts); None for a relative budget without a floor.
    """

    text: str
    subject: str
    absolute: float | None = None
    relative: float | None = None
    floor: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class BudgetResult:
    """One budget, judged.

    Attributes:
        subject: what it is about, of a wildcard the layer it was found for, in words.
        unit: ``ns``, ``instructions``, ``cycles`` or ``bytes``.
        value: what was found; lo, hi: its interval (equal to it where it is exact); None if unknown.
        limit: most allowed, in the unit; None if it cannot be told (a layer missing from the baseline).
        baseline: what it was before; None without a baseline.
        reason: one sentence.
    """

    limit_text: str
    subject: str
    unit: str
    verdict: Verdict
    reason: str
    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    limit: float | None = None
    baseline: float | None = None


@dataclass(frozen=True)
class GateCase:
    """One model on one target, judged.

    Attributes:
        name: of the case, such as ``mobilenet on emulated:pixel2``.
        model: path of the model or the profile.
        meta: metadata of the profile that was judged; None if there is none (incomparable or failed to measure).
        measured: how often it was measured for this verdict; 0 if a stored profile was judged.
        comparison: with the baseline, None without one.
        notes: sentences, such as layers missing from the baseline, or what the first measurement said.
        error: what kept it from being judged, None if nothing did.
        hint: what to do about the error, or about a verdict that is not ``pass``; None if there is nothing to say.
        error_code: exit status of that error.
    """

    name: str
    model: str
    target: str | None
    results: tuple[BudgetResult, ...]
    verdict: Verdict
    meta: ProfileMeta | None = None
    measured: int = 0
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    error_code: int | None = None


@dataclass(frozen=True)
class GateResult:
    """All cases. ``inconclusive_as``: what an inconclusive verdict ends the command as, None: exit status 4.

    It is not said of a case that an error kept from being judged: nothing was found about that.
    """

    cases: tuple[GateCase, ...]
    inconclusive_as: Literal["pass", "fail"] | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of the cases, with ``inconclusive`` taken as asked for."""
        return worst(tuple(self.taken(case) for case in self.cases))

    def taken(self, case: GateCase) -> Verdict:
        """The verdict of a case, with ``inconclusive`` taken as asked for."""
        if case.verdict == "inconclusive" and case.error is None and self.inconclusive_as is not None:
            return self.inconclusive_as
        return case.verdict

    @property
    def exit_code(self) -> int:
        """Exit status of the command: Ctrl-C's, a failure found (1), an error's (3 before 4), else the verdict's."""
        codes = [case.error_code for case in self.cases if case.error_code is not None]
        if errors.EXIT_INTERRUPTED in codes:
            return errors.EXIT_INTERRUPTED
        if self.verdict == "fail":
            return errors.EXIT_FAILED
        return min(codes) if codes else EXIT_OF[self.verdict]
