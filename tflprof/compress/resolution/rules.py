"""Shapes behind each operator when what it takes has other rows and columns. What is not here is refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.model.graph import Op, Subgraph

Shape = tuple[int, ...]
Rule = Callable[["Sizes", Op], list[Shape]]


class Unresizable(Exception):
    """Why a network cannot be given another size; the text names the layer."""


@dataclass
class Sizes:
    """New shapes of a graph's tensors, found operator by operator.

    Attributes:
        graph: as it is.
        values: data of its constants.
        image: rows and columns of the input, old and new.
        shapes: new shapes by tensor, of those that change.
        targets: new values of constants that state shapes: (operator, place among its inputs) to values.
        options: new options by operator.
    """

    graph: Subgraph
    values: Callable[[int], npt.NDArray[Any]]
    image: tuple[Shape, Shape]
    shapes: dict[int, Shape] = field(default_factory=dict)
    targets: dict[tuple[str, int], npt.NDArray[Any]] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def old(self, tensor: int) -> Shape:
        """Shape as it is."""
        return self.graph.tensors[tensor].shape

    def new(self, tensor: int) -> Shape:
        """Shape as it becomes."""
        return self.shapes.get(tensor, self.old(tensor))

    def ints(self, op: Op, place: int) -> list[int]:
        """Values of a constant that an operator takes."""
        tensor = self.graph.tensors[op.inputs[place]]
        if not tensor.is_constant:
            raise refused(op, f"its {tensor.name!r} is computed")
        return [int(value) for value in np.ravel(self.values(tensor.index))]


def refused(op: Op, why: str) -> Unresizable:
    """The reason with the layer's name."""
    return Unresizable(f"layer {op.id} ({op.type}): {why}")


def _window(op: Op, size: int, kernel: int, side: str) -> int:
    """Rows or columns that a window gives: ``side`` is ``h`` or ``w``."""
    stride = int(op.options.get(f"stride_{side}") or 1)
    reach = (kernel - 1) * int(op.options.get(f"dilation_{side}_factor") or 1) + 1
    found = -(-size // stride) if op.options.get("padding") == "SAME" else (size - reach) // stride + 1
    if found < 1:
        raise refused(op, f"a map of {size} is too small for its window of {reach}")
    return found


def _convolution(sizes: Sizes, op: Op) -> list[Shape]:
    x, kernel = sizes.new(op.inputs[0]), sizes.old(op.inputs[1])
    rows, columns = (_window(op, x[i], kernel[i], side) for i, side in ((1, "h"), (2, "w")))
    return [(x[0], rows, columns, sizes.old(op.outputs[0])[3])]


def _pool(sizes: Sizes, op: Op) -> list[Shape]:
    """An average over the whole map stays one."""
    old, x = sizes.old(op.inputs[0]), sizes.new(op.inputs[0])
    kernel = [op.options["filter_height"], op.options["filter_width"]]
    whole = kernel == list(old[1:3]) and op.options.get("padding") != "SAME"
    if whole and op.code != "MAX_POOL_2D":
        kernel = list(x[1:3])
        sizes.options[op.id] = {"filter_height": kernel[0], "filter_width": kernel[1]}
    rows, columns = (_window(op, x[i + 1], kernel[i], side) for i, side in ((0, "h"), (1, "w")))
    return [(x[0], rows, columns, x[3])]


def _same(sizes: Sizes, op: Op) -> list[Shape]:
    return [sizes.new(op.inputs[0])]


def _broadcast(sizes: Sizes, op: Op) -> list[Shape]:
    shapes = [sizes.new(tensor) for tensor in op.inputs]
    try:
        return [tuple(int(size) for size in np.broadcast_shapes(*shapes))]
    except ValueError:
        told = " and ".join(str(list(shape)) for shape in shapes)
        raise refused(op, f"{told} do not go together at this size") from None


def _dense(sizes: Sizes, op: Op) -> list[Shape]:
    x, old = sizes.new(op.inputs[0]), sizes.old(op.outputs[0])
    depth = sizes.old(op.inputs[1])[1]
    if x[-1] != depth:
        raise refused(op, "its weights are made for maps of this size")
    return [(*x[:-1], old[-1]) if op.options.get("keep_num_dims") else (math.prod(x[:-1]), old[-1])]


def _reduction(sizes: Sizes, op: Op) -> list[Shape]:
    x = sizes.new(op.inputs[0])
    axes = {axis % len(x) for axis in sizes.ints(op, 1)}
    if op.options.get("keep_dims"):
        return [tuple(1 if i in axes else size for i, size in enumerate(x))]
    return [tuple(size for i, size in enumerate(x) if i not in axes)]


def _reshape(sizes: Sizes, op: Op) -> list[Shape]:
    """Each dimension that changes is looked for in the target; what it was flattened into changes with it."""
    old, new, target = sizes.old(op.inputs[0]), sizes.new(op.inputs[0]), list(sizes.old(op.outputs[0]))
    was = list(target)
    for i in range(len(old)):
        if old[i] != new[i]:
            place = _holding(old, i, was)
            if place is None or target[place] * new[i] % old[i]:
                raise refused(op, "it takes rows or columns apart")
            target[place] = target[place] * new[i] // old[i]
    if op.code == "RESHAPE":
        _retarget(sizes, op, was, target)
    return [tuple(target)]


def _holding(shape: Shape, dim: int, target: list[int]) -> int | None:
    """The dimension of a reshaped tensor that holds a dimension whole; None for one of size 1, which is nowhere."""
    before, after = math.prod(shape[:dim]), math.prod(shape[dim + 1 :])
    for place, size in enumerate(target):
        outer, inner = math.prod(target[:place]), math.prod(target[place + 1 :])
        if shape[dim] > 1 and size % shape[dim] == 0 and before % outer == 0 and after % inner == 0:
            return place
    return None


def _retarget(sizes: Sizes, op: Op, was: list[int], target: list[int]) -> None:
    if len(op.inputs) > 1 and op.inputs[1] >= 0:
        stated = sizes.ints(op, 1)
        dtype = sizes.values(op.inputs[1]).dtype
        merged = [new if value >= 0 else value for value, new in zip(stated, target, strict=True)]
        sizes.targets[op.id, 1] = np.array(merged, dtype)
    if op.options.get("new_shape"):
        kept = zip(op.options["new_shape"], was, target, strict=True)
        sizes.options[op.id] = {
            "new_shape": tuple(new if value == old else value for value, old, new in kept)
        }


def _pad(sizes: Sizes, op: Op) -> list[Shape]:
    amounts = np.reshape(sizes.ints(op, 1), (-1, 2)).sum(axis=1)
    return [tuple(int(a + b) for a, b in zip(sizes.new(op.inputs[0]), amounts, strict=True))]


def _concatenation(sizes: Sizes, op: Op) -> list[Shape]:
    shapes = [sizes.new(tensor) for tensor in op.inputs]
    axis = op.options.get("axis", 0) % len(shapes[0])
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(rest) != 1:
        raise refused(
            op, f"its parts {', '.join(str(list(shape)) for shape in shapes)} do not fit at this size"
        )
    return [(*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])]


