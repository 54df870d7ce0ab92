"""Prints runs the way the official tools do: our own words for the layouts of TensorFlow's and LiteRT's printers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

OPERATOR, KERNEL, PHASE = "operator", "kernel", "phase"


@dataclass(frozen=True)
class Node:
    """What a tool's statistics know of one node; times in whole microseconds."""

    kind: str
    type: str
    name: str
    index: int
    first: int
    total: int
    calls: int
    subgraph: int = 0
    start: float = 0.0
    memory: int = 0
    least: int = 0
    most: int = 0

    @property
    def average(self) -> float:
        return self.total / self.calls


@dataclass(frozen=True)
class Generation:
    """How a generation of the tool prints.

    Attributes:
        start: there is a column [start].
        width: of the column of types.
        indexed: operators are printed with their index.
        titles: tables have titles.
        level: ``INFO: `` stands before what is logged.
        init: there is a block about initialisation.
        timings: form of the last line.
        percentiles: ``p5= median= p95=`` follow ``std=``.
        named: subgraphs are printed with their names.
    """

    start: bool = False
    width: int = 40
    indexed: bool = True
    titles: bool = True
    level: str = "INFO: "
    init: bool = True
    timings: str = "full"
    percentiles: bool = False
    named: bool = False


GENERATIONS = {
    "tf1.15": Generation(True, 24, indexed=False, level="", init=False, timings="average"),
    "tf2.1": Generation(True, 24, indexed=False, level="", init=False, timings="full"),
    "tf2.4": Generation(True, 24, level=""),
    "tf2.8": Generation(True, 24),
    "tf2.9": Generation(False, 24),
    "tf2.12": Generation(False, 36),
    "tf2.17": Generation(False, 40, percentiles=True),
    "litert1": Generation(False, 40, percentiles=True, named=True),
}
"""Generations of benchmark_model by the version that represents each."""


@dataclass(frozen=True)
class Printed:
    """One run of a tool.

    Attributes:
        steady: durations of the counted inferences, microseconds.
        warmup: of those before.
        init: of the creation of the interpreter.
    """

    nodes: Sequence[Node]
    steady: Sequence[int]
    warmup: Sequence[int]
    init: int
    graph: str = "/data/local/tmp/model.tflite"
    threads: int = 1
    prologue: Sequence[str] = ()
    init_nodes: Sequence[Node] = ()
    inside: Sequence[Node] = field(default=())

    @property
    def runs(self) -> int:
        return len(self.steady)


def general(value: float) -> str:
    """A number as a C++ stream prints it by default."""
    return f"{value:g}"


def summary(values: Sequence[int], *, percentiles: bool = False) -> str:
    """``count=… first=… …`` of durations."""
    if not values:
        return "count=0"
    if min(values) == max(values):
        return f"count={len(values)} curr={values[-1]}" + ("(all same)" if len(values) > 1 else "")
    mean = sum(values) / len(values)
    deviation = int((sum(v * v for v in values) / len(values) - mean * mean) ** 0.5)
    text = (
        f"count={len(values)} first={values[0]} curr={values[-1]} min={min(values)} max={max(values)} "
        f"avg={general(mean)} std={deviation}"
    )
    if percentiles:
        ordered = sorted(values)
        chosen = [ordered[int(share * (len(ordered) - 1))] for share in (0.05, 0.5, 0.95)]
        text += f" p5={chosen[0]} median={chosen[1]} p95={chosen[2]}"
    return text


def printed_name(node: Node, generation: Generation) -> str:
    if node.kind == PHASE:
        return f"{node.name}/{node.subgraph}"
    if node.kind == KERNEL:
        return f"Delegate/{node.name}:{node.index}"
    return f"[{node.name}]:{node.index}" if generation.indexed else f"[{node.name}]"


def _title(text: str) -> str:
    return f"{'=' * 30} {text} {'=' * 30}"


def _right(fields: Iterable[tuple[str, int]]) -> str:
    return "".join("\t" + text.rjust(width) for text, width in fields)


