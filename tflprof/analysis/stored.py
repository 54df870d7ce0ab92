"""Two profiles measured at different times: a difference counts only beyond the noise floors of both.

Nothing cancels the drift between two sessions. What two measurements of one thing differ by is estimated from
each one's own samples (``stats.noise_floor``), at levels that hold for the total and all rows
together (Bonferroni, half of the error for the total).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof import stats, units
from tflprof.analysis.compared import Compared, Evidence, conclude, one_sided, row_threshold
from tflprof.analysis.comparison import Difference
from tflprof.analysis.reasons import interval_reason
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_inferences
from tflprof.profile.summary import row_samples

FloatArray = npt.NDArray[np.float64]

AGGREGATE = "averages without samples: what chance explains cannot be told"

TOTAL_SHARE = 0.5
"""Of the family-wise error: what the total may err. All rows share the rest equally."""


@dataclass(frozen=True)
class Floors:
    """Relative noise floors of one profile: of the total, and of each compared row; NaN where unknown."""

    total: float
    rows: FloatArray


def stored_differences(
    a: Profile, b: Profile, total: Compared, rows: Sequence[Compared], threshold: float, alpha: float
) -> tuple[Difference, tuple[Difference, ...]]:
    """The total and the rows of two profiles, compared by their noise floors."""
    if "aggregate" in (a.meta.kind, b.meta.kind):
        judged = [_average(row) for row in (total, *rows)]
        return judged[0], tuple(judged[1:])
    measured = sum(row.measured for row in rows)
    # Half of the error is the total's: what most rests on must not get blunter with every layer of a model.
    share = alpha * TOTAL_SHARE if measured else alpha
    levels = (1.0 - share, 1.0 - (alpha - share) / max(measured, 1))
    floors = [
        noise_floors(profile, [getattr(row, side) for row in rows], levels)
        for profile, side in ((a, "a_rows"), (b, "b_rows"))
    ]
    unit, whole = a.meta.unit, total.blank.a.typical if total.blank.a else None
    judged_total = _judge(total, floors[0].total, floors[1].total, threshold, whole, unit)
    layers = tuple(
        _judge(row, float(one), float(other), threshold, whole, unit)
        for row, one, other in zip(rows, floors[0].rows, floors[1].rows, strict=True)
    )
    return judged_total, layers


def noise_floors(profile: Profile, groups: Sequence[tuple[int, ...]], levels: tuple[float, float]) -> Floors:
    """Noise floors of a profile.

    Args:
        profile: one with samples.
        groups: positions of the alignment's rows that are compared as one each; may be empty.
        levels: share of comparisons that stay below: of the total, and of each group by itself.
    """
    meta, table = profile.meta, profile.table
    plain = select_inferences(table, "plain", meta.unit)
    profiled = select_inferences(table, "profiled", meta.unit)
    whole = plain if len(plain.values) else profiled
    total = stats.noise_floor(whole.values[:, np.newaxis], whole.process, whole.block, level=levels[0])
    samples = row_samples(meta, table)
    columns = (
        np.stack([samples[:, list(group)].sum(axis=1) for group in groups], axis=1)
        if groups
        else samples[:, :0]
    )
    rows = stats.noise_floor(columns, profiled.process, profiled.block, profiled.values, level=levels[1])
    stored = [_stored(profile, group) for group in groups]
    return Floors(
        _larger(float(total[0]), meta.noise_floor.total),
        np.array([_larger(float(found), known) for found, known in zip(rows, stored, strict=True)]),
    )


def _stored(profile: Profile, group: tuple[int, ...]) -> float | None:
    if len(group) != 1:
        return None
    return profile.meta.noise_floor.layers.get(profile.meta.alignment.rows[group[0]].layers[0])


def _larger(found: float, stored: float | None) -> float:
    return max(found, stored) if stored is not None and math.isfinite(found) else found


def _judge(
    row: Compared, one: float, other: float, threshold: float, whole: float | None, unit: str
) -> Difference:
    least = row_threshold(row, whole, threshold)
    return one_sided(row, least, unit) or conclude(row, _evidence(row, one, other), least, interval_reason)


def _evidence(row: Compared, one: float, other: float) -> Evidence:
    a, b = (part.typical if part else None for part in (row.blank.a, row.blank.b))
    if not (units.known(a) and units.known(b)):
        return Evidence(missing="its cost is not known")
    if b <= 0:
        return Evidence(missing="its cost in B is nothing: there is no ratio")
    ratio = b / a
    # Each floor is that of two such measurements: the half of its square belongs to one.
    floor = math.sqrt((one**2 + other**2) / 2)
    if not math.isfinite(floor):
        where = " and ".join(name for name, each in (("A", one), ("B", other)) if not math.isfinite(each))
        return Evidence(ratio, missing=f"the noise of {where} is not known: too few processes were measured")
    return Evidence(ratio, ratio * math.exp(-floor), ratio * math.exp(floor))


def _average(row: Compared) -> Difference:
    """Of averages nothing is concluded but that a layer is new or gone."""
    alone = one_sided(row, 0.0, "ns")
    if alone is not None:
        judged = alone if alone.status in ("new", "gone") else None
        return judged or Difference(
            **{**alone.__dict__, "status": "inconclusive", "reason": AGGREGATE, "threshold": None}
        )
    a, b = (part.typical if part else None for part in (row.blank.a, row.blank.b))
    ratio = b / a if units.known(a) and units.known(b) and a else None
    return conclude(row, Evidence(ratio, missing=AGGREGATE), 0.0, interval_reason)
