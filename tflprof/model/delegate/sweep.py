"""The delegate's pass over a subgraph: what it claims depends on what it saw before."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tflprof.model.delegate import moving, plain, weighted
from tflprof.model.delegate.node import Node, Reasons
from tflprof.model.graph import Model, Op, Subgraph

Rule = Callable[[Node], Reasons]

_GEMMS = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")

_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(plain.FLOAT_UNARY, plain.float_unary),
    "LOGISTIC": plain.any_unary,
    "TANH": plain.any_unary,
    "ELU": plain.elu,
    "LEAKY_RELU": plain.leaky_relu,
    "DEQUANTIZE": plain.dequantize,
    "QUANTIZE": plain.quantize,
    "ADD": plain.add_or_sub,
    "SUB": plain.add_or_sub,
    "MUL": plain.mul,
    "DIV": plain.float_binary,
    "MAXIMUM": plain.float_binary,
    "MINIMUM": plain.float_binary,
    "SQUARED_DIFFERENCE": plain.float_binary,
    "PRELU": plain.prelu,
    "SOFTMAX": plain.softmax,
    "AVERAGE_POOL_2D": plain.average_pool_2d,
    "MAX_POOL_2D": plain.max_pool_2d,
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), plain.reduction),
    "ASSIGN_VARIABLE": plain.variable,
    "READ_VARIABLE": plain.variable,
    "CONV_2D": weighted.conv_2d,
    "DEPTHWISE_CONV_2D": weighted.depthwise_conv_2d,
    "FULLY_CONNECTED": weighted.fully_connected,
    "BATCH_MATMUL": weighted.batch_matmul,
    "TRANSPOSE_CONV": weighted.transpose_conv,
    "CONCATENATION": moving.concatenation,
    "PAD": moving.pad,
    "RESHAPE": moving.reshape,
    "RESIZE_BILINEAR": moving.resize_bilinear,
    "SLICE": moving.slice_,
    "STRIDED_SLICE": moving.strided_slice,
    "SPLIT": moving.split,
    "TRANSPOSE": moving.transpose,
    "DEPTH_TO_SPACE": moving.depth_to_space,
    "SPACE_TO_DEPTH": moving.space_to_depth,
}

_CUSTOM = frozenset(
    {"Convolution2DTransposeBias", "MaxPoolingWithArgmax2D", "MaxUnpooling2D"}
    | {"odml.scaled_dot_product_attention"}
)
"""Custom operators with kernels of their own in the delegate; what else it asks of them is not predicted."""


def refusals_of(model: Model, graph: Subgraph) -> dict[int, str]:
    """Operators of one subgraph that the delegate refuses, by index, with the reason."""
    sweep = _Sweep(model, graph)
    for op in graph.ops:
        sweep.visit(op)
    return sweep.finish()


class _Sweep:
    def __init__(self, model: Model, graph: Subgraph) -> None:
        self.model = model
        self.graph = graph
        self.refused: dict[int, str] = {}
        self.unpacked: dict[int, int] = {}
        """Tensors unpacked at init, with the operator that would have done it."""
        self.half: set[int] = set()
        self.handles: dict[int, int] = {}
        """Tensors that hold a variable's handle, with the operator that made it."""
        self.variables: dict[int, tuple[str, tuple[int, ...]]] = {}
        self.consumers: dict[int, list[Op]] = {}
        for op in graph.ops:
            for tensor in dict.fromkeys(op.inputs):
                self.consumers.setdefault(tensor, []).append(op)

    def visit(self, op: Op) -> None:
        """Claim an operator, put it off, or refuse it."""
        if self._unpacks(op):
            self.unpacked[op.outputs[0]] = op.index
            return
        if op.code == "VAR_HANDLE":
            self.handles.update(dict.fromkeys(op.outputs, op.index))
            return
        reason = self._reason(op)
        if reason is None:
            return
        self.refused[op.index] = reason
        for tensor in op.inputs:
            if tensor in self.unpacked:
                self.refused[self.unpacked[tensor]] = f"{op.type}, which is refused, needs its output"

    def finish(self) -> dict[int, str]:
        """What is refused once everything was seen, in file order."""
        for tensor, index in self.handles.items():
            if tensor not in self.variables:
                self.refused[index] = "no kernel reads or writes its variable"
        return dict(sorted(self.refused.items()))

    def _reason(self, op: Op) -> str | None:
        if op.code == "CUSTOM" or op.code == "STABLEHLO_COMPOSITE":
            name = op.custom_code or str(op.options.get("name", ""))
            return None if name in _CUSTOM else "it has no kernel in the delegate"
        rule = _RULES.get(op.code)
        if rule is None:
            return "it has no kernel in the delegate"
        node = Node(self.model, self.graph, op, self.unpacked, self.half)
        found = next(rule(node), None)
        if found is None and op.code in ("ASSIGN_VARIABLE", "READ_VARIABLE"):
            return self._bind(op)
        return found

    def _bind(self, op: Op) -> str | None:
        """A variable has one type and shape, and its handle is made before it is used."""
        values = op.inputs[1:2] if op.code == "ASSIGN_VARIABLE" else op.outputs[:1]
        if not op.inputs or not values or values[0] < 0:
            return "it names no variable or no value"
        tensor, handle = self.graph.tensors[values[0]], op.inputs[0]
        if handle not in self.handles:
            return "its variable comes from elsewhere"
        form = (tensor.dtype, tensor.shape)
        if self.variables.setdefault(handle, form) != form:
            return "its variable has another type or shape elsewhere"
        return None

    def _unpacks(self, op: Op) -> bool:
        """True for an operator whose work on constants the delegate does once, at init."""
        if len(op.inputs) != 1 or len(op.outputs) != 1 or min(op.inputs[0], op.outputs[0]) < 0:
            return False
        x, y = self.graph.tensors[op.inputs[0]], self.graph.tensors[op.outputs[0]]
        if op.code == "DENSIFY":
            stored = x.is_constant and x.sparse
            return stored and x.dtype in ("float16", "int8", "float32") and y.dtype == x.dtype
        if op.code != "DEQUANTIZE" or x.sparse or y.dtype != "float32":
            return False
        fixed = x.is_constant or x.index in self.unpacked
        known = x.dtype == "float16" or (x.dtype == "int8" and x.quantisation is not None)
        if fixed and x.dtype == "float16" and self._feeds_weights(y.index):
            self.half.add(y.index)
        return fixed and known

    def _feeds_weights(self, tensor: int) -> bool:
        """True if only matrix products use it, and not as what they multiply."""
        users = self.consumers.get(tensor, [])
        return all(op.code in _GEMMS and op.inputs[0] != tensor for op in users)
