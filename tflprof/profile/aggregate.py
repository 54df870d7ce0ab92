"""Summaries of an aggregate profile: averages that another tool printed, without samples behind them.

There is no interval, and no central half either: ``typical`` is the tool's mean.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tflprof.profile.meta import ProfileMeta
from tflprof.profile.samples import select_inferences, select_singles, select_statistics
from tflprof.profile.summary import Estimate, Summary, layer_summaries, ratio, row_coefficients


def summarise_aggregate(meta: ProfileMeta, table: pa.Table) -> Summary:
    """The summary of a profile of averages.

    Where the tool gave no average of whole inferences, the total is the sum of the rows and nothing is known
    of what they leave out.
    """
    estimates = _row_estimates(meta, table)
    attributed = sum(estimate.typical or 0.0 for estimate in estimates)
    mean = select_statistics(table, "mean", "steady").get(None)
    known = [estimate for estimate in estimates if estimate.typical is not None]
    total = _estimate(table, None if mean is None else float(mean), attributed if known else None)
    gap = None if mean is None or not known else mean - attributed
    return Summary(
        total=total,
        layers=layer_summaries(meta, estimates, total.typical),
        unattributed=Estimate(typical=gap, n=total.n if gap is not None else 0),
        unattributed_share=ratio(gap, total.typical),
        overhead=None,
        overhead_share=None,
        init=_one(select_singles(table, "init", "init", meta.unit)),
        init_warm=Estimate(),
        first=_one(select_inferences(table, "plain", meta.unit, "first").values),
        peak_memory_bytes=None,
    )


def _estimate(table: pa.Table, mean: float | None, instead: float | None) -> Estimate:
    medians, counts = (
        select_statistics(table, "median", "steady"),
        select_statistics(table, "count", "steady"),
    )
    median = medians.get(None)
    return Estimate(
        typical=instead if mean is None else mean,
        median=None if median is None else float(median),
        n=counts.get(None, 0),
    )


def _row_estimates(meta: ProfileMeta, table: pa.Table) -> list[Estimate]:
    means = select_statistics(table, "mean", "steady")
    count = select_statistics(table, "count", "steady").get(None, 0)
    estimates = [0.0] * len(meta.alignment.rows)
    for number, structure in enumerate(meta.alignment.structures):
        values = np.array([means.get(place, 0) for place in range(len(structure.events))], dtype=float)
        own = values @ row_coefficients(structure.parent, meta.alignment.rows, number)
        estimates = [so_far + float(value) for so_far, value in zip(estimates, own, strict=True)]
    return [
        Estimate(typical=value, n=count) if row.events else Estimate()
        for row, value in zip(meta.alignment.rows, estimates, strict=True)
    ]


def _one(values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Estimate:
    return Estimate(typical=float(values[0]), n=1) if len(values) else Estimate()
