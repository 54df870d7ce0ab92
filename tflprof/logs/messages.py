"""The tools' protobuf files: profiles (``--op_profiling_output_mode=proto``) and the runtime's view of the model
(``--export_model_runtime_info``), binary or as the text that is logged where no file was named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tflprof.logs.lines import Line
from tflprof.logs.report import (
    DELEGATE,
    INIT,
    KERNEL,
    PROTO,
    RUN,
    RUN_ORDER,
    Delegation,
    LogReport,
    LogRow,
    LogRun,
    LogTable,
    RuntimeInfo,
    Spread,
)
from tflprof.logs.rows import read_name

_LONGEST_US = 1e13
_BLOCK = re.compile(r"^(?:init_profile|runtime_profile) \{$")
_NAME = re.compile(r'^model_name: "')


def read_profile_message(data: bytes) -> LogReport | None:
    """What a profile message says, None if the bytes are none."""
    from ai_edge_litert.profiling_info_pb2 import BenchmarkProfilingData

    message = _parsed(BenchmarkProfilingData(), data)
    tables = () if message is None else tuple(_tables(message))
    return _report(tables, message) if tables else None


def read_profile_text(lines: Iterable[Line]) -> LogReport | None:
    """The same of a message that was logged as text; None if there is none in the lines."""
    from ai_edge_litert.profiling_info_pb2 import BenchmarkProfilingData
    from google.protobuf import text_format

    text = "\n".join(_message_lines(lines))
    if not text:
        return None
    message = BenchmarkProfilingData()
    try:
        text_format.Parse(text, message, allow_unknown_field=True)
    except (text_format.ParseError, ValueError, RecursionError):
        return None
    tables = tuple(_tables(message))
    return _report(tables, message) if tables else None


def read_runtime_message(data: bytes) -> RuntimeInfo | None:
    """Which nodes went to which delegate, None if the bytes are no such message."""
    from ai_edge_litert.model_runtime_info_pb2 import ModelRuntimeDetails

    message = _parsed(ModelRuntimeDetails(), data)
    if message is None or not any(graph.nodes for graph in message.subgraphs):
        return None
    return RuntimeInfo(
        plans={graph.subgraph_id: tuple(graph.execution_plan) for graph in message.subgraphs},
        delegations=tuple(
            Delegation(
                graph.subgraph_id,
                node.id,
                _text(node.delegate_node_details.delegate_name),
                tuple(node.delegate_node_details.tflite_node_ids_replaced),
            )
            for graph in message.subgraphs
            for node in graph.nodes
            if node.WhichOneof("node_info") == "delegate_node_details"
        ),
    )


def _parsed(message: Any, data: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(data)
    except (DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return message


def _report(tables: tuple[LogTable, ...], message: Any) -> LogReport:
    problems = tuple(
        f"{table.observed - len(table.rows)} rows of the message have impossible times"
        for table in tables
        if table.observed is not None and table.observed != len(table.rows)
    )
    return LogReport((LogRun(tables=tables, parameters=_graph(message)),), problems=problems)


def _graph(message: Any) -> dict[str, str]:
    return {"Graph": _text(message.model_name)} if message.model_name else {}


def _text(value: str | bytes) -> str:
    """Text of a message; what is not valid is given as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _message_lines(lines: Iterable[Line]) -> Iterator[str]:
    """The lines of the blocks of a message, from their heads to the braces that close them."""
    inside = False
    for line in lines:
        if _BLOCK.match(line.text) or (not inside and _NAME.match(line.text)):
            inside = line.text.endswith("{")
            yield line.text
        elif inside:
            yield line.text
            inside = line.text != "}"


def _tables(message: Any) -> Iterator[LogTable]:
    for section, model in ((INIT, message.init_profile), (RUN, message.runtime_profile)):
        for graph in model.subgraph_profiles:
            rows = tuple(row for row in map(_row, graph.per_op_profiles) if row is not None)
            if rows:
                yield LogTable(
                    section, RUN_ORDER, PROTO, graph.subgraph_index, rows, observed=len(graph.per_op_profiles)
                )
        for delegate in model.delegate_profiles:
            rows = tuple(row for row in map(_row, delegate.per_op_profiles) if row is not None)
            if rows:
                yield LogTable(DELEGATE, RUN_ORDER, PROTO, 0, rows, observed=len(delegate.per_op_profiles))


def _possible(value: float) -> float | None:
    return float(value) if 0 <= value <= _LONGEST_US else None


def _row(op: Any) -> LogRow | None:
    """A row; None for a time that cannot be: the message is damaged."""
    kind, name, index = read_name(_text(op.node_type), _text(op.name))
    times = op.inference_microseconds
    # The stored average is cut to whole microseconds; the sum is not.
    average = times.sum / times.count if times.count > 0 else float(times.avg)
    if not 0 <= average * max(op.times_called, 1) <= _LONGEST_US or not op.node_type:
        return None
    return LogRow(
        kind=kind,
        type=name if kind == KERNEL else _text(op.node_type),
        name=name,
        index=index,
        spread=Spread(
            count=times.count if times.count > 0 else None,
            avg=average,
            first=_possible(times.first),
            last=_possible(times.last),
            min=_possible(times.min),
            max=_possible(times.max),
            std=_possible(times.stddev),
        ),
        calls=max(op.times_called, 0),
        memory_kb=float(op.mem_kb.last),
        order=op.run_order,
    )
