"""Gathers what belongs to one run of the tool."""

from __future__ import annotations

from dataclasses import replace

from tflprof.logs.report import (
    BENCHMARK_LITERT_MODEL,
    BENCHMARK_MODEL,
    DELEGATE,
    LITERT,
    LogRow,
    LogRun,
    LogTable,
    Spread,
)
from tflprof.logs.timings import (
    read_count_line,
    read_delegated,
    read_memory,
    read_parameter,
    read_result,
    read_timings,
)

_MOST_PARAMETERS = 200
_RESULT_FIELDS = {
    "avg": "avg",
    "min": "min",
    "max": "max",
    "std": "std",
    "median": "median",
    "p5": "p5",
    "p95": "p95",
}


class RunBuilder:
    """One run of the tool as it is read.

    Args:
        line: number of its first line.
    """

    def __init__(self, line: int = 1) -> None:
        self._line = line
        self._tables: list[LogTable] = []
        self._rows: list[list[LogRow]] = []
        self._spreads: list[Spread] = []
        self._timings: dict[str, float] = {}
        self._results: dict[str, dict[str, float]] = {"Warmup": {}, "Inference": {}}
        self._memory: dict[str, float] = {}
        self._parameters: dict[str, str] = {}
        self._delegated: list[tuple[int, int, str]] = []

    def is_empty(self) -> bool:
        """True if nothing was measured so far."""
        results = any(self._results.values())
        return not (self._tables or self._timings or self._spreads or results)

    def knows(self, text: str) -> bool:
        """True for a line that :meth:`tell` takes something from."""
        readers = (read_timings, read_result, read_memory, read_parameter, read_delegated, read_count_line)
        return any(read(text) for read in readers)

    def repeats(self, text: str) -> bool:
        """True for timings that differ from those already here, or come after the last: they are of another run."""
        if read_count_line(text) and ("steady" in self._timings or self._results["Inference"]):
            return True
        timings = read_timings(text)
        if timings and self._timings and timings != self._timings:
            return True
        result = read_result(text)
        return bool(result and result[0] == "Model initialization" and "init" in self._timings)

    def tell(self, text: str) -> None:
        """Take a line outside of tables."""
        timings, result, spread = read_timings(text), read_result(text), read_count_line(text)
        if timings:
            self._timings.update(timings)
        elif result:
            self._take_result(*result)
        elif spread:
            self._spreads.append(spread)
        elif memory := read_memory(text):
            self._memory.update(memory)
        elif parameter := read_parameter(text):
            # A log of something else altogether may be full of lines that look so.
            if len(self._parameters) < _MOST_PARAMETERS:
                self._parameters.setdefault(*parameter)
        elif delegated := read_delegated(text):
            self._delegated.append(delegated)

    def _take_result(self, what: str, value: float, runs: int | None) -> None:
        name, _, statistic = what.partition(" ")
        statistic = statistic.strip("()")
        if what == "Model initialization":
            self._timings["init"] = value
        elif what == "Warmup (first)":
            self._timings["first"] = value
        elif statistic in _RESULT_FIELDS:
            self._results[name][statistic] = value
            if runs is not None:
                self._results[name]["count"] = runs

    def begin_table(self, table: LogTable) -> None:
        """The rows that follow are of this table."""
        self._tables.append(table)
        self._rows.append([])

    def add_row(self, row: LogRow, layout: str) -> None:
        """A row of the table under way."""
        self._rows[-1].append(row)
        self._tables[-1] = replace(self._tables[-1], layout=layout)

    def orders(self, section: str, subgraph: int) -> frozenset[str]:
        """Orders in which tables of a section were printed."""
        return frozenset(
            one.order for one in self._tables if (one.section, one.subgraph) == (section, subgraph)
        )

    def count(self, section: str, subgraph: int, nodes: int) -> None:
        """The tool's own number of rows."""
        self._change(section, subgraph, observed=nodes)

    def sum(self, section: str, subgraph: int, spread: Spread | None) -> None:
        """The tool's own sum of all rows."""
        self._change(section, subgraph, sums=spread)

    def _change(self, section: str, subgraph: int, **values: object) -> None:
        for number, table in enumerate(self._tables):
            if (table.section, table.subgraph) == (section, subgraph):
                self._tables[number] = replace(table, **values)  # type: ignore[arg-type]

    def finish(self) -> tuple[LogRun, list[str]]:
        """The run, and what in it does not agree with itself."""
        tables = tuple(
            replace(table, rows=tuple(rows)) for table, rows in zip(self._tables, self._rows, strict=True)
        )
        warmup, steady = self._rounds()
        run = LogRun(
            tables=tables,
            init=self._timings.get("init"),
            first=self._timings.get("first"),
            warmup=warmup,
            steady=steady,
            memory=self._memory,
            parameters=self._parameters,
            delegated=tuple(self._delegated),
            tool=BENCHMARK_LITERT_MODEL if self._is_litert() else BENCHMARK_MODEL,
            line=self._line,
        )
        return run, [problem for table in tables for problem in _problems(table)]

    def _is_litert(self) -> bool:
        return any(self._results.values()) or any(table.layout == LITERT for table in self._tables)

    def _rounds(self) -> tuple[Spread | None, Spread | None]:
        """Warm-up and counted inferences: the tool prints a line for each, and averages at the end."""
        warmup, steady = self._result("Warmup"), self._result("Inference")
        if len(self._spreads) >= 2:
            warmup, steady = self._spreads[-2], self._spreads[-1]
        elif self._spreads:
            steady = self._spreads[-1]
        if warmup is None and "warmup" in self._timings:
            warmup = Spread(avg=self._timings["warmup"])
        if steady is None and "steady" in self._timings:
            steady = Spread(avg=self._timings["steady"])
        return warmup, steady

    def _result(self, name: str) -> Spread | None:
        found = dict(self._results[name])
        if "avg" not in found:
            return None
        count = found.pop("count", None)
        return Spread(count=None if count is None else int(count), **found)


def _problems(table: LogTable) -> list[str]:
    where = f"the table at line {table.line}"
    if table.section == DELEGATE or not table.order:
        return []
    if table.observed is None:
        return [f"{where} has no footer: the log may have been cut"] if table.rows else []
    if table.observed != len(table.rows):
        return [f"{where} has {len(table.rows)} rows, the tool counted {table.observed} nodes"]
    return []
