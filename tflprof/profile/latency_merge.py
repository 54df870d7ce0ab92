"""Rows of several tables or measurements together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tflprof.profile.latency_rows import LatencyRow


def merged_rows(*groups: Iterable[LatencyRow]) -> tuple[LatencyRow, ...]:
    """Rows of several groups, each identity once: the last one measured; of networks' rows the mean over all layers."""
    found: dict[tuple[str, str, bool], LatencyRow] = {}
    for row in (row for group in groups for row in group):
        other = found.get(row.identity)
        joined = other is not None and row.context == "network" and other.source != row.source
        found[row.identity] = _mean(other, row) if joined and other is not None else row
    return tuple(found.values())


def _mean(a: LatencyRow, b: LatencyRow) -> LatencyRow:
    count = a.samples + b.samples
    known = a.instructions is not None and b.instructions is not None
    counted = ((a.instructions or 0) * a.samples + (b.instructions or 0) * b.samples) / count
    sources = dict.fromkeys([*a.source.split(", "), *b.source.split(", ")])
    return replace(
        b,
        value=round((a.value * a.samples + b.value * b.samples) / count),
        lo=min(a.lo, b.lo),
        hi=max(a.hi, b.hi),
        samples=count,
        instructions=round(counted) if known else None,
        source=", ".join(sources),
        refetch=(a.refetch * a.samples + b.refetch * b.samples) / count,
    )
