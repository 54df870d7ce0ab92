"""What a profile says of the subject of a budget: a value with its interval, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binom

from tflprof import stats
from tflprof.analysis.subject import find_layer, layer_name, op_name, ops_of
from tflprof.profile.meta import LayerInfo, Row
from tflprof.profile.predicted import within
from tflprof.profile.profile import Profile
from tflprof.profile.samples import IntArray, select_inferences, select_singles
from tflprof.profile.summary import Estimate, main_variant, row_samples

LEVEL = stats.LEVEL
LEAST_PROCESSES = 6
"""With fewer, no two of their values enclose the median in 95 % of cases."""

_NOT_REPEATED = "no two inferences gave the same counts"
_UNCHECKED = "how far such a prediction may be off has not been compared with phones"


@dataclass(frozen=True)
class Quantity:
    """A value with its interval.

    Attributes:
        subject: in words.
        unit: ``ns``, ``instructions``, ``cycles`` or ``bytes``.
        lo: lower end; hi: upper end; equal to the value where it is exact; None if there is no interval.
        why: why there is no interval, or what else must be known; empty if nothing.
    """

    subject: str
    unit: str
    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    why: str = ""

    @property
    def exact(self) -> bool:
        """True if it has no uncertainty."""
        return self.value is not None and self.lo == self.hi == self.value


def measure_subject(profile: Profile, subject: str) -> Quantity:
    """The quantity that ``total``, ``layer:ID``, ``op:TYPE``, ``init``, ``first``, ``memory`` or ``size`` names.

    Its value is None if the profile does not have it.
    """
    layer, op = layer_name(subject), op_name(subject)
    if layer is not None:
        return _layer(profile, layer)
    if op is not None:
        return _op(profile, op)
    if subject == "total":
        found = Quantity("total", profile.meta.unit)
        return _with_estimate(profile, found, profile.summary.total)
    if subject == "size":
        size = profile.meta.model.size_bytes
        return _exact(Quantity("model size", "bytes", why="the profile does not tell the model's size"), size)
    return _over_processes(profile, subject)


def every_layer(profile: Profile) -> tuple[Quantity, ...]:
    """The quantity of every row that runs something at inference, in order."""
    rows = [row for row in profile.meta.alignment.rows if row.note != "static"]
    return tuple(_row(profile, row) for row in rows)


def describe_layers(infos: tuple[LayerInfo, ...]) -> str:
    """``layer 0/3 + 0/4 net/conv (PAD + CONV_2D)``."""
    ids = " + ".join(info.id for info in infos)
    ops = " + ".join(dict.fromkeys(info.op for info in infos))
    return f"layer {ids} {infos[0].name} ({ops})"


def _layer(profile: Profile, name: str) -> Quantity:
    identity = find_layer(name, profile.meta.model.layers)
    if identity is None:
        return Quantity(f"layer {name}", profile.meta.unit, why="the model has no such layer")
    row = next((row for row in profile.meta.alignment.rows if identity in row.layers), None)
    if row is None:
        info = _infos(profile, (identity,))
        return Quantity(describe_layers(info), profile.meta.unit, why="it did not run")
    return _row(profile, row)


def _row(profile: Profile, row: Row) -> Quantity:
    infos = _infos(profile, row.layers)
    found = Quantity(describe_layers(infos), profile.meta.unit)
    if row.note == "static":
        return replace(_exact(found, 0), why="nothing of it runs at inference")
    summary = next(one for one in profile.summary.layers if one.info.id == row.layers[0])
    measured = _with_estimate(profile, found, summary.estimate)
    if len(row.layers) > 1 and not measured.why:
        return replace(measured, why="the kernels that run these layers are counted together")
    return measured


def _infos(profile: Profile, ids: tuple[str, ...]) -> tuple[LayerInfo, ...]:
    known = {info.id: info for info in profile.meta.model.layers}
    return tuple(known[identity] for identity in ids)


def _op(profile: Profile, name: str) -> Quantity:
    """The sum over all rows with a layer of the type; the interval is that of the sums."""
    found = Quantity(f"operators {name}", profile.meta.unit)
    wanted, types = ops_of(name), {info.id: info.op for info in profile.meta.model.layers}
    columns, others = [], 0
    for column, row in enumerate(profile.meta.alignment.rows):
        own = {types[layer] for layer in row.layers}
        if row.note != "static" and own.issuperset(wanted) and (len(wanted) == 1 or own == set(wanted)):
            columns.append(column)
            others += own != set(wanted)
    if not columns:
        why = "no layer of this type ran" if set(wanted) & set(types.values()) else "the model has none"
        return replace(_exact(found, 0), why=why)
    measured = _with_estimate(profile, found, _sum(profile, columns))
    if others and not measured.why:
        return replace(measured, why=f"{others} of {len(columns)} kernels also run other operators")
    return measured


def _sum(profile: Profile, columns: list[int]) -> Estimate:
    if profile.meta.kind == "aggregate":
        leaders = {profile.meta.alignment.rows[column].layers[0] for column in columns}
        parts = [one.estimate.typical for one in profile.summary.layers if one.info.id in leaders]
        known = [part for part in parts if part is not None]
        return Estimate(sum(known) if len(known) == len(columns) else None)
    rows = row_samples(profile.meta, profile.table)[:, columns].sum(axis=1, keepdims=True)
    if not len(rows):
        return Estimate()
    inferences = select_inferences(profile.table, "profiled", profile.meta.unit)
    value = float(rows[stats.central_half(inferences.values)].mean())
    if profile.meta.prediction is not None:
        # The errors of layers are not independent: of a sum they are taken to be no smaller.
        return within(Estimate(value, n=len(rows)), profile.meta.prediction.layer_error)
    if profile.meta.deterministic:
        return Estimate(value, lo=float(rows.min()), hi=float(rows.max()), n=len(rows))
    lo, hi = stats.layer_intervals(rows, inferences.process, inferences.block, inferences.values)
    known_ends = bool(np.isfinite(lo[0]) and np.isfinite(hi[0]))
    return Estimate(
        value, lo=float(lo[0]) if known_ends else None, hi=float(hi[0]) if known_ends else None, n=len(rows)
    )


def _with_estimate(profile: Profile, found: Quantity, estimate: Estimate) -> Quantity:
    meta = profile.meta
    if estimate.typical is None:
        return replace(found, why="the profile has no value of it")
    if meta.kind == "aggregate":
        return replace(found, value=estimate.typical, why="averages have no interval")
    if meta.deterministic and not meta.schedule.reached:
        return replace(found, value=estimate.typical, why=_NOT_REPEATED)
    if estimate.lo is None or estimate.hi is None:
        why = (
            f"too little was measured for an interval: it takes {stats.MIN_PROCESSES} processes"
            f" and {stats.MIN_BATCHES * stats.BATCH_NS / 1e9:g} s"
        )
        return replace(found, value=estimate.typical, why=why)
    return replace(found, value=estimate.typical, lo=estimate.lo, hi=estimate.hi)


def _exact(found: Quantity, value: float | None) -> Quantity:
    if value is None:
        return found
    return replace(found, value=float(value), lo=float(value), hi=float(value), why="")


def _over_processes(profile: Profile, subject: str) -> Quantity:
    """Median over processes with its interval by order statistics; a count that repeats needs one process."""
    meta, table = profile.meta, profile.table
    if subject == "memory":
        found = Quantity("memory", "bytes")
        if meta.pairing is not None:
            return replace(found, why="two models were loaded in each process; measure one by itself")
        values = select_singles(table, "memory", "first", "bytes")
    elif subject == "init":
        found = Quantity("init", meta.unit)
        values = select_singles(table, "init", "init", meta.unit, main_variant(meta, table))
    else:
        found = Quantity("first inference", meta.unit)
        values = select_inferences(table, main_variant(meta, table), meta.unit, "first").values
    if not len(values):
        return replace(found, why="the profile has no value of it")
    value = float(np.median(values))
    if meta.deterministic and subject != "memory":
        if not meta.schedule.reached:
            return replace(found, value=value, why=_NOT_REPEATED)
        if meta.prediction is not None:
            return replace(found, value=value, why=_UNCHECKED)
        return replace(found, value=value, lo=float(values.min()), hi=float(values.max()))
    ends = median_interval(values)
    if ends is None:
        why = f"an interval of its median takes {LEAST_PROCESSES} processes, and there is {len(values)}"
        return replace(found, value=value, why=why if len(values) == 1 else why.replace("is", "are"))
    return replace(found, value=value, lo=ends[0], hi=ends[1])


def median_interval(values: IntArray, level: float = LEVEL) -> tuple[float, float] | None:
    """Distribution-free interval of the median of independent values [n]: two of the values themselves.

    The k-th smallest and k-th largest enclose it unless fewer than k values lie on one side; that number is
    binomial. None if even the extremes enclose it too seldom.
    """
    n = len(values)
    # Values below the median are binomial(n, 1/2); P(fewer than k) must be at most (1 - level) / 2 on each side.
    k = int(binom.ppf((1 - level) / 2, n, 0.5))
    while k > 0 and binom.cdf(k - 1, n, 0.5) > (1 - level) / 2:
        k -= 1
    if k < 1:
        return None
    ordered = np.sort(values)
    return float(ordered[k - 1]), float(ordered[n - k])
