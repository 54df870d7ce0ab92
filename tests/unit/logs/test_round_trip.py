"""Whatever a tool knows of a run, what it prints is read back: every layout, every generation, random runs."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import printed_litert, printed_logs, printed_messages
from tests.printed_logs import GENERATIONS, KERNEL, OPERATOR, PHASE, Node, Printed
from tflprof.logs.detect import read_log
from tflprof.logs.report import LogReport, LogRow

TYPES = st.sampled_from(
    [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "TFLite_Detection_PostProcess",
        "TfLiteXNNPackDelegate",
        "FlexErf",
        "MEAN/f32",
    ]
)
KERNELS = st.sampled_from(
    [
        "Convolution (NHWC, F32) IGEMM",
        "Fully Connected (NC, QD8, F32, QC4W) GEMM",
        "Mean (ND) Reduce2",
        "Add (ND, QS8)",
        "HardSwish (NC)",
        "Static Reshape (NC, X8)",
    ]
)
NAME = st.text("abcxyzABC019_/.;-", min_size=1, max_size=40).filter(lambda name: not name.endswith("-"))
NAMES = st.lists(NAME, min_size=1, max_size=4).map(", ".join)
TIME = st.integers(0, 20_000_000)
RUNS = st.integers(1, 60)


@st.composite
def nodes(draw: st.DrawFn, runs: int, subgraph: int = 0) -> list[Node]:
    found: dict[tuple[str, str, int], Node] = {}
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from([OPERATOR, OPERATOR, KERNEL, PHASE]))
        times = draw(st.integers(1, 3))
        first, total = draw(TIME), draw(TIME) * runs
        if kind == OPERATOR:
            node = Node(
                kind, draw(TYPES), draw(NAMES), draw(st.integers(0, 500)), first, total, runs, subgraph
            )
        elif kind == KERNEL:
            name = draw(KERNELS)
            node = Node(kind, name, name, draw(st.integers(0, 90)), first, total, runs * times, subgraph)
        else:
            node = Node(kind, "AllocateTensors", "AllocateTensors", 0, first, total, runs, subgraph)
        found.setdefault((kind, node.name, node.index), node)
    return list(found.values())


@st.composite
def printed(draw: st.DrawFn, *, subgraphs: bool = True) -> Printed:
    runs = draw(RUNS)
    own = draw(nodes(runs))
    if subgraphs and draw(st.booleans()):
        own += draw(nodes(runs, 1))
    steady = draw(st.lists(st.integers(1, 5_000_000), min_size=runs, max_size=runs))
    warmup = draw(st.lists(st.integers(1, 5_000_000), min_size=1, max_size=5))
    init_nodes = draw(nodes(1)) if draw(st.booleans()) else []
    return Printed(own, steady, warmup, draw(st.integers(1, 10_000_000)), init_nodes=init_nodes)


def rows_of(report: LogReport, subgraph: int) -> list[LogRow]:
    (run,) = report.runs
    return [row for table in run.profiled() if table.subgraph == subgraph for row in table.rows]


def check_rows(run: Printed, report: LogReport, *, digits: float, indexed: bool = True) -> None:
    assert report.unread == ()
    assert report.problems == ()
    for subgraph in {node.subgraph for node in run.nodes}:
        expected = [node for node in run.nodes if node.subgraph == subgraph]
        found = rows_of(report, subgraph)
        assert [row.kind for row in found] == [node.kind for node in expected]
        assert [row.type for row in found] == [node.type for node in expected]
        for row, node in zip(found, expected, strict=True):
            assert row.calls == node.calls // run.runs
            assert row.index == (
                node.index if node.kind == KERNEL or (indexed and node.kind == OPERATOR) else None
            )
            assert row.name == (f"[{node.name}]" if node.kind == OPERATOR else node.name)
            assert row.spread.avg is not None
            assert math.isclose(row.spread.avg, node.average, rel_tol=digits, abs_tol=0.51)


SLOW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("version", list(GENERATIONS))
@pytest.mark.parametrize("csv", [False, True], ids=["text", "csv"])
@SLOW
@given(data=st.data())
def test_tables_are_read_back(data: st.DataObject, version: str, csv: bool) -> None:
    run = data.draw(printed())
    generation = GENERATIONS[version]
    report = read_log(printed_logs.benchmark_model(run, version, csv=csv).encode(), "log")
    check_rows(run, report, digits=1e-5, indexed=generation.indexed)
    (found,) = report.runs
    assert found.init == pytest.approx(run.init, rel=1e-5)
    assert found.steady is not None
    assert found.steady.count == run.runs
    assert found.steady.avg == pytest.approx(sum(run.steady) / run.runs, rel=1e-5)
    assert found.warmup is not None
    assert found.warmup.count == len(run.warmup)
    if generation.timings == "full":
        assert found.first == run.warmup[0]


@SLOW
@given(printed(subgraphs=False))
def test_the_litert_layout_is_read_back(run: Printed) -> None:
    own = [node for node in run.nodes if node.kind != PHASE]
    run = Printed(own or [printed_logs.operator("ADD", "a", 0, 3)], run.steady, run.warmup, run.init)
    report = read_log(printed_litert.benchmark_litert_model(run).encode(), "log")
    (found,) = report.runs
    assert found.tool == "benchmark_litert_model"
    assert report.unread == ()
    rows = rows_of(report, 0)
    assert [(row.kind, row.type, row.index, row.calls) for row in rows] == [
        (node.kind, node.type, node.index, node.calls) for node in run.nodes
    ]
    for row, node in zip(rows, run.nodes, strict=True):
        assert row.spread.avg == pytest.approx(node.average, abs=0.51)


@SLOW
@given(printed())
def test_a_message_is_read_back(run: Printed) -> None:
    for data in (printed_messages.profile_message(run), printed_messages.profile_message_text(run).encode()):
        check_rows(run, read_log(data, "message"), digits=1e-9)


@SLOW
@given(printed(), st.sampled_from(["tf2.4", "tf2.12", "litert1"]), st.sampled_from([2, 4, 8]))
def test_text_that_lost_its_tabs_is_read_back(run: Printed, version: str, width: int) -> None:
    text = printed_logs.benchmark_model(run, version).expandtabs(width)
    check_rows(run, read_log(text.encode(), "log"), digits=1e-5)
