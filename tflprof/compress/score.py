"""Scores of accuracy against latency: rules of the challenges of 2018, and formulas of users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tflprof.compress.formula import parse_formula
from tflprof.errors import UsageError
from tflprof.profile.profile import Profile

_NS_PER_MS: Final = 1e6
_POINTS: Final = 201
MOST_IMAGES: Final = 10**12
"""Of a test; more is a slip of the keyboard."""

CHALLENGE_IMAGES: Final = 20_000
"""Images of the validation set on which the entries of 2018 were scored."""


@dataclass(frozen=True)
class Rule:
    """A published way to score.

    Attributes:
        formula: over ``accuracy``, ``images``, ``total_ms`` and ``median_ms``.
        source: where it was published.
        assumption: what of it was not, or None.
    """

    formula: str
    source: str
    assumption: str | None = None


_LATE = (
    "images that are not done when the time for all is over count as wrong; "
    "the challenge's own rule was not published in full"
)
_NIPS = (
    "OVIC at NIPS 2018, description of 9 November 2018 (categories), and the columns of its table of results"
)
RULES: Final[Mapping[str, Rule]] = {
    "lpirc2018": Rule(
        "accuracy / max(30 * images, total_ms)",
        "LPIRC at CVPR 2018, track 1 (acc / max(30 x T, runtime); hyperconnect.github.io/2018/06/26/lpirc-2018.html)",
    ),
    "30ms": Rule("accuracy * min(1, 30 * images / total_ms)", _NIPS, _LATE),
    "100ms": Rule("accuracy * min(1, 100 * images / total_ms)", _NIPS, _LATE),
}


@dataclass(frozen=True)
class Latency:
    """Time of one inference in milliseconds.

    Attributes:
        typical: what adds up over many images.
        median: of single inferences.
        lo, hi: 95 % interval of ``typical``, None if unknown.
        provenance: ``measured``, ``predicted``, or ``given`` by the user.
        warning: why it may not deserve belief, or None.
    """

    typical: float
    median: float
    lo: float | None = None
    hi: float | None = None
    provenance: str = "given"
    warning: str | None = None


@dataclass(frozen=True)
class Score:
    """A score with what it was made of.

    Attributes:
        value: the score.
        lo, hi: least and greatest score over the interval of the latency, None if that is unknown.
        rule: name of a rule, or ``formula``.
        formula: as evaluated.
        values: the named numbers it could use.
        latency: the latency behind them.
        source, assumption: as of the rule, None for a user's formula.
    """

    value: float
    lo: float | None
    hi: float | None
    rule: str
    formula: str
    values: Mapping[str, float]
    latency: Latency
    source: str | None = None
    assumption: str | None = None
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The document of ``tflprof score --json`` (docs/score.md)."""
        latency = self.latency
        known = latency.lo is not None and latency.hi is not None
        return {
            "schema_version": 1,
            "score": self.value,
            "ci95": None if self.lo is None else [self.lo, self.hi],
            "rule": self.rule,
            "formula": self.formula,
            "source": self.source,
            "assumption": self.assumption,
            "values": dict(self.values),
            "latency": {
                "typical_ms": latency.typical,
                "median_ms": latency.median,
                "ci95_ms": [latency.lo, latency.hi] if known else None,
                "provenance": latency.provenance,
            },
            "notes": list(self.notes),
        }


def latency_of(profile: Profile) -> Latency:
    """Latency of a profile. Raises UsageError if it has counts and no time."""
    meta, total = profile.meta, profile.summary.total
    if meta.unit != "ns":
        raise UsageError(
            f"the profile has {meta.unit}, and scores need time",
            "profile on a phone, or on an emulated core without --cost instructions",
        )
    if total.typical is None:
        raise UsageError("the profile has no total", "profile the model again")
    scaled = [None if value is None else value / _NS_PER_MS for value in (total.median, total.lo, total.hi)]
    typical = total.typical / _NS_PER_MS
    warning = None
    if meta.verdict != "ok":
        codes = ", ".join(finding.code for finding in meta.findings if finding.severity != "note")
        warning = f"the profile is {meta.verdict}: {codes}"
    median = typical if scaled[0] is None else scaled[0]
    return Latency(typical, median, scaled[1], scaled[2], meta.provenance, warning)


