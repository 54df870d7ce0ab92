from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_profile, mobilenet
from tests.unit.report.export.nested import loop_profile
from tflprof.errors import UsageError
from tflprof.logs.messages import read_profile_message
from tflprof.logs.report import KERNEL, OPERATOR, PROTO, RUN, RUN_ORDER, LogRow, LogTable, Spread
from tflprof.logs.write_message import write_profile_message
from tflprof.profile.profile import Profile
from tflprof.report.export.benchmark_proto import benchmark_proto
from tflprof.workflow.import_log import import_log

names = st.text(st.characters(codec="utf-8", exclude_characters=":[]/\t"), min_size=1, max_size=12)
whole = st.integers(0, 10**9).map(float)


@st.composite
def log_rows(draw: st.DrawFn, subgraph: int) -> LogRow:
    kind = draw(st.sampled_from([OPERATOR, KERNEL]))
    name = draw(names)
    count = draw(st.integers(1, 1000))
    return LogRow(
        kind=kind,
        type=name if kind == KERNEL else draw(names),
        name=name if kind == KERNEL else f"[{name}]",
        index=draw(st.integers(0, 999)),
        spread=Spread(
            count=count, avg=draw(st.integers(0, 10**9)) / count, first=draw(whole), last=draw(whole),
            min=draw(whole), max=draw(whole), std=float(draw(st.integers(0, 1000))),
        ),
        calls=draw(st.integers(1, 50)),
        memory_kb=0.0,
    )  # fmt: skip


@given(st.data())
def test_what_is_written_is_read_back(data: st.DataObject) -> None:
    tables = [
        LogTable(RUN, RUN_ORDER, PROTO, number, rows, observed=len(rows))
        for number in range(data.draw(st.integers(1, 3)))
        if (rows := tuple(
            replace(row, order=order)
            for order, row in enumerate(data.draw(st.lists(log_rows(number), min_size=1, max_size=5)))
        ))
    ]  # fmt: skip
    report = read_profile_message(write_profile_message("a/model.tflite", tables))
    assert report is not None
    assert report.runs[0].parameters == {"Graph": "a/model.tflite"}
    assert report.runs[0].tables == tuple(tables)


def message(profile: Profile) -> Any:
    from ai_edge_litert.profiling_info_pb2 import BenchmarkProfilingData

    return BenchmarkProfilingData.FromString(benchmark_proto(profile))


def reimported(profile: Profile, tmp_path: Path) -> Profile:
    path = tmp_path / "p.pb"
    path.write_bytes(benchmark_proto(profile))
    return import_log(path)


@pytest.mark.parametrize("make", [make_profile, mobilenet])
def test_means_of_layers_come_back(tmp_path: Path, make: Any) -> None:
    profile = make()
    back = reimported(profile, tmp_path)
    wanted = [
        layer.estimate.typical for layer in profile.summary.layers if layer.estimate.typical is not None
    ]
    found = [layer.estimate.typical for layer in back.summary.layers]
    assert found == pytest.approx(wanted, abs=500)  # ns; a sum of whole microseconds
    assert back.meta.model.name == profile.meta.model.name
    assert back.summary.unattributed.typical is None


def test_rows_are_as_the_tool_writes_them() -> None:
    graphs = {
        graph.subgraph_index: graph for graph in message(loop_profile()).runtime_profile.subgraph_profiles
    }
    assert sorted(graphs) == [0, 1, 2]
    rows = {(number, op.name): op for number, graph in graphs.items() for op in graph.per_op_profiles}
    assert set(rows) == {
        (0, "Delegate/Convolution (NHWC, F32):0"),
        (0, "[loop, count]:1"),
        (0, "[unread]:9"),
        (1, "[go on]:0"),
        (2, "[next]:0"),
    }
    # The two central inferences ran the body once and twice.
    loop, less = rows[0, "[loop, count]:1"], rows[1, "[go on]:0"]
    times = loop.inference_microseconds
    assert (loop.node_type, loop.times_called, times.count, times.sum, times.avg) == ("WHILE", 1, 2, 160, 80)
    assert (times.first, times.last, times.min, times.max, times.stddev) == (100, 60, 60, 100, 20)
    times = less.inference_microseconds
    assert (less.times_called, times.count, times.sum) == (2, 5, 52)
    assert (times.first, times.last, times.min, times.max) == (10, 9, 9, 12)


def test_averages_come_back(aggregate: Profile, tmp_path: Path) -> None:
    back = reimported(aggregate, tmp_path)
    wanted = [layer.estimate.typical for layer in aggregate.summary.layers]
    assert [layer.info.op for layer in back.summary.layers] == [
        layer.info.op for layer in aggregate.summary.layers
    ]
    assert [layer.estimate.typical for layer in back.summary.layers] == pytest.approx(wanted, abs=500)
    assert back.summary.total.n == aggregate.summary.total.n


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (mobilenet(unit="instructions"), "emulated instructions"),
        (make_profile(profiled=False), "times of layers"),
    ],
)
def test_what_it_cannot_hold_is_refused_by_name(profile: Profile, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        benchmark_proto(profile)
