"""Counts that repeat exactly, and times predicted from them: two of them differ, or they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tflprof import units
from tflprof.analysis.compared import Compared, Evidence, conclude, one_sided
from tflprof.analysis.comparison import Difference
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.profile import Profile

SAME_SHARE = 0.001
SAME_COUNTS = 1000.0
"""Counts that differ by less than either of these are the same; of predicted times the latter is in ns."""


def exact_differences(
    a: Profile, b: Profile, total: Compared, rows: Sequence[Compared]
) -> tuple[Difference, tuple[Difference, ...]]:
    """The total and the rows of two deterministic profiles, compared."""
    judge = _Judge(a, b)
    return judge.of(total), tuple(judge.of(row) for row in rows)


def exact_threshold(cost: float | None) -> float:
    """Difference from which counts, or predicted ns, are not the same: max(0.1 % of A's, 1000)."""
    return max(SAME_SHARE * cost, SAME_COUNTS) if units.known(cost) else SAME_COUNTS


def counts_agree(a: Profile, b: Profile, one: float, other: float) -> bool:
    """True if the counts of both profiles repeated, and these two of theirs are the same."""
    repeated = a.meta.schedule.reached and b.meta.schedule.reached
    return bool(repeated) and abs(other - one) <= exact_threshold(abs(one))


def exact_words(meta: ProfileMeta) -> str:
    """What it is that repeats: ``counts``, ``predicted times``."""
    return "counts" if meta.prediction is None else "predicted times"


@dataclass(frozen=True)
class _Judge:
    a: Profile
    b: Profile

    def of(self, row: Compared) -> Difference:
        unit, words = self.a.meta.unit, exact_words(self.a.meta)
        threshold = exact_threshold(row.blank.a.typical if row.blank.a else None)
        # One inference of several may run what the others do not: of counts that did not repeat that is open, too.
        alone = one_sided(row, threshold, unit, small="same")
        if alone is not None and row.a_idle != row.b_idle and row.paired and self._unsure():
            return replace(alone, status="inconclusive", reason=self._not_repeated())
        if alone is not None:
            return alone
        return conclude(row, self._evidence(row), threshold, lambda found: _reason(found, unit, words))

    def _evidence(self, row: Compared) -> Evidence:
        a, b = (part.typical if part else None for part in (row.blank.a, row.blank.b))
        if not (units.known(a) and units.known(b)):
            return Evidence(missing="its cost is not known")
        if self._unsure():
            return Evidence(b / a, missing=self._not_repeated())
        return Evidence(b / a, b / a, b / a, exact=b - a)

    def _unsure(self) -> list[str]:
        return [name for name, one in (("A", self.a), ("B", self.b)) if not one.meta.schedule.reached]

    def _not_repeated(self) -> str:
        return f"the {exact_words(self.a.meta)} of {' and '.join(self._unsure())} did not repeat"


def _reason(found: Difference, unit: str, words: str) -> str:
    difference = found.difference
    if not units.known(difference) or not units.known(found.threshold) or not units.known(found.ratio):
        return f"its {words} cannot be compared"
    if difference == 0:
        return f"the {words} are equal"
    limit = f"the {units.format_value(found.threshold, unit)} up to which {words} are the same"
    amount = f"{units.format_value(abs(difference), unit)} {_more(unit, difference)}"
    if found.status == "same":
        return f"{amount}: within {limit}"
    return f"{amount} ({units.format_change(found.ratio)}): beyond {limit}"


def _more(unit: str, difference: float) -> str:
    if unit == "ns":
        return "more" if difference > 0 else "less"
    return f"{'more' if difference > 0 else 'fewer'} {unit}"
