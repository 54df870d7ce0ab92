"""What a page of a comparison shows, as text and places: rows of the table, marks of the charts, both sides."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from tflprof import units
from tflprof.analysis.comparison import Comparison, Difference, Part, Status
from tflprof.profile.meta import ProfileMeta
from tflprof.report.compare_words import match_words, ratio_interval, total_texts
from tflprof.report.conditions import describe_conditions, value_text
from tflprof.report.describe import describe_prediction, describe_run, describe_state
from tflprof.report.order_chart import OrderChart, make_order_chart
from tflprof.report.waterfall import Waterfall, contribution, make_waterfall, typical_of

_SHARES = 20
"""Layers in the chart of shares."""
_LEAST_RATIO, _MOST_RATIO = 1.05, 2.0
"""How far the column of ratios reaches: at least so far, and never farther."""


@dataclass(frozen=True)
class Cell:
    """A number as text, and as it is sorted (None: unknown, last)."""

    text: str
    value: float | None


@dataclass(frozen=True)
class Forest:
    """Places in percent of a row's ratio and its interval, and of the band that does not matter."""

    point: float
    lo: float
    hi: float
    band_lo: float
    band_hi: float


@dataclass(frozen=True)
class TableRow:
    """One row of the table of layers. ``was``: A's name where it is another one; ``place``: in the order of B."""

    place: int
    ids: str
    name: str
    was: str | None
    op: str
    kind: str
    match: str
    status: Status
    reason: str
    a: Cell
    b: Cell
    share_a: Cell
    share_b: Cell
    difference: Cell
    ratio: Cell
    interval: str
    forest: Forest | None


@dataclass(frozen=True)
class ShareRow:
    """A layer's shares on both devices; lengths in percent of the largest share."""

    row: int
    name: str
    a: float
    b: float
    text_a: str
    text_b: str
    ratio: str


@dataclass(frozen=True)
class Side:
    """One of the two profiles: ``letter`` is A or B; ``total`` and ``value``: one inference."""

    letter: str
    meta: ProfileMeta
    total: str
    value: float | None
    run: str
    state: str


@dataclass(frozen=True)
class CompareView:
    """Everything a page shows of a comparison.

    Attributes:
        prefix: makes ids unique where a page has several comparisons.
        level: of its headings.
        reach: how far the marks beside the ratios go, as a change in percent.
        mismatches: conditions that must be equal and are not: key, of A, of B.
        conditions: sections of (label, of A, of B).
    """

    comparison: Comparison
    prefix: str
    level: int
    sides: tuple[Side, Side]
    counts: tuple[tuple[Status, int], ...]
    rows: tuple[TableRow, ...]
    footer: tuple[TableRow, ...]
    waterfall: Waterfall | None
    order: OrderChart | None
    shares: tuple[ShareRow, ...]
    reach: str
    mismatches: tuple[tuple[str, str, str], ...]
    conditions: tuple[tuple[str, list[tuple[str, str, str]]], ...]

    @property
    def judged(self) -> bool:
        """False for two devices: nothing is said of faster or slower."""
        return self.comparison.method != "devices"

    @property
    def foldable(self) -> int:
        """Number of layers in which nothing happened."""
        return sum(row.status == "same" for row in self.rows)


def make_compare_view(comparison: Comparison, prefix: str = "", level: int = 2) -> CompareView:
    """Work out what a page shows of ``comparison``."""
    reach = _reach((*comparison.layers, comparison.total))
    rows = tuple(_table_row(i, row, comparison, reach) for i, row in enumerate(comparison.layers))
    last = [("total", comparison.total)]
    if comparison.unattributed is not None:
        last.insert(0, ("unattributed", comparison.unattributed))
    footer = [_table_row(-1, row, comparison, reach, name) for name, row in last]
    devices = comparison.method == "devices"
    found = Counter(row.status for row in comparison.layers)
    return CompareView(
        comparison=comparison,
        prefix=prefix,
        level=level,
        sides=_sides(comparison),
        counts=tuple((status, found[status]) for status in get_args(Status) if found[status]),
        rows=rows,
        footer=tuple(footer),
        waterfall=None if devices else make_waterfall(comparison),
        order=None if devices else make_order_chart(comparison),
        shares=_share_rows(rows) if devices else (),
        reach=units.format_change(math.exp(reach)),
        mismatches=tuple(
            (each.key, value_text(each.a), value_text(each.b)) for each in comparison.mismatches
        ),
        conditions=tuple(_both_conditions(comparison)),
    )


