"""Summaries of a profile: what is shown, computed from the raw samples every time.

Medians do not add, so every row has ``typical``: the mean over the same central half of the
profiled inferences, ranked by their total. The total shown is that of the unprofiled twin;
what it has beyond the rows is the unattributed row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tflprof import stats
from tflprof.profile.meta import LayerInfo, ProfileMeta, Row
from tflprof.profile.samples import Inferences, IntArray, select_events, select_inferences, select_singles

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A summarised quantity; None where it cannot be told. ``lo``/``hi``: 95 % interval of ``typical``."""

    typical: float | None = None
    median: float | None = None
    lo: float | None = None
    hi: float | None = None
    n: int = 0


@dataclass(frozen=True)
class LayerSummary:
    """One layer with what it takes.

    Attributes:
        group: id of the layer whose row counts the cost of this one too, for members of a group
            (the first layer names itself); None for a layer of its own.
        note: how kernels were attributed, see :class:`tflprof.profile.meta.Row`.
        estimate: empty for all but the first layer of a group, and for layers that run nothing.
        share: of the total, 0-1.
    """

    info: LayerInfo
    kernel: str | None
    group: str | None
    note: str
    estimate: Estimate
    share: float | None


@dataclass(frozen=True)
class Summary:
    """Everything a reader wants to see first, in the unit of the profile.

    Attributes:
        total: duration of one inference, without profiling.
        unattributed: total minus the sum of the rows; may be slightly negative.
        unattributed_share: of the total.
        overhead: what profiling adds to an inference; None if it was not run both ways.
        overhead_share: of the total.
        init: creation of the compiled model, per process; with a weight cache, ``init_warm`` is the second creation.
        first: the first inference, per process.
        peak_memory_bytes: highest resident set seen before profiling began.
        instructions: the same in instructions, where times are predicted from counts; else None.
    """

    total: Estimate
    layers: tuple[LayerSummary, ...]
    unattributed: Estimate
    unattributed_share: float | None
    overhead: float | None
    overhead_share: float | None
    init: Estimate
    init_warm: Estimate
    first: Estimate
    peak_memory_bytes: int | None
    instructions: Summary | None = None


def summarise(meta: ProfileMeta, table: pa.Table) -> Summary:
    """Compute the summary of a profile from its samples."""
    plain = select_inferences(table, "plain", meta.unit)
    profiled = select_inferences(table, "profiled", meta.unit)
    variant = main_variant(meta, table)
    total = _total(meta, plain if len(plain.values) else _alone(meta, table, profiled))
    rows = row_samples(meta, table)
    layers = layer_summaries(meta, _row_estimates(meta, rows, profiled), total.typical)
    attributed = [layer.estimate.typical for layer in layers if layer.estimate.typical is not None]
    gap = total.typical - sum(attributed) if total.typical is not None and attributed else None
    overhead = None
    if len(plain.values) and len(profiled.values) and total.typical is not None:
        overhead = stats.typical(profiled.values) - total.typical
    return Summary(
        total=total,
        layers=layers,
        unattributed=Estimate(typical=gap, n=len(profiled.values)),
        unattributed_share=ratio(gap, total.typical),
        overhead=overhead,
        overhead_share=ratio(overhead, total.typical),
        init=_simple(select_singles(table, "init", "init", meta.unit, variant)),
        init_warm=_simple(select_singles(table, "init", "init_warm", meta.unit, variant)),
        first=_simple(select_inferences(table, variant, meta.unit, "first").values),
        peak_memory_bytes=_peak(table),
    )


def main_variant(meta: ProfileMeta, table: pa.Table) -> str:
    """Whose creation and first inference count: of large models only the profiled twin is emulated."""
    alone = meta.deterministic and not len(select_inferences(table, "plain", meta.unit).values)
    return "profiled" if alone else "plain"


def _alone(meta: ProfileMeta, table: pa.Table, profiled: Inferences) -> Inferences:
    """Profiled inferences that stand for the total, too: of counts what the runtime did, without the profiler."""
    if not meta.deterministic:
        return profiled
    return replace(profiled, values=invoke_samples(meta, table))