def score(
    accuracy: float,
    latency: Latency,
    *,
    images: int = CHALLENGE_IMAGES,
    rule: str = "lpirc2018",
    formula: str | None = None,
    extra: Mapping[str, float] | None = None,
) -> Score:
    """Score a model by a rule, or by a formula of one's own.

    Args:
        accuracy: 0-1.
        latency: of one image.
        images: how many the challenge's test has; what is summed over them is ``total_ms``.
        rule: a key of :data:`RULES`; without effect where there is a formula.
        formula: over ``accuracy``, ``images``, ``total_ms``, ``median_ms`` and the names of ``extra``.
        extra: further numbers by name.

    Raises:
        UsageError: a number out of its range, an unknown rule, or a formula without a value.
    """
    _check(accuracy, latency, images)
    chosen = _chosen(rule, formula)
    others = dict(extra or {})
    values = _values(accuracy, latency, images, latency.typical, others)
    parsed = parse_formula(chosen.formula, values.keys())
    lo = hi = None
    notes = [] if latency.warning is None else [latency.warning]
    if latency.lo is not None and latency.hi is not None:
        between = np.linspace(latency.lo, latency.hi, _POINTS).tolist()
        found = [parsed.evaluate(_values(accuracy, latency, images, at, others)) for at in between]
        # A rule that is steep between two points must not leave its own value outside.
        found.append(parsed.evaluate(values))
        lo, hi = min(found), max(found)
    else:
        notes.append("the interval of the latency is unknown, and so is the score's")
    return Score(
        value=parsed.evaluate(values),
        lo=lo,
        hi=hi,
        rule="formula" if formula is not None else rule,
        formula=parsed.text,
        values=values,
        latency=latency,
        source=chosen.source or None,
        assumption=chosen.assumption,
        notes=tuple(notes),
    )


def _chosen(rule: str, formula: str | None) -> Rule:
    if formula is not None:
        return Rule(formula, "")
    if rule not in RULES:
        raise UsageError(f"there is no rule {rule!r}", f"use one of {', '.join(RULES)}, or a formula")
    return RULES[rule]


def _values(
    accuracy: float, latency: Latency, images: int, typical: float, extra: Mapping[str, float]
) -> dict[str, float]:
    """The named numbers where one image takes ``typical`` ms; the median is taken to be as uncertain."""
    named = {
        "accuracy": accuracy,
        "images": float(images),
        "total_ms": images * typical,
        "typical_ms": typical,
        "median_ms": latency.median * typical / latency.typical,
    }
    taken = sorted(named.keys() & extra.keys())
    if taken:
        raise UsageError(f"{taken[0]} has its meaning already", "give your own number another name")
    return named | dict(extra)


def _check(accuracy: float, latency: Latency, images: int) -> None:
    if not 0 <= accuracy <= 1:
        raise UsageError(f"accuracy {accuracy:g} is not within 0 and 1", "write 0.71, or 71%")
    if not 1 <= images <= MOST_IMAGES:
        few_or_many = "few" if images < 1 else "many"
        raise UsageError(f"the images are too {few_or_many}", "give the number of images of the test")
    bounds = [value for value in (latency.lo, latency.hi) if value is not None]
    if not all(np.isfinite(value) and value > 0 for value in (latency.typical, latency.median, *bounds)):
        raise UsageError(f"a latency of {latency.typical:g} ms cannot be scored", "it must be above 0")
    if len(bounds) == 2 and not bounds[0] <= latency.typical <= bounds[1]:
        raise UsageError(
            f"the interval {bounds[0]:g} to {bounds[1]:g} ms does not hold the latency of {latency.typical:g} ms",
            "give its lower end first",
        )
