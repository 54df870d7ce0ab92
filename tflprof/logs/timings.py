"""The lines of a log that are not in tables: timings, memory, options, delegates."""

from __future__ import annotations

import re

from tflprof.logs.numbers import NUMBER, read_count, read_number, scaled
from tflprof.logs.report import Spread

_PAIR = re.compile(rf"\b(count|first|curr|min|max|avg|std|median|p5|p95)=({NUMBER})")
_COUNT_LINE = re.compile(r"^count=\d+\b")
_IN_US = re.compile(r"nference timings in us:\s*(.*)$")
_IN_US_PAIR = re.compile(rf"([A-Za-z][A-Za-z ()]*?):\s*({NUMBER})")
_IN_MS = re.compile(
    rf"^(?P<what>Model initialization|(?:Warmup|Inference) \(\w+\)):\s+(?P<value>{NUMBER})(?: ms)?"
    rf"(?:\s+\((?P<runs>\d+) runs\))?\s*$"
)
_LONGEST_LABEL = 80
_MEMORY_PAIR = re.compile(rf"(init|overall)=({NUMBER})")
_MEMORY_MB = re.compile(
    rf"^(?P<what>Init footprint|Overall footprint|Peak memory):\s+(?P<value>{NUMBER}) MB\s*$"
)
_PARAMETER = re.compile(r"^(?P<name>[#A-Za-z][^:\[\]{}]{0,60}?)\s*: \[(?P<value>.*)\]$")
_TOLD = re.compile(r"^(?P<name>Model|Num threads|Accelerators):\s{2,}(?P<value>\S.*)$")
_LOADED = re.compile(r"^(?:Loaded model|Loading model from:) (?P<value>\S.*)$")
_DELEGATED = re.compile(
    r"Replacing (?P<taken>\d{1,9})(?: out of \d+)? node\(s\) with delegate \((?P<name>[^)]*)\) node, "
    r"yielding \d+ partitions?(?: for subgraph (?P<subgraph>\d{1,6}))?"
)
_START = re.compile(r"^(?:STARTING!|Log parameter values verbosely: \[)")


def is_start(text: str) -> bool:
    """True at what the tool prints before anything else."""
    return bool(_START.match(text))


def read_spread(text: str) -> Spread | None:
    """``count=50 first=… curr=… min=… max=… avg=… std=…`` wherever it stands; None if it does not."""
    found = {name: read_number(value) for name, value in _PAIR.findall(text)}
    count = found.get("count")
    if count is None or count < 0:
        return None
    last = found.get("curr")
    same = last if "avg" not in found and count > 0 else None
    return Spread(
        count=int(count),
        avg=found.get("avg", same),
        first=found.get("first", same),
        last=last,
        min=found.get("min", same),
        max=found.get("max", same),
        std=found.get("std", None if same is None else 0.0),
        median=found.get("median", same),
        p5=found.get("p5", same),
        p95=found.get("p95", same),
    )


def read_count_line(text: str) -> Spread | None:
    """A line of its own that summarises a round of inferences, microseconds."""
    return read_spread(text) if _COUNT_LINE.match(text) else None


def read_timings(text: str) -> dict[str, float] | None:
    """``init``, ``first``, ``warmup`` and ``steady`` (averages), microseconds, of the tool's last line."""
    found = _IN_US.search(text)
    if not found:
        return None
    names = {
        "init": "init",
        "first inference": "first",
        "warmup": "warmup",
        "warmup (avg)": "warmup",
        "inference": "steady",
        "inference (avg)": "steady",
        "no stats": "steady",
    }
    pairs = (
        (names.get(name.strip().lower()), read_number(value)) for name, value in _IN_US_PAIR.findall(found[1])
    )
    return {name: value for name, value in pairs if name is not None and value is not None}


def read_result(text: str) -> tuple[str, float, int | None] | None:
    """Name, microseconds and number of runs of a line of the LiteRT tool's results."""
    found = _IN_MS.match(text)
    value = scaled(read_number(found["value"]), 1000.0) if found else None
    if found is None or value is None:
        return None
    return found["what"], value, None if found["runs"] is None else read_count(found["runs"])


def read_memory(text: str) -> dict[str, float]:
    """Megabytes by what was printed beside them; empty if the line tells of no memory."""
    one = _MEMORY_MB.match(text)
    if one:
        value = read_number(one["value"])
        return {} if value is None else {one["what"]: value}
    head, mark, rest = text.partition("(MB)")
    more, colon, printed = rest.partition(": ")
    if not (mark and colon and "footprint" in head) or len(head) + len(more) > _LONGEST_LABEL:
        return {}
    what = f"{head.strip()} {more.strip()}".strip()
    pairs = _MEMORY_PAIR.findall(printed) or [("", printed.strip())]
    values = ((f"{what} {name}".strip(), read_number(value)) for name, value in pairs)
    return {name: value for name, value in values if value is not None}


def read_parameter(text: str) -> tuple[str, str] | None:
    """Name and value of an option that the tool repeats, such as ``Num threads: [4]``."""
    found = _PARAMETER.match(text)
    if found:
        return found["name"].strip(), found["value"]
    told = _TOLD.match(text)
    if told:
        return "Graph" if told["name"] == "Model" else told["name"], told["value"]
    loaded = _LOADED.match(text)
    return ("Graph", loaded["value"]) if loaded else None


def read_delegated(text: str) -> tuple[int, int, str] | None:
    """Subgraph, number of nodes taken and name of the delegate that took them."""
    found = _DELEGATED.search(text)
    return (int(found["subgraph"] or 0), int(found["taken"]), found["name"]) if found else None
