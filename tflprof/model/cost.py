"""What an operator costs by its shapes: multiply-accumulates, parameters, bytes. Unknown is None.

MACs are the multiply-accumulates of convolutions, matrix products and recurrent cells. An operator
that has none of these (an addition, a pooling, a softmax) has 0 MACs, and that is known. What cannot
be derived (custom operators, control flow, dynamic shapes, operators of a newer schema) is None.

Sparse weights count as dense: MACs and parameters describe the function computed, whatever kernel
runs it; only ``weight_bytes`` shows what is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tflprof.model.dtypes import byte_size
from tflprof.model.graph import Model, Op, Tensor
from tflprof.model.op_kinds import ELEMENTWISE, SHAPE_INPUTS

Shape = tuple[int, ...]
Shapes = Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class Cost:
    """Cost of one operator, or of a model. None is unknown.

    Attributes:
        macs: multiply-accumulates.
        parameters: elements of the constant weights, biases and tables.
        weight_bytes: bytes these take as stored.
        activation_bytes: bytes of computed inputs and outputs, each tensor once.
    """

    macs: int | None
    parameters: int | None
    weight_bytes: int | None
    activation_bytes: int | None

    @property
    def arithmetic_intensity(self) -> float | None:
        """MACs per byte of weights and activations; None if one is unknown or there are no bytes."""
        if self.macs is None or self.weight_bytes is None or self.activation_bytes is None:
            return None
        moved = self.weight_bytes + self.activation_bytes
        return self.macs / moved if moved else None


@dataclass(frozen=True)
class ModelCost:
    """Costs of all operators of a model and their sums.

    Attributes:
        total: sums over the operators for which a quantity is known, shared weights counted once;
            None if it is known for none of them.
        ops: cost of each operator, by its id.
        unknown_macs: ids of operators whose MACs are unknown: ``total.macs`` lacks them.
        unknown_bytes: likewise for activation bytes.
    """

    total: Cost
    ops: Mapping[str, Cost]
    unknown_macs: tuple[str, ...]
    unknown_bytes: tuple[str, ...]


def op_cost(model: Model, op: Op, shapes: Shapes | None = None) -> Cost:
    """Cost of one operator.

    Args:
        model: the model it belongs to.
        op: the operator.
        shapes: concrete shapes of tensors of its subgraph, by index, for those whose stored shape
            is dynamic; a tensor that stays dynamic makes what depends on it unknown.
    """
    tensors = _Tensors(model, op, shapes or {})
    weights = tensors.weights()
    parameters = [math.prod(tensor.shape) for tensor in weights]
    return Cost(
        macs=_macs(tensors),
        parameters=sum(parameters),
        weight_bytes=sum(tensor.constant_bytes or 0 for tensor in weights),
        activation_bytes=_sum_or_none(tensors.bytes(tensor) for tensor in tensors.activations()),
    )


def model_cost(model: Model, shapes: Mapping[int, Shapes] | None = None) -> ModelCost:
    """Costs of every operator and their totals.

    An operator in a subgraph that control flow runs is counted once, however often it runs.

    Args:
        model: the model.
        shapes: concrete shapes for dynamic tensors, by subgraph, then by tensor.
    """
    ops = {op.id: op_cost(model, op, (shapes or {}).get(op.subgraph)) for op in model.ops()}
    weights = _distinct_weights(model)
    total = Cost(
        macs=_sum_known(cost.macs for cost in ops.values()),
        parameters=sum(math.prod(tensor.shape) for tensor in weights),
        weight_bytes=sum(tensor.constant_bytes or 0 for tensor in weights),
        activation_bytes=_sum_known(cost.activation_bytes for cost in ops.values()),
    )
    return ModelCost(
        total=total,
        ops=ops,
        unknown_macs=tuple(name for name, cost in ops.items() if cost.macs is None),
        unknown_bytes=tuple(name for name, cost in ops.items() if cost.activation_bytes is None),
    )


class _Tensors:
    """Tensors of one operator with the shapes that hold for this question."""

    def __init__(self, model: Model, op: Op, shapes: Shapes) -> None:
        self._all = model.subgraphs[op.subgraph].tensors
        self.op = op
        self._shapes = shapes

    def shape(self, index: int) -> Shape | None:
        """Concrete shape of a tensor of the subgraph, or None."""
        if index in self._shapes:
            return tuple(self._shapes[index])
        tensor = self._all[index]
        return None if tensor.is_dynamic else tensor.shape

    def input(self, position: int) -> Shape | None:
        """Concrete shape of the n-th input; None if dynamic or absent."""
        inputs = self.op.inputs
        present = position < len(inputs) and inputs[position] >= 0
        return self.shape(inputs[position]) if present else None

    def output(self) -> Shape | None:
        """Concrete shape of the first output; None if dynamic or absent."""
        outputs = self.op.outputs
        return self.shape(outputs[0]) if outputs and outputs[0] >= 0 else None

    def weights(self) -> list[Tensor]:
        """Constant inputs that carry values of the network, not shapes or axes; each once."""
        skipped = SHAPE_INPUTS.get(self.op.code, ())
        indices = dict.fromkeys(i for n, i in enumerate(self.op.inputs) if i >= 0 and n not in skipped)
        bias_is_int = self.op.code in MACS
        constants = [self._all[i] for i in indices if self._all[i].is_constant]
        return [tensor for tensor in constants if bias_is_int or _is_real_valued(tensor)]

    def constant_matrices(self) -> list[Shape]:
        """Shapes of the constant 2-D inputs: the weight matrices of a recurrent cell."""
        return [tensor.shape for tensor in self.weights() if len(tensor.shape) == 2]

    def activations(self) -> list[Tensor]:
        """Computed inputs and outputs, each once."""
        indices = dict.fromkeys(i for i in self.op.inputs + self.op.outputs if i >= 0)
        return [self._all[i] for i in indices if not self._all[i].is_constant]

    def bytes(self, tensor: Tensor) -> int | None:
        """Size of a tensor; None if dynamic, or of a type without a fixed width."""
        shape = self.shape(tensor.index)
        return None if shape is None else byte_size(tensor.dtype, shape)


def _macs(tensors: _Tensors) -> int | None:
    if tensors.op.code in ELEMENTWISE:
        return 0
    rule = MACS.get(tensors.op.code)
    return rule(tensors) if rule else None


def _product(of: Shape | None, times: Shape | None) -> int | None:
    return None if of is None or times is None else math.prod(of) * math.prod(times)


def _per_output(tensors: _Tensors, first: int, last: int | None = None) -> int | None:
    """Outputs times the weight dimensions ``first:last``, those summed over for each of them."""
    weights = tensors.input(1)
    return _product(tensors.output(), weights and weights[first:last])


def _conv2d(tensors: _Tensors) -> int | None:
    return _per_output(tensors, 1)


def _depthwise(tensors: _Tensors) -> int | None:
    return _per_output(tensors, 1, 3)


def _conv3d(tensors: _Tensors) -> int | None:
    return _per_output(tensors, 0, 4)


def _transpose_conv2d(tensors: _Tensors) -> int | None:
    """Every input is spread over the kernel and all output channels (weights OHWI)."""
    weights = tensors.input(1)
    return _product(tensors.input(2), weights and weights[:3])


def _transpose_conv3d(tensors: _Tensors) -> int | None:
    """Likewise in three dimensions (weights DHWOI)."""
    weights = tensors.input(1)
    return _product(tensors.input(2), weights and weights[:4])


def _batch_matmul(tensors: _Tensors) -> int | None:
    left = tensors.input(0)
    if not left or len(left) < 2:
        return None
    depth = left[-2] if tensors.op.options.get("adj_x") else left[-1]
    return _product(tensors.output(), (depth,))


def _recurrent(tensors: _Tensors) -> int | None:
    """Every weight matrix is applied once per time step and sequence of the batch."""
    steps = tensors.input(0)
    matrices = tensors.constant_matrices()
    if steps is None or not matrices:
        return None
    return math.prod(steps[:-1]) * sum(math.prod(shape) for shape in matrices)


MACS: dict[str, Callable[[_Tensors], int | None]] = {
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _conv2d,
    "CONV_3D": _conv3d,
    "TRANSPOSE_CONV": _transpose_conv2d,
    "CONV_3D_TRANSPOSE": _transpose_conv3d,
    "BATCH_MATMUL": _batch_matmul,
    "LSTM": _recurrent,
    "RNN": _recurrent,
    "SVDF": _recurrent,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _recurrent,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "BIDIRECTIONAL_SEQUENCE_RNN": _recurrent,
}
"""How to count the MACs of operators that have some."""


def _is_real_valued(tensor: Tensor) -> bool:
    return tensor.quantisation is not None or "float" in tensor.dtype or "complex" in tensor.dtype


def _distinct_weights(model: Model) -> list[Tensor]:
    """Weights of all operators, those that share a buffer once."""
    found: dict[tuple[int, int], Tensor] = {}
    for op in model.ops():
        for tensor in _Tensors(model, op, {}).weights():
            # Buffer 0 is empty: external data has no buffer to share, the tensor stands for itself.
            key = (-1, tensor.buffer) if tensor.buffer else (op.subgraph, tensor.index)
            found.setdefault(key, tensor)
    return list(found.values())


def _sum_or_none(values: Iterable[int | None]) -> int | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


def _sum_known(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
