"""Which layers can be quantised together, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tflprof.compress.interface import Refusal, Subject
from tflprof.compress.quantise.tool import Policy
from tflprof.model.configs import LayerConfig
from tflprof.model.graph import Op, Subgraph
from tflprof.op_channels import WEIGHTED
from tflprof.op_config import OpConfig

METHOD = "quantise"
REAL = ("float32", "float16")
_FOLDED = "done in "
_CLAMPING = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL")
_SHARED = "its result is the model's and read as well: litert-quantizer mixes up who takes integers of it"
_OWN_SCALE = ("SOFTMAX", "LOGISTIC", "TANH")  # integers of their results have a step of 1/256 or so


@dataclass(frozen=True)
class Group:
    """A layer with weights, or one that joins several tensors, and the layers that only pass its values on.

    They are quantised together, so that integers stay integers between them.

    Attributes:
        layers: ids in file order.
        int8, dynamic: whether these schemes are possible.
        clamps: layers that are nothing but a RELU, with the layer that clamps for them when both are int8: the
            delegate takes no RELU of integers.
    """

    layers: tuple[str, ...]
    int8: bool
    dynamic: bool
    clamps: Mapping[str, str] = field(default_factory=dict)


def groups(subject: Subject, policy: Policy) -> tuple[list[Group], list[Refusal]]:
    """All groups of a model's main subgraph in file order, and the layers that are in none."""
    found = _Grouping(subject, policy)
    return found.groups(), found.refusals()


def takes(config: OpConfig, scheme: str, policy: Policy) -> bool:
    """Whether an operator of this configuration can be had in a scheme."""
    if scheme == "dynamic":
        return config.op in policy.dynamic and has_real_weights(config)
    constant = config.op not in WEIGHTED or has_real_weights(config)
    return config.op in policy.int8 and constant


def loaded_layers(subject: Subject) -> frozenset[str]:
    """Ids of layers that work when the model is loaded, such as those that widen weights."""
    return frozenset(layer.id for layer in subject.layers if _is_loading(layer))


def _is_loading(layer: LayerConfig) -> bool:
    return layer.uncosted is not None and not layer.uncosted.startswith(_FOLDED)


def has_real_weights(config: OpConfig) -> bool:
    """Whether its second input is a constant of real values."""
    weights = config.inputs[1] if len(config.inputs) > 1 else None
    return weights is not None and weights.role == "constant" and weights.dtype in REAL


def is_read(graph: Subgraph, index: int) -> bool:
    """Whether an operator reads a tensor, or the model gives it back."""
    return index in graph.outputs or any(index in op.inputs for op in graph.ops)


def is_shared(graph: Subgraph, op: Op) -> bool:
    """Whether a result of an operator is the model's and read by operators as well."""
    return any(
        index in graph.outputs and any(index in one.inputs for one in graph.ops) for index in op.outputs
    )


