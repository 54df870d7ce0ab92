"""What every report of a profile shows, worked out once: ranks, cumulative shares, rates, sums by operator type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tflprof import units
from tflprof.profile.meta import LayerInfo, ProfileMeta
from tflprof.profile.profile import Profile
from tflprof.profile.summary import LayerSummary, Summary
from tflprof.report.work import Work, WorkCounter


@dataclass(frozen=True)
class LayerRow:
    """One layer as reports show it.

    Attributes:
        layer: its summary.
        members: ids of the layers whose cost is counted in this row, this one first; one id if it is alone.
        op: its operator type; of a group's first layer, all types of the group.
        rank: 1 for the layer that takes most; None without a value of its own.
        cumulative: share of this layer and all of lower rank, 0-1; None without a rank.
        macs: multiply-accumulates of all members, each run once; None if one is unknown.
        bytes: bytes read and written by all members; None if one is unknown.
        rate: ``macs`` per ns (that is GMAC/s), instruction or cycle; None also where it is not known how
            often the layer runs in an inference.
        instructions: exact count of what is shown; None where none were counted.
    """

    layer: LayerSummary
    members: tuple[str, ...]
    op: str
    rank: int | None
    cumulative: float | None
    macs: int | None
    bytes: int | None
    rate: float | None
    instructions: float | None = None

    @property
    def counted_in(self) -> str | None:
        """Id of the layer whose row counts this one's cost, None if this row does."""
        group = self.layer.group
        return group if group is not None and group != self.layer.info.id else None


@dataclass(frozen=True)
class OpRow:
    """All layers of one operator type; ``layers`` counts those with a value of their own.

    Attributes:
        macs: what is known of their multiply-accumulates in one inference, None if nothing is.
        unknown_macs: number of layers that ran and are not in ``macs``; then there is no ``rate``.
        instructions: of all these layers; None where none were counted.
    """

    op: str
    layers: int
    typical: float
    share: float | None
    macs: int | None
    unknown_macs: int
    rate: float | None
    instructions: float | None = None


@dataclass(frozen=True)
class View:
    """A profile as reports show it.

    Attributes:
        rows: every layer in file order.
        ops: sums by operator type, largest first.
        work: multiply-accumulates of one inference, of the layers that ran.
        parameters: weights that the layers of the model read, None if no layer's are known.
        rate: multiply-accumulates per unit of the total; None if one layer's are unknown.
        provenance: what every number of this profile is, in words.
    """

    profile: Profile
    rows: tuple[LayerRow, ...]
    ops: tuple[OpRow, ...]
    work: Work
    parameters: int | None
    rate: float | None
    provenance: str

    @property
    def counts(self) -> Summary | None:
        """Instructions beside predicted times, None where these are no predictions."""
        return self.profile.summary.instructions

    @property
    def ranked(self) -> tuple[LayerRow, ...]:
        """Layers with a value of their own, the most expensive first."""
        return tuple(sorted((row for row in self.rows if row.rank), key=lambda row: row.rank or 0))

    @property
    def exact(self) -> bool:
        """True if every inference gave the same: there is no distribution to show."""
        if not self.profile.meta.deterministic:
            return False
        # The interval of a prediction is no distribution of inferences.
        total = self.profile.modelled.summary.total
        return total.lo == total.hi

    @property
    def executed(self) -> tuple[LayerRow, ...]:
        """Every layer in the order of its first kernel; one that runs nothing stays behind its predecessor."""
        places: dict[str, tuple[int, int]] = {}
        for aligned in self.profile.meta.alignment.rows:
            seen = [(int(number), min(events)) for number, events in aligned.events.items() if events]
            if seen:
                places.update(dict.fromkeys(aligned.layers, min(seen)))
        last, keys = (-1, -1), {}
        for row in self.rows:
            last = places.get(row.layer.info.id, last)
            keys[row.layer.info.id] = last
        return tuple(sorted(self.rows, key=lambda row: keys[row.layer.info.id]))


def make_view(profile: Profile) -> View:
    """Work out what reports of ``profile`` show."""
    counter = WorkCounter(profile)
    rows = _rows(profile, counter)
    layers = profile.meta.model.layers
    work = counter.count(layers)
    return View(
        profile=profile,
        rows=rows,
        ops=_ops(rows, counter, profile),
        work=work,
        parameters=_sum_known(layer.parameters for layer in layers),
        rate=work.rate(profile.summary.total.typical),
        provenance=provenance_text(profile.meta),
    )


