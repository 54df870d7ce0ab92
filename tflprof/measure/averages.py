"""From a tool's rows to averages per inference.

The tools print the average of a *call*, and calls per inference rounded down, or calls in the whole run. What a
layer costs in one inference follows from these, from the sum where it is known, or from the row's share of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tflprof.logs.report import LITERT, PROTO, LogRow, LogRun, LogTable

_NEAR = 0.05
_ROUNDING_US = 0.6
"""Averages and shares are printed with three decimals of a millisecond and of a percent."""


def inferences_behind(run: LogRun, table: LogTable) -> int | None:
    """How many inferences a table's averages are over; None if it cannot be told.

    The LiteRT tool does not say, and counts warm-up too: it is the number of calls of a row that is next to the
    number of all inferences (the last may not be looked at), or else the one that most rows share.
    """
    steady = run.steady.count if run.steady else None
    if table.layout == PROTO:
        return _runs_of_message(table.rows) or steady
    if table.layout != LITERT:
        return table.sums.count if table.sums and table.sums.count else steady
    warmup = run.warmup.count if run.warmup else None
    calls = Counter(row.calls for row in table.rows if row.calls > 0)
    if steady and warmup:
        whole = steady + warmup
        near = [count for count in calls if abs(count - whole) <= max(2, _NEAR * whole)]
        if near:
            return min(near, key=lambda count: abs(count - whole))
    return min(calls, key=lambda count: (-calls[count], count), default=None)


def _runs_of_message(rows: Sequence[LogRow]) -> int | None:
    runs = [row.spread.count // row.calls for row in rows if row.spread.count is not None and row.calls > 0]
    return min(runs, key=lambda count: (-runs.count(count), count), default=None)


def mean_us(row: LogRow, table: LogTable, inferences: int | None) -> float:
    """What a row takes in one inference, microseconds."""
    average = row.spread.avg or 0.0
    if table.layout == LITERT:
        return average * row.calls / inferences if inferences else average
    if table.layout == PROTO:
        count = row.spread.count
        return average * count / inferences if count and inferences else average * row.calls
    whole = table.sums.avg if table.sums else None
    if row.percent is None or whole is None:
        return average * row.calls
    by_share = row.percent * whole / 100.0
    slack = _ROUNDING_US * max(row.calls, 1) + whole * 1e-5 + 0.01 * by_share
    return average * row.calls if abs(average * row.calls - by_share) <= slack else by_share


def calls_per_inference(row: LogRow, table: LogTable, inferences: int | None) -> float:
    """How often a row's node runs in one inference."""
    if table.layout == LITERT:
        return row.calls / inferences if inferences else 1.0
    if table.layout == PROTO and row.spread.count is not None and inferences:
        return row.spread.count / inferences
    return float(row.calls)


def merged_rows(table: LogTable, inferences: int | None) -> tuple[LogRow, ...]:
    """Kernels that the tool added up over partitions: called oftener than the graph, or printed twice."""
    ran = [row for row in table.rows if calls_per_inference(row, table, inferences) > 0]
    base = min(
        (calls_per_inference(row, table, inferences) for row in ran if row.kind != "phase"), default=1.0
    )
    seen = Counter((row.kind, row.name, row.index) for row in table.rows)
    return tuple(
        row
        for row in ran
        if row.kind == "kernel"
        and (
            calls_per_inference(row, table, inferences) >= 1.5 * max(base, 1.0)
            or seen[row.kind, row.name, row.index] > 1
        )
    )
