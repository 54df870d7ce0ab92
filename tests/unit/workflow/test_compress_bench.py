"""What trying plans leaves in a latency table, and in which clock it is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile, part
from tests.unit.workflow.table_devices import DriftingDevice
from tflprof.errors import UsageError
from tflprof.measure.table_reference import in_clock
from tflprof.model.build import build_network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_rows import StoredTable, read_table, write_table
from tflprof.profile.profile import Profile
from tflprof.workflow.compress_bench import LiveBench
from tflprof.workflow.table import build_table


def test_changed_models_of_several_runs_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def profiled(path: Path, **_how: Any) -> Profile:
        return make_profile([part(op.type, str(op.index), 1000.0) for op in read_model(path).ops()])

    monkeypatch.setattr("tflprof.workflow.compress_bench.profile_model", profiled)
    path = tmp_path / "net.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.1))
    sources = set()
    for width in (0.2, 0.3):
        bench = LiveBench(read_model(path), None, {}, lambda _: None)
        bench.measure_before()
        bench.measure(build_network("mobilenet_v1", size=32, width=width))
        sources |= {source for row in bench.stored.rows for source in row.source.split(", ")}
    assert sorted(source.split("@")[0] for source in sources) == ["changed1", "changed1", "net"]


@pytest.fixture
def clocked(
    drifting: DriftingDevice, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StoredTable:
    """A table of the network in the clock of another day, when all took three times as long as now."""
    monkeypatch.setattr("tflprof.workflow.compress_bench.profile_model", drifting)
    monkeypatch.setattr(
        "tflprof.workflow.compress_bench.profile_beside",
        lambda path, **how: drifting.beside(path, how.pop("target"), **how),
    )
    table = build_table("host", models=[network], path=tmp_path / "t.parquet").table
    assert table.meta.reference is not None
    old = in_clock(table, replace(table.meta.reference, value=1500.0))
    write_table(tmp_path / "t.parquet", old)
    drifting.paces.clear()
    return old


def test_rows_are_kept_in_the_clock_of_the_table(clocked: StoredTable, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    bench = LiveBench(read_model(network), path, {"target": "host"}, lambda _: None, keep=path)
    bench.measure_before()
    # Of all models rows are as on that day, though each took longer than the one before.
    for width in (0.2, 0.3):
        bench.measure(build_network("mobilenet_v1", size=64, width=width))
    kept = read_table(path)
    assert kept == bench.stored
    assert len(kept.rows) > len(clocked.rows)
    assert [row.value for row in kept.rows] == [pytest.approx(3e6, rel=0.04)] * len(kept.rows)
    assert kept.meta.reference is not None
    assert kept.meta.reference.value == 1500.0
    assert kept.meta.reference.seen == pytest.approx((500.0, 500.0, 550.0, 600.0))


@pytest.mark.usefixtures("clocked")
def test_a_table_is_asked_in_the_clock_of_now(network: Path, tmp_path: Path) -> None:
    model = read_model(network)
    bench = LiveBench(model, tmp_path / "t.parquet", {"target": "host"}, lambda _: None)
    config = layer_configs(model)[3].config
    assert bench.table.estimate(config).value == pytest.approx(3e6, rel=0.04)
    bench.measure_before()
    before = bench.before()
    # What is told is the time that it took.
    assert before is not None
    assert before.value == pytest.approx(1e6 * len(model.ops()), rel=0.1)
    changed = bench.measure(build_network("mobilenet_v1", size=64, width=0.2))
    assert changed.value == pytest.approx(1.1 * before.value, rel=0.04)
    assert bench.table.estimate(config).value == pytest.approx(1e6, rel=0.04)
    overhead, kept = bench.table.meta.overheads.model, bench.stored.meta.overheads.model
    assert 3 * overhead == pytest.approx(kept)


@pytest.mark.parametrize("reference", [None, Reference("another", 500.0)])
def test_rows_of_no_common_clock_are_not_kept_in_a_table_that_has_one(
    reference: Reference | None, clocked: StoredTable, network: Path, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, replace(clocked, meta=replace(clocked.meta, reference=reference)))
    how = {"target": "host"}
    model = read_model(network)
    if reference is None:
        bench = LiveBench(model, path, how, lambda _: None, keep=path)
        bench.measure_before()
        assert read_table(path).meta.reference is None
    else:
        with pytest.raises(UsageError, match="clock of a reference"):
            LiveBench(model, path, how, lambda _: None, keep=path)
        LiveBench(model, path, how, lambda _: None).measure_before()
