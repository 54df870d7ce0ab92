"""What a log says, as typed values: rows, tables, timings, and what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OPERATOR, KERNEL, PHASE = "operator", "kernel", "phase"
"""Kinds of rows: an operator of the graph, a kernel of a delegate, a phase of the runtime."""

INIT, RUN, DELEGATE = "init", "run", "delegate"
"""Sections of a profile: initialisation, regular runs, and what a delegate tells of its own node's inside."""

RUN_ORDER, BY_TIME, BY_MEMORY = "run order", "by time", "by memory"
"""Orders in which the tool prints the same rows."""

TEXT, CSV, LITERT, PROTO = "text", "csv", "litert", "proto"
"""Layouts of a table: benchmark_model's text and CSV, benchmark_litert_model's, and the protobuf message."""


BENCHMARK_MODEL, BENCHMARK_LITERT_MODEL = "benchmark_model", "benchmark_litert_model"
"""The tools: TensorFlow's and LiteRT's."""


@dataclass(frozen=True)
class Spread:
    """A summary of durations, in microseconds; None where the tool did not print it."""

    count: int | None = None
    avg: float | None = None
    first: float | None = None
    last: float | None = None
    min: float | None = None
    max: float | None = None
    std: float | None = None
    median: float | None = None
    p5: float | None = None
    p95: float | None = None


@dataclass(frozen=True)
class LogRow:
    """One row of a table.

    Attributes:
        kind: :data:`OPERATOR`, :data:`KERNEL` or :data:`PHASE`.
        type: what the tool calls the node's type: an operator, or a kernel's name.
        name: as printed, without the index: names of output tensors, or the kernel's name.
        index: of the operator in its subgraph, or of the kernel in its partition; None if not printed.
        spread: durations of one call, microseconds.
        calls: calls per inference, rounded down; in the LiteRT layout, calls in the whole run.
        percent: share of all rows' time, 0-100; None if not printed.
        start: microseconds from the first row's start, None if not printed.
        line: number of its line, 0 if it came from a message.
        order: place in the order of execution where the tool says it.
    """

    kind: str
    type: str
    name: str
    index: int | None
    spread: Spread
    calls: int
    percent: float | None = None
    start: float | None = None
    memory_kb: float | None = None
    line: int = 0
    order: int | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the operator's output tensors; empty for other rows."""
        if not (self.name.startswith("[") and self.name.endswith("]")):
            return ()
        return tuple(part.strip() for part in self.name[1:-1].split(", ") if part.strip())


@dataclass(frozen=True)
class LogTable:
    """One table of rows and the footer that goes with it.

    Attributes:
        section: :data:`INIT`, :data:`RUN` or :data:`DELEGATE`.
        order: :data:`RUN_ORDER`, :data:`BY_TIME` or :data:`BY_MEMORY`.
        layout: :data:`TEXT`, :data:`CSV`, :data:`LITERT` or :data:`PROTO`.
        sums: the footer's durations of all rows of one inference together.
        observed: number of rows the tool says there are.
        line: number of its first line.
    """

    section: str
    order: str
    layout: str
    subgraph: int
    rows: tuple[LogRow, ...]
    sums: Spread | None = None
    observed: int | None = None
    line: int = 0


@dataclass(frozen=True)
class LogRun:
    """One run of the tool.

    Attributes:
        tool: ``benchmark_model`` or ``benchmark_litert_model``, as told by how it prints.
        init: creation of the interpreter, microseconds; ``first``: the first inference.
        warmup: inferences before the counted ones; ``steady``: the counted ones.
        memory: megabytes by what was printed beside them.
        parameters: options the tool repeats at its start, and the like, by name.
        delegated: subgraph, nodes taken, and name of each delegate that took nodes.
    """

    tables: tuple[LogTable, ...] = ()
    init: float | None = None
    first: float | None = None
    warmup: Spread | None = None
    steady: Spread | None = None
    memory: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    delegated: tuple[tuple[int, int, str], ...] = ()
    tool: str = BENCHMARK_MODEL
    line: int = 1

    def table(self, section: str, subgraph: int) -> LogTable | None:
        """The best table of a section: in order of execution if there is one, and the most complete."""
        found = [one for one in self.tables if one.section == section and one.subgraph == subgraph]
        ranks = {RUN_ORDER: 0, BY_TIME: 1, BY_MEMORY: 2}
        return min(found, key=lambda one: (ranks[one.order], -len(one.rows)), default=None)

    def profiled(self) -> tuple[LogTable, ...]:
        """The best table of the regular runs of every subgraph, by subgraph."""
        numbers = sorted({one.subgraph for one in self.tables if one.section == RUN})
        return tuple(table for number in numbers if (table := self.table(RUN, number)) and table.rows)


@dataclass(frozen=True)
class Unread:
    """A line inside a table that was not understood."""

    line: int
    text: str


@dataclass(frozen=True)
class Delegation:
    """A node of a delegate, and the nodes of the model that it stands for, in their order of execution."""

    subgraph: int
    node: int
    name: str
    replaced: tuple[int, ...]


@dataclass(frozen=True)
class RuntimeInfo:
    """What ``--export_model_runtime_info`` tells: the plan of every subgraph, and what each delegate took."""

    plans: Mapping[int, tuple[int, ...]]
    delegations: tuple[Delegation, ...]


@dataclass(frozen=True)
class LogReport:
    """Everything that was found in a log.

    Attributes:
        runs: runs of the tool, in order; none in a file of runtime information.
        unread: lines inside tables that were not understood.
        problems: other reasons to doubt that everything was read: counts that do not agree, a cut end.
        runtime: which nodes went to which delegate, if that was told.
    """

    runs: tuple[LogRun, ...]
    unread: tuple[Unread, ...] = ()
    problems: tuple[str, ...] = ()
    runtime: RuntimeInfo | None = None
