"""Channel counts that are no multiple of 8, the width of the kernels' tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tflprof.model.dtypes import byte_size
from tflprof.model.graph import Op
from tflprof.model.lint.context import Context
from tflprof.model.lint.finding import Lint
from tflprof.units import format_bytes, format_count, format_share

TILE = 8
"""Output channels that XNNPACK's convolution kernels for ARM compute at once, or half of them."""

NEGLIGIBLE = 0.001
"""Idle lanes below this share of the model's work are not worth a line: counts differ from it by 0.1 % anyway."""

_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_READERS = ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
"""Layers that multiply every channel they read; depthwise ones have the channels of their own."""

_TO_THE_END = frozenset(
    {"RESHAPE", "SQUEEZE", "SOFTMAX", "LOGISTIC", "DEQUANTIZE", "QUANTIZE", "CONCATENATION"}
    | {"LOG_SOFTMAX", "ARG_MAX", "TOPK_V2", "CAST"}
)


@dataclass(frozen=True)
class _Padding:
    """What rounding the channels of one layer up would add."""

    op: Op
    idle: int
    saved: int
    macs: int
    parameters: int
    bytes: int


def lint(context: Context) -> Iterator[Lint]:
    """One lint per odd channel count, over all layers that have it."""
    groups: dict[int, list[_Padding]] = {}
    for op in context.model.ops():
        count = _odd_channels(context, op)
        if count is not None and not _is_fixed(context, op):
            groups.setdefault(count, []).append(_padding(context, op, count))
    for count, layers in groups.items():
        found = _lint(context, count, layers)
        if found is not None:
            yield found


def _odd_channels(context: Context, op: Op) -> int | None:
    """Output channels, if the delegate computes them in tiles and they do not fill the last one."""
    output = context.output(op)
    if op.code not in _LAYERS or op.id in context.refused or output is None or not output.shape:
        return None
    count = output.shape[-1]
    return count if count > 0 and count % TILE and context.cost.ops[op.id].macs else None


def _is_fixed(context: Context, op: Op) -> bool:
    """True if what follows only hands the channels to the model's outputs: the task sets their number."""
    following = [op]
    for at in following:
        if context.is_output(at):
            return True
        users = [user for tensor in at.outputs for user in context.users(at.subgraph, tensor)]
        if any(user.code == "CUSTOM" for user in users):
            return True
        following.extend(user for user in users if user.code in _TO_THE_END and user not in following)
    return False


def _padding(context: Context, op: Op, count: int) -> _Padding:
    readers = [reader for reader in context.users(op.subgraph, op.outputs[0]) if reader.code in _READERS]
    output = context.output(op)
    size = byte_size(output.dtype, output.shape) if output is not None else None
    return _Padding(
        op,
        idle=_added(context.cost.ops[op.id].macs, count),
        saved=_saved(context, op, readers, count),
        macs=sum(_added(context.cost.ops[each.id].macs, count) for each in (op, *readers)),
        parameters=sum(_added(_weights(context, each), count) for each in (op, *readers)),
        bytes=_added(size, count),
    )


def _saved(context: Context, op: Op, readers: list[Op], count: int) -> int:
    """MACs, idle lanes among them, that the next lower multiple needs less, here and in the layers that read it."""
    lower, wide = count // TILE * TILE, _round_up(count)
    own = (context.cost.ops[op.id].macs or 0) * (wide - lower) // count
    output = context.output(op)
    # Kernels for 8-bit values read channels eight at a time, those for floats one by one.
    read = wide if output is not None and output.dtype in ("int8", "uint8") else count
    return own + sum((context.cost.ops[each.id].macs or 0) * (read - lower) // count for each in readers)


def _added(value: int | None, count: int) -> int:
    """What comes on top of a quantity in proportion to ``count`` channels if they fill the last tile."""
    return (value or 0) * (_round_up(count) - count) // count


def _weights(context: Context, op: Op) -> int:
    """Elements of its weights, also where they are unpacked at init."""
    return context.elements(op, op.inputs[1]) if len(op.inputs) > 1 and op.inputs[1] >= 0 else 0


def _round_up(count: int) -> int:
    return -(-count // TILE) * TILE


def _lint(context: Context, count: int, layers: list[_Padding]) -> Lint | None:
    idle = sum(each.idle for each in layers)
    if idle < NEGLIGIBLE * context.total_work:
        return None
    wide, lower = _round_up(count), count // TILE * TILE
    message = (
        f"{count} channels are no multiple of {TILE}: kernels compute {wide}, "
        f"{format_share((wide - count) / wide)} of them for nothing"
    )
    cost = (
        f"{format_count(sum(each.macs for each in layers))} MACs, "
        f"{format_count(sum(each.parameters for each in layers))} parameters and "
        f"{format_bytes(sum(each.bytes for each in layers))} of activations"
    )
    more = (
        f"{wide}, which cost these layers nothing: padding adds {cost} here and in the layers that read them"
    )
    saved = sum(each.saved for each in layers)
    # What is saved is partly idle: a share of what is computed, not of what is needed.
    gain = context.gain(saved, "MACs", saved, beyond=idle) if lower else None
    remedy = f"{lower} channels, if accuracy allows, for the gain; or {more}" if lower else more
    severity = "advice" if lower else "note"
    return Lint("channels", severity, tuple(each.op.id for each in layers), message, gain, remedy)
