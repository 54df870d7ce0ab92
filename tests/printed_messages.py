"""The protobuf files that the tools write of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.printed_logs import GENERATIONS, Printed, printed_name


def profile_message(run: Printed) -> bytes:
    """The file that ``--op_profiling_output_mode=proto`` writes."""
    from ai_edge_litert.profiling_info_pb2 import BenchmarkProfilingData

    return bytes(_filled(BenchmarkProfilingData(model_name=run.graph), run).SerializeToString())


def profile_message_text(run: Printed) -> str:
    """What is logged instead if no file was named."""
    from ai_edge_litert.profiling_info_pb2 import BenchmarkProfilingData

    return f"INFO: {_filled(BenchmarkProfilingData(model_name=run.graph), run)}"


def _filled(message: Any, run: Printed) -> Any:
    for model, nodes, runs in (
        (message.init_profile, run.init_nodes, 1),
        (message.runtime_profile, run.nodes, run.runs),
    ):
        for number in sorted({node.subgraph for node in nodes}):
            graph = model.subgraph_profiles.add(subgraph_name=f"graph{number}", subgraph_index=number)
            for order, node in enumerate(node for node in nodes if node.subgraph == number):
                op = graph.per_op_profiles.add(
                    node_type=node.type, times_called=node.calls // runs, run_order=order
                )
                op.name = printed_name(node, GENERATIONS["litert1"])
                times = op.inference_microseconds
                times.first, times.last, times.avg = node.first, node.first, node.total // node.calls
                times.min, times.max, times.stddev = node.least, node.most, 1.5
                times.sum, times.count = node.total, node.calls
                op.mem_kb.last = node.memory // 1000
    return message


def runtime_message(delegations: Sequence[tuple[int, int, str, Sequence[int]]], plan: Sequence[int]) -> bytes:
    """The file that ``--export_model_runtime_info`` writes: (subgraph, node, name, nodes replaced) per delegate."""
    from ai_edge_litert.model_runtime_info_pb2 import ModelRuntimeDetails

    message = ModelRuntimeDetails(model_name="model")
    graph = message.subgraphs.add(subgraph_id=0, name="main", subgraph_type=1)
    graph.execution_plan.extend(plan)
    for index in sorted({index for _, _, _, replaced in delegations for index in replaced}):
        graph.nodes.add(id=index, name="CONV_2D", type="3")
    for _, node, name, replaced in delegations:
        added = graph.nodes.add(id=node, name=name, type=name)
        added.delegate_node_details.delegate_name = name
        added.delegate_node_details.tflite_node_ids_replaced.extend(replaced)
    return bytes(message.SerializeToString())
