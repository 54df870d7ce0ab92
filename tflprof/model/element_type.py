"""What a model computes in: errors of predictions are alike within an element type."""

from __future__ import annotations

from collections import Counter

from tflprof.model.graph import Model, Op, Tensor

_RANK = 2
"""Constants of fewer dimensions are biases and parameters of operators, not weights."""


def element_type(model: Model) -> str:
    """The type of most results of operators with weights, as ``int8``, or of all if none has.

    With the type of most weights if it differs: ``float32/int8``. Empty if there are no results.
    """
    weights: Counter[str] = Counter()
    results: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for op in model.ops():
        own = _weights(model, op)
        for tensor in own:
            weights[tensor.dtype] += tensor.constant_bytes or 0
        for index in op.outputs[:1]:
            (results if own else others)[model.subgraphs[op.subgraph].tensors[index].dtype] += 1
    result, weight = _most(results or others), _most(weights)
    return result if weight in (result, "") else f"{result}/{weight}"


def _weights(model: Model, op: Op) -> list[Tensor]:
    tensors = model.subgraphs[op.subgraph].tensors
    own = [tensors[index] for index in op.inputs if index >= 0]
    return [tensor for tensor in own if tensor.is_constant and len(tensor.shape) >= _RANK]


def _most(counts: Counter[str]) -> str:
    return counts.most_common(1)[0][0] if counts else ""