def provenance_text(meta: ProfileMeta) -> str:
    """What the numbers of a profile are: ``measured on host``, ``emulated instructions: not time``.

    Of predicted times it says of which phone: ``predicted time of pixel2``.
    """
    where = "host" if meta.target.kind == "host" else meta.target.name
    if meta.unit == "instructions":
        return f"{meta.provenance} instructions: not time"
    if meta.unit == "cycles":
        return f"{meta.provenance} cycles of {where}"
    if meta.provenance == "measured":
        return f"measured on {where}"
    return f"{meta.provenance} time of {where}"


def _rows(profile: Profile, counter: WorkCounter) -> tuple[LayerRow, ...]:
    layers = profile.summary.layers
    groups: dict[str, list[LayerInfo]] = {}
    for layer in layers:
        if layer.group is not None:
            groups.setdefault(layer.group, []).append(layer.info)
    ranks = _ranks(layers)
    rows = tuple(_row(layer, groups.get(layer.info.id, [layer.info]), ranks, counter) for layer in layers)
    counts = profile.layer_counts
    return tuple(replace(row, instructions=count) for row, count in zip(rows, counts, strict=True))


def _row(
    layer: LayerSummary,
    infos: Sequence[LayerInfo],
    ranks: dict[str, tuple[int, float | None]],
    counter: WorkCounter,
) -> LayerRow:
    rank, cumulative = ranks.get(layer.info.id, (None, None))
    leads = layer.group in (None, layer.info.id)
    ordered = sorted(infos, key=lambda info: info.id != layer.info.id)
    return LayerRow(
        layer=layer,
        members=tuple(info.id for info in ordered) if leads else (layer.info.id,),
        op=" + ".join(dict.fromkeys(info.op for info in ordered)) if leads else layer.info.op,
        rank=rank,
        cumulative=cumulative,
        macs=_sum(info.macs for info in infos) if leads else layer.info.macs,
        bytes=_traffic(infos),
        rate=counter.count(infos).rate(layer.estimate.typical) if leads else None,
    )


def _ranks(layers: Sequence[LayerSummary]) -> dict[str, tuple[int, float | None]]:
    valued = [layer for layer in layers if units.known(layer.estimate.typical)]
    valued.sort(key=lambda layer: -(layer.estimate.typical or 0.0))
    ranks: dict[str, tuple[int, float | None]] = {}
    cumulative: float | None = 0.0
    for rank, layer in enumerate(valued, 1):
        known = cumulative is not None and layer.share is not None
        cumulative = (cumulative or 0.0) + (layer.share or 0.0) if known else None
        ranks[layer.info.id] = (rank, cumulative)
    return ranks


def _ops(rows: Sequence[LayerRow], counter: WorkCounter, profile: Profile) -> tuple[OpRow, ...]:
    by_op: dict[str, list[LayerRow]] = {}
    for row in rows:
        if row.rank:
            by_op.setdefault(row.op, []).append(row)
    infos = {layer.id: layer for layer in profile.meta.model.layers}
    total = profile.summary.total.typical
    ops = [
        _op(op, same, counter.count(infos[member] for row in same for member in row.members), total)
        for op, same in by_op.items()
    ]
    return tuple(sorted(ops, key=lambda op: -op.typical))


def _op(op: str, rows: Sequence[LayerRow], work: Work, total: float | None) -> OpRow:
    typical = sum(row.layer.estimate.typical or 0.0 for row in rows)
    share = typical / total if total else None
    counted = [row.instructions for row in rows if row.instructions is not None]
    count = sum(counted) if len(counted) == len(rows) else None
    return OpRow(op, len(rows), typical, share, work.macs, work.unknown, work.rate(typical), count)


def _traffic(infos: Iterable[LayerInfo]) -> int | None:
    total = 0
    for info in infos:
        if info.weight_bytes is None or info.activation_bytes is None:
            return None
        total += info.weight_bytes + info.activation_bytes
    return total


def _sum(values: Iterable[int | None]) -> int | None:
    found = list(values)
    return None if None in found else sum(value for value in found if value is not None)


def _sum_known(values: Iterable[int | None]) -> int | None:
    found = [value for value in values if value is not None]
    return sum(found) if found else None
