"""Prints runs the way benchmark_litert_model does: its results, then its own layout or the older one with TABs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.printed_logs import GENERATIONS, KERNEL, Node, Printed, general, section, summary


def benchmark_litert_model(run: Printed, *, tabs: bool = False) -> str:
    """The output of benchmark_litert_model: its results, then its own layout, or the older one with TABs."""
    generation = GENERATIONS["litert1"]
    log = "INFO: [./litert/tools/benchmark_litert_model.h:81] "
    warmup, steady = run.warmup, run.steady
    lines = [
        "INFO: [litert/runtime/accelerators/auto_registration.cc:148] CPU accelerator registered.",
        f"INFO: [./litert/tools/benchmark_litert_model.cc:132] Loading model from: {run.graph}",
        *run.prologue,
        f"INFO: Initialized session in {general(run.init / 1000)}ms.",
        f"INFO: {summary(warmup, percentiles=True)}",
        "",
        f"INFO: {summary(steady, percentiles=True)}",
        "",
        log,
        "========== BENCHMARK RESULTS ==========",
        f"{log}Model initialization: {run.init / 1000:.2f} ms",
        f"{log}Warmup (first):       {warmup[0] / 1000:.2f} ms",
        f"{log}Warmup (avg):         {sum(warmup) / len(warmup) / 1000:.2f} ms ({len(warmup)} runs)",
        f"{log}Inference (avg):      {sum(steady) / len(steady) / 1000:.2f} ms ({len(steady)} runs)",
        f"{log}Inference (min):      {min(steady) / 1000:.2f} ms",
        f"{log}Inference (max):      {max(steady) / 1000:.2f} ms",
        f"{log}Inference (std):      0.01",
        f"{log}Throughput:           525.55 MB/s",
        log,
        "Memory Usage:",
        f"{log}Init footprint:       8.94 MB",
        f"{log}Overall footprint:    11.51 MB",
        f"{log}Peak memory usage not available. (peak_mem_mb <= 0)",
        f"{log}======================================",
        "",
        log,
    ]
    runs = len(warmup) + len(steady)
    tables = section(run.nodes, runs, generation) if tabs else _litert_tables(run.nodes)
    return "\n".join([*lines, *tables]) + "\n"


def _litert_title(title: str, width: int) -> str:
    label = f" {title} "
    left = (width - len(label)) // 2
    return "=" * left + label + "=" * (width - len(label) - left)


def _litert_tables(nodes: Sequence[Node]) -> list[str]:
    lines: list[str] = []
    for title, order in (
        ("Run Order", list(nodes)),
        ("Top by Computation Time", sorted(nodes, key=lambda node: -node.total)),
    ):
        lines += [_litert_title(title, 150), _LITERT_HEAD, *_litert_rows(order), ""]
    lines += [f"Number of nodes executed: {len(nodes)}", "", _litert_title("Summary by node type", 130)]
    head = f"{'[Node type]':>60} {'[count]':>10} {'[avg ms]':>10} {'[avg %]':>10} {'[cdf %]':>10} {'[mem KB]':>10}"
    lines.append(f"{head} {'[times called]':>14}")
    whole, so_far = sum(node.total for node in nodes) or 1, 0
    for kind in dict.fromkeys(map(_litert_type, nodes)):
        same = [node for node in nodes if _litert_type(node) == kind]
        total, calls = sum(node.total for node in same), sum(node.calls for node in same)
        so_far += total
        shares = f"{100 * total / whole:9.3f}% {100 * so_far / whole:9.3f}%"
        lines.append(
            f"{kind:>60} {len(same):>10} {total / calls / 1000:10.3f} {shares} {0:10.3f} {calls:>14}"
        )
    kernels = [node for node in nodes if node.kind == KERNEL]
    if kernels:
        lines += ["", _litert_title("Delegate Statistics", 135)]
        lines.append(
            f"{'Op Name':<80} {'Count':>10} {'Avg(us)':>10} {'Min(us)':>10} {'Max(us)':>10} {'Total(us)':>10}"
        )
        for node in kernels:
            lines.append(
                f"{_litert_type(node):<80} {node.calls:>10} {node.average:10.2f} {node.least:>10} {node.most:>10} "
                f"{node.total:>10}"
            )
    timings = f"Timings (microseconds): count={len(nodes)} curr={sum(node.total for node in nodes)}"
    return [*lines, "", timings, "Memory (bytes): count=0", f"{len(nodes)} nodes observed"]


_LITERT_HEAD = (
    f"{'[node type]':>60} {'[start]':>10} {'[first]':>10} {'[avg ms]':>10} {'[%]':>10} {'[cdf%]':>10} "
    f"{'[mem KB]':>10} {'[times called]':>14}   [Name]"
)


def _litert_type(node: Node) -> str:
    return f"Delegate/{node.name}" if node.kind == KERNEL else node.type


def _litert_rows(nodes: Sequence[Node]) -> list[str]:
    whole, so_far, rows = sum(node.total for node in nodes) or 1, 0, []
    for node in nodes:
        so_far += node.total
        name = f"[{'Delegate' if node.kind == KERNEL else 'Builtin'}]:{node.index}"
        times = f"{node.start / 1000:10.3f} {node.first / 1000:10.3f} {node.average / 1000:10.3f}"
        shares = f"{100 * node.total / whole:9.3f}% {100 * so_far / whole:9.3f}%"
        rows.append(f"{_litert_type(node):>60} {times} {shares} {0:10.3f} {node.calls:>14}   {name}")
    return rows
