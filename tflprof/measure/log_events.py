"""From the rows of a log to an event list as the runtime would have given it, so that both are aligned alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tflprof.errors import UsageError
from tflprof.logs.report import (
    KERNEL,
    LITERT,
    OPERATOR,
    PHASE,
    RUN_ORDER,
    LogRow,
    LogRun,
    LogTable,
    RuntimeInfo,
)
from tflprof.measure import nesting
from tflprof.measure.averages import calls_per_inference, inferences_behind, mean_us, merged_rows
from tflprof.model.graph import Model, Op
from tflprof.model.partition import static_ops
from tflprof.profile.meta import EventInfo

_KERNEL_TYPE = 8
_HINT = "name the file that ran, or leave --model out"


@dataclass(frozen=True)
class Placed:
    """One event and the row it came from.

    Attributes:
        row: None for a call of a subgraph.
        merged: True for a kernel that the tool may have added up over partitions.
        calls: calls per inference.
        replaced: ids of the layers that this event, a delegate's node, stands for, where that was told.
    """

    event: EventInfo
    mean_ns: float
    row: LogRow | None = None
    merged: bool = False
    calls: float = 1.0
    replaced: tuple[str, ...] = ()


@dataclass
class LogEvents:
    """Events of one inference in order of execution.

    Attributes:
        subgraph: the one the inference starts in.
        placed: events, each with what it takes per inference.
        merged: rows in which the tool added up several partitions.
        left_out: rows of subgraphs that no operator here is known to call; their time is in their caller's.
    """

    subgraph: int = 0
    placed: list[Placed] = field(default_factory=list)
    merged: int = 0
    left_out: int = 0


def log_events(run: LogRun, model: Model | None, runtime: RuntimeInfo | None = None) -> LogEvents:
    """Order the rows of a run as the runtime ran them, subgraphs inside the operators that call them.

    Args:
        run: the run.
        model: what ran, if known.
        runtime: what each delegate took, if known.
    """
    return _Builder(run, model, runtime).build()


class _Builder:
    def __init__(self, run: LogRun, model: Model | None, runtime: RuntimeInfo | None) -> None:
        self._delegations = {(one.subgraph, one.node): one for one in runtime.delegations} if runtime else {}
        self._model = model
        whole = {table.subgraph: inferences_behind(run, table) for table in run.profiled()}
        self._tables = {part.subgraph: part for table in run.profiled() for part in by_subgraph(table, model)}
        self._inferences = {number: whole.get(number, whole.get(0)) for number in self._tables}
        unknown = [number for number in self._tables if model and not 0 <= number < len(model.subgraphs)]
        if model is not None and unknown:
            raise UsageError(
                f"the log has operators of subgraph {unknown[0]}, {model.path} has {len(model.subgraphs)} subgraphs: "
                "the log is of another model",
                _HINT,
            )
        self._used: set[int] = set()
        self._events = LogEvents(subgraph=min(self._tables, default=0))

    def build(self) -> LogEvents:
        found = self._events
        if not self._tables:
            return found
        start = found.subgraph
        phases = [row for row in self._tables[start].rows if row.kind == PHASE]
        found.placed += [self._place(row, self._tables[start], nesting.PHASE, 0) for row in phases]
        self._call(start)
        found.left_out = sum(
            len(table.rows) for number, table in self._tables.items() if number not in self._used
        )
        # What is not to be read against the graph's parts stands behind everything that is.
        found.placed.sort(key=lambda placed: placed.merged or bool(placed.replaced))
        return found

    def _call(self, subgraph: int) -> None:
        self._used.add(subgraph)
        table = self._tables[subgraph]
        merged = self._merged(subgraph)
        self._events.merged += len(merged)
        rows = [row for row in _in_order(table) if row.kind != PHASE]
        total = sum(mean_us(row, table, self._inferences[subgraph]) for row in rows)
        call = EventInfo(nesting.PHASE, 0, 0, subgraph, "Invoke")
        self._events.placed.append(Placed(call, total * 1000.0))
        for row in rows:
            self._row(row, table, bool(merged))

    def _row(self, row: LogRow, table: LogTable, merged: bool) -> None:
        op = self._op(row, table.subgraph)
        if row.kind == KERNEL or (self._model is not None and op is None):
            # A row of a node that the model does not have is a delegate's: one kernel for all it took.
            index = row.index or 0 if row.kind == KERNEL else 0
            placed = self._place(row, table, _KERNEL_TYPE, index, merged=merged and row.kind == KERNEL)
            self._events.placed.append(replace(placed, replaced=self._replaced(row, table.subgraph)))
            return
        index = op.index if op is not None else row.index if row.index is not None else -1
        self._events.placed.append(self._place(row, table, nesting.OPERATOR, index))
        for called in op.subgraphs if op is not None else ():
            if called in self._tables and called not in self._used and not self._merged(called):
                self._call(called)

    def _replaced(self, row: LogRow, subgraph: int) -> tuple[str, ...]:
        """Layers of a delegate's node, as far as the runtime told."""
        found = None if row.index is None else self._delegations.get((subgraph, row.index))
        if found is None or row.kind == KERNEL or self._model is None:
            return ()
        ops = self._model.subgraphs[subgraph].ops
        return tuple(ops[index].id for index in sorted(found.replaced) if 0 <= index < len(ops))

    def _merged(self, subgraph: int) -> tuple[LogRow, ...]:
        """Kernels whose partition, or even subgraph, cannot be told."""
        table = self._tables[subgraph]
        if self._model is not None and table.layout == LITERT and len(self._tables) > 1:
            homes = _kernel_homes(self._model, {one: list(own.rows) for one, own in self._tables.items()})
            if len(homes) > 1:
                return tuple(row for row in table.rows if row.kind == KERNEL)
        return merged_rows(table, self._inferences[subgraph])

    def _place(self, row: LogRow, table: LogTable, kind: int, index: int, *, merged: bool = False) -> Placed:
        inferences = self._inferences[table.subgraph]
        event = EventInfo(kind, 0, index, table.subgraph, row.type)
        calls = calls_per_inference(row, table, inferences)
        return Placed(event, mean_us(row, table, inferences) * 1000.0, row, merged, calls)

    def _op(self, row: LogRow, subgraph: int) -> Op | None:
        """The operator that a row is of, by its index, or by its outputs where no index was printed."""
        if self._model is None or row.kind != OPERATOR or subgraph >= len(self._model.subgraphs):
            return None
        graph = self._model.subgraphs[subgraph]
        kind = row.type.partition("/")[0]
        if row.index is not None:
            # Nodes of delegates come after the model's own.
            op = graph.ops[row.index] if row.index < len(graph.ops) else None
            if op is not None and not {kind, row.type} & {op.type, op.code}:
                raise _of_another_model(self._model, row, op)
            return op
        names = row.outputs
        return next(
            (
                op
                for op in graph.ops
                if op.type in (kind, row.type)
                and tuple(graph.tensors[tensor].name for tensor in op.outputs if tensor >= 0) == names
            ),
            None,
        )


