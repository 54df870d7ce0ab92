"""Which operators that only move data the delegate takes."""

from __future__ import annotations

from tflprof.model.delegate.node import (
    ALL,
    MAX_RANK,
    NO_HALF,
    Node,
    Reasons,
    constants,
    ranks,
    same_quantisation,
    values_of,
)
from tflprof.model.graph import Tensor


def concatenation(node: Node) -> Reasons:
    """CONCATENATION of two to five tensors."""
    yield from node.ports((2, 5))
    y = node.output()
    for position in range(len(node.op.inputs)):
        x = node.input(position)
        yield from values_of(ALL, **{f"input {position}": x})
        if x is not None and int(node.option("axis")) >= len(x.shape):
            yield "its axis is beyond its dimensions"
        if x is not None and y is not None and y.dtype == "uint8" and not same_quantisation(x, y):
            yield "its uint8 inputs have other scales than its output"
    yield from values_of(ALL, output=y)


def pad(node: Node) -> Reasons:
    """PAD by constant, non-negative int32 amounts."""
    yield from node.ports((2, 2))
    x, amounts = node.input(0), node.input(1)
    yield from values_of(ALL, input=x, output=node.output())
    yield from ranks(1, MAX_RANK, input=x, output=node.output())
    yield from constants(paddings=amounts)
    if amounts is None or x is None:
        return
    if amounts.dtype != "int32":
        yield f"its paddings are {amounts.dtype}"
    if amounts.shape != (len(x.shape), 2):
        yield "its paddings are not a pair per dimension"
    if (node.values(amounts) < 0).any():
        yield "a padding is negative"


def reshape(node: Node) -> Reasons:
    """RESHAPE to a constant int32 shape, scales unchanged."""
    yield from node.ports((1, 2))
    x, shape, y = node.input(0), node.input(1), node.output()
    yield from values_of(ALL, input=x, output=y)
    yield from ranks(0, MAX_RANK, input=x, output=y)
    yield from constants(shape=shape)
    if shape is not None and shape.dtype != "int32":
        yield f"its shape is {shape.dtype}"
    if shape is not None and any(size != 1 for size in shape.shape[:-1]):
        yield "its shape is not a list"
    if x is not None and y is not None and y.dtype in ("int8", "uint8") and not same_quantisation(x, y):
        yield "its input and output have different scales"
    if _wanted_shape(node, shape) == [-1]:
        yield "it flattens to a size left open (-1)"


def _wanted_shape(node: Node, shape: Tensor | None) -> list[int]:
    if shape is not None:
        return [int(value) for value in node.values(shape)]
    return [int(value) for value in node.option("new_shape", ()) or ()]


def resize_bilinear(node: Node) -> Reasons:
    """RESIZE_BILINEAR to a constant size."""
    yield from node.ports((2, 2))
    x, size, y = node.input(0), node.input(1), node.output()
    yield from values_of(NO_HALF, input=x)
    yield from values_of(ALL, output=y)
    yield from ranks(4, 4, input=x, output=y)
    yield from _list_of(("int32",), size=size)
    if size is not None and (node.values(size) <= 0).any():
        yield "its size is not above 0"


def _list_of(dtypes: tuple[str, ...], **tensors: Tensor | None) -> Reasons:
    """Constant lists of integers."""
    for name, tensor in tensors.items():
        if tensor is None:
            yield f"its {name} is absent"
            continue
        yield from constants(**{name: tensor})
        if len(tensor.shape) != 1:
            yield f"its {name} is not a list"
        if tensor.dtype not in dtypes:
            yield f"its {name} is {tensor.dtype}"


def slice_(node: Node) -> Reasons:
    """SLICE with constant bounds; "to the end" (-1) has no kernel."""
    begin, size = node.input(1), node.input(2)
    yield from _list_of(("int32", "int64"), begin=begin, size=size)
    yield from values_of(ALL, input=node.input(0), output=node.output())
    if begin is None or size is None:
        return
    if begin.shape != size.shape or begin.shape[0] > MAX_RANK:
        yield "its bounds do not fit each other"
    if (node.values(begin) < 0).any():
        yield "it begins before 0"
    if (node.values(size) <= 0).any():
        yield "a size is left open (-1)"


def strided_slice(node: Node) -> Reasons:
    """STRIDED_SLICE with constant bounds, without strides, new or dropped dimensions."""
    for mask in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask"):
        if node.option(mask):
            yield f"it has a {mask.replace('_', ' ')}"
    x, begin, end, strides = (node.input(position) for position in range(4))
    yield from _list_of(("int32",), strides=strides)
    if strides is not None and (node.values(strides) != 1).any():
        yield "it has strides"
    yield from _list_of(("int32",), begin=begin, end=end)
    for tensor in (begin, end, strides):
        if x is not None and tensor is not None and tensor.shape != (len(x.shape),):
            yield "its bounds do not name every dimension"
    yield from values_of(ALL, input=x, output=node.output())


def split(node: Node) -> Reasons:
    """SPLIT into two to four along a constant axis."""
    yield from node.ports((2, 2), (2, 4))
    axis, x = node.input(0), node.input(1)
    yield from constants(axis=axis)
    if axis is not None and axis.dtype != "int32":
        yield f"its axis is {axis.dtype}"
    outputs = {f"output {i}": node.output(i) for i in range(len(node.op.outputs))}
    yield from values_of(ALL, input=x, **outputs)


def transpose(node: Node) -> Reasons:
    """TRANSPOSE with a constant order."""
    yield from node.ports((2, 2))
    x = node.input(0)
    yield from values_of(ALL, input=x)
    yield from ranks(1, MAX_RANK, input=x)
    yield from constants(order=node.input(1))


def depth_to_space(node: Node) -> Reasons:
    """DEPTH_TO_SPACE with blocks of 2 or more."""
    yield from node.ports((1, 1))
    yield from values_of(ALL, input=node.input(0), output=node.output())
    if int(node.option("block_size")) <= 1:
        yield f"its block size is {node.option('block_size')}"


def space_to_depth(node: Node) -> Reasons:
    """SPACE_TO_DEPTH with blocks that divide the image."""
    yield from node.ports((1, 1))
    x, block = node.input(0), int(node.option("block_size"))
    yield from values_of(NO_HALF, input=x)
    yield from values_of(ALL, output=node.output())
    if block <= 1:
        yield f"its block size is {block}"
    elif x is not None and (len(x.shape) != 4 or x.shape[1] % block or x.shape[2] % block):
        yield "its blocks do not divide its input"
