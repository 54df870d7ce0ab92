"""The layers of a model as a profile stores them, and what each is expected to cost."""

from __future__ import annotations

from collections.abc import Mapping

from tflprof.model.cost import Cost
from tflprof.model.graph import Model, Op
from tflprof.profile.meta import LayerInfo

BYTES_PER_MAC = 2.0
"""How many multiply-accumulates moving one byte is reckoned to cost, for expected shares only."""


def expected_work(cost: Cost) -> float | None:
    """Relative cost that a layer should have; None if unknown."""
    moved = (cost.weight_bytes or 0) + (cost.activation_bytes or 0)
    return None if cost.macs is None else cost.macs + BYTES_PER_MAC * moved


def layer_infos(model: Model, costs: Mapping[str, Cost]) -> tuple[LayerInfo, ...]:
    """All layers of a model in file order, with their costs by id."""
    return tuple(_layer(model, op, costs[op.id], index) for index, op in enumerate(model.ops()))


def _layer(model: Model, op: Op, cost: Cost, index: int) -> LayerInfo:
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
    )