def by_subgraph(table: LogTable, model: Model | None) -> tuple[LogTable, ...]:
    """The tables of the subgraphs in one: the LiteRT tool prints all in one table and does not say which is which.

    An operator is taken for the first of its index and type that is not taken yet; kernels go to the only subgraph
    that has operators without a row, or stay with subgraph 0.
    """
    if table.layout != LITERT or model is None:
        return (table,)
    rows: dict[int, list[LogRow]] = {0: []}
    taken: set[tuple[int, int]] = set()
    for row in table.rows:
        index, kind = row.index if row.index is not None else -1, row.type.partition("/")[0]
        places = [
            graph.index
            for graph in model.subgraphs
            if row.kind == OPERATOR
            and 0 <= index < len(graph.ops)
            and {kind, row.type} & {graph.ops[index].type, graph.ops[index].code}
            and (graph.index, index) not in taken
        ]
        place = places[0] if places else 0
        taken.add((place, index))
        rows.setdefault(place, []).append(row)
    homes = _kernel_homes(model, rows)
    if len(homes) == 1 and homes != [0]:
        kernels = [row for row in rows[0] if row.kind == KERNEL]
        rows[0] = [row for row in rows[0] if row.kind != KERNEL]
        rows.setdefault(homes[0], []).extend(kernels)
    return tuple(replace(table, subgraph=place, rows=tuple(own)) for place, own in sorted(rows.items()))


def _kernel_homes(model: Model, rows: Mapping[int, Sequence[LogRow]]) -> list[int]:
    """Subgraphs that may have run and have operators that no row is of: a delegate took these."""
    called = {
        inner
        for graph in model.subgraphs
        if graph.index in rows
        for op in graph.ops
        for inner in op.subgraphs
    }
    listed = {
        graph: {row.index for row in own if row.kind == OPERATOR and row.index is not None}
        for graph, own in rows.items()
    }
    return [
        graph.index
        for graph in model.subgraphs
        if graph.index in {0, *called}
        and any(op.index not in listed.get(graph.index, set()) | static_ops(graph) for op in graph.ops)
    ]


def _of_another_model(model: Model, row: LogRow, op: Op) -> UsageError:
    where = f"line {row.line} of the log" if row.line else "the profile"
    return UsageError(
        f"{where} has {row.type} as operator {row.index}, in {model.path} that is {op.type}: "
        "the log is of another model",
        _HINT,
    )


def _in_order(table: LogTable) -> Sequence[LogRow]:
    """Rows in order of execution, as far as the table tells."""
    if all(row.order is not None for row in table.rows):
        return sorted(table.rows, key=lambda row: row.order or 0)
    if table.order == RUN_ORDER:
        return table.rows
    if all(row.start is not None and row.kind == OPERATOR for row in table.rows):
        return sorted(table.rows, key=lambda row: row.start or 0.0)
    return sorted(table.rows, key=lambda row: (row.kind == KERNEL, row.index if row.index is not None else 0))
