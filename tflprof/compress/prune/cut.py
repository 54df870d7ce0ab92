"""Cutting channels out of a model: every tensor that has them, and the constants that name shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tflprof.compress.prune.groups import Group, graph_groups
from tflprof.compress.prune.make_up import Mask, make_up
from tflprof.compress.prune.moments import Moments
from tflprof.compress.prune.rank import MIXING
from tflprof.errors import UsageError
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Op, Quantisation, Tensor

Masks = dict[int, dict[int, Mask]]
"""What goes: by tensor, then by dimension, True at each position that is removed."""


def cut(editor: ModelEditor, keep: Mapping[str, Sequence[int]], known: Mapping[str, Moments]) -> None:
    """Remove channels of groups wherever they are. Nothing changes if all are kept.

    Args:
        editor: of the model, whose operators may have been changed before.
        keep: channels that stay, by the group's name.
        known: moments of the inputs of layers, by their ids, to make up for what goes.

    Raises:
        UsageError: the model has no such group, or it cannot be cut.
    """
    groups = {group.name: group for group in graph_groups(editor.graph(), editor.constant_values)}
    masks: Masks = {}
    for name, channels in keep.items():
        _mark(masks, _found(groups, name, channels, editor), channels)
    if not masks:
        return
    graph = editor.graph()
    for op in graph.ops:
        if op.code in MIXING and op.id in known:
            removed = masks.get(op.inputs[1], {}).get(len(graph.tensors[op.inputs[1]].shape) - 1)
            if removed is not None:
                make_up(editor, graph, op, removed, known[op.id])
    tensors = editor.graph().tensors
    for index, dims in masks.items():
        _shorten(editor, tensors[index], dims)
    for op in editor.graph().ops:
        _rename(editor, tensors, op, masks)
    editor.prune_unused()


def _found(groups: Mapping[str, Group], name: str, channels: Sequence[int], editor: ModelEditor) -> Group:
    group = groups.get(name)
    why = "it has no such channels" if group is None else group.reason
    if group is not None and (not channels or max(channels) >= group.size):
        why = f"it has {group.size} channels"
    if group is None or why is not None:
        raise UsageError(
            f"channels of layer {name} of {editor.original.path} cannot be cut: {why}",
            "make the plan again for this model",
        )
    return group


def _mark(masks: Masks, group: Group, channels: Sequence[int]) -> None:
    for slot in group.slots:
        gone = (slot.places >= 0) & ~np.isin(slot.places, channels)
        if gone.any():
            dims = masks.setdefault(slot.tensor, {})
            dims[slot.dim] = dims[slot.dim] | gone if slot.dim in dims else gone


def _shorten(editor: ModelEditor, tensor: Tensor, dims: Mapping[int, Mask]) -> None:
    quantisation = _cut_scales(tensor, dims)
    if not tensor.is_constant:
        shape = list(tensor.shape_signature)
        for dim, gone in dims.items():
            shape[dim] = int(np.count_nonzero(~gone))
        editor.set_shape(tensor.index, shape)
        if quantisation is not tensor.quantisation:
            editor.set_quantisation(tensor.index, quantisation)
        return
    values = editor.constant_values(tensor.index)
    for dim, gone in dims.items():
        values = values.compress(~gone, axis=dim)
    editor.set_constant(tensor.index, values, quantisation)


def _cut_scales(tensor: Tensor, dims: Mapping[int, Mask]) -> Quantisation | None:
    found = tensor.quantisation
    gone = None if found is None or found.kind != "channel" else dims.get(found.axis)
    if found is None or gone is None:
        return found
    stays = np.flatnonzero(~gone)
    scale = tuple(found.scale[i] for i in stays)
    zero = tuple(found.zero_point[i] for i in stays) if found.zero_point else ()
    return replace(found, scale=scale, zero_point=zero)


def _rename(editor: ModelEditor, tensors: Sequence[Tensor], op: Op, masks: Masks) -> None:
    """Give an operator that states sizes the new ones, in constants of its own."""
    if op.code == "RESHAPE" and op.outputs[0] in masks:
        _retarget(editor, tensors, op, masks[op.outputs[0]])
    if op.code in ("PAD", "PADV2") and op.outputs[0] in masks:
        _repad(editor, tensors, op, masks[op.outputs[0]])
    if op.code == "STRIDED_SLICE" and op.inputs[0] in masks:
        ends = editor.constant_values(op.inputs[2]).copy()
        for dim, gone in masks[op.inputs[0]].items():
            ends[dim] = min(ends[dim], np.count_nonzero(~gone))
        name = f"{tensors[op.inputs[2]].name}/cut {op.index}"
        editor.set_inputs(op.id, (*op.inputs[:2], editor.add_constant(name, ends), *op.inputs[3:]))


def _repad(editor: ModelEditor, tensors: Sequence[Tensor], op: Op, dims: Mapping[int, Mask]) -> None:
    """Fewer channels are added where some of those that were are gone."""
    amounts = editor.constant_values(op.inputs[1]).copy()
    for dim, gone in dims.items():
        before, after = (int(value) for value in amounts[dim])
        amounts[dim] = [before - gone[:before].sum(), after - gone[len(gone) - after :].sum()]
    name = f"{tensors[op.inputs[1]].name}/cut {op.index}"
    editor.set_inputs(op.id, (op.inputs[0], editor.add_constant(name, amounts), *op.inputs[2:]))


def _retarget(editor: ModelEditor, tensors: Sequence[Tensor], op: Op, dims: Mapping[int, Mask]) -> None:
    sizes = {dim: int(np.count_nonzero(~gone)) for dim, gone in dims.items()}
    if len(op.inputs) > 1 and op.inputs[1] >= 0:
        target = editor.constant_values(op.inputs[1]).copy()
        for dim, size in sizes.items():
            if target[dim] >= 0:
                target[dim] = size
        name = f"{tensors[op.inputs[1]].name}/cut {op.index}"
        editor.set_inputs(op.id, (op.inputs[0], editor.add_constant(name, target)))
    if op.options.get("new_shape"):
        stated = list(op.options["new_shape"])
        for dim, size in sizes.items():
            stated[dim] = size if stated[dim] >= 0 else stated[dim]
        editor.set_options(op.id, new_shape=tuple(stated))
