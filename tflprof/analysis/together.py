"""Two profiles measured in the same processes: what the paired test says, as differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tflprof import units
from tflprof.analysis.compared import Compared, Evidence, conclude, one_sided, row_threshold
from tflprof.analysis.comparison import Difference
from tflprof.analysis.paired import PairedResult, PairedRow
from tflprof.analysis.reasons import interval_reason


def paired_differences(
    result: PairedResult, total: Compared, rows: Sequence[Compared], threshold: float, unit: str
) -> tuple[Difference, tuple[Difference, ...]]:
    """The total and the rows, compared by what the paired test found.

    Differences are the paired ratio applied to A's typical cost: unlike the difference of the two typical costs,
    drift is not in them.

    Args:
        result: of the test; its rows are in the order of ``rows``.
        total: of both profiles.
        rows: as they belong together.
        threshold: relative difference that matters.
        unit: of the profiles.
    """
    whole = total.blank.a.typical if total.blank.a else None

    def judge(row: Compared, found: PairedRow) -> Difference:
        least = row_threshold(row, whole, threshold)
        return one_sided(row, least, unit) or conclude(
            row, _evidence(found, result.pairs), least, interval_reason
        )

    layers = tuple(judge(row, found) for row, found in zip(rows, result.rows, strict=True))
    return judge(total, result.total), layers


def _evidence(found: PairedRow, pairs: int) -> Evidence:
    if not units.known(found.estimate):
        return Evidence(missing="no process pair gave an estimate: it takes no time that the clock can tell")
    ratio = math.exp(found.estimate)
    if not (units.known(found.lo) and units.known(found.hi)):
        return Evidence(ratio, missing=f"{_pairs(pairs)} do not suffice for an interval of it")
    return Evidence(ratio, math.exp(found.lo), math.exp(found.hi), p=found.p, rejected=found.rejected)


def _pairs(count: int) -> str:
    return f"{count} process pair" + ("" if count == 1 else "s")
