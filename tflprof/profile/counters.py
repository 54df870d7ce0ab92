"""What the core's performance counters say of one inference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tflprof.profile.meta import ProfileMeta
from tflprof.profile.samples import IntArray, select_numbered


@dataclass(frozen=True)
class CounterSummary:
    """Medians over the steady inferences without profiling; None where a counter was not read.

    Attributes:
        instructions_per_cycle: of each inference, then the median.
        effective_ghz: cycles over time of each inference, then the median.
        n: inferences with at least one counter.
    """

    cycles: float | None
    instructions: float | None
    cache_refills: float | None
    instructions_per_cycle: float | None
    effective_ghz: float | None
    n: int


def summarise_counters(meta: ProfileMeta, table: pa.Table) -> CounterSummary | None:
    """The counters of a profile, None if it has none."""
    names = ("cycles", "instructions", "cache_refills")
    counted = {name: select_numbered(table, "pmu", name) for name in names}
    n = max(len(values) for _, values in counted.values())
    if not n:
        return None
    cycles = counted["cycles"]
    time = select_numbered(table, "inference", "ns") if meta.unit == "ns" else cycles
    medians = {
        name: float(np.median(values)) if len(values) else None for name, (_, values) in counted.items()
    }
    return CounterSummary(
        **medians,
        instructions_per_cycle=_ratio(counted["instructions"], cycles),
        effective_ghz=_ratio(cycles, time) if meta.unit == "ns" else None,
        n=n,
    )


def _ratio(over: tuple[IntArray, IntArray], under: tuple[IntArray, IntArray]) -> float | None:
    """Median of the ratios of values that belong to the same inference."""
    _, first, second = np.intersect1d(over[0], under[0], assume_unique=True, return_indices=True)
    if not len(first):
        return None
    divisor = under[1][second]
    known = divisor > 0
    return float(np.median(over[1][first][known] / divisor[known])) if known.any() else None