def row_samples(meta: ProfileMeta, table: pa.Table) -> IntArray:
    """Exclusive cost of every row of the alignment in every steady profiled inference, [inferences, rows]."""
    profiled = select_inferences(table, "profiled", meta.unit)
    rows = np.zeros((len(profiled.values), len(meta.alignment.rows)), dtype=np.int64)
    for number, structure in enumerate(meta.alignment.structures):
        width = len(structure.events)
        events, where = select_events(table, meta.unit, number, width)
        coefficients = row_coefficients(structure.parent, meta.alignment.rows, number)
        # Exact below 2**53 ns, which is 104 days, and many times as fast as a product of integers.
        rows[where] = events.astype(np.float64) @ coefficients.astype(np.float64)
    return rows


def invoke_samples(meta: ProfileMeta, table: pa.Table) -> IntArray:
    """Duration of the outermost ``Invoke`` event of every steady profiled inference, [inferences]."""
    profiled = select_inferences(table, "profiled", meta.unit)
    values = profiled.values.copy()
    for number, structure in enumerate(meta.alignment.structures):
        events, where = select_events(table, meta.unit, number, len(structure.events))
        index = next((i for i, event in enumerate(structure.events) if event.tag == "Invoke"), None)
        if index is not None:
            values[where] = events[:, index]
    return values


def row_coefficients(parent: tuple[int, ...], rows: tuple[Row, ...], structure: int) -> IntArray:
    """[events, rows]: +1 for a row's own events, -1 for events enclosed directly in them (exclusive time)."""
    matrix = np.zeros((len(parent), len(rows)), dtype=np.int64)
    children: dict[int, list[int]] = {}
    for child, enclosing in enumerate(parent):
        children.setdefault(enclosing, []).append(child)
    for column, row in enumerate(rows):
        for event in row.events.get(str(structure), ()):
            matrix[event, column] += 1
            for child in children.get(event, ()):
                matrix[child, column] -= 1
    return matrix


def _total(meta: ProfileMeta, inferences: Inferences) -> Estimate:
    values = inferences.values
    if not len(values):
        return Estimate()
    typical, median = stats.typical(values), float(np.median(values))
    if meta.deterministic:
        return Estimate(typical, median, float(values.min()), float(values.max()), len(values))
    interval = stats.total_interval(
        values, inferences.process, inferences.block, inferences.t, looks=max(1, meta.schedule.looks)
    )
    lo, hi = (None, None) if interval is None else (interval.lo, interval.hi)
    return Estimate(typical, median, lo, hi, len(values))


def layer_summaries(
    meta: ProfileMeta, estimates: Sequence[Estimate], total: float | None
) -> tuple[LayerSummary, ...]:
    """Every layer of the model, from the estimates of the alignment's rows."""
    infos = {layer.id: layer for layer in meta.model.layers}
    found: dict[str, LayerSummary] = {}
    for row, estimate in zip(meta.alignment.rows, estimates, strict=True):
        leader = row.layers[0]
        for layer in row.layers:
            own = estimate if layer == leader and row.note != "static" else Estimate()
            found[layer] = LayerSummary(
                info=infos[layer],
                kernel=row.kernel,
                group=leader if len(row.layers) > 1 else None,
                note=row.note,
                estimate=own,
                share=ratio(own.typical, total),
            )
    absent = Estimate()
    return tuple(
        found.get(info.id, LayerSummary(info, None, None, "unseen", absent, None))
        for info in meta.model.layers
    )


def _row_estimates(meta: ProfileMeta, rows: IntArray, profiled: Inferences) -> list[Estimate]:
    if not len(rows):
        return [Estimate() for _ in meta.alignment.rows]
    central = stats.central_half(profiled.values)
    typical = rows[central].mean(axis=0)
    median = np.median(rows, axis=0)
    if meta.deterministic:
        lo, hi = rows.min(axis=0).astype(float), rows.max(axis=0).astype(float)
    else:
        lo, hi = stats.layer_intervals(rows, profiled.process, profiled.block, profiled.values)
    return [
        Estimate(float(typical[i]), float(median[i]), _known(lo[i]), _known(hi[i]), len(rows))
        for i in range(rows.shape[1])
    ]


def _simple(values: IntArray) -> Estimate:
    if not len(values):
        return Estimate()
    return Estimate(
        float(stats.typical(values)),
        float(np.median(values)),
        float(values.min()),
        float(values.max()),
        len(values),
    )


def _peak(table: pa.Table) -> int | None:
    values = select_singles(table, "memory", "first", "bytes")
    return int(values.max()) if len(values) else None


def ratio(part: float | None, whole: float | None) -> float | None:
    """A part of a whole; None if either is unknown or the whole is nothing."""
    return part / whole if part is not None and whole else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
