"""Which channels of a group matter least: from the weights alone, or from what they do on calibration data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tflprof.compress.prune.eliminate import Taker, eliminate
from tflprof.compress.prune.groups import Group, Slot
from tflprof.compress.prune.moments import Moments
from tflprof.compress.prune.values import Real, real
from tflprof.model.graph import Model, Op

CRITERIA = ("activation", "magnitude", "l1")
"""How channels are ranked: by their effect on the layers that take them, by the L2 or L1 norm of what makes them."""

MIXING = ("CONV_2D", "FULLY_CONNECTED")
"""Operators that mix channels: what they take can be made up for in their weights and biases."""


def consumers(model: Model, groups: Sequence[Group]) -> list[Op]:
    """Layers that mix channels of some groups."""
    tensors = {slot.tensor for group in groups for slot in group.slots}
    return [
        op
        for op in model.subgraphs[0].ops
        if op.code in MIXING and op.inputs[0] in tensors and op.inputs[1] in tensors
    ]


def ranked(
    model: Model, group: Group, criterion: str, known: Mapping[str, Moments]
) -> tuple[list[int], Real]:
    """Channels of a group, those worth most first, and what is lost with each of them when all after it are gone.

    ``activation`` counts losses in shares of the outputs of the layers that take the channels, made up for by the
    channels that stay; without calibration data it falls back on ``magnitude``, whose losses are in no unit.
    """
    takers = _takers(model, group, known) if criterion == "activation" else []
    if takers:
        return eliminate(takers, group.size)
    norms = _norms(model, group, 1 if criterion == "l1" else 2)
    order = [int(i) for i in np.argsort(-norms, kind="stable")]
    return order, norms[order]


def kept(order: Sequence[int], keep: int) -> list[int]:
    """The channels that stay, in their own order."""
    return sorted(order[:keep])


def _takers(model: Model, group: Group, known: Mapping[str, Moments]) -> list[Taker]:
    slots, found = _by_place(group), []
    for op in consumers(model, [group]):
        slot = slots.get((op.inputs[1], len(model.subgraphs[0].tensors[op.inputs[1]].shape) - 1))
        if slot is None or op.id not in known or not known[op.id].variance.any():
            continue
        weights = _weights(model, op.inputs[1])
        rows = weights.reshape(-1, weights.shape[-1])
        alone = known[op.id].covariance is None
        energy = np.square(rows).sum(axis=0) if alone else rows.T @ rows
        found.append(Taker(energy, known[op.id], slot.places))
    return found


def _norms(model: Model, group: Group, power: int) -> Real:
    totals = np.zeros(group.size)
    slots = _by_place(group)
    for name in group.producers:
        op = model.op(name)
        weights = np.abs(_weights(model, op.inputs[1])) ** power
        norms = weights.reshape(weights.shape[0], -1).sum(axis=1) ** (1 / power)
        whole = float(norms.mean())
        slot = slots.get((op.inputs[1], 0))
        if slot is not None and whole > 0:
            totals += _per_channel(norms / whole, slot, group.size)
    return totals


def _by_place(group: Group) -> dict[tuple[int, int], Slot]:
    return {(slot.tensor, slot.dim): slot for slot in group.slots}


def _per_channel(values: Real, slot: Slot, size: int) -> Real:
    mine = slot.places >= 0
    totals = np.zeros(size)
    np.add.at(totals, slot.places[mine], values[mine])
    return totals


def _weights(model: Model, tensor: int) -> Real:
    """Real values of weights, those widened when the model is loaded too."""
    graph = model.subgraphs[0]
    if not graph.tensors[tensor].is_constant:
        tensor = next(op.inputs[0] for op in graph.ops if tensor in op.outputs)
    return real(model.data(0, tensor), graph.tensors[tensor].quantisation)
