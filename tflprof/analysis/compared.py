"""Rows of two profiles side by side, and the conclusion that evidence about one of them allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tflprof import units
from tflprof.analysis.comparison import Difference, Part, Status
from tflprof.analysis.match import RowMatch
from tflprof.profile.meta import Row
from tflprof.profile.profile import Profile
from tflprof.profile.summary import LayerSummary

LEAST_SHARE = 0.001
"""Of A's total: no smaller difference of a layer matters."""


@dataclass(frozen=True)
class Compared:
    """The total, or rows that belong together, before anything is concluded.

    Attributes:
        blank: the difference with its parts, as yet without a status that was worked out.
        a_rows: positions of the rows in A's alignment, b_rows: in B's; empty for the total.
        a_idle: True if nothing runs for them in A (the work was done at init, or left out), b_idle: in B.
    """

    blank: Difference
    a_rows: tuple[int, ...] = ()
    b_rows: tuple[int, ...] = ()
    a_idle: bool = False
    b_idle: bool = False

    @property
    def paired(self) -> bool:
        """True if both sides have it, whether it runs or not."""
        return self.blank.a is not None and self.blank.b is not None

    @property
    def measured(self) -> bool:
        """True if both sides have a cost, so that there is something to compare."""
        sides = (self.blank.a, self.blank.b)
        return all(side is not None and units.known(side.typical) for side in sides)


@dataclass(frozen=True)
class Evidence:
    """What is known of a difference.

    Attributes:
        ratio: B / A; lo, hi: ends of its interval.
        exact: B - A where that is known without doubt, None otherwise.
        rejected: True if "no difference" is ruled out; None: as the interval says.
        missing: why there is no interval, as the end of a sentence; None if there is one.
    """

    ratio: float | None = None
    lo: float | None = None
    hi: float | None = None
    exact: float | None = None
    p: float | None = None
    rejected: bool | None = None
    missing: str | None = None


def compared_total(a: Profile, b: Profile) -> Compared:
    """The totals of two profiles."""
    parts = [Part((), "", "", profile.summary.total.typical, 1.0) for profile in (a, b)]
    return Compared(Difference("total", parts[0], parts[1], "inconclusive", ""))


def compared_rows(a: Profile, b: Profile, matches: Sequence[RowMatch]) -> tuple[Compared, ...]:
    """The rows of two profiles as they belong together, in the order of ``matches``."""
    sides = [_Side(profile) for profile in (a, b)]
    return tuple(
        Compared(
            Difference(
                found.match, sides[0].part(found.a_rows), sides[1].part(found.b_rows), "inconclusive", ""
            ),
            found.a_rows,
            found.b_rows,
            sides[0].idle(found.a_rows),
            sides[1].idle(found.b_rows),
        )
        for found in matches
    )


class _Side:
    """One profile's rows as parts."""

    def __init__(self, profile: Profile) -> None:
        self._rows = profile.meta.alignment.rows
        self._layers: dict[str, LayerSummary] = {layer.info.id: layer for layer in profile.summary.layers}
        self._total = profile.summary.total.typical

    def part(self, places: tuple[int, ...]) -> Part | None:
        if not places:
            return None
        rows = [self._rows[place] for place in places]
        layers = [self._layers[layer] for row in rows for layer in row.layers]
        cost = self._cost(rows)
        return Part(
            layers=tuple(layer.info.id for layer in layers),
            op=" + ".join(dict.fromkeys(layer.info.op for layer in layers)),
            name=layers[0].info.name,
            typical=cost,
            share=cost / self._total if units.known(cost) and self._total else None,
        )

    def idle(self, places: tuple[int, ...]) -> bool:
        return bool(places) and all(self._rows[place].note == "static" for place in places)

    def _cost(self, rows: Sequence[Row]) -> float | None:
        """Of the rows that run; None if one of them is unknown, or none runs."""
        costs = [self._layers[row.layers[0]].estimate.typical for row in rows if row.note != "static"]
        known = [cost for cost in costs if units.known(cost)]
        return sum(known) if known and len(known) == len(costs) else None


def row_threshold(row: Compared, total: float | None, threshold: float) -> float:
    """Difference that matters, in the unit of the profiles.

    It is ``threshold`` of A's own cost, of a layer at least 0.1 % of A's ``total``.
    """
    cost = row.blank.a.typical if row.blank.a is not None else None
    own = threshold * abs(cost) if units.known(cost) else 0.0
    least = LEAST_SHARE * abs(total) if row.blank.match != "total" and units.known(total) else 0.0
    return max(own, least)


