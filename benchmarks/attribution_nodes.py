"""Shares of builtin kernels by the runtime's own node indices, from the raw samples and without attribution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflprof.profile.profile import Profile
from tflprof.profile.summary import row_samples
from tflprof.workflow.profile import profile_model

OPERATOR = 2
"""The runtime's type of an operator's event: its metadata words are the node's index and its subgraph."""


@dataclass(frozen=True)
class Nodes:
    """How many nodes there were, and the largest difference of a share, 0-1."""

    nodes: int
    difference: float


def largest_difference(model: Path, target: str) -> Nodes:
    """A profile's shares against those by node index; ValueError if rows are on one side only."""
    profile = profile_model(model, target=target, kernels="builtin", cost="instructions")
    own, told = _shares(_by_node(profile)), _shares(_by_layer(profile))
    if set(told) != set(own):
        raise ValueError(f"{model}: rows {sorted(set(told) ^ set(own))} are on one side only")
    return Nodes(len(own), max(abs(told[layer] - own[layer]) for layer in own))


def _by_layer(profile: Profile) -> dict[str, float]:
    """Of the same inference, by the profile's rows."""
    costs = row_samples(profile.meta, profile.table)[-1]
    pairs = zip(profile.meta.alignment.rows, costs, strict=True)
    return {", ".join(row.layers): float(cost) for row, cost in pairs if row.events}


def _by_node(profile: Profile) -> dict[str, float]:
    """Of the last profiled inference; node indices count within their subgraph."""
    frame = profile.table.to_pandas()
    frame = frame[(frame["kind"] == "event") & (frame["phase"] == "steady")]
    last = frame[frame["inference"] == frame["inference"].max()].sort_values("event")
    events = profile.meta.alignment.structures[int(last["structure"].iloc[0])].events
    costs: dict[str, float] = {}
    for event, cost in zip(events, last["value"], strict=True):
        if event.type == OPERATOR:
            layer = f"{event.m2}/{event.m1}"
            costs[layer] = costs.get(layer, 0.0) + float(cost)
    return costs


def _shares(costs: dict[str, float]) -> dict[str, float]:
    whole = sum(costs.values())
    return {layer: cost / whole for layer, cost in costs.items()}
