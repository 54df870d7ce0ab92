"""How each operator passes channels on. What is not here is not followed: its channels stay as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tflprof.compress.prune.channels import Numbers
from tflprof.compress.prune.walk import UNFOLLOWED, Walk
from tflprof.model.graph import Op

Rule = Callable[[Walk, Op], None]

_SAME = """
    ABS CAST CEIL COS DEQUANTIZE ELU EXP FLOOR GELU HARD_SWISH LEAKY_RELU LOG LOGISTIC NEG QUANTIZE RELU RELU6
    RELU_0_TO_1 RELU_N1_TO_1 ROUND RSQRT SIGN SIN SQRT SQUARE TANH
""".split()  # noqa: SIM905 (a list of names reads better as a text)
_SPATIAL = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
_BLOCKS = ("BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND")
_PAIRS = ("ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "POW", "PRELU", "SQUARED_DIFFERENCE", "SUB")
_REDUCTIONS = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM")
_SHAPES = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")

_DATA, _WEIGHTS, _BIAS = 0, 1, 2


def _weighted(walk: Walk, op: Op, inputs: Numbers, outputs: Numbers, dims: tuple[int, int | None]) -> None:
    """Label weights (dimension of outputs, of inputs) and bias; an operator whose data is odd is frozen."""
    weights, bias = op.inputs[_WEIGHTS], op.inputs[_BIAS] if len(op.inputs) > _BIAS else -1
    walk.channels.label(op.outputs[0], len(walk.shape(op.outputs[0])) - 1, outputs)
    for index, dim, numbers in ((weights, dims[0], outputs), (weights, dims[1], inputs), (bias, 0, outputs)):
        if index < 0 or dim is None:
            continue
        reason = walk.odd_constant(index, dim, len(numbers))
        if reason is None:
            walk.label_constant(op, index, dim, numbers)
        else:
            walk.channels.freeze(numbers, f"{reason} ({op.type} {op.id})")


def _images(walk: Walk, op: Op) -> tuple[int, Numbers] | None:
    """Channels of the data of an operator over images; frozen, and None, if they are not its last dimension."""
    found = walk.channels.of(op.inputs[_DATA])
    if found is not None and found[0] != 3:
        walk.freeze_inputs(op, "it runs along channels")
        return None
    return found


def _convolution(walk: Walk, op: Op) -> None:
    weights, found = walk.shape(op.inputs[_WEIGHTS]), _images(walk, op)
    outputs = walk.channels.fresh(weights[0])
    walk.producers[op.id] = outputs
    inputs = found[1] if found else walk.channels.fresh(weights[3], UNFOLLOWED)
    if len(inputs) != weights[3]:
        reason = f"it works in groups of channels ({op.type} {op.id})"
        walk.channels.freeze(inputs, reason)
        walk.channels.freeze(outputs, reason)
        inputs = walk.channels.fresh(weights[3], reason)
    _weighted(walk, op, inputs, outputs, (0, 3))


def _depthwise(walk: Walk, op: Op) -> None:
    found, count = _images(walk, op), walk.shape(op.inputs[_WEIGHTS])[3]
    inputs = found[1] if found else walk.channels.fresh(walk.shape(op.inputs[_DATA])[-1], UNFOLLOWED)
    outputs = np.repeat(inputs, max(count // max(len(inputs), 1), 1))
    _weighted(walk, op, inputs, outputs, (3, None))


def _dense(walk: Walk, op: Op) -> None:
    units, depth = walk.shape(op.inputs[_WEIGHTS])
    rows = int(np.prod(walk.shape(op.inputs[_DATA]))) // max(depth, 1)
    found = walk.regroup(op, op.inputs[_DATA], (rows, depth))
    outputs = walk.channels.fresh(units)
    walk.producers[op.id] = outputs
    if found is not None and found[0] != 1:
        walk.freeze_inputs(op, "it runs along channels")
        found = None
    inputs = found[1] if found else walk.channels.fresh(depth, UNFOLLOWED)
    if op.options.get("weights_format", "DEFAULT") != "DEFAULT":
        walk.channels.freeze(np.concatenate([inputs, outputs]), f"its weights are shuffled ({op.id})")
    _weighted(walk, op, inputs, outputs, (0, 1))


def _same(walk: Walk, op: Op) -> None:
    walk.same(op, op.inputs[0], op.outputs[0])


def _spatial(walk: Walk, op: Op) -> None:
    if _images(walk, op) is not None:
        _same(walk, op)


def _blocks(walk: Walk, op: Op) -> None:
    blocks, found = walk.shape(op.inputs[1]), walk.channels.of(op.inputs[0])
    if found is not None and found[0] <= blocks[0]:
        walk.freeze_inputs(op, "it moves channels")
    else:
        _same(walk, op)


def _pair(walk: Walk, op: Op) -> None:
    """Element by element, smaller shapes repeated: both sides and the result have the same channels."""
    rank = len(walk.shape(op.outputs[0]))
    places = {}
    for index in op.inputs:
        if (found := walk.channels.of(index)) is not None and not walk.is_constant(index):
            places[index] = (found[0] + rank - len(walk.shape(index)), found[1])
    wide = {place: numbers for place, numbers in places.values() if len(numbers) > 1}
    if not wide:
        return
    dim, numbers = next(iter(wide.items()))
    if len(wide) > 1 or len(numbers) != walk.shape(op.outputs[0])[dim]:
        walk.freeze_inputs(op, "it crosses channels")
        return
    for index in op.inputs:
        _operand(walk, op, index, dim - rank, numbers)
    walk.channels.label(op.outputs[0], dim, numbers)


def _operand(walk: Walk, op: Op, index: int, from_end: int, numbers: Numbers) -> None:
    shape = walk.shape(index)
    if -from_end > len(shape) or (shape[from_end] == 1 and len(numbers) > 1):
        return
    dim = len(shape) + from_end
    if walk.is_constant(index):
        if (reason := walk.odd_constant(index, dim, len(numbers))) is not None:
            walk.channels.freeze(numbers, reason)
        walk.label_constant(op, index, dim, numbers)
    elif (found := walk.channels.of(index)) is not None:
        walk.channels.tie(found[1], numbers)
    else:
        walk.channels.freeze(numbers, f"{UNFOLLOWED} ({op.type} {op.id})")


def _reduction(walk: Walk, op: Op) -> None:
    found, axes = walk.channels.of(op.inputs[0]), walk.ints(op.inputs[1])
    if found is None:
        return
    rank = len(walk.shape(op.inputs[0]))
    reduced = {axis % rank for axis in axes} if axes is not None else set(range(rank))
    if found[0] in reduced:
        walk.freeze_inputs(op, "it runs along channels")
        return
    lost = 0 if op.options.get("keep_dims") else sum(axis < found[0] for axis in reduced)
    walk.same(op, op.inputs[0], op.outputs[0], found[0] - lost)


def _reshape(walk: Walk, op: Op) -> None:
    if (found := walk.regroup(op, op.inputs[0], walk.shape(op.outputs[0]))) is None:
        return
    if len(op.inputs) > 1 and not walk.is_constant(op.inputs[1]):
        walk.freeze_inputs(op, "its target shape is computed")
        return
    walk.channels.label(op.outputs[0], *found)


def _pad(walk: Walk, op: Op) -> None:
    """What is added before and after are channels of their own, which an addition behind ties to others."""
    found, amounts = walk.channels.of(op.inputs[0]), walk.ints(op.inputs[1])
    if found is None:
        return
    dim, numbers = found
    if amounts is None or (op.code == "MIRROR_PAD" and any(amounts[2 * dim : 2 * dim + 2])):
        walk.freeze_inputs(op, "it adds channels")
        return
    before, after = (walk.channels.fresh(count) for count in amounts[2 * dim : 2 * dim + 2])
    walk.channels.label(op.outputs[0], dim, np.concatenate([before, numbers, after]))


def _transpose(walk: Walk, op: Op) -> None:
    found, order = walk.channels.of(op.inputs[0]), walk.ints(op.inputs[1])
    if found is None:
        return
    if order is None:
        walk.freeze_inputs(op, "its order is computed")
    else:
        walk.same(op, op.inputs[0], op.outputs[0], order.index(found[0]))


def _concatenation(walk: Walk, op: Op) -> None:
    rank, target = len(walk.shape(op.outputs[0])), op.outputs[0]
    axis = op.options.get("axis", 0) % rank
    parts = [walk.channels.of(index) for index in op.inputs]
    dims = {part[0] for part in parts if part is not None}
    if not dims:
        return
    if dims != {axis} and (len(dims) > 1 or None in parts):
        walk.freeze_inputs(op, "it mixes what is followed with what is not")
        return
    if dims != {axis}:
        for index in op.inputs[1:]:
            walk.channels.tie(parts[0][1], walk.channels.axes[index][min(dims)])  # type: ignore[index]
        walk.same(op, op.inputs[0], target)
        return
    numbers = [
        part[1] if part else walk.channels.fresh(walk.shape(index)[axis], UNFOLLOWED)
        for index, part in zip(op.inputs, parts, strict=True)
    ]
    walk.channels.label(target, axis, np.concatenate(numbers))


def _split(walk: Walk, op: Op) -> None:
    """Equal parts: along channels each part loses the same ones."""
    found, axis = walk.channels.of(op.inputs[1]), walk.ints(op.inputs[0])
    if found is None:
        return
    if axis is None:
        walk.freeze_inputs(op, "its axis is computed")
        return
    along = axis[0] % len(walk.shape(op.inputs[1])) == found[0]
    parts = np.split(found[1], len(op.outputs)) if along else [found[1]] * len(op.outputs)
    for target, part in zip(op.outputs, parts, strict=True):
        walk.channels.tie(parts[0], part)
        walk.channels.label(target, found[0], part)


def _strided_slice(walk: Walk, op: Op) -> None:
    found = walk.channels.of(op.inputs[0])
    if found is None:
        return
    begin, end, strides = (walk.ints(index) for index in op.inputs[1:4])
    dim, masks = found[0], {key: int(value) for key, value in op.options.items() if key.endswith("_mask")}
    odd = (
        masks.get("ellipsis_mask")
        or masks.get("new_axis_mask")
        or masks.get("shrink_axis_mask", 0) >> dim & 1
    )
    if begin is None or end is None or strides is None or odd or dim >= len(begin):
        walk.freeze_inputs(op, "it is not seen to keep all channels")
        return
    first = begin[dim] == 0 or masks.get("begin_mask", 0) >> dim & 1
    last = end[dim] >= len(found[1]) or masks.get("end_mask", 0) >> dim & 1
    if not (first and last and strides[dim] == 1):
        walk.freeze_inputs(op, "it picks channels by number")
        return
    lost = (masks.get("shrink_axis_mask", 0) & ((1 << dim) - 1)).bit_count()
    walk.same(op, op.inputs[0], op.outputs[0], dim - lost)


RULES: dict[str, Rule] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _pad,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concatenation,
    "SPLIT": _split,
    "STRIDED_SLICE": _strided_slice,
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_SPATIAL, _spatial),
    **dict.fromkeys(_BLOCKS, _blocks),
    **dict.fromkeys(_PAIRS, _pair),
    **dict.fromkeys(_REDUCTIONS, _reduction),
    **dict.fromkeys(_SHAPES, _reshape),
}
"""Rules by operator."""


def follow(walk: Walk) -> None:
    """Walk the whole graph, then freeze what cannot be cut."""
    for op in walk.graph.ops:
        if any(walk.tensor(i).is_variable for i in op.inputs if i >= 0) or op.code not in RULES:
            walk.freeze_inputs(op, "an operator that pruning does not follow takes its channels")
        elif any(not walk.tensor(i).has_rank for i in (*op.inputs, *op.outputs) if i >= 0):
            walk.freeze_inputs(op, "its shapes are known only at run time")
        else:
            _apply(walk, op)
    for op, index in walk.uses_of_constants():
        walk.channels.freeze_tensor(index, f"its weights are used by another layer ({op.type} {op.id})")
    for output in walk.graph.outputs:
        walk.channels.freeze_tensor(output, "it is an output of the model")


def _apply(walk: Walk, op: Op) -> None:
    try:
        RULES[op.code](walk, op)
    except (IndexError, ValueError):
        walk.freeze_inputs(op, "its shapes are unusual")
        for index in op.outputs:
            walk.channels.freeze_tensor(index, f"the shapes of {op.type} {op.id} are unusual")
        if op.id in walk.producers:
            walk.channels.freeze(walk.producers[op.id], f"the shapes of {op.type} {op.id} are unusual")
