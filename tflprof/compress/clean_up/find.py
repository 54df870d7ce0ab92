"""What costs time for nothing: operators that a model does as well without, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy.typing as npt

from tflprof.model.graph import Op, Subgraph, Tensor

CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
SHAPING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
BYPASS, SHORTEN, PAD, DEAD = "bypass", "shorten", "pad", "dead"

Values = Callable[[int], npt.NDArray[Any]]
"""Data of a constant tensor, by its index."""


@dataclass(frozen=True)
class Needless:
    """Operators that can go, or do less.

    Attributes:
        kind: ``bypass``: what comes out of the last is what goes into the first; ``shorten``: the last can read what
            the first reads; ``pad``: the first pads for the rest, which could themselves; ``dead``: nobody reads it.
        what: in words.
        ops: in file order.
        gone: those of them that are not needed then.
    """

    kind: str
    what: str
    ops: tuple[Op, ...]
    gone: tuple[Op, ...] = field(default=())


class Look:
    """A subgraph, asked about each of its operators."""

    def __init__(self, graph: Subgraph, values: Values) -> None:
        self.graph = graph
        self._values = values

    @cached_property
    def users(self) -> dict[int, list[Op]]:
        """Operators that read a tensor."""
        found: dict[int, list[Op]] = {}
        for op in self.graph.ops:
            for tensor in dict.fromkeys(op.inputs):
                found.setdefault(tensor, []).append(op)
        return found

    @cached_property
    def makers(self) -> dict[int, Op]:
        """The operator that computes a tensor."""
        return {tensor: op for op in self.graph.ops for tensor in op.outputs}

    def input(self, op: Op, place: int = 0) -> Tensor:
        """Its n-th input."""
        return self.graph.tensors[op.inputs[place]]

    def output(self, op: Op) -> Tensor:
        """Its first output."""
        return self.graph.tensors[op.outputs[0]]

    def constant(self, op: Op, place: int) -> list[int] | None:
        """Integers of a constant input, one after the other; None if there is none."""
        if place >= len(op.inputs) or op.inputs[place] < 0 or not self.input(op, place).is_constant:
            return None
        return [int(value) for value in self._values(op.inputs[place]).reshape(-1)]

    @cached_property
    def live(self) -> frozenset[str]:
        """Operators on which outputs of the model depend, or that do more than make their outputs."""
        read = set(self.graph.outputs)
        found = set()
        for op in reversed(self.graph.ops):
            if not op.outputs or read & set(op.outputs) or self._acts(op):
                found.add(op.id)
                read.update(op.inputs)
        return frozenset(found)

    @cached_property
    def dead(self) -> list[tuple[Op, ...]]:
        """The other operators, in parts that read of each other: one alone would lack what it reads."""
        parts: list[list[Op]] = []
        for op in self.graph.ops:
            if op.id in self.live:
                continue
            before = [part for part in parts if any(set(one.outputs) & set(op.inputs) for one in part)]
            parts = [part for part in parts if part not in before]
            parts.append([*(one for part in before for one in part), op])
        return [tuple(sorted(part, key=lambda one: one.index)) for part in parts]

    def _acts(self, op: Op) -> bool:
        tensors = [self.graph.tensors[index] for index in op.inputs if index >= 0]
        stateful = any(one.is_variable or one.dtype in ("resource", "variant") for one in tensors)
        return stateful or bool(op.subgraphs) or op.code == "CUSTOM"


def needless(graph: Subgraph, values: Values) -> Iterator[Needless]:
    """All that costs time for nothing, each part of the model once at most."""
    look = Look(graph, values)
    taken = {op.id for part in look.dead for op in part}
    for part in look.dead:
        first, more = part[0], f" and {len(part) - 1} after it" if len(part) > 1 else ""
        yield Needless(DEAD, f"nobody needs what {first.code}{more} makes", part, part)
    for op in graph.ops:
        for find in (_pad, _same, _chain, _undone):
            found = find(look, op)
            if found is not None and taken.isdisjoint(one.id for one in found.ops):
                taken.update(one.id for one in found.ops)
                yield found
                break


def _same(look: Look, op: Op) -> Needless | None:
    """One operator that gives back what went in."""
    if op.code in CONVERSIONS and same_values(look.input(op), look.output(op)):
        what = f"{op.code} to the scale and type that its input has already"
    elif op.code in SHAPING and same_values(look.input(op), look.output(op)):
        what = f"{op.code} to the shape that its input has already"
    elif op.code == "TRANSPOSE" and _order(look, op) == sorted(_order(look, op) or [-1]):
        what = "TRANSPOSE to the order of axes that there is already"
    else:
        return None
    return _bypass(look, what, (op,))


def _undone(look: Look, op: Op) -> Needless | None:
    """An operator that undoes the one before."""
    before = look.makers.get(op.inputs[0]) if op.inputs else None
    if before is None or not before.inputs or before.inputs[0] < 0:
        return None
    if not same_values(look.input(before), look.output(op)):
        return None
    pair = {before.code, op.code}
    whole = look.input(before).dtype != "float32"
    undoes = (
        (pair == set(CONVERSIONS) and whole)
        or (pair <= set(SHAPING))
        or (pair == {"TRANSPOSE"} and _cancel(_order(look, before), _order(look, op)))
    )
    return _bypass(look, f"{op.code} undoes the {before.code} before it", (before, op)) if undoes else None


def _chain(look: Look, op: Op) -> Needless | None:
    """A RESHAPE of what is only reshaped for it."""
    if op.code != "RESHAPE" or look.output(op).is_dynamic or _shaped_before(look, op, op):
        return None
    chain = [op]
    while (before := _shaper(look, chain[0])) is not None:
        chain.insert(0, before)
    if len(chain) == 1:
        return None
    return Needless(
        SHORTEN, f"{len(chain) - 1} times reshaped before a RESHAPE", tuple(chain), tuple(chain[:-1])
    )


def _shaped_before(look: Look, op: Op, last: Op) -> bool:
    """Whether another RESHAPE ends the chain that an operator is in."""
    users = look.users.get(op.outputs[0], [])
    return len(users) == 1 and users[0].code == last.code and _shaper(look, users[0]) is op


def _shaper(look: Look, op: Op) -> Op | None:
    """The operator before that only gives data a shape for this one."""
    before = look.makers.get(op.inputs[0])
    if before is None or before.code not in SHAPING:
        return None
    x, between = look.input(before), look.output(before)
    if x.is_dynamic or x.is_constant or x.quantisation != between.quantisation:
        return None
    alone = before.outputs[0] not in look.graph.outputs and look.users[before.outputs[0]] == [op]
    return before if alone else None


def _pad(look: Look, op: Op) -> Needless | None:
    """A PAD of zeros that the convolutions after it could do, exactly."""
    if op.code != "PAD" or op.outputs[0] in look.graph.outputs:
        return None
    users = look.users.get(op.outputs[0], [])
    amounts = look.constant(op, 1)
    x, y = look.input(op), look.output(op)
    if not users or amounts is None or len(amounts) != 8 or x.is_dynamic or x.quantisation != y.quantisation:
        return None
    if (
        any(amounts[:2])
        or any(amounts[6:])
        or not all(_pads_alike(look, op, amounts, user) for user in users)
    ):
        return None
    return Needless(PAD, "the convolution after it can pad as PAD does", (op, *users), (op,))


def _pads_alike(look: Look, op: Op, amounts: list[int], user: Op) -> bool:
    """True if padding SAME would add what a PAD adds."""
    if user.code not in ("CONV_2D", "DEPTHWISE_CONV_2D") or user.options.get("padding") != "VALID":
        return False
    x, weights = look.input(op), look.input(user, 1)
    if user.inputs[0] != op.outputs[0] or len(weights.shape) != 4:
        return False
    return all(
        _same_padding(x.shape[axis], weights.shape[axis], user, side)
        == tuple(amounts[2 * axis : 2 * axis + 2])
        for axis, side in ((1, "h"), (2, "w"))
    )


def _same_padding(size: int, kernel: int, user: Op, side: str) -> tuple[int, int]:
    stride = int(user.options.get(f"stride_{side}") or 1)
    reach = (kernel - 1) * int(user.options.get(f"dilation_{side}_factor") or 1) + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def _bypass(look: Look, what: str, ops: tuple[Op, ...]) -> Needless | None:
    """If the source can stand for the result: an output of the model needs a tensor of its own."""
    source, result = look.input(ops[0]), ops[-1].outputs[0]
    is_result = result in look.graph.outputs
    if is_result and (source.index not in look.makers or source.index in look.graph.outputs):
        return None
    if source.is_constant or len(ops[-1].outputs) != 1:
        return None
    gone = [ops[-1]]
    for op in reversed(ops[:-1]):
        if look.users[op.outputs[0]] != [gone[0]] or op.outputs[0] in look.graph.outputs:
            break
        gone.insert(0, op)
    return Needless(BYPASS, what, ops, tuple(gone))


def same_values(first: Tensor, second: Tensor) -> bool:
    """True if both hold the same numbers in the same form."""
    if first.dtype != second.dtype or first.shape != second.shape or first.is_dynamic or second.is_dynamic:
        return False
    a, b = first.quantisation, second.quantisation
    if a is None or b is None:
        return a is b
    return (a.kind, a.scale, a.zero_point) == (b.kind, b.scale, b.zero_point)


def _order(look: Look, op: Op) -> list[int] | None:
    values = look.constant(op, 1)
    return None if values is None else [value % max(len(values), 1) for value in values]


def _cancel(first: list[int] | None, second: list[int] | None) -> bool:
    if first is None or second is None or len(first) != len(second):
        return False
    return [first[axis] for axis in second] == list(range(len(second)))
