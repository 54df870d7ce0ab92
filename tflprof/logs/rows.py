"""Rows of the tools' tables, in every layout.

The text layout of ``benchmark_model`` has a TAB before every right-aligned field and types that overflow
theirs, so it is split at TABs. CSV has commas inside types, and copies of text may have lost their TABs: both
are anchored on the run of numbers between type and name. Whether the run begins with a start is known from
the head of the table; without a head the longer run is tried first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tflprof.logs.numbers import NUMBER, read_count, read_number, scaled
from tflprof.logs.report import KERNEL, OPERATOR, PHASE, LogRow, Spread

_SPACED_HEAD = re.compile(r"\[node type\].*\[first\].*\[avg ms\]")
_CSV_HEAD = re.compile(r"^\W*node type,.*\bfirst,\s*avg_ms,")
_START = re.compile(r"\[start\]|\bstart\b")
_FIELD = re.compile(rf"^\s*{NUMBER}%?\s*$")
_DELEGATE = "Delegate/"
_INDEXED = re.compile(r"^(?P<name>.*):(?P<index>\d{1,9})$", re.DOTALL)
_UNINDEXED = re.compile(r"^(?P<name>\[.*\]):\w{0,3}$", re.DOTALL)
_PHASE = re.compile(r"^(?P<name>.*)/\w{1,9}$", re.DOTALL)
_LITERT = re.compile(r"^\[(?P<kind>Builtin|Delegate)\]:(?P<index>\d{1,9})$")


@dataclass(frozen=True)
class Columns:
    """What the head of a table tells: whether it is CSV, and whether its rows have a start; None: unknown."""

    csv: bool | None
    start: bool | None


_MOST_PERCENT = 1000.0
_LONGEST_MS = 1e10
"""No inference takes four months: such a row is damaged."""

UNKNOWN_COLUMNS = Columns(None, None)


def read_head(text: str) -> Columns | None:
    """The columns of a table of nodes if this is the head of one."""
    if _SPACED_HEAD.search(text):
        return Columns(csv=False, start=bool(_START.search(text)))
    if _CSV_HEAD.search(text):
        return Columns(csv=True, start=bool(_START.search(text)))
    return None


def read_row(text: str, columns: Columns, line: int) -> LogRow | None:
    """A row of a table of nodes, None if the text is none."""
    counts = {True: (3,), False: (2,), None: (3, 2)}[columns.start]
    for times in counts:
        fields = _fields(text, columns, times)
        if fields is not None:
            return _row(fields, times, line)
    return None


def is_csv_row(text: str, columns: Columns) -> bool:
    """True if a row of unknown layout is one of CSV."""
    return columns.csv is True or (
        columns.csv is None and "\t " not in text and _by_commas(text, 2) is not None
    )


def _fields(text: str, columns: Columns, times: int) -> list[str] | None:
    """Type, the numbers and the name."""
    if columns.csv is True:
        return _by_commas(text, times)
    return (
        _by_tabs(text, times)
        or _by_space(text, times)
        or (_by_commas(text, times) if columns.csv is None else None)
    )


def _by_tabs(text: str, times: int) -> list[str] | None:
    parts = text.split("\t")
    numbers = times + 4
    for first in range(1, len(parts) - numbers):
        chosen = parts[first : first + numbers]
        if all(map(_FIELD.match, chosen)) and "%" in chosen[times] and "%" in chosen[times + 1]:
            return [parts[first - 1].strip(), *chosen, "\t".join(parts[first + numbers :]).strip()]
    return None


def _pattern(times: int, gap: str, percent: str, name: str) -> re.Pattern[str]:
    # The type ends with what is no space, so that a long run of spaces is looked at once only.
    plain = rf"({NUMBER}){gap}" * times
    shares = rf"({NUMBER}){percent}{gap}" * 2
    return re.compile(rf"^(\S(?:.*?\S)??){gap}{plain}{shares}({NUMBER}){gap}(\d+){name}$", re.DOTALL)


_BY_SPACE = {times: _pattern(times, r"\s++", "%", r"\s++(\S.*)") for times in (2, 3)}
_BY_COMMAS = {times: _pattern(times, r"\s*+,\s*+", "%?", r"\s*+,\s*+(.*)") for times in (2, 3)}


def _by_space(text: str, times: int) -> list[str] | None:
    # The pattern tries many ways to cut a long line; a row has its two shares, anything else is let go at once.
    found = _BY_SPACE[times].match(text.strip()) if text.count("%") >= 2 else None
    return list(found.groups()) if found else None


def _by_commas(text: str, times: int) -> list[str] | None:
    found = _BY_COMMAS[times].match(text.strip()) if text.count(",") >= times + 5 else None
    return list(found.groups()) if found else None


def _row(fields: list[str], times: int, line: int) -> LogRow | None:
    kind_of_node, *numbers, name = fields
    values = [read_number(number.strip().rstrip("%")) for number in numbers]
    calls = read_count(numbers[-1])
    avg = values[times - 1]
    if calls is None or avg is None or not 0 <= avg * max(calls, 1) <= _LONGEST_MS or not kind_of_node:
        return None
    kind, bare, index = read_name(kind_of_node, name)
    return LogRow(
        kind=kind,
        type=kind_of_node.removeprefix(_DELEGATE) if kind == KERNEL else kind_of_node,
        name=bare,
        index=index,
        spread=Spread(avg=avg * 1000.0, first=scaled(values[times - 2], 1000.0)),
        calls=calls,
        percent=values[times] if 0 <= (values[times] or 0.0) <= _MOST_PERCENT else None,
        start=scaled(values[0], 1000.0) if times == 3 else None,
        memory_kb=values[times + 2],
        line=line,
    )


def read_name(node_type: str, name: str) -> tuple[str, str, int | None]:
    """Kind, name without index, and index of a row, from what stands in its columns of type and name."""
    litert = _LITERT.match(name)
    if litert:
        kind = KERNEL if litert["kind"] == "Delegate" else OPERATOR
        return kind, node_type.removeprefix(_DELEGATE) if kind == KERNEL else "", int(litert["index"])
    # CSV of later generations writes a TAB for each comma within a name.
    name = name.replace("\t", ",")
    indexed = _INDEXED.match(name)
    bare, index = (indexed["name"], int(indexed["index"])) if indexed else (name, None)
    if bare.startswith(_DELEGATE):
        return KERNEL, bare.removeprefix(_DELEGATE), index
    unindexed = None if indexed else _UNINDEXED.match(bare)
    if unindexed:
        return OPERATOR, unindexed["name"], None
    phase = _PHASE.match(bare) if index is None and not bare.startswith("[") else None
    if phase and (phase["name"] == node_type or node_type == "Misc Runtime Ops"):
        return PHASE, phase["name"], None
    return OPERATOR, bare, index
