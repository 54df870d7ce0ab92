"""Writing a profile as the tools' protobuf message (``--op_profiling_output_mode=proto``): the inverse of reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tflprof.logs.report import INIT, KERNEL, PHASE, LogRow, LogTable


def write_profile_message(model_name: str, tables: Sequence[LogTable]) -> bytes:
    """A ``BenchmarkProfilingData`` message of tables of one run.

    The message has whole microseconds: of a row the sum over all its calls, ``avg`` × ``count`` of its spread, keeps
    more than its average, which is cut.
    """
    from ai_edge_litert.profiling_info_pb2 import BenchmarkProfilingData

    message = BenchmarkProfilingData(model_name=_text(model_name))
    for table in tables:
        model = message.init_profile if table.section == INIT else message.runtime_profile
        graph = model.subgraph_profiles.add(
            subgraph_name=f"subgraph {table.subgraph}", subgraph_index=table.subgraph
        )
        for order, row in enumerate(table.rows):
            _fill(graph.per_op_profiles.add(), row, order)
    return bytes(message.SerializeToString(deterministic=True))


def _fill(op: Any, row: LogRow, order: int) -> None:
    op.node_type, op.name = _text(row.type), _text(_printed_name(row))
    op.times_called, op.run_order = row.calls, order if row.order is None else row.order
    spread, times = row.spread, op.inference_microseconds
    times.count = spread.count or 1
    times.sum = round((spread.avg or 0.0) * times.count)
    times.avg = times.sum // times.count
    for name in ("first", "last", "min", "max"):
        value = getattr(spread, name)
        if value is not None:
            setattr(times, name, round(value))
    if spread.std is not None:
        times.stddev, times.variance = spread.std, spread.std**2


def _printed_name(row: LogRow) -> str:
    """The name as the tools write it, with the index of the operator or of the kernel in its partition."""
    if row.kind == PHASE:
        return f"{row.name}/0"
    name = f"Delegate/{row.name}" if row.kind == KERNEL else row.name
    return name if row.index is None else f"{name}:{row.index}"


def _text(text: str) -> str:
    """Text that a message can hold: half of a pair of surrogates cannot be."""
    return text.encode("utf-8", "replace").decode()
