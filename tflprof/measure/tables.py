"""Rows of latency tables out of profiles, by attribution: of whole networks, or of chains made for the purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tflprof.model.configs import LayerConfig
from tflprof.op_config import OpConfig
from tflprof.op_memory import network_bytes
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.latency_rows import LatencyRow
from tflprof.profile.profile import Profile
from tflprof.profile.summary import LayerSummary, row_samples

_OUTER = (0.025, 0.975)
_FEW = 5
"""Inferences that tell nothing of how much they differ: a row may be half or twice what they say."""


@dataclass(frozen=True)
class Taken:
    """What a profile gave.

    Attributes:
        rows: one per configuration and place (first or not).
        missing: why a layer gave no row, by its configuration's key.
    """

    rows: tuple[LatencyRow, ...]
    missing: Mapping[str, str]


@dataclass(frozen=True)
class _Owner:
    """Whose cost a layer's is."""

    config: OpConfig
    first: bool


def network_rows(profile: Profile, layers: Sequence[LayerConfig], source: str) -> Taken:
    """Rows of a network in its own context; layers of one configuration are averaged.

    Args:
        profile: of the whole model.
        layers: of the same model.
        source: its name.
    """
    owners: dict[str, _Owner] = {}
    hosts = {layer.id: layer for layer in layers}
    for layer in layers:
        host = layer
        if layer.uncosted is not None and layer.uncosted.startswith("done in "):
            host = hosts[layer.uncosted.removeprefix("done in ")]
        if host.uncosted is None:
            owners[layer.id] = _Owner(host.config, host.first)
    return _taken(profile, owners, "network", source)


def chain_rows(profile: Profile, configs: Mapping[str, OpConfig], source: str) -> Taken:
    """Rows of a chain.

    Args:
        profile: of the chain's model.
        configs: whose row a layer is, by the layer's id; other layers only feed rows.
        source: what the chain was made for.
    """
    owners = {layer: _Owner(config, first=False) for layer, config in configs.items()}
    return _taken(profile, owners, "chain", source)


def with_refetch(taken: Taken, refetch: Refetch | None, layers: Sequence[LayerConfig]) -> Taken:
    """Note in rows what of their cost was fetching weights again, in the model of these layers; None: not known."""
    if refetch is None:
        return taken
    touched = network_bytes(layer.config for layer in layers if layer.uncosted is None)
    rows = tuple(replace(row, refetch=refetch.cost(row.config, touched)) for row in taken.rows)
    return replace(taken, rows=rows)


def _taken(profile: Profile, owners: Mapping[str, _Owner], context: str, source: str) -> Taken:
    # What a phone may differ by is said of all rows together in the table's metadata.
    summary = profile.modelled.summary
    counts = dict(zip((layer.info.id for layer in summary.layers), profile.layer_counts, strict=True))
    spreads = {} if profile.meta.deterministic else _spreads(profile)
    members: dict[str, list[LayerSummary]] = {}
    for layer in summary.layers:
        members.setdefault(layer.group or layer.info.id, []).append(layer)
    found: dict[tuple[str, bool], list[LatencyRow]] = {}
    missing: dict[str, str] = {}
    for group in members.values():
        owned = {owners[layer.info.id] for layer in group if layer.info.id in owners}
        strange = [layer.info.id for layer in group if layer.info.id not in owners]
        reason = _unusable(group, len(owned), strange)
        for owner in owned:
            if reason is not None:
                missing[owner.config.key] = reason
                continue
            leader = group[0].info.id
            count = None if profile.counts is None else counts.get(leader) or 0.0
            row = _row(owner, group[0], count, spreads.get(leader), (context, source))
            found.setdefault((owner.config.key, owner.first), []).append(row)
    rows = tuple(_mean(rows) for rows in found.values())
    have = {row.config.key for row in rows}
    return Taken(rows, {key: reason for key, reason in missing.items() if key not in have})


def _unusable(group: Sequence[LayerSummary], owners: int, strange: Sequence[str]) -> str | None:
    if owners > 1 or (owners and strange):
        others = ", ".join(layer.info.op for layer in group)
        return f"its kernels cannot be told from those of its neighbours ({others})"
    return None


def _spreads(profile: Profile) -> dict[str, tuple[float, float]]:
    """Where 95 % of the inferences of each row lie, by its first layer: wider than the interval of their mean."""
    values = row_samples(profile.meta, profile.table)
    if not len(values):
        return {}
    bounds = np.quantile(values, _OUTER, axis=0)
    if len(values) < _FEW:
        bounds = np.median(values, axis=0) * np.array([[0.5], [2.0]])
    rows = profile.meta.alignment.rows
    return {row.layers[0]: (float(lo), float(hi)) for row, lo, hi in zip(rows, *bounds, strict=True)}


def _row(
    owner: _Owner,
    layer: LayerSummary,
    count: float | None,
    spread: tuple[float, float] | None,
    place: tuple[str, str],
) -> LatencyRow:
    # What runs nothing costs nothing: the delegate left it out.
    estimate = layer.estimate
    value = estimate.typical or 0.0
    # Of a short measurement the interval of a row is not known: its inferences' own spread holds it.
    lo, hi = spread or (value, value)
    lo = lo if estimate.lo is None else estimate.lo
    hi = hi if estimate.hi is None else estimate.hi
    return LatencyRow(
        config=owner.config,
        value=max(round(value), 0),
        lo=min(lo, value),
        hi=max(hi, value),
        samples=1,
        instructions=None if count is None else round(count),
        context=place[0],
        first=owner.first,
        source=place[1],
    )


def _mean(rows: Sequence[LatencyRow]) -> LatencyRow:
    """Layers of one configuration as one row."""
    count = len(rows)
    known = [row.instructions for row in rows if row.instructions is not None]
    first = rows[0]
    return LatencyRow(
        config=first.config,
        value=round(sum(row.value for row in rows) / count),
        lo=sum(row.lo for row in rows) / count,
        hi=sum(row.hi for row in rows) / count,
        samples=count,
        instructions=round(sum(known) / count) if len(known) == count else None,
        context=first.context,
        first=first.first,
        source=first.source,
        refetch=sum(row.refetch for row in rows) / count,
    )