def _sides(comparison: Comparison) -> tuple[Side, Side]:
    first, second = (
        Side(
            letter,
            meta,
            total.removesuffix(f" {meta.unit}"),
            typical_of(part),
            " · ".join(filter(None, (describe_run(meta), describe_prediction(meta)))),
            describe_state(meta),
        )
        for letter, meta, part, total in zip(
            "AB",
            (comparison.a, comparison.b),
            (comparison.total.a, comparison.total.b),
            total_texts(comparison),
            strict=True,
        )
    )
    return first, second


def _table_row(
    place: int, row: Difference, comparison: Comparison, reach: float, name: str | None = None
) -> TableRow:
    part = row.b or row.a or Part((), "", "", None, None)
    before = row.a or part
    change = contribution(row)
    unit = comparison.unit
    return TableRow(
        place=place,
        ids=_changed(_ids(before), _ids(part)),
        name=name if name is not None else part.name or units.UNKNOWN,
        was=before.name if before.name != part.name else None,
        op=_changed(before.op, part.op),
        kind=row.match,
        match=match_words(row),
        status=row.status,
        reason=row.reason,
        a=_cost(row.a, comparison.a.unit),
        b=_cost(row.b, comparison.b.unit),
        share_a=_share(row.a),
        share_b=_share(row.b),
        difference=Cell(units.format_difference(change, unit), change),
        ratio=Cell(units.format_ratio(row.ratio), row.ratio),
        interval=ratio_interval(row),
        forest=_forest(row, comparison, reach),
    )


def _cost(part: Part | None, unit: str) -> Cell:
    value = typical_of(part)
    return Cell(units.format_value(value, unit), value)


def _share(part: Part | None) -> Cell:
    share = None if part is None else part.share
    return Cell(units.format_share(share), share)


def _ids(part: Part) -> str:
    return " ".join(part.layers)


def _changed(before: str, after: str) -> str:
    return after if before == after else f"{before} → {after}"


def _reach(rows: Sequence[Difference]) -> float:
    """Largest log ratio that the column of ratios shows in its place; what is beyond stands at its edge."""
    ends = [_log(end) for row in rows for end in (row.ratio, row.ratio_lo, row.ratio_hi)]
    widest = max((abs(end) for end in ends if end is not None), default=0.0)
    return min(max(widest, math.log(_LEAST_RATIO)), math.log(_MOST_RATIO))


def _forest(row: Difference, comparison: Comparison, reach: float) -> Forest | None:
    middle = _log(row.ratio)
    if middle is None:
        return None
    lo, hi = _log(row.ratio_lo), _log(row.ratio_hi)
    cost = typical_of(row.a)
    band = row.threshold / cost if units.known(row.threshold) and cost else comparison.threshold
    places = (
        middle,
        middle if lo is None else lo,
        middle if hi is None else hi,
        math.log(max(1 - band, 0.01)),
        math.log(1 + band),
    )
    return Forest(*(round(50 + 50 * min(max(each / reach, -1.0), 1.0), 2) for each in places))


def _log(ratio: float | None) -> float | None:
    return math.log(ratio) if units.known(ratio) and ratio > 0 else None


def _share_rows(rows: Sequence[TableRow]) -> tuple[ShareRow, ...]:
    sized = [(max(row.share_a.value or 0.0, row.share_b.value or 0.0), row) for row in rows]
    chosen = sorted(sized, key=lambda each: (-each[0], each[1].place))[:_SHARES]
    widest = chosen[0][0] if chosen else 0.0
    if widest <= 0:
        return ()
    return tuple(
        ShareRow(
            row.place,
            row.name,
            round(100 * max(row.share_a.value or 0.0, 0.0) / widest, 2),
            round(100 * max(row.share_b.value or 0.0, 0.0) / widest, 2),
            row.share_a.text,
            row.share_b.text,
            row.ratio.text,
        )
        for _, row in chosen
    )


def _both_conditions(comparison: Comparison) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Sections of (label, of A, of B)."""
    a, b = (dict(describe_conditions(meta)) for meta in (comparison.a, comparison.b))
    found = []
    for title in {**a, **b}:
        one, other = dict(a.get(title, [])), dict(b.get(title, []))
        found.append(
            (
                title,
                [
                    (label, one.get(label, units.UNKNOWN), other.get(label, units.UNKNOWN))
                    for label in {**one, **other}
                ],
            )
        )
    return found
