"""Where the difference went: from A's total through the layers' contributions to B's total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tflprof import units
from tflprof.analysis.comparison import Comparison, Difference, Part
from tflprof.report.axis import Axis, fit_axis
from tflprof.report.compare_words import match_words

_MOST = 20
"""Layers with a step of their own; the rest share one."""
_SLACK = 4
"""So many more are shown alone rather than put together."""
_NEGLIGIBLE = 0.0005
"""Part of A's total below which a remainder is not worth a step."""


@dataclass(frozen=True)
class Step:
    """One step of the waterfall.

    Attributes:
        row: position in the comparison's layers, None if it is not one layer.
        kind: a status, ``total`` or ``rest``: how it is drawn.
        start: level before, in the unit; end: after it.
        lo: lower end of the interval of the level after it; hi: upper end; None if unknown.
        text: its size with sign and unit.
        word: status in words.
    """

    label: str
    detail: str
    row: int | None
    kind: str
    start: float
    end: float
    lo: float | None
    hi: float | None
    text: str
    word: str


@dataclass(frozen=True)
class Waterfall:
    """All steps from A's total to B's, with the axis they stand on."""

    steps: tuple[Step, ...]
    axis: Axis


def contribution(row: Difference) -> float | None:
    """What a row adds to the total of B; a layer that only one has adds or saves all of itself."""
    if units.known(row.difference):
        return row.difference
    if row.a is None and row.b is not None:
        return row.b.typical if units.known(row.b.typical) else None
    if row.b is None and row.a is not None:
        return -row.a.typical if units.known(row.a.typical) else None
    return None


def make_waterfall(comparison: Comparison) -> Waterfall | None:
    """The waterfall of a comparison; None if a total is unknown or the units differ."""
    before, after = typical_of(comparison.total.a), typical_of(comparison.total.b)
    if before is None or after is None or comparison.a.unit != comparison.b.unit:
        return None
    steps = _Steps(before, comparison.unit)
    steps.total("A", comparison.a.model.name)
    ordered = _by_size(comparison.layers)
    alone = ordered if len(ordered) <= _MOST + _SLACK else ordered[:_MOST]
    for i, change in alone:
        steps.layer(i, comparison.layers[i], change)
    if rest := ordered[len(alone) :]:
        steps.rest([change for _, change in rest])
    gap = comparison.unattributed
    if gap is not None and units.known(gap.difference) and gap.difference:
        steps.add("unattributed", "no layer explains it", gap.difference, gap.status, (gap.lo, gap.hi))
    unsaid = sum(1 for row in comparison.layers if contribution(row) is None and (row.a or row.b) is not None)
    remainder = after - steps.level
    if abs(remainder) > _NEGLIGIBLE * abs(before):
        steps.add("not explained", _why_not(comparison, unsaid), remainder, "rest", (None, None))
    steps.level = after
    steps.total("B", comparison.b.model.name, comparison.total)
    return Waterfall(tuple(steps.found), fit_axis(_levels(steps.found), comparison.unit))


def typical_of(part: Part | None) -> float | None:
    """Cost of a side, None if it is unknown or there is no such side."""
    return part.typical if part is not None and units.known(part.typical) else None


class _Steps:
    """Steps one after the other; ``level`` is where the last one ended."""

    def __init__(self, level: float, unit: str) -> None:
        self.level = level
        self.unit = unit
        self.found: list[Step] = []

    def total(self, side: str, name: str, total: Difference | None = None) -> None:
        lo = hi = None
        if total is not None and units.known(total.difference):
            start = self.level - total.difference
            lo, hi = _shift(start, total.lo), _shift(start, total.hi)
        text = units.format_value(self.level, self.unit)
        word = "total" if total is None else total.status
        self.found.append(Step(side, name, None, "total", 0.0, self.level, lo, hi, text, word))

    def layer(self, i: int, row: Difference, change: float) -> None:
        part = row.b or row.a
        assert part is not None
        detail = part.op if row.match == "same" else f"{part.op}, {match_words(row)}"
        label = part.name or ", ".join(part.layers)
        self.add(label, detail, change, row.status, (row.lo, row.hi), i)

    def rest(self, changes: Sequence[float]) -> None:
        up, down = sum(1 for each in changes if each > 0), sum(1 for each in changes if each < 0)
        self.add(f"{_layers(len(changes))} more", f"{up} up, {down} down", sum(changes), "rest", (None, None))

    def add(
        self,
        label: str,
        detail: str,
        change: float,
        kind: str,
        interval: tuple[float | None, float | None],
        row: int | None = None,
    ) -> None:
        start, self.level = self.level, self.level + change
        lo, hi = (_shift(start, end) for end in interval)
        word = "" if kind == "rest" else kind
        text = units.format_difference(change, self.unit)
        self.found.append(Step(label, detail, row, kind, start, self.level, lo, hi, text, word))


def _by_size(rows: Sequence[Difference]) -> list[tuple[int, float]]:
    known = [(i, change) for i, row in enumerate(rows) if (change := contribution(row)) is not None]
    known = [(i, change) for i, change in known if change or rows[i].status != "same"]
    return sorted(known, key=lambda each: (-abs(each[1]), each[0]))


def _why_not(comparison: Comparison, unsaid: int) -> str:
    """Why the steps do not lead to B's total by themselves; ``unsaid``: layers that cannot be told."""
    if unsaid:
        return f"unknown of {_layers(unsaid)}"
    if comparison.method == "paired":
        return "pairs differ otherwise than the totals"
    return "the rows do not add up to the totals"


def _levels(steps: Sequence[Step]) -> list[float]:
    levels = [step.end for step in steps]
    span = (max(levels) - min(levels)) or max(map(abs, levels))
    # An interval far wider than the steps would flatten them: it is cut off at the edge.
    low, high = min(levels) - span / 2, max(levels) + span / 2
    ends = [end for step in steps for end in (step.lo, step.hi) if end is not None]
    return levels + [min(max(end, low), high) for end in ends]


def _shift(start: float, end: float | None) -> float | None:
    return start + end if units.known(end) else None


def _layers(count: int) -> str:
    return f"{count} layer" + ("" if count == 1 else "s")
