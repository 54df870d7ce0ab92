from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.errors import RunnerError
from tflprof.runner.protocol import parse_line
from tflprof.runner.records import (
    Affinity,
    Block,
    Event,
    Failure,
    Hello,
    Library,
    LoadedModel,
    Pmu,
    Port,
    Record,
    Structure,
)
from tflprof.runner.stream import StreamRules, parse_stream

HELLO = {"r": "hello", "protocol": 1, "build": "0123456789ab", "platform": "linux-aarch64", "pid": 1, "t": 2}
MODEL = {
    "r": "model",
    "m": 0,
    "path": "a.tflite",
    "signature": None,
    "signature_index": 0,
    "subgraph": 0,
    "inputs": [{"name": "x", "dtype": "int8", "shape": [1, 2], "bytes": 2, "source": "random"}],
    "outputs": [{"name": "y", "dtype": "int8", "shape": [], "bytes": 1}],
}
STRUCTURE = {"r": "structure", "m": 0, "s": 0, "events": [[8, 2, 0, 0, "GEMM"]], "start": [0], "elapsed": [5]}
BLOCK = {
    "r": "block",
    "m": 0,
    "v": "profiled",
    "phase": "steady",
    "b": 0,
    "round": 0,
    "counter": "ns",
    "t": 1,
    "khz": None,
    "nivcsw": 0,
    "value": [7, 8],
    "core": [3, 3],
    "structure": [0, 0],
    "events": [[5], [6]],
}
PLAIN = {key: value for key, value in BLOCK.items() if key not in ("structure", "events")} | {"v": "plain"}

NOTICED = {
    "khz_before": 1_900_000,
    "mc": 41_000,
    "mc_before": None,
    "chain_khz": 1_850_000,
    "missed": 2,
    "workers": [[9, 3], [10, 2]],
    "pmu": {"cycles": [5, -1]},
}


def line(data: Any) -> bytes:
    return json.dumps(data).encode() + b"\n"


def end(count: int, status: str = "ok") -> dict[str, Any]:
    return {"r": "end", "status": status, "records": count}


def parsed(*records: Any) -> list[Record]:
    return list(parse_stream([line(record) for record in records], StreamRules()))


@pytest.mark.parametrize(
    ("data", "record"),
    [
        (HELLO, Hello(1, "0123456789ab", "linux-aarch64", 1, 2)),
        (
            {"r": "affinity", "requested": [4], "allowed": [], "error": "no"},
            Affinity((4,), (), "no"),
        ),
        (
            {"r": "library", "path": "/l.so", "api": "tflite", "version": "2.17.0", "build": None},
            Library("/l.so", None, "tflite", "2.17.0"),
        ),
        ({"r": "library", "path": "/l.so", "build": None}, Library("/l.so", None)),
        (
            MODEL,
            LoadedModel(
                0,
                "a.tflite",
                None,
                0,
                0,
                (Port("x", "int8", (1, 2), 2, "random"),),
                (Port("y", "int8", (), 1),),
            ),
        ),
        (STRUCTURE, Structure(0, 0, (Event(8, 2, 0, 0, "GEMM"),), (0,), (5,))),
        (
            BLOCK,
            Block(0, "profiled", "steady", 0, 0, "ns", 1, None, 0, (7, 8), (3, 3), (0, 0), ((5,), (6,))),
        ),
        (
            PLAIN | NOTICED,
            Block(
                *(0, "plain", "steady", 0, 0, "ns", 1, None, 0, (7, 8), (3, 3)),
                khz_before=1_900_000,
                mc=41_000,
                chain_khz=1_850_000,
                missed=2,
                workers=((9, 3), (10, 2)),
                pmu={"cycles": (5, -1)},
            ),
        ),
        ({"r": "pmu", "counters": ["cycles"], "error": None}, Pmu(("cycles",), None)),
        (
            {"r": "error", "where": "run", "model": None, "status": 3, "message": "é"},
            Failure("run", None, 3, "é"),
        ),
        (HELLO | {"new": ["key"]}, Hello(1, "0123456789ab", "linux-aarch64", 1, 2)),
    ],
)
def test_records(data: Any, record: Record) -> None:
    assert parse_line(line(data)) == record


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null\n",
        b"[]\n",
        b'{"r":"strange"}\n',
        b'{"r":["hello"]}\n',
        line({key: value for key, value in HELLO.items() if key != "pid"}),
        line(HELLO | {"pid": 1.0}),
        line(HELLO | {"pid": True}),
        line(HELLO | {"pid": None}),
        line(HELLO | {"pid": "1"}),
        line(HELLO | {"build": 5}),
        line(BLOCK | {"value": [1, "2"]}),
        line(BLOCK | {"events": [5, 6]}),
        line(BLOCK | {"pmu": [5]}),
        line(BLOCK | {"pmu": {"cycles": 5}}),
        line(BLOCK | {"workers": [5]}),
        line({"r": "pmu", "counters": [5], "error": None}),
        line(STRUCTURE | {"events": [[8, 2, 0, "GEMM"]]}),
        line(STRUCTURE | {"events": [[8, 2, 0, 0, "\ud800"]]}),
        line(HELLO)[:-10],
        b'{"r":"hello","pid":' + b"9" * 5000 + b"}\n",
        b"[" * 100_000,
        b"\xff\xfe\n",
        b"benchmark: 3 ms\n",
    ],
)
def test_what_is_no_record(text: bytes) -> None:
    with pytest.raises(RunnerError, match="not a record"):
        parse_line(text)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_record_or_a_runner_error(text: bytes) -> None:
    check_only_runner_error(lambda: parse_line(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([HELLO, MODEL, STRUCTURE, BLOCK]), st.data())
def test_a_damaged_record_gives_a_record_or_a_runner_error(good: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(good)))
    check_only_runner_error(lambda: parse_line(line(good | {key: data.draw(JSON)})))


