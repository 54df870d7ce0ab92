"""A hash of what a model computes with, blind to its weights and to names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tflprof.model.graph import Model, Op, Subgraph, Tensor


def fingerprint(model: Model) -> str:
    """Hexadecimal hash of operators, options, shapes, types, quantisation kinds and wiring.

    Two models that differ only in weights, scales, names or the numbering of their tensors have
    the same fingerprint; any change that can make a layer run other code changes it.
    """
    text = repr([_subgraph(subgraph) for subgraph in model.subgraphs])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _subgraph(subgraph: Subgraph) -> list[object]:
    """Tensors are numbered by first use, so that their order in the file does not matter."""
    numbers: dict[int, int] = {-1: -1}
    seen: list[object] = []

    def number(indices: Iterable[int]) -> list[int]:
        for index in indices:
            if index not in numbers:
                numbers[index] = len(seen)
                seen.append(_tensor(subgraph.tensors[index]))
        return [numbers[index] for index in indices]

    inputs = number(subgraph.inputs)
    ops = [_op(op, number(op.inputs), number(op.outputs)) for op in subgraph.ops]
    return [inputs, ops, number(subgraph.outputs), seen]


def _tensor(tensor: Tensor) -> tuple[object, ...]:
    quantisation = tensor.quantisation
    kind = quantisation and (quantisation.kind, quantisation.axis, quantisation.block_size)
    flags = (tensor.sparse, tensor.is_variable, tensor.is_constant)
    return (tensor.dtype, tensor.shape_signature, tensor.has_rank, kind, flags)


def _op(op: Op, inputs: list[int], outputs: list[int]) -> tuple[object, ...]:
    return (op.type, op.version, inputs, outputs, sorted(op.options.items()))
