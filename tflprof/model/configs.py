"""The layers of a model as configurations: what a latency table is asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tflprof.errors import UsageError
from tflprof.model.delegate import refusals
from tflprof.model.graph import Model, Op, Subgraph, Tensor
from tflprof.model.partition import partition, static_ops
from tflprof.op_config import ABSENT, OpConfig, Scalar, TensorConfig

MOST_VALUES = 64
"""Elements of an integer constant that is taken for a shape, axes or the like, not for data."""

_FOLLOWS_FROM_SHAPES = frozenset(
    {
        "new_shape",
        "squeeze_dims",
        "quantized_bias_type",
        "asymmetric_quantize_inputs",
        "keep_dims",
        "num_splits",
    }
    | {"values_count", "beta", "custom_options_size", "large_custom_options"}
)
"""Options that change nothing about the work beyond what the shapes say."""

_CLAMPS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"})
_TAKES_CLAMP = frozenset(
    {"AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "TRANSPOSE_CONV"}
)
_TAKES_PAD = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
_BIASED = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
_STATE = ("resource", "variant", "string")


@dataclass(frozen=True)
class LayerConfig:
    """One layer of a model with what decides its cost.

    Attributes:
        id: ``subgraph/op``.
        name: name of its first output.
        config: what it is.
        first: True for the first kernel of a partition of the delegate's, which costs a little more or less.
        delegated: True if the CPU delegate runs it.
        uncosted: why it has no cost of its own, None if it has: ``done in 0/5``.
    """

    id: str
    name: str
    config: OpConfig
    first: bool
    delegated: bool
    uncosted: str | None = None


def layer_configs(model: Model, kernels: str = "xnnpack") -> tuple[LayerConfig, ...]:
    """All layers of a model in file order.

    Args:
        model: of one subgraph.
        kernels: ``xnnpack`` where the CPU delegate runs what it takes; else nothing is delegated.

    Raises:
        UsageError: control flow or several subgraphs: what runs how often is not in the model.
    """
    _check_single(model)
    graph = model.subgraphs[0]
    refused = refusals(model) if kernels == "xnnpack" else {op.id: "" for op in graph.ops}
    delegated = frozenset(op.index for op in graph.ops if op.id not in refused)
    view = _View(model, graph, delegated)
    parts = [part.ops for part in partition(graph, delegated) if part.delegated]
    firsts = {next((index for index in ops if index not in view.done), -1) for ops in parts}
    return tuple(
        LayerConfig(
            id=op.id,
            name=graph.tensors[op.outputs[0]].name if op.outputs and op.outputs[0] >= 0 else "",
            config=view.config(op),
            first=op.index in firsts,
            delegated=op.index in delegated,
            uncosted=view.uncosted(op),
        )
        for op in graph.ops
    )


def _check_single(model: Model) -> None:
    for op in model.ops():
        if op.subgraphs:
            raise UsageError(
                f"layer {op.id} ({op.type}) of {model.path} runs other subgraphs: what its layers cost depends on data",
                "latency tables and compression work on models of one subgraph",
            )
    if len(model.subgraphs) != 1:
        raise UsageError(
            f"{model.path} has {len(model.subgraphs)} subgraphs, and which of them runs is the caller's choice",
            "latency tables and compression work on models of one subgraph",
        )


class _View:
    """A graph as the delegate sees it: what is done at init, and what is done in another's kernel."""

    def __init__(self, model: Model, graph: Subgraph, delegated: frozenset[int]) -> None:
        self._model, self._graph, self._delegated = model, graph, delegated
        self._makers = {tensor: op for op in graph.ops for tensor in op.outputs}
        self._users: dict[int, list[Op]] = {}
        for op in graph.ops:
            for tensor in dict.fromkeys(op.inputs):
                self._users.setdefault(tensor, []).append(op)
        self._static = static_ops(graph) & delegated
        self._host = self._folded()
        self.done = {*self._static, *self._host}

    def uncosted(self, op: Op) -> str | None:
        """Why an operator has no cost of its own; None if it has one."""
        if op.index in self._host:
            return f"done in {self._host[op.index].id}"
        if op.index in self._static:
            return "done when the model is loaded"
        tensors = [self._graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
        odd = next((tensor for tensor in tensors if tensor.dtype in _STATE), None)
        if odd is not None:
            return "it works on state or text"
        if any(not tensor.has_rank for tensor in tensors):
            return "its shapes are known only at run time"
        return None

    def config(self, op: Op) -> OpConfig:
        """An operator with those that are done in its kernel."""
        folded = [other for index, other in enumerate(self._graph.ops) if self._host.get(index) is op]
        before = [other for other in folded if other.code == "PAD"]
        after = [other for other in folded if other.code != "PAD"]
        config = self._plain(op)
        if not folded:
            return config
        inputs = tuple(self._plain(one).inputs[0] for one in before) or config.inputs[:1]
        return OpConfig(
            config.op,
            (*inputs, *config.inputs[1:]),
            config.outputs,
            config.options,
            tuple(self._plain(one) for one in (*before, *after)),
        )

    def _plain(self, op: Op) -> OpConfig:
        inputs = tuple(self._input(op, place) for place in range(len(op.inputs)))
        if op.code == "RESHAPE":
            inputs = _plain_reshape(inputs)
        outputs = tuple(self._tensor(index) for index in op.outputs if index >= 0)
        return OpConfig(op.type, inputs, outputs, _options(op, self._is_sparse(op)))

    def _input(self, op: Op, place: int) -> TensorConfig:
        index = op.inputs[place]
        if index < 0:
            return ABSENT
        tensor = self._graph.tensors[index]
        if _BIASED.get(op.code) == place:
            made = self._tensor(index)
            return TensorConfig(made.shape, made.dtype, made.role)
        if (
            not tensor.is_constant
            or tensor.dtype not in ("int32", "int64")
            or tensor.quantisation is not None
        ):
            return self._tensor(index)
        values = self._model.data(0, index).reshape(-1)
        short = len(values) <= MOST_VALUES
        found = tuple(int(value) for value in values) if short else None
        return TensorConfig(tensor.shape, tensor.dtype, "constant", None, found)

    def _tensor(self, index: int) -> TensorConfig:
        tensor = self._graph.tensors[index]
        source = self._source(tensor)
        constant = source.is_constant or (index in self._makers and self._makers[index].index in self._static)
        return TensorConfig(
            tensor.shape,
            source.dtype,
            "constant" if constant else "computed",
            None if source.quantisation is None else _kind(source),
        )

    def _source(self, tensor: Tensor) -> Tensor:
        """The constant that an operator widens or unpacks when the model is loaded, or the tensor itself."""
        maker = self._makers.get(tensor.index)
        if maker is None or maker.index not in self._static or maker.code not in ("DEQUANTIZE", "DENSIFY"):
            return tensor
        return self._source(self._graph.tensors[maker.inputs[0]])

    def _is_sparse(self, op: Op) -> bool:
        """Whether its weights are stored sparse: then kernels skip zeros, also behind DENSIFY and DEQUANTIZE."""
        pending = [index for index in op.inputs if index >= 0]
        while pending:
            index = pending.pop()
            maker = self._makers.get(index)
            if self._graph.tensors[index].sparse or (maker is not None and maker.code == "DENSIFY"):
                return True
            if maker is not None and maker.code == "DEQUANTIZE":
                pending.append(maker.inputs[0])
        return False

    def _folded(self) -> dict[int, Op]:
        """Operators that the delegate does in the kernel of another one, with that."""
        found: dict[int, Op] = {}
        for op in self._graph.ops:
            if op.code == "PAD" and (host := self._pad_host(op)) is not None:
                found[op.index] = host
            if op.code in _CLAMPS and (host := self._clamp_host(op)) is not None:
                found[op.index] = host
        return found

    def _only_user(self, op: Op) -> Op | None:
        users = [user for tensor in op.outputs for user in self._users.get(tensor, [])]
        is_output = bool(set(op.outputs) & set(self._graph.outputs))
        return users[0] if len(users) == 1 and not is_output else None

    def _pad_host(self, op: Op) -> Op | None:
        """The convolution that pads for a PAD over rows and columns."""
        user = self._only_user(op)
        if user is None or user.code not in _TAKES_PAD or user.inputs[0] != op.outputs[0]:
            return None
        amounts = self._graph.tensors[op.inputs[1]] if len(op.inputs) == 2 else None
        if not {op.index, user.index} <= self._delegated or amounts is None or amounts.shape != (4, 2):
            return None
        values = self._model.data(0, amounts.index)
        spatial = not values[[0, 3]].any() and user.options.get("padding") == "VALID"
        return user if spatial else None

    def _clamp_host(self, op: Op) -> Op | None:
        """The layer that clamps for an activation after it."""
        before = self._makers.get(op.inputs[0])
        if before is None or before.code not in _TAKES_CLAMP or self._only_user(before) is not op:
            return None
        plain = before.options.get("fused_activation_function", "NONE") == "NONE"
        return before if plain and {op.index, before.index} <= self._delegated else None


def _plain_reshape(inputs: tuple[TensorConfig, ...]) -> tuple[TensorConfig, ...]:
    """Without the target, which the result's shape tells; the delegate refuses one that is left open (-1)."""
    left_open = len(inputs) > 1 and inputs[1].values == (-1,)
    return inputs if left_open else inputs[:1]


def _kind(tensor: Tensor) -> str:
    """How integers are scaled; one scale per channel of one channel is still one per channel."""
    return tensor.quantisation.kind if tensor.quantisation is not None else ""


def _options(op: Op, sparse: bool) -> tuple[tuple[str, Scalar], ...]:
    found: dict[str, Scalar] = {}
    options: Mapping[str, Any] = op.options
    for name, value in options.items():
        if name in _FOLLOWS_FROM_SHAPES or value is None:
            continue
        if isinstance(value, bytes):
            found[name] = hashlib.sha256(value).hexdigest()[:16]
        elif isinstance(value, tuple):
            found[name] = ",".join(map(str, value))
        else:
            found[name] = value
    if sparse:
        found["sparse"] = True
    return tuple(sorted(found.items()))