def conclude(
    row: Compared, evidence: Evidence, threshold: float, say: Callable[[Difference], str]
) -> Difference:
    """The difference of a row with numbers, status and reason.

    Args:
        row: what is compared; both sides have a cost.
        evidence: about its ratio.
        threshold: difference that matters, in the unit of the profiles.
        say: makes the reason from the difference with its status.
    """
    base = row.blank.a.typical if row.blank.a is not None else None
    ratio, lo, hi = evidence.ratio, evidence.lo, evidence.hi
    numbers = replace(
        row.blank,
        difference=_scaled(base, ratio) if evidence.exact is None else evidence.exact,
        lo=_scaled(base, lo) if evidence.exact is None else evidence.exact,
        hi=_scaled(base, hi) if evidence.exact is None else evidence.exact,
        ratio=ratio,
        ratio_lo=lo,
        ratio_hi=hi,
        p=evidence.p,
        threshold=threshold,
    )
    status = "inconclusive" if evidence.missing else _status(numbers, evidence.rejected, threshold)
    judged = replace(numbers, status=status)
    return replace(judged, reason=evidence.missing or say(judged))


def _status(found: Difference, rejected: bool | None, threshold: float) -> Status:
    if not (units.known(found.difference) and units.known(found.lo) and units.known(found.hi)):
        return "inconclusive"
    excluded = found.lo > 0 or found.hi < 0
    if (excluded if rejected is None else rejected) and abs(found.difference) > threshold:
        return "slower" if found.difference > 0 else "faster"
    return "same" if -threshold <= found.lo and found.hi <= threshold else "inconclusive"


def _scaled(base: float | None, ratio: float | None) -> float | None:
    return base * (ratio - 1) if units.known(base) and units.known(ratio) else None


def one_sided(
    row: Compared, threshold: float, unit: str, *, small: Status = "inconclusive"
) -> Difference | None:
    """The difference of a row that only one side has or runs; None if both have a cost to compare.

    ``small`` is said of a row that runs in one of them only, for no longer than the threshold.
    """
    blank = replace(row.blank, threshold=threshold)
    a_cost, b_cost = (part.typical if part else None for part in (blank.a, blank.b))
    if blank.a is None or blank.b is None:
        status: Status = "new" if blank.a is None else "gone"
        cost = b_cost if blank.a is None else (None if a_cost is None else -a_cost)
        here, other = ("B", "A") if blank.a is None else ("A", "B")
        idle = "; nothing runs for it" if row.a_idle or row.b_idle else ""
        return replace(
            blank,
            status=status,
            reason=f"only in {here}: nothing in {other} is like it{idle}",
            difference=cost,
        )
    if row.a_idle and row.b_idle:
        return replace(blank, status="same", reason="nothing runs for it at inference, neither in A nor in B")
    if row.a_idle or row.b_idle:
        return _idle_in_one(row, blank, threshold, unit, small)
    if not (units.known(a_cost) and units.known(b_cost)):
        where = " and ".join(name for name, cost in (("A", a_cost), ("B", b_cost)) if not units.known(cost))
        return replace(blank, reason=f"its cost is not known in {where}")
    if a_cost <= 0:
        text = units.format_value(a_cost, unit)
        return replace(
            blank, difference=b_cost - a_cost, reason=f"its cost in A is {text}: there is no ratio to it"
        )
    return None


def _idle_in_one(row: Compared, blank: Difference, threshold: float, unit: str, small: Status) -> Difference:
    """What runs in one of them only: the other's cost is nothing, known without a measurement."""
    part, here, other = (blank.b, "B", "A") if row.a_idle else (blank.a, "A", "B")
    cost = part.typical if part is not None else None
    if not units.known(cost):
        return replace(blank, reason=f"it runs in {here} only, and its cost there is not known")
    difference = cost if row.a_idle else -cost
    status: Status = "slower" if difference > 0 else "faster"
    text = f"it runs in {here} only, for {units.format_value(cost, unit)}; nothing runs for it in {other}"
    if abs(difference) <= threshold:
        status = small
        without = "" if small == "same" else ", and there is no interval"
        text += f"; that is within the {units.format_value(threshold, unit)} that do not matter{without}"
    return replace(blank, status=status, reason=text, difference=difference)
