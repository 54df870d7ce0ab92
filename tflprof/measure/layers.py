"""The layers of a model as a profile stores them, and what each is expected to cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tflprof.model.cost import Cost
from tflprof.model.graph import Model, Op, Subgraph
from tflprof.profile.meta import LayerInfo

BYTES_PER_MAC = 2.0
"""How many multiply-accumulates moving one byte is reckoned to cost, for expected shares only."""


def expected_work(cost: Cost) -> float | None:
    """Relative cost that a layer should have; None if unknown."""
    moved = (cost.weight_bytes or 0) + (cost.activation_bytes or 0)
    return None if cost.macs is None else cost.macs + BYTES_PER_MAC * moved


def layer_infos(model: Model, costs: Mapping[str, Cost]) -> tuple[LayerInfo, ...]:
    """All layers of a model in file order, with their costs by id."""
    names = [_wires(subgraph) for subgraph in model.subgraphs]
    return tuple(
        _layer(model, op, costs[op.id], index, names[op.subgraph]) for index, op in enumerate(model.ops())
    )


def _wires(subgraph: Subgraph) -> dict[int, str]:
    """Names of the computed tensors by index, no two equal."""
    computed = [tensor for tensor in subgraph.tensors if not tensor.is_constant]
    times = Counter(tensor.name for tensor in computed)
    return {
        tensor.index: tensor.name if times[tensor.name] == 1 else f"{tensor.name}#{tensor.index}"
        for tensor in computed
    }


def _layer(model: Model, op: Op, cost: Cost, index: int, names: Mapping[int, str]) -> LayerInfo:
    output = next((tensor for tensor in op.outputs if tensor >= 0), None)
    tensor = None if output is None else model.subgraphs[op.subgraph].tensors[output]
    return LayerInfo(
        id=op.id,
        index=index,
        op=op.type,
        name=tensor.name if tensor else "",
        shape=tensor.shape_signature if tensor else None,
        dtype=tensor.dtype if tensor else None,
        macs=cost.macs,
        parameters=cost.parameters,
        weight_bytes=cost.weight_bytes,
        activation_bytes=cost.activation_bytes,
        inputs=_named(op.inputs, names),
        outputs=_named(op.outputs, names),
        activation=op.options.get("fused_activation_function"),
    )


def _named(tensors: Iterable[int], names: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(names[tensor] for tensor in tensors if tensor in names)
