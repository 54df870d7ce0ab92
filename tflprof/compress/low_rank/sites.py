"""Which layers can be factorised, what they hold, and why others cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.low_rank.factors import Factor, Floats
from tflprof.compress.low_rank.stages import Stage
from tflprof.model.graph import Op, Subgraph, Tensor

_RANKS = {"CONV_2D": 4, "FULLY_CONNECTED": 2}
"""Dimensions of the weights."""

LAYERS = tuple(_RANKS)

Values = Callable[[int], npt.NDArray[Any]]
"""Data of a constant tensor, by its index."""

_FORMS = {
    ("float32", "float32"): "float32",
    ("float32", "float16"): "float16",
    ("float32", "int8"): "dynamic",
    ("int8", "int8"): "int8",
    ("uint8", "uint8"): "uint8",
}
"""Form of a layer by the types of its input and of its stored weights."""


@dataclass(frozen=True)
class Site:
    """A layer that can be factorised.

    Attributes:
        op: the operator.
        x, y: its input and output.
        stored: the weights as they are stored, behind a DEQUANTIZE in form ``float16``.
        bias: None if it has none.
        form: ``float32``, ``float16``, ``dynamic``, ``int8`` or ``uint8``.
        stage: its kernel.
    """

    op: Op
    x: Tensor
    y: Tensor
    stored: Tensor
    bias: Tensor | None
    form: str
    stage: Stage

    @property
    def padding(self) -> str:
        """``SAME`` or ``VALID``."""
        return str(self.op.options.get("padding", "VALID"))

    @property
    def rows_columns(self) -> tuple[int, int]:
        """Of the input; of a fully connected layer 1 and 1."""
        if self.op.code == "FULLY_CONNECTED":
            return 1, 1
        return self.x.shape[1], self.x.shape[2]


class Refused(Exception):
    """Why a layer cannot be factorised."""


def site(graph: Subgraph, op: Op) -> Site:
    """A layer as what can be factorised. Raises Refused."""
    makers = {tensor: other for other in graph.ops for tensor in other.outputs}
    x, y = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    stored = _stored(graph, makers, op)
    form = _FORMS.get((x.dtype, stored.dtype))
    if form is None or y.dtype != x.dtype:
        raise Refused(f"no way is known for {stored.dtype} weights with {x.dtype} activations")
    _check_shapes(op, x, y, stored)
    _check_quantisation(op, stored)
    if form in ("int8", "uint8") and any(
        one.quantisation is None or not one.quantisation.scale for one in (x, y)
    ):
        raise Refused("its integer activations have no scale")
    sharing = [other.id for other in graph.ops if other.id != op.id and op.inputs[1] in other.inputs]
    if sharing:
        raise Refused(
            f"its weights are shared with {', '.join(sharing[:3])}: factors would be stored beside them"
        )
    has_bias = len(op.inputs) > 2 and op.inputs[2] >= 0
    bias = graph.tensors[op.inputs[2]] if has_bias else None
    if bias is not None and not _is_known(graph, makers, bias):
        raise Refused("its bias is computed")
    return Site(op, x, y, stored, bias, form, _stage(op, stored))


def _stored(graph: Subgraph, makers: dict[int, Op], op: Op) -> Tensor:
    tensor = graph.tensors[op.inputs[1]]
    maker = makers.get(tensor.index)
    if maker is not None and maker.code == "DEQUANTIZE":
        tensor = graph.tensors[maker.inputs[0]]
    if tensor.sparse or (maker is not None and maker.code == "DENSIFY"):
        raise Refused("its weights are stored sparse, which factors would not be")
    if not tensor.is_constant:
        raise Refused("its weights are computed")
    return tensor


def _is_known(graph: Subgraph, makers: dict[int, Op], tensor: Tensor) -> bool:
    maker = makers.get(tensor.index)
    return tensor.is_constant or (
        maker is not None and maker.code == "DEQUANTIZE" and graph.tensors[maker.inputs[0]].is_constant
    )


def _check_shapes(op: Op, x: Tensor, y: Tensor, stored: Tensor) -> None:
    if x.is_dynamic or y.is_dynamic:
        raise Refused("its shapes are dynamic: what it costs is known only at run time")
    if len(stored.shape) != _RANKS.get(op.code) or (op.code == "CONV_2D" and len(x.shape) != 4):
        raise Refused("its shapes are unusual")
    if op.code == "CONV_2D" and stored.shape[3] != x.shape[3]:
        raise Refused(f"it is grouped: {x.shape[3]} channels come in, its kernels take {stored.shape[3]}")
    if op.options.get("weights_format", "DEFAULT") != "DEFAULT":
        raise Refused(f"its weights are stored in the order {op.options['weights_format']}")


def _check_quantisation(op: Op, stored: Tensor) -> None:
    found = stored.quantisation
    if found is None:
        if stored.dtype in ("int8", "uint8"):
            raise Refused("its integer weights have no scale")
        return
    if found.kind not in ("tensor", "channel") or (found.kind == "channel" and found.axis != 0):
        raise Refused(f"its weights are quantised in another way ({found.kind}, axis {found.axis})")
    if stored.dtype == "int8" and any(found.zero_point) and (op.code == "CONV_2D" or found.kind == "channel"):
        raise Refused("its int8 weights have a zero-point, which LiteRT's kernels ignore")


def _stage(op: Op, stored: Tensor) -> Stage:
    if op.code == "FULLY_CONNECTED":
        return Stage(stored.shape[0], stored.shape[1])
    stride, dilation = (
        (int(op.options.get(f"{start}h{end}") or 1), int(op.options.get(f"{start}w{end}") or 1))
        for start, end in (("stride_", ""), ("dilation_", "_factor"))
    )
    o, kh, kw, i = stored.shape
    return Stage(o, i, (kh, kw), stride, dilation)


def real_weights(found: Site, values: Values) -> Floats:
    """Weights (outputs, rows, columns, inputs) as the real numbers that they stand for."""
    raw = values(found.stored.index).astype(np.float64)
    quantisation = found.stored.quantisation
    if quantisation is not None:
        shape = (-1, *(1,) * (raw.ndim - 1)) if quantisation.kind == "channel" else ()
        zero = np.asarray(quantisation.zero_point or (0,), np.float64)
        scale = np.asarray(quantisation.scale, np.float64)
        raw = (raw - zero.reshape(shape or -1)) * scale.reshape(shape or -1)
    return raw.reshape(raw.shape[0], 1, 1, -1) if raw.ndim == 2 else raw


def real_bias(found: Site, graph: Subgraph, values: Values, weights_scale: Floats) -> Floats:
    """Bias as real numbers; zeros if there is none. ``weights_scale``: one, or one per output."""
    if found.bias is None:
        return np.zeros(found.stage.outputs)
    source = found.bias
    if not source.is_constant:
        source = next(graph.tensors[op.inputs[0]] for op in graph.ops if source.index in op.outputs)
    raw = values(source.index).astype(np.float64)
    if found.form not in ("int8", "uint8") or found.x.quantisation is None:
        return raw
    return raw * found.x.quantisation.scale[0] * weights_scale


def real_layer(found: Site, graph: Subgraph, values: Values) -> Factor:
    """Weights and bias as real numbers."""
    return Factor(real_weights(found, values), real_bias(found, graph, values, weights_scale(found)))


def weights_scale(found: Site) -> Floats:
    """Scale of the stored weights: one, or one per output; 1 for real ones."""
    quantisation = found.stored.quantisation
    return np.asarray(quantisation.scale if quantisation else (1.0,), np.float64)


def factorised_with(graph: Subgraph, found: Site) -> str | None:
    """The layer of which one makes a factorised pair already, with the reason; None if there is none."""
    if found.stage.kernel != (1, 1):
        return None
    producers = {tensor: op for op in graph.ops for tensor in op.outputs}
    before = producers.get(found.x.index)
    if before is not None and (reason := _pair(graph, before, found.op)):
        return reason
    users = [op for op in graph.ops if found.y.index in op.inputs]
    return _pair(graph, found.op, users[0]) if len(users) == 1 else None


def _pair(graph: Subgraph, first: Op, second: Op) -> str | None:
    """Why two layers are a product already: nothing between them but a thinner tensor."""
    between = first.outputs[0]
    seen = [op for op in graph.ops if between in op.inputs]
    if first.code != second.code or first.code not in LAYERS or len(seen) != 1 or between in graph.outputs:
        return None
    if second.inputs[0] != between or first.options.get("fused_activation_function", "NONE") != "NONE":
        return None
    shapes = [graph.tensors[op.inputs[1]].shape for op in (first, second)]
    if any(shape[1:-1] not in ((), (1, 1)) for shape in shapes):
        return None
    wide = shapes[0][-1], shapes[1][0]
    rank = shapes[0][0]
    if rank >= min(wide):
        return None
    sizes = f"rank {rank} between {wide[0]} and {wide[1]} channels"
    return f"{first.id} and {second.id} are a factorised layer already: {sizes}"


def candidates(ops: Sequence[Op]) -> list[Op]:
    """Layers of a kind that can be factorised."""
    return [op for op in ops if op.code in LAYERS]
