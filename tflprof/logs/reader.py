"""Reading a log of text: a line is a row, ends a table, or says something else; nothing in a table is skipped."""

from __future__ import annotations

import re
from dataclasses import replace

from tflprof.logs.lines import Line, split_lines
from tflprof.logs.numbers import NUMBER
from tflprof.logs.report import (
    BY_MEMORY,
    BY_TIME,
    CSV,
    DELEGATE,
    INIT,
    LITERT,
    RUN,
    RUN_ORDER,
    TEXT,
    LogReport,
    LogRow,
    LogRun,
    LogTable,
    Unread,
)
from tflprof.logs.rows import UNKNOWN_COLUMNS, Columns, is_csv_row, read_head, read_row
from tflprof.logs.run_builder import RunBuilder
from tflprof.logs.timings import is_start, read_count_line, read_spread

_SECTIONS = (
    (re.compile(r"^Profiling Info for Benchmark Initialization\b"), INIT),
    (re.compile(r"^Operator-wise Profiling Info for Regular Benchmark Runs\b"), RUN),
    (re.compile(r"^Delegate internal\s*:"), DELEGATE),
)
_SUBGRAPH = re.compile(
    r"^(?:(?P<main>Primary graph)|Subgraph \(index: (?P<index>\d{1,6})[^)]*\)) ?(?P<rest>.*)$"
)
_TITLE = re.compile(r"^={3,} ?(?P<title>[A-Za-z].*?) ?={3,}$")
_RULE = re.compile(r"^[=-]{10,}$")
_ORDERS = {"run order": RUN_ORDER, "top by computation time": BY_TIME, "top by memory use": BY_MEMORY}
_SUMMARY_HEAD = re.compile(r"^\W*(?:\[Node type\]|node type,\s*count|Op Name\s+Count)")
_REST_OF_HEAD = re.compile(r"(?:\[Name\]|called\]|, name|times called)$")
_SUMMARY_NUMBERS, _DELEGATE_NUMBERS = 6, 5
_GAP = re.compile(r"[\s,]+")
_SUMMARY_NUMBER = re.compile(rf"{NUMBER}%?$")
_EXECUTED = re.compile(r"^Number of nodes executed: (\d{1,9})$")
_OBSERVED = re.compile(r"^(\d{1,9}) nodes observed$")
_LITERT_NAME = re.compile(r"\[(?:Builtin|Delegate)\]:\d+\s*$")


def read_text(data: bytes) -> LogReport:
    """Everything found in a log of text. Never raises, whatever the bytes."""
    reader = _Reader()
    for line in split_lines(data):
        reader.take(line)
    return reader.finish()


def _is_summary_row(text: str, numbers: int) -> bool:
    """True for a row of a table by type: a name, then so many numbers to its end."""
    words = _GAP.split(text)[1:]
    return len(words) >= numbers and all(map(_SUMMARY_NUMBER.match, words[-numbers:]))


