"""Shares of builtin kernels by the runtime's own node indices, without tflprof's attribution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflprof.runner.interface import RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import Block, Record, Structure
from tflprof.workflow.profile import profile_model

OPERATOR = 2
"""The runtime's type of an operator's event; its first metadata word is the node's index."""


@dataclass(frozen=True)
class Nodes:
    """How many nodes there were, and the largest difference of a share, 0-1."""

    nodes: int
    difference: float


def largest_difference(model: Path, target: str) -> Nodes:
    """A profile's shares against those by node index; ValueError for models whose nodes are nested."""
    own = _shares_by_node(_records(model, target))
    profile = profile_model(model, target=target, kernels="builtin")
    costs = {
        row.info.id: row.estimate.typical
        for row in profile.summary.layers
        if row.estimate.typical is not None
    }
    whole = sum(costs.values())
    shares = {layer: cost / whole for layer, cost in costs.items()}
    if set(shares) != set(own):
        raise ValueError(f"{model}: rows {sorted(set(shares) ^ set(own))} are on one side only")
    return Nodes(len(own), max(abs(shares[layer] - own[layer]) for layer in own))


def _records(model: Path, target: str) -> list[Record]:
    runner = open_runner(target)
    session = None
    try:
        request = RunRequest(
            (model,), kernels="builtin", variants=("profiled",), warmup_ms=0, profiled_every=1, blocks=8
        )
        session = runner.start(request)
        return list(session.records())
    finally:
        if session is not None:
            session.close()
        runner.close()


def _shares_by_node(records: list[Record]) -> dict[str, float]:
    """Of the last inference, by layer id."""
    structures = {record.s: record for record in records if isinstance(record, Structure)}
    block = [record for record in records if isinstance(record, Block) and record.events][-1]
    structure, elapsed = structures[block.structure[-1]], block.events[-1]
    costs: dict[str, int] = {}
    for event, cost in zip(structure.events, elapsed, strict=True):
        if event.type == OPERATOR:
            layer = f"{event.m2}/{event.m1}"
            if layer in costs:
                raise ValueError(f"node {layer} ran twice")
            costs[layer] = cost
    whole = sum(costs.values())
    return {layer: cost / whole for layer, cost in costs.items()}
