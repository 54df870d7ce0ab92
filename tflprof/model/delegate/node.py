"""An operator as the delegate looks at it, and what it asks of its tensors.

A check yields a reason if it fails; the first reason of an operator is the one that counts.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.model.graph import Model, Op, Subgraph, Tensor

Reasons = Iterator[str]

MAX_RANK = 6
"""Dimensions an XNNPACK tensor can have."""

FLOATS = ("float32", "float16")
BYTES = ("int8", "uint8")
ALL = (*FLOATS, *BYTES)
NO_HALF = ("float32", *BYTES)


@dataclass
class Node:
    """One operator of a subgraph under the delegate's eyes.

    Attributes:
        unpacked: tensors that hold constants once they are unpacked at init.
        half: of those, the ones the delegate reads as float16.
    """

    model: Model
    graph: Subgraph
    op: Op
    unpacked: Container[int]
    half: Container[int]

    def input(self, position: int) -> Tensor | None:
        """The n-th input; None if it is absent."""
        return self._tensor(self.op.inputs, position)

    def output(self, position: int = 0) -> Tensor | None:
        """The n-th output; None if it is absent."""
        return self._tensor(self.op.outputs, position)

    def _tensor(self, indices: Sequence[int], position: int) -> Tensor | None:
        present = position < len(indices) and indices[position] >= 0
        return self.graph.tensors[indices[position]] if present else None

    def option(self, name: str, default: Any = 0) -> Any:
        """A builtin option, or its default where the file leaves it out."""
        return self.op.options.get(name, default)

    def values(self, tensor: Tensor) -> npt.NDArray[Any]:
        """Elements of a constant tensor, flat."""
        return np.ravel(self.model.data(self.graph.index, tensor.index))

    def is_fixed(self, tensor: Tensor) -> bool:
        """True for constants, those unpacked at init included."""
        return tensor.is_constant or tensor.index in self.unpacked

    def ports(self, inputs: tuple[int, int], outputs: tuple[int, int] = (1, 1)) -> Reasons:
        """As many inputs and outputs as the kernel has."""
        for kind, count, (least, most) in (
            ("inputs", len(self.op.inputs), inputs),
            ("outputs", len(self.op.outputs), outputs),
        ):
            if not least <= count <= most:
                wanted = str(least) if least == most else f"{least} to {most}"
                yield f"it has {count} {kind}, the kernel {wanted}"
        absent = [n for n in range(min(inputs[0], len(self.op.inputs))) if self.op.inputs[n] < 0]
        yield from (f"input {n} is absent" for n in absent)


def values_of(dtypes: Sequence[str], **tensors: Tensor | None) -> Reasons:
    """Each tensor is of one of these types; 8-bit integers are quantised by one scale."""
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        if tensor.dtype not in dtypes:
            yield f"its {name} is {tensor.dtype}, the kernel takes {one_of(dtypes)}"
        elif tensor.dtype in BYTES and not has_one_scale(tensor):
            yield f"its {name} is {tensor.dtype} without one scale for all of it"


def one_of(words: Sequence[str]) -> str:
    """Alternatives in words: ``float32, float16 or int8``."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def has_one_scale(tensor: Tensor) -> bool:
    """True if 8-bit integers are quantised as a whole."""
    form = tensor.quantisation
    if form is None or form.kind not in ("tensor", "channel") or len(form.scale) != 1 or form.axis:
        return False
    return tensor.dtype != "uint8" or len(form.zero_point) == 1


def ranks(least: int, most: int = MAX_RANK, **tensors: Tensor | None) -> Reasons:
    """Each tensor has so many dimensions, none of them empty."""
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        rank = len(tensor.shape)
        if not least <= rank <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            yield f"its {name} has {rank} dimensions, the kernel takes {wanted}"
        if any(size <= 0 for size in tensor.shape):
            yield f"its {name} is empty"


def constants(**tensors: Tensor | None) -> Reasons:
    """Each tensor is stored in the file."""
    for name, tensor in tensors.items():
        if tensor is not None and not tensor.is_constant:
            yield f"its {name} is computed, the kernel needs a constant"


def weights_fixed(node: Node, **tensors: Tensor | None) -> Reasons:
    """Each tensor is stored in the file, possibly packed (float16, sparse)."""
    for name, tensor in tensors.items():
        if tensor is not None and not node.is_fixed(tensor):
            yield f"its {name} are computed, the kernel needs constants"


def activation(node: Node) -> Reasons:
    """The fused activation is one that kernels clamp to."""
    fused = str(node.option("fused_activation_function", "NONE"))
    if fused not in ("NONE", "RELU", "RELU6", "RELU_N1_TO_1"):
        yield f"its fused activation is {fused}"


def scale_of(tensor: Tensor) -> float:
    """The scale of a tensor quantised as a whole; nan for others."""
    form = tensor.quantisation
    quantised = tensor.dtype in BYTES and form is not None and len(form.scale) == 1 and form.axis == 0
    return form.scale[0] if quantised and form is not None else math.nan


def ratio(above: float, below: float) -> float:
    """Their quotient; infinite where the file has a scale of 0."""
    return above / below if below else math.inf


def zero_point_of(tensor: Tensor) -> int:
    """The zero point as the runtime's single field has it: 0 where there are several scales."""
    form = tensor.quantisation
    if form is None or len(form.scale) != 1 or not form.zero_point:
        return 0
    return form.zero_point[0]


def same_quantisation(first: Tensor, second: Tensor) -> bool:
    """True if integers of both stand for the same values."""
    a, b = first.quantisation, second.quantisation
    scales = tuple(form.scale[0] if form and len(form.scale) == 1 else 0.0 for form in (a, b))
    return scales[0] == scales[1] and zero_point_of(first) == zero_point_of(second)
