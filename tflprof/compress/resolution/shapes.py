"""The same network at another input size: shapes carried through a graph, and written into a file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from tflprof.compress.resolution.rules import RULES, Sizes, Unresizable, refused
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Op, Subgraph, Tensor

Size = tuple[int, int]
"""Rows and columns of an image."""

_DETECTOR = "TFLite_Detection_PostProcess"
_STATE = ("READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE")


def image_input(graph: Subgraph) -> Tensor:
    """The input that is an image. Raises Unresizable if there is not exactly one of a fixed size."""
    images = [graph.tensors[i] for i in graph.inputs if len(graph.tensors[i].shape) == 4]
    if len(images) != 1:
        raise Unresizable(f"the model has {len(images)} inputs of rows, columns and channels")
    signature = images[0].shape_signature
    if not images[0].has_rank or len(signature) != 4 or -1 in signature[1:]:
        raise Unresizable("the input has no fixed size")
    return images[0]


def image_size(graph: Subgraph) -> Size:
    """Rows and columns of the image that a network takes. Raises Unresizable if it takes none."""
    shape = image_input(graph).shape
    return shape[1], shape[2]


def resized(graph: Subgraph, values: Callable[[int], npt.NDArray[Any]], size: Size) -> Sizes:
    """New shapes throughout a graph.

    Raises:
        Unresizable: an operator cannot follow, or an output would change its shape; the text says which.
    """
    image = image_input(graph)
    sizes = Sizes(graph, values, (image_size(graph), size))
    sizes.shapes[image.index] = (image.shape[0], *size, image.shape[3])
    for op in graph.ops:
        if any(sizes.new(i) != sizes.old(i) for i in op.inputs if i >= 0):
            _follow(sizes, op)
    for output in graph.outputs:
        if sizes.new(output) != sizes.old(output):
            told = f"{list(sizes.old(output))} to {list(sizes.new(output))}"
            raise Unresizable(f"the output {graph.tensors[output].name!r} would change from {told}")
    return sizes


def _follow(sizes: Sizes, op: Op) -> None:
    if op.custom_code == _DETECTOR:
        raise refused(op, "its anchors are made for this size; build or export the detector anew")
    if op.code in _STATE or op.code not in RULES:
        raise refused(op, "what it makes of another size is not known")
    try:
        found = dict(zip(op.outputs, RULES[op.code](sizes, op), strict=True))
    except (IndexError, KeyError, ValueError, ZeroDivisionError):
        raise refused(op, "its shapes are unusual") from None
    if any(len(shape) != len(sizes.graph.tensors[output].shape_signature) for output, shape in found.items()):
        raise refused(op, "its shapes are unusual")
    sizes.shapes.update(found)


def resize(editor: ModelEditor, size: Size) -> None:
    """Give a model another input size. Raises Unresizable, before anything is changed."""
    graph = editor.graph()
    sizes = resized(graph, editor.constant_values, size)
    for tensor, shape in sizes.shapes.items():
        signature = graph.tensors[tensor].shape_signature
        kept = (-1 if was < 0 else new for was, new in zip(signature, shape, strict=True))
        editor.set_shape(tensor, tuple(kept))
    for (name, place), values in sizes.targets.items():
        inputs = list(editor.op(name).inputs)
        title = f"{editor.tensor(inputs[place]).name}/{size[0]}x{size[1]} {editor.op(name).index}"
        inputs[place] = editor.add_constant(title, values)
        editor.set_inputs(name, inputs)
    for name, options in sizes.options.items():
        editor.set_options(name, **options)
    editor.prune_unused()


def total_stride(graph: Subgraph) -> int:
    """How many times smaller the coarsest map is than the image, as a power of two."""
    rows = image_size(graph)[0]
    maps = {
        graph.tensors[i].shape[1] for op in graph.ops for i in op.outputs if len(graph.tensors[i].shape) == 4
    }
    ratios = [rows / side for side in maps if 1 < side < rows]
    return 1 << max(0, round(math.log2(max(ratios)))) if ratios else 1
