"""Whether a graph makes sense: indices, dimensions, constants, quantisation, and the order of operators.

What is refused here is what the runtime would refuse as well, or what makes it read or write where it must not:
on some of this the runtime was seen to crash (reports/benchmarks/model_fuzz.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from tflprof.model.calls import check_calls
from tflprof.model.contracts import check_contract
from tflprof.model.dtypes import byte_size
from tflprof.model.graph import Model, Subgraph, Tensor
from tflprof.model.storage import Contradiction

_MOST_DIMENSION = 1 << 31


def check_graphs(subgraphs: Sequence[Subgraph]) -> None:
    """Raise Contradiction, naming the place, for what cannot be run."""
    for graph in subgraphs:
        _check_indices(graph, len(subgraphs))
        for tensor in graph.tensors:
            where = f"tensor {tensor.index} of subgraph {graph.index}"
            _check_size(tensor, where)
            _check_quantisation(tensor, where)
    for graph in subgraphs:
        _check_flow(graph)
        for op in graph.ops:
            check_contract(op, graph)
    check_calls(subgraphs)


def check_signatures(model: Model) -> None:
    """Raise Contradiction for a signature that names what there is not, or not all that there is."""
    for signature in model.signatures:
        where = f"signature {signature.key!r}"
        _in_range((signature.subgraph,), len(model.subgraphs), f"the subgraph of {where}", low=0)
        graph = model.subgraphs[signature.subgraph]
        for named, tensors, what in (
            (set(signature.inputs.values()), graph.inputs, "input"),
            (set(signature.outputs.values()), graph.outputs, "output"),
        ):
            _in_range(tuple(named), len(graph.tensors), f"an {what} of {where}", low=0)
            if missing := set(tensors) - named:
                # LiteRT has no name for it and aborts.
                raise Contradiction(f"{where} does not name {what} tensor {min(missing)} of its subgraph")


def _check_indices(graph: Subgraph, graphs: int) -> None:
    count, where = len(graph.tensors), f"of subgraph {graph.index}"
    _in_range(graph.inputs + graph.outputs, count, f"an input or output {where}", low=0)
    for op in graph.ops:
        _in_range(op.inputs + op.outputs + op.intermediates, count, f"a tensor of op {op.id}")
        _in_range(op.subgraphs, graphs, f"a subgraph of op {op.id}", low=0)


def _check_size(tensor: Tensor, where: str) -> None:
    """Dimensions, and that a constant has as many bytes as they say."""
    _in_range(tensor.shape_signature, _MOST_DIMENSION, f"a dimension of {where}")
    _in_range(tensor.shape, _MOST_DIMENSION, f"a dimension of {where}")
    if tensor.constant_bytes is None or tensor.sparse or tensor.dtype == "string":
        return
    size = byte_size(tensor.dtype, tensor.shape)
    if size is not None and size != tensor.constant_bytes:
        raise Contradiction(
            f"constant {where} has {tensor.constant_bytes} bytes, "
            f"but {list(tensor.shape)} of {tensor.dtype} takes {size}"
        )


def _check_quantisation(tensor: Tensor, where: str) -> None:
    quantisation = tensor.quantisation
    if quantisation is None or quantisation.kind not in ("tensor", "channel"):
        return
    scales, zeros = len(quantisation.scale), len(quantisation.zero_point)
    if zeros != scales:
        raise Contradiction(f"{where} has {scales} scales and {zeros} zero points")
    rank = len(tensor.shape)
    if rank == 0:
        return
    _in_range((quantisation.axis,), rank, f"the quantised dimension of {where}", low=0)
    channels = tensor.shape[quantisation.axis]
    if scales not in (1, channels):
        raise Contradiction(f"{where} has {scales} scales for {channels} channels")


def _check_flow(graph: Subgraph) -> None:
    """That whatever an operator reads was there before, and that none writes where it must not."""
    known = set(graph.inputs) | {t.index for t in graph.tensors if _is_there(t)}
    fixed = {t.index for t in graph.tensors if t.is_constant}
    for op in graph.ops:
        for index in op.inputs:
            if index >= 0 and index not in known:
                raise Contradiction(
                    f"op {op.id} ({op.type}) reads tensor {index}, which nothing before it computes"
                )
        for index in op.outputs:
            if index in fixed:
                raise Contradiction(f"op {op.id} ({op.type}) writes to tensor {index}, which is a constant")
        known.update(op.outputs)
    for index in graph.outputs:
        if index not in known:
            raise Contradiction(f"output tensor {index} of subgraph {graph.index} is computed by no operator")


def _is_there(tensor: Tensor) -> bool:
    """Without an operator that computes it: constants, state, and what has no elements."""
    return tensor.is_constant or tensor.is_variable or 0 in tensor.shape


def _in_range(values: tuple[int, ...], end: int, what: str, low: int = -1) -> None:
    for value in values:
        if not low <= value < end:
            raise Contradiction(f"{what} is {value}, outside {low}..{end - 1}")
