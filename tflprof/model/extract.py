"""Some layers of a model as a model of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from tflprof.errors import UsageError
from tflprof.model.graph import Model, Op, Quantisation, Subgraph, Tensor
from tflprof.model.partition import static_ops
from tflprof.model.write import GraphWriter, ModelWriter

_NOT_WRITTEN = ("string", "bfloat16", "float8_e4m3fn", "float8_e5m2")


def extract(model: Model, layers: Collection[str]) -> bytes:
    """A model of one subgraph and one signature that holds only these layers, as the content of a .tflite file.

    Tensors that other layers computed become inputs; operators that only unpack constants for the layers
    (float16 weights) come along. Constants, quantisation, options and versions are kept.

    Args:
        model: the model they are taken from.
        layers: ids of operators of one subgraph.

    Raises:
        UsageError: no layer, an unknown one, layers of several subgraphs, or layers that cannot stand alone
            (control flow, state, sparse or text constants).
    """
    ops = _chosen(model, layers)
    graph = model.subgraphs[ops[0].subgraph]
    _refuse_what_cannot(model, graph, ops)
    writer = ModelWriter(f"{', '.join(op.id for op in ops[:8])} of {model.description or 'a model'}"[:200])
    main = writer.subgraph("main")
    _Extraction(model, graph, main).copy(ops)
    writer.signature(main)
    return writer.to_bytes()


def _chosen(model: Model, layers: Collection[str]) -> list[Op]:
    """The operators asked for with those that make their constants, in file order."""
    known = {op.id: op for op in model.ops()}
    for layer in layers:
        if layer not in known:
            raise UsageError(
                f"{model.path} has no layer {layer!r}", "ids are subgraph/operator, such as 0/12"
            )
    subgraphs = {known[layer].subgraph for layer in layers}
    if len(subgraphs) != 1:
        raise UsageError(f"layers of one subgraph are needed, these are of {len(subgraphs)}")
    graph = model.subgraphs[subgraphs.pop()]
    wanted = {known[layer].index for layer in layers}
    unpacking = static_ops(graph)
    for op in reversed(graph.ops):
        if op.index in unpacking and any(set(op.outputs) & set(graph.ops[i].inputs) for i in wanted):
            wanted.add(op.index)
    return [graph.ops[index] for index in sorted(wanted)]


def _refuse_what_cannot(model: Model, graph: Subgraph, ops: Sequence[Op]) -> None:
    for op in ops:
        tensors = [graph.tensors[index] for index in (*op.inputs, *op.outputs) if index >= 0]
        reason = _reason(op, tensors)
        if reason:
            raise UsageError(f"layer {op.id} ({op.type}) of {model.path} cannot stand alone: {reason}")


def _reason(op: Op, tensors: Sequence[Tensor]) -> str | None:
    if op.subgraphs:
        return "it runs other subgraphs"
    if any(tensor.is_variable or tensor.dtype in ("resource", "variant") for tensor in tensors):
        return "it works on state that is kept between inferences"
    if any(tensor.sparse for tensor in tensors):
        return "its weights are stored sparse"
    odd = [tensor.dtype for tensor in tensors if tensor.is_constant and tensor.dtype in _NOT_WRITTEN]
    if odd:
        return f"constants of type {odd[0]} cannot be copied"
    return "its options are too large" if "custom_options_size" in op.options else None


class _Extraction:
    """Copies tensors once each, under numbers of the new subgraph."""

    def __init__(self, model: Model, graph: Subgraph, into: GraphWriter) -> None:
        self._model = model
        self._graph = graph
        self._into = into
        self._numbers: dict[int, int] = {-1: -1}

    def copy(self, ops: Sequence[Op]) -> None:
        made = {tensor for op in ops for tensor in op.outputs}
        used = [tensor for op in ops for tensor in op.inputs if tensor >= 0]
        for tensor in dict.fromkeys(used):
            if tensor not in made and not self._graph.tensors[tensor].is_constant:
                self._into.inputs.append(self._number(tensor))
        for op in ops:
            inputs, outputs = ([self._number(tensor) for tensor in side] for side in (op.inputs, op.outputs))
            self._into.op(op.type, inputs, outputs, op.options, op.version)
        within = {op.index for op in ops}
        beyond = {tensor for op in self._graph.ops if op.index not in within for tensor in op.inputs} | set(
            self._graph.outputs
        )
        results = [t for op in ops for t in op.outputs if t >= 0 and (t in beyond or t not in used)]
        self._into.output(*(self._number(tensor) for tensor in results))

    def _number(self, tensor: int) -> int:
        if tensor not in self._numbers:
            self._numbers[tensor] = self._copied(self._graph.tensors[tensor])
        return self._numbers[tensor]

    def _copied(self, tensor: Tensor) -> int:
        quantisation = self._quantisation(tensor.quantisation)
        if tensor.is_constant:
            data = self._model.data(self._graph.index, tensor.index)
            return self._into.constant(tensor.name, data, quantisation, tensor.dtype)
        return self._into.tensor(tensor.name, tensor.shape_signature, tensor.dtype, quantisation)

    def _quantisation(self, found: Quantisation | None) -> Quantisation | None:
        """With the tensors that hold the scales of blocks copied, too."""
        if found is None or found.kind != "block":
            return found
        scale, zero_point = (
            None if tensor is None or tensor < 0 else self._number(tensor)
            for tensor in (found.scale_tensor, found.zero_point_tensor)
        )
        return replace(found, scale_tensor=scale, zero_point_tensor=zero_point)
