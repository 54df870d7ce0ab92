"""Rows of different minutes in one clock, by a reference model that was measured beside each of them."""

from __future__ import annotations

import statistics
from dataclasses import replace

from tflprof.measure.table_overheads import Rest
from tflprof.measure.tables import Taken
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_rows import LatencyRow, Overheads, StoredTable


def scaled_row(row: LatencyRow, factor: float) -> LatencyRow:
    """A row's cost times a factor; its instructions are what they are."""
    return replace(
        row,
        value=round(row.value * factor),
        lo=row.lo * factor,
        hi=row.hi * factor,
        refetch=row.refetch * factor,
    )


def scaled(taken: Taken, factor: float) -> Taken:
    """All rows of a profile times a factor."""
    return replace(taken, rows=tuple(scaled_row(row, factor) for row in taken.rows))


def scaled_rest(rest: Rest, factor: float) -> Rest:
    """What a model had beyond its rows, times a factor."""
    return replace(rest, value=rest.value * factor)


def in_clock(table: StoredTable, reference: Reference | None) -> StoredTable:
    """A table as if it had been measured when the reference took its ``value``; as it is without a common reference."""
    own = table.meta.reference
    if own is None or reference is None or own.sha256 != reference.sha256 or own.value == reference.value:
        return table
    factor = reference.value / own.value
    meta = replace(
        table.meta,
        reference=replace(own, value=reference.value),
        overheads=_scaled_overheads(table.meta.overheads, factor),
        refetch=table.meta.refetch and table.meta.refetch.scaled(factor),
    )
    return StoredTable(meta, tuple(scaled_row(row, factor) for row in table.rows))


def settled(table: StoredTable) -> StoredTable:
    """A table in the clock that the machine mostly had, in place of that of its first minute."""
    reference = table.meta.reference
    if reference is None or not reference.seen:
        return table
    return in_clock(table, replace(reference, value=statistics.median(reference.seen)))


def _scaled_overheads(found: Overheads, factor: float) -> Overheads:
    return replace(
        found,
        model=found.model * factor,
        part=found.part * factor,
        layer=found.layer * factor,
        spread=found.spread * factor,
    )