def _table(nodes: Sequence[Node], runs: int, generation: Generation, title: str, *, csv: bool) -> list[str]:
    lines = [_title(title)] if generation.titles else []
    whole = sum(node.total for node in nodes) or 1
    if csv:
        start = "start, " if generation.start else ""
        lines.append(f"node type, {start}first, avg_ms, %, cdf%, mem KB, times called, name")
    else:
        starts = [("[start]", 17)] if generation.start else []
        head = [("[node type]", generation.width), *starts, ("[first]", 9), ("[avg ms]", 9)]
        head += [("[%]", 8), ("[cdf%]", 8), ("[mem KB]", 10), ("[times called]", 9)]
        lines.append(_right(head) + "\t[Name]")
    so_far = 0
    for node in nodes:
        so_far += node.total
        shares = 100 * node.total / whole, 100 * so_far / whole
        row = _csv_row if csv else _text_row
        lines.append(row(node, shares, runs, generation))
    return [*lines, ""]


def _text_row(node: Node, shares: tuple[float, float], runs: int, generation: Generation) -> str:
    fields = [(node.type, generation.width)]
    if generation.start:
        fields.append((f"{node.start / 1000:.3f}", 17))
    fields += [(f"{node.first / 1000:.3f}", 9), (f"{node.average / 1000:.3f}", 9)]
    fields += [(f"{shares[0]:.3f}".rjust(7) + "%", 8), (f"{shares[1]:.3f}".rjust(7) + "%", 8)]
    fields += [(f"{node.memory / 1000:.3f}", 10), (str(node.calls // runs), 9)]
    return _right(fields) + "\t" + printed_name(node, generation)


def _csv_row(node: Node, shares: tuple[float, float], runs: int, generation: Generation) -> str:
    name = printed_name(node, generation)
    numbers = [node.first / 1000, node.average / 1000]
    if generation.start:
        numbers.insert(0, node.start / 1000)
    elif generation.percentiles:
        name = name.replace(",", "\t")
    texts = [*map(general, numbers), general(shares[0]) + "%", general(shares[1]) + "%"]
    return ", ".join([node.type, *texts, general(node.memory / 1000), str(node.calls // runs), name])


def _by_type(nodes: Sequence[Node], runs: int, generation: Generation, *, csv: bool) -> list[str]:
    lines = [f"Number of nodes executed: {len(nodes)}"]
    if generation.titles:
        lines.append(_title("Summary by node type"))
    if csv:
        lines.append("node type, count, avg_ms, avg %, cdf %, mem KB, times called")
    else:
        head = [("[Node type]", generation.width), ("[count]", 9), ("[avg ms]", 10), ("[avg %]", 11)]
        lines.append(_right([*head, ("[cdf %]", 11), ("[mem KB]", 10), ("[times called]", 10)]))
    times: dict[str, int] = {}
    for node in nodes:
        times[node.type] = times.get(node.type, 0) + node.total // runs
    whole, so_far = sum(times.values()) or 1, 0.0
    for kind, time in sorted(times.items(), key=lambda item: -item[1]):
        same = [node for node in nodes if node.type == kind]
        share = 100 * time / whole
        so_far += share
        count, calls = str(len(same)), str(sum(node.calls // runs for node in same))
        if csv:
            texts = [
                kind,
                count,
                general(time / 1000),
                general(share) + "%",
                general(so_far) + "%",
                "0",
                calls,
            ]
            lines.append(", ".join(texts))
        else:
            fields = [(kind, generation.width), (count, 9), (f"{time / 1000:.3f}", 10)]
            fields += [(f"{share:.3f}".rjust(10) + "%", 11), (f"{so_far:.3f}".rjust(10) + "%", 11)]
            lines.append(_right([*fields, ("0.000", 10), (calls, 9)]))
    return [*lines, ""]


def section(
    nodes: Sequence[Node], runs: int, generation: Generation, *, csv: bool = False, before: str = ""
) -> list[str]:
    """The tables of one subgraph and their footer."""
    whole = sum(node.total for node in nodes)
    sums = [whole // runs] * (runs - 1) + [whole - (whole // runs) * (runs - 1)]
    by_time = sorted(nodes, key=lambda node: -node.average)
    return [
        *_table(nodes, runs, generation, "Run Order", csv=csv),
        *_table(by_time, runs, generation, "Top by Computation Time", csv=csv),
        *_by_type(nodes, runs, generation, csv=csv),
        before + "Timings (microseconds): " + summary(sums),
        "Memory (bytes): count=0",
        f"{len(nodes)} nodes observed",
        "",
    ]


def profile(nodes: Sequence[Node], runs: int, generation: Generation, *, csv: bool = False) -> list[str]:
    """The tables of every subgraph."""
    numbers = sorted({node.subgraph for node in nodes} | {0})
    lines: list[str] = []
    for number in numbers:
        own = [node for node in nodes if node.subgraph == number]
        name = f", name: body{number}" if generation.named else ""
        before = f"Subgraph (index: {number}{name}) " if number else ""
        if len(numbers) > 1:
            main = "Primary graph (name: main) profile:" if generation.named else "Primary graph profile:"
            lines.append(f"{before}profile:" if number else main)
        lines += section(own, runs, generation, csv=csv, before=before)
        lines.append("")
    return lines


def benchmark_model(run: Printed, version: str, *, csv: bool = False, split: bool = False) -> str:
    """The whole output of benchmark_model; with ``split`` the tables alone, as in a file of their own."""
    generation = GENERATIONS[version]
    tables: list[str] = []
    if generation.init and run.init_nodes:
        tables.append(generation.level + "Profiling Info for Benchmark Initialization:")
        tables += profile(run.init_nodes, 1, generation, csv=csv)
        tables.append("")
    if run.nodes:
        heading = "Operator-wise Profiling Info for Regular Benchmark Runs:"
        tables += [generation.level + heading] if generation.init else []
        tables += profile(run.nodes, run.runs, generation, csv=csv)
    if run.inside:
        tables += ["Delegate internal: ", *section(run.inside, run.runs, generation, csv=csv), ""]
    return "\n".join(tables if split else [*_preamble(run, generation), *tables]) + "\n"


def _preamble(run: Printed, generation: Generation) -> list[str]:
    warmup = sum(run.warmup) / len(run.warmup)
    steady = sum(run.steady) / len(run.steady)
    last = {
        "average": f"Average inference timings in us: Warmup: {general(warmup)}, Init: {run.init}, "
        f"Inference: {general(steady)}",
        "full": f"Inference timings in us: Init: {run.init}, First inference: {run.warmup[0]}, "
        f"Warmup (avg): {general(warmup)}, Inference (avg): {general(steady)}",
    }[generation.timings]
    lines = [
        "STARTING!",
        "Log parameter values verbosely: [0]",
        f"Num threads: [{run.threads}]",
        f"Graph: [{run.graph}]",
        "Enable op profiling: [1]",
        *run.prologue,
        f"Loaded model {run.graph}",
        "The input model file size (MB): 1.90085",
        f"Initialized session in {general(run.init / 1000)}ms.",
        "Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.",
        summary(run.warmup, percentiles=generation.percentiles),
        "",
        "Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.",
        summary(run.steady, percentiles=generation.percentiles),
        "",
        last,
    ]
    if generation.init:
        lines += [
            "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the "
            "actual memory footprint of the model at runtime. Take the information at your discretion.",
            "Memory footprint delta from the start of the tool (MB): init=8.4375 overall=10.875",
        ]
    return [generation.level + line if line else "" for line in lines]


def kernel(name: str, index: int, time: int, runs: int = 50, *, times: int = 1, subgraph: int = 0) -> Node:
    """A delegate's kernel that takes about ``time`` microseconds each of ``times`` times an inference."""
    return Node(
        KERNEL, name, name, index, time + 3, time * runs * times + runs // 2, runs * times, subgraph, -1.0
    )


def operator(code: str, output: str, index: int, time: int, runs: int = 50, *, subgraph: int = 0) -> Node:
    """An operator of the graph."""
    return Node(OPERATOR, code, output, index, time + 2, time * runs + runs // 3, runs, subgraph)


def phase(name: str, time: int, calls: int = 50, *, memory: int = 0, kind: str | None = None) -> Node:
    """A phase of the runtime."""
    return Node(PHASE, kind or name, name, 0, time, time * calls, calls, memory=memory)