class _Grouping:
    """Walks the layers in file order."""

    def __init__(self, subject: Subject, policy: Policy) -> None:
        self._policy = policy
        self._graph: Subgraph = subject.model.subgraphs[0]
        self._layers: Mapping[str, LayerConfig] = {layer.id: layer for layer in subject.layers}
        self._ops = {op.id: op for op in self._graph.ops}
        self._makers = {tensor: op for op in self._graph.ops for tensor in op.outputs}
        self._users: dict[int, list[Op]] = {}
        for op in self._graph.ops:
            for tensor in dict.fromkeys(op.inputs):
                self._users.setdefault(tensor, []).append(op)
        self._reasons: dict[str, list[str]] = {}
        self._leader: dict[str, str] = {}
        for op in self._graph.ops:
            self._place(op)

    def groups(self) -> list[Group]:
        """The layers by the leaders they were given to."""
        members: dict[str, list[str]] = {}
        for op in self._graph.ops:
            if (first := self._first(op.id)) is not None:
                members.setdefault(first, []).append(op.id)
        return [self._group(ids) for ids in members.values()]

    def refusals(self) -> list[Refusal]:
        """One per reason."""
        return [Refusal(METHOD, tuple(ids), reason) for reason, ids in self._reasons.items()]

    def _first(self, op_id: str) -> str | None:
        """The leader that leads itself; None if there is none, as for what is folded into a refused layer."""
        while (leader := self._leader.get(op_id)) not in (op_id, None):
            op_id = str(leader)
        return leader

    def _group(self, ids: Sequence[str]) -> Group:
        configs = [self._layers[op_id].config for op_id in ids]
        return Group(
            tuple(ids),
            all(takes(config, "int8", self._policy) for config in configs)
            and not any(is_shared(self._graph, self._ops[op_id]) for op_id in ids),
            any(takes(config, "dynamic", self._policy) for config in configs),
            {op.id: maker.id for op in map(self._ops.__getitem__, ids) if (maker := self._clamping(op, ids))},
        )

    def _clamping(self, op: Op, ids: Sequence[str]) -> Op | None:
        """The layer that can do a RELU's work on its way out."""
        maker = self._makers.get(op.inputs[0]) if op.code == "RELU" else None
        if maker is None or maker.id not in ids or maker.code not in _CLAMPING:
            return None
        return maker if maker.options.get("fused_activation_function", "NONE") == "NONE" else None

    def _place(self, op: Op) -> None:
        reason = self._refusal(op)
        if reason is not None:
            if reason:
                self._reasons.setdefault(reason, []).append(op.id)
            return
        if is_shared(self._graph, op):
            self._reasons.setdefault(_SHARED, []).append(op.id)
        uncosted = self._layers[op.id].uncosted or ""
        self._leader[op.id] = op.id
        if uncosted.startswith(_FOLDED):
            self._leader[op.id] = uncosted.removeprefix(_FOLDED)
        elif (before := self._passed_on(op)) is not None and takes(
            self._layers[op.id].config, "int8", self._policy
        ):
            self._leader[op.id] = before.id

    def _refusal(self, op: Op) -> str | None:
        """Why a layer is not quantised; empty if that needs no word, None if it is."""
        layer = self._layers[op.id]
        if op.subgraphs:
            return "it runs other subgraphs"
        if _is_loading(layer):
            return ""
        outputs = [self._graph.tensors[index] for index in op.outputs if index >= 0]
        inputs = [self._graph.tensors[index] for index in op.inputs if index >= 0]
        if any(tensor.quantisation is not None for tensor in (*inputs, *outputs)):
            return "it is quantised already"
        if not any(tensor.dtype == "float32" for tensor in outputs):
            return "" if op.custom_code is None else "it is a custom operator without real results"
        if not all(is_read(self._graph, index) for index in op.outputs):
            return "nobody reads all that it makes, and litert-quantizer leaves that real"
        if op.custom_code is not None:
            return f"{op.custom_code} is a custom operator, which nobody but its author can quantise"
        if not (takes(layer.config, "int8", self._policy) or takes(layer.config, "dynamic", self._policy)):
            if op.code in WEIGHTED and op.code in self._policy.int8:
                return f"its weights ({op.code}) are computed, or not real"
            return f"litert-quantizer has no int8 {op.code}"
        return None

    def _passed_on(self, op: Op) -> Op | None:
        """The layer whose values alone this one passes on; None if it has weights, several inputs, or rivals."""
        if op.code in WEIGHTED or op.code in _OWN_SCALE:
            return None
        computed = [
            index
            for index in dict.fromkeys(op.inputs)
            if index >= 0 and not self._graph.tensors[index].is_constant
        ]
        if len(computed) != 1 or computed[0] not in self._makers or computed[0] in self._graph.outputs:
            return None
        maker = self._makers[computed[0]]
        alone = len(self._users[computed[0]]) == 1 and maker.id in self._leader
        return maker if alone and takes(self._layers[maker.id].config, "int8", self._policy) else None