def _transpose(sizes: Sizes, op: Op) -> list[Shape]:
    x = sizes.new(op.inputs[0])
    return [tuple(x[i] for i in sizes.ints(op, 1))]


def _enlarged(sizes: Sizes, op: Op) -> list[Shape]:
    """To the size of the image, or to so many times what comes in."""
    old, x, target = sizes.old(op.inputs[0]), sizes.new(op.inputs[0]), sizes.ints(op, 1)
    was, image = sizes.image
    if tuple(target) == was:
        wanted = list(image)
    elif all(size % before == 0 for size, before in zip(target, old[1:3], strict=True)):
        wanted = [size // before * now for size, before, now in zip(target, old[1:3], x[1:3], strict=True)]
    else:
        raise refused(op, f"what {target[0]}×{target[1]} becomes at another size cannot be told")
    sizes.targets[op.id, 1] = np.array(wanted, sizes.values(op.inputs[1]).dtype)
    return [(x[0], *wanted, x[3])]


def _split(sizes: Sizes, op: Op) -> list[Shape]:
    old, x = sizes.old(op.inputs[1]), sizes.new(op.inputs[1])
    axis = sizes.ints(op, 0)[0] % len(x)
    if old[axis] != x[axis]:
        raise refused(op, "it splits rows or columns")
    return [(*x[:axis], sizes.old(target)[axis], *x[axis + 1 :]) for target in op.outputs]


def _blocks(sizes: Sizes, op: Op) -> list[Shape]:
    x, block = sizes.new(op.inputs[0]), op.options["block_size"]
    if op.code == "DEPTH_TO_SPACE":
        return [(x[0], x[1] * block, x[2] * block, x[3] // block**2)]
    if x[1] % block or x[2] % block:
        raise refused(op, f"a map of {x[1]}×{x[2]} has no whole blocks of {block}")
    return [(x[0], x[1] // block, x[2] // block, x[3] * block**2)]


_SAME = """
    ABS CAST CEIL COS DEQUANTIZE ELU EXP FLOOR GELU HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOG LOGISTIC LOG_SOFTMAX
    LOCAL_RESPONSE_NORMALIZATION NEG QUANTIZE RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 ROUND RSQRT SIGN SIN SOFTMAX SQRT
    SQUARE TANH
""".split()  # noqa: SIM905 (a list of names reads better as a text)
_PAIRS = ("ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "POW", "PRELU", "SQUARED_DIFFERENCE", "SUB")

RULES: dict[str, Rule] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "CONCATENATION": _concatenation,
    "TRANSPOSE": _transpose,
    "SPLIT": _split,
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_PAIRS, _broadcast),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"), _pool),
    **dict.fromkeys(("MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM"), _reduction),
    **dict.fromkeys(("EXPAND_DIMS", "RESHAPE", "SQUEEZE"), _reshape),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _enlarged),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), _blocks),
}
"""Rules by operator."""
