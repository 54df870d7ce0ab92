"""Which channels of a group matter least: from the weights alone, or from what they do on calibration data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tflprof.compress.prune_groups import Group, Slot
from tflprof.compress.prune_moments import Moments
from tflprof.compress.prune_values import Real, real
from tflprof.model.graph import Model, Op

CRITERIA = ("activation", "l2", "l1")
"""How channels are ranked: effect on the layers that take them, or norm of the weights that make them."""

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


def scores(model: Model, group: Group, criterion: str, known: Mapping[str, Moments]) -> Real:
    """What each channel of a group is worth, in no unit; those worth least are cut first.

    ``activation`` is the error of what follows if a channel is replaced by its mean: its variance times the energy
    of the weights that take it, as a share of each such layer. Without calibration data it falls back on ``l2``.
    """
    if criterion == "activation":
        found = _effects(model, group, known)
        if found is not None:
            return found
        criterion = "l2"
    return _norms(model, group, 1 if criterion == "l1" else 2)


def ranking(values: Real) -> list[int]:
    """Channels by falling worth; of equal ones the first comes first."""
    return [int(i) for i in np.argsort(-values, kind="stable")]


def kept(order: Sequence[int], keep: int) -> list[int]:
    """The channels that stay, in their own order."""
    return sorted(order[:keep])


def _effects(model: Model, group: Group, known: Mapping[str, Moments]) -> Real | None:
    totals, seen = np.zeros(group.size), False
    slots = _by_place(group)
    for op in consumers(model, [group]):
        slot = slots.get((op.inputs[1], _input_dim(model, op)))
        if slot is None or op.id not in known:
            continue
        weights = _weights(model, op.inputs[1])
        energy = np.square(weights).sum(axis=tuple(range(weights.ndim - 1)))
        effect = known[op.id].variance * energy
        whole = float(effect.sum())
        if whole > 0:
            seen = True
            totals += _per_channel(effect / whole, slot, group.size)
    return totals if seen else None


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


def _input_dim(model: Model, op: Op) -> int:
    return len(model.subgraphs[0].tensors[op.inputs[1]].shape) - 1


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