@given(st.lists(st.sampled_from([HELLO, MODEL, STRUCTURE, BLOCK, PLAIN, end(1), end(3)]), max_size=6))
def test_any_order_gives_records_or_a_runner_error(records: list[dict[str, Any]]) -> None:
    check_only_runner_error(lambda: parsed(*records))


def check_only_runner_error(action: Callable[[], object]) -> None:
    with contextlib.suppress(RunnerError):
        action()


# The rules among records


def test_a_whole_session() -> None:
    records = parsed(HELLO, MODEL, STRUCTURE, BLOCK, PLAIN, end(5))
    assert len(records) == 6


def test_an_incomplete_last_line_is_dropped() -> None:
    rules = StreamRules()
    lines = [line(HELLO), line(MODEL), line(end(2))[:-4]]
    assert len(list(parse_stream(lines, rules))) == 2
    assert rules.end is None


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([MODEL], "began with LoadedModel"),
        ([HELLO | {"protocol": 2}], "protocol 2, tflprof needs 1"),
        ([HELLO, BLOCK], "of model 0, which was not announced"),
        ([HELLO, MODEL, BLOCK], "1 events of structure 0, which has not been announced"),
        (
            [HELLO, MODEL, STRUCTURE, BLOCK | {"events": [[5], [6, 7]]}],
            "2 events of structure 0, which has 1",
        ),
        ([HELLO, MODEL, STRUCTURE, BLOCK | {"events": [[5]]}], "not one list of events for each"),
        ([HELLO, MODEL, STRUCTURE, BLOCK | {"core": [3]}], "2 values and 1 cores"),
        ([HELLO, MODEL, PLAIN | {"value": [], "core": []}], "0 values"),
        ([HELLO, MODEL, PLAIN | {"pmu": {"cycles": [1]}}], "2 values and 1 counts of cycles"),
        ([HELLO, MODEL, PLAIN | {"workers": [[1]]}], "not a thread and a core"),
        ([HELLO, MODEL, STRUCTURE | {"start": []}], "lists of different lengths"),
        ([HELLO, end(2)], "1 records arrived, but the runner wrote 2"),
        ([HELLO, end(1), MODEL], "went on after its end"),
    ],
)
def test_broken_rules(records: list[Any], told: str) -> None:
    with pytest.raises(RunnerError, match=told):
        parsed(*records)