class _Reader:
    """Goes through the lines of a log."""

    def __init__(self) -> None:
        self._runs: list[LogRun] = []
        self._run = RunBuilder()
        self._unread: list[Unread] = []
        self._problems: list[str] = []
        self._begin_section(RUN)
        self._pending: Line | None = None

    def _begin_section(self, section: str) -> None:
        self._section = section
        self._subgraph = 0
        self._title: str | None = None
        self._columns: Columns | None = None
        self._in_summary = False
        self._numbers = _SUMMARY_NUMBERS
        self._open = False
        self._source: str | None = None

    def take(self, line: Line) -> None:
        """Take the next line."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            whole = replace(pending, text=pending.text + line.text)
            if not self._looks_like_row(line) and self._is_row(whole):
                return
            self._unread.append(Unread(pending.number, pending.text))
        if self._is_row(line) or (self._open and _REST_OF_HEAD.search(line.bare)):
            return
        if self._ends_table(line):
            self._outside(line)
        elif line.source == self._source:
            # It may be the first half of a row that was cut in two.
            self._pending = line

    def _looks_like_row(self, line: Line) -> bool:
        return read_row(line.text, self._columns or UNKNOWN_COLUMNS, line.number) is not None

    def _is_row(self, line: Line) -> bool:
        if self._in_summary:
            return self._open and _is_summary_row(line.bare, self._numbers) and not self._speaks(line.bare)
        row = read_row(line.text, self._columns or UNKNOWN_COLUMNS, line.number)
        if row is None:
            return False
        if self._columns is None:
            # A table whose head is lost, or that went on after an empty line.
            self._columns = Columns(is_csv_row(line.text, UNKNOWN_COLUMNS), row.start is not None)
            self._begin_table(line, heading=False)
        self._add(row, line)
        self._open = True
        return True

    def _add(self, row: LogRow, line: Line) -> None:
        csv = is_csv_row(line.text, self._columns or UNKNOWN_COLUMNS)
        layout = LITERT if _LITERT_NAME.search(line.text) else CSV if csv else TEXT
        self._run.add_row(row, layout)

    def _speaks(self, text: str) -> bool:
        """True for a line that has a meaning of its own and so ends a table."""
        return bool(
            not text
            or self._section_of(text)
            or _SUBGRAPH.match(text)
            or _TITLE.match(text)
            or _RULE.match(text)
            or _EXECUTED.match(text)
            or _OBSERVED.match(text)
            or text.startswith(("Timings (microseconds):", "Memory (bytes):"))
            or _SUMMARY_HEAD.match(text)
            or read_head(text)
            or read_count_line(text)
            or is_start(text)
        )

    def _ends_table(self, line: Line) -> bool:
        """True if the line is not part of a table: none is open, or it speaks for itself."""
        return not self._open or self._speaks(line.bare) or self._run.knows(line.bare)

    @staticmethod
    def _section_of(text: str) -> str | None:
        return next((section for pattern, section in _SECTIONS if pattern.match(text)), None)

    def _outside(self, line: Line) -> None:
        """A line that is no row."""
        text = line.bare
        if not text:
            self._open = False
            return
        if self._heading(text, line) or self._footer(text):
            return
        if is_start(text) or self._run.repeats(text):
            self._next_run(line)
            self._begin_section(RUN)
        self._open = False
        self._run.tell(text)

    def _heading(self, text: str, line: Line) -> bool:
        section = self._section_of(text)
        if section is not None:
            self._begin_section(section)
            return True
        title = _TITLE.match(text)
        if title:
            self._title = _ORDERS.get(title["title"].strip().lower())
            self._columns, self._open, self._in_summary = None, False, False
            return title["title"].strip().upper() != "BENCHMARK RESULTS"
        if _SUMMARY_HEAD.match(text):
            self._in_summary, self._open, self._source = True, True, line.source
            self._numbers = _DELEGATE_NUMBERS if text.startswith("Op Name") else _SUMMARY_NUMBERS
            return True
        columns = read_head(text)
        if columns is not None:
            self._columns = columns
            self._begin_table(line, heading=True)
        return columns is not None

    def _begin_table(self, line: Line, *, heading: bool) -> None:
        self._open, self._in_summary, self._source = True, False, line.source
        seen = self._run.orders(self._section, self._subgraph)
        order = self._title or (RUN_ORDER if not seen else BY_TIME)
        if order in seen and self._section != DELEGATE and heading:
            self._next_run(line)
        self._title = None
        self._run.begin_table(LogTable(self._section, order, TEXT, self._subgraph, (), line=line.number))

    def _footer(self, text: str) -> bool:
        subgraph = _SUBGRAPH.match(text)
        if subgraph:
            self._subgraph = 0 if subgraph["main"] else int(subgraph["index"])
            text = subgraph["rest"].strip()
            if not text.startswith("Timings"):
                self._columns, self._open, self._in_summary = None, False, False
                return True
        counted = _EXECUTED.match(text) or _OBSERVED.match(text)
        if counted:
            self._run.count(self._section, self._subgraph, int(counted[1]))
        elif text.startswith("Timings (microseconds):"):
            self._run.sum(self._section, self._subgraph, read_spread(text))
        elif not text.startswith("Memory (bytes):"):
            return False
        self._columns, self._open, self._in_summary = None, False, False
        return True

    def _next_run(self, line: Line) -> None:
        if self._run.is_empty():
            return
        self._close_run()
        self._run = RunBuilder(line.number)

    def _close_run(self) -> None:
        run, problems = self._run.finish()
        self._runs.append(run)
        self._problems.extend(problems)

    def finish(self) -> LogReport:
        """The log has ended."""
        if self._pending is not None:
            self._unread.append(Unread(self._pending.number, self._pending.text))
        if not self._run.is_empty():
            self._close_run()
        return LogReport(tuple(self._runs), tuple(self._unread), tuple(self._problems))
