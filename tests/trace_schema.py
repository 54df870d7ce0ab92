"""A strict check of Chrome's trace event format, JSON object form, as far as our traces use it."""

from __future__ import annotations

import math
from typing import Any

METADATA = {
    "process_name": ("name", str),
    "process_labels": ("labels", str),
    "process_sort_index": ("sort_index", int),
    "thread_name": ("name", str),
    "thread_sort_index": ("sort_index", int),
}
ALWAYS = {"name", "ph", "pid", "tid", "ts"}
FIELDS = {
    "X": (ALWAYS | {"cat", "dur", "args"}, {"cname"}),
    "C": (ALWAYS | {"args"}, set()),
    "M": (ALWAYS | {"args"}, set()),
}
COLOURS = {"good", "bad", "terrible", "black", "grey", "white", "yellow", "olive"}


def check_trace(document: Any) -> None:
    """Fail with what is wrong with a trace."""
    assert isinstance(document, dict)
    assert set(document) <= {"traceEvents", "displayTimeUnit", "otherData"}
    assert document["displayTimeUnit"] in ("ms", "ns")
    assert isinstance(document["otherData"], dict)
    events = document["traceEvents"]
    assert isinstance(events, list)
    assert events
    for event in events:
        _check_event(event)
    _check_named(events)
    for thread in {(event["pid"], event["tid"]) for event in events if event["ph"] == "X"}:
        _check_nesting([e for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) == thread])


def _check_event(event: Any) -> None:
    assert isinstance(event, dict)
    required, optional = FIELDS[event["ph"]]
    assert required <= set(event) <= required | optional, event
    assert isinstance(event["name"], str)
    assert event["name"]
    for name in ("pid", "tid"):
        assert type(event[name]) is int, event
        assert event[name] >= 0
    assert _is_number(event["ts"]), event
    assert event["ts"] >= 0
    assert isinstance(event["args"], dict)
    if event["ph"] == "X":
        assert _is_number(event["dur"]), event
        assert event["dur"] >= 0
        assert isinstance(event["cat"], str)
        assert event.get("cname", "good") in COLOURS
    elif event["ph"] == "C":
        assert event["args"]
        assert all(_is_number(value) for value in event["args"].values()), event
    else:
        key, kind = METADATA[event["name"]]
        assert set(event["args"]) == {key}, event
        assert isinstance(event["args"][key], kind), event


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_named(events: list[dict[str, Any]]) -> None:
    """Every process and thread with slices has a name, given before."""
    named: set[tuple[Any, ...]] = set()
    for event in events:
        if event["name"] == "process_name":
            named.add((event["pid"],))
        elif event["name"] == "thread_name":
            named.add((event["pid"], event["tid"]))
        elif event["ph"] == "X":
            assert {(event["pid"],), (event["pid"], event["tid"])} <= named, event


def _check_nesting(slices: list[dict[str, Any]]) -> None:
    """Slices of a thread come in order of time, and lie beside or within one another."""
    open_ends: list[int] = []
    last = 0
    for each in slices:
        start, end = round(each["ts"] * 1000), round((each["ts"] + each["dur"]) * 1000)
        assert start >= last, each
        last = start
        while open_ends and open_ends[-1] <= start:
            open_ends.pop()
        assert not open_ends or end <= open_ends[-1], each
        open_ends.append(end)
