"""Building latency tables, with profiles that are made up in place of measured ones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile, part
from tests.latency_tables import conv, depthwise
from tflprof.errors import RunnerError, Untrusted, UsageError
from tflprof.model.build import build_network
from tflprof.model.read import read_model
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_rows import StoredTable, TableMeta, meta_of, read_table, write_table
from tflprof.profile.profile import Profile
from tflprof.workflow.profile import Interrupted
from tflprof.workflow.table import build_table, measure_rows
from tflprof.workflow.table_check import merge_tables
from tflprof.workflow.table_jobs import (
    ROWS_PER_CHAIN,
    last_cache_bytes,
    network_bytes,
    plan_jobs,
    touched_bytes,
)
from tflprof.workflow.table_journal import journal_of
from tflprof.workflow.table_reference import Beside, has_reference, reference_sha256

_MANY = [conv(size=size, outputs=outputs) for size in (4, 8, 12) for outputs in range(8, 8 + 8 * 20, 8)]


class Device:
    """Stands for profiling: every operator costs a thousand instructions more than the one before."""

    def __init__(self) -> None:
        self.models: list[int] = []
        self.fails_after = 99
        self.refuses = ""

    def __call__(self, model: Path | str, **_options: Any) -> Profile:
        ops = read_model(model).ops()
        if len(self.models) >= self.fails_after:
            raise Interrupted(make_profile(), KeyboardInterrupt())
        if self.refuses and any(op.type == self.refuses for op in ops):
            raise RunnerError("the runtime has no such kernel")
        self.models.append(len(ops))
        parts = [part(op.type, str(op.index), 1000.0 * (op.index + 1)) for op in ops]
        return make_profile(parts, unit="instructions")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device()
    monkeypatch.setattr("tflprof.workflow.table.profile_model", device)
    monkeypatch.setattr("tflprof.workflow.table.expected_meta", lambda *_a, **_k: _meta())
    return device


class DriftingDevice:
    """Stands for measuring times beside the reference: all takes a tenth longer with every model."""

    def __init__(self) -> None:
        self.paces: list[float] = []

    def __call__(self, model: Path | str, **_options: Any) -> Profile:
        ops = read_model(model).ops()
        self.paces.append(1.0 + 0.1 * len(self.paces))
        parts = [part(op.type, str(op.index), 1e6 * self.paces[-1]) for op in ops]
        return make_profile(parts, processes=2, blocks=1, inferences=8)

    def beside(self, model: Path | str, _target: str, **_options: Any) -> Beside:
        profile = self(model)
        return Beside(profile, 500.0 * self.paces[-1])


@pytest.fixture
def drifting(monkeypatch: pytest.MonkeyPatch) -> DriftingDevice:
    drifting = DriftingDevice()
    monkeypatch.setattr("tflprof.workflow.table.profile_model", drifting)
    monkeypatch.setattr("tflprof.workflow.table.profile_beside", drifting.beside)
    monkeypatch.setattr(
        "tflprof.workflow.table.expected_meta", lambda *_a, **_k: meta_of(make_profile().meta)
    )
    return drifting


def _meta() -> TableMeta:
    return meta_of(make_profile(unit="instructions").meta)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.1))
    return path


def test_layers_of_a_network_are_measured_in_place(device: Device, network: Path, tmp_path: Path) -> None:
    built = build_table(models=[network], path=tmp_path / "t.parquet")
    assert device.models == [31]
    assert {row.context for row in built.table.rows} == {"network"}
    assert built.table.rows[0].source.startswith("net@")
    assert built.table.meta.overheads.models == 1
    assert read_table(tmp_path / "t.parquet") == built.table


def test_networks_of_any_name_are_measured_once(device: Device, network: Path, tmp_path: Path) -> None:
    odd = network.rename(tmp_path / os.fsdecode(b"a, b\xff.tflite"))
    tables = [tmp_path / "t.parquet", tmp_path / "u.parquet"]
    for path in tables:
        build_table(models=[odd], path=path)
    merge_tables(tables, tmp_path / "both.parquet")
    assert len(device.models) == 2
    assert build_table(models=[odd], path=tmp_path / "both.parquet").measured == 0


def test_other_configurations_are_measured_in_chains(device: Device) -> None:
    built = build_table(configs=_MANY)
    assert len(device.models) == 2
    assert len(built.table.rows) == len(_MANY) == built.measured
    assert {row.context for row in built.table.rows} == {"chain"}
    assert built.path is None


def test_what_was_measured_is_kept_and_the_rest_measured_later(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    device.fails_after = 1
    with pytest.raises(KeyboardInterrupt):
        build_table(configs=_MANY, path=path)
    kept = read_table(journal_of(path))
    assert len(kept.rows) == len(_MANY) // 2
    assert not path.exists()
    device.fails_after = 99
    built = build_table(configs=_MANY, path=path)
    assert built.measured == len(_MANY) - len(kept.rows)
    assert not journal_of(path).exists()
    assert len(device.models) == 2
    again = build_table(configs=_MANY, path=path)
    assert (again.measured, again.table) == (0, built.table)


def test_overheads_that_were_found_before_an_interruption_are_kept(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    device.fails_after = 1
    with pytest.raises(KeyboardInterrupt):
        build_table(configs=_MANY, path=path)
    kept = read_table(journal_of(path))
    assert kept.meta.overheads.models == 1
    # What is left to do, nothing, gives no overheads of its own.
    built = build_table(configs=[kept.rows[0].config], path=path)
    assert (built.measured, built.table.meta.overheads) == (0, kept.meta.overheads)


def _rows(table: StoredTable) -> tuple[float, float]:
    """The cheapest and the most expensive row."""
    values = [row.value for row in table.rows]
    return min(values), max(values)


@pytest.mark.usefixtures("drifting")
def test_measured_rows_are_brought_into_one_clock(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", configs=_MANY, path=path).table
    assert table.meta.reference == Reference(reference_sha256(), 525.0, (500.0, 550.0))
    assert _rows(table) == (pytest.approx(1.05e6, rel=0.04), pytest.approx(1.05e6, rel=0.04))
    more = build_table("host", configs=[depthwise()], path=path).table
    assert more.meta.reference == replace(table.meta.reference, seen=(500.0, 550.0, 600.0))
    assert more.rows[:-1] == table.rows
    assert more.rows[-1].value == pytest.approx(1.05e6, rel=0.04)


def test_a_table_that_was_begun_without_a_reference_goes_on_without(
    drifting: DriftingDevice, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", configs=_MANY[:2], path=path).table
    for reference in (None, Reference("another", 525.0)):
        write_table(path, replace(table, meta=replace(table.meta, reference=reference)))
        drifting.paces = [1.0] * 10
        more = build_table("host", configs=[depthwise()], path=path).table
        assert more.rows[-1].value == pytest.approx(2e6, rel=0.02)
        assert more.meta.reference == reference


@pytest.mark.usefixtures("drifting")
def test_merged_rows_are_in_the_clock_of_the_first_table(tmp_path: Path) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    tables = [
        build_table("host", configs=[config], path=path).table
        for path, config in zip(paths, (conv(), depthwise()), strict=True)
    ]
    assert tables[1].rows[0].value == pytest.approx(1.1e6, rel=0.02)
    merged = merge_tables(paths, tmp_path / "c.parquet")
    assert _rows(merged) == (pytest.approx(1e6, rel=0.02), pytest.approx(1e6, rel=0.02))
    assert merged.meta.reference == tables[0].meta.reference


@pytest.mark.parametrize(
    ("target", "options", "there"),
    [
        ("host", {}, True),
        ("interpreter", {"threads": 2}, True),
        ("adb:serial", {}, True),
        ("emulated:pixel2", {}, False),
        ("host", {"rate": 30.0}, False),
    ],
)
def test_where_there_is_a_reference(target: str, options: dict[str, Any], there: bool) -> None:
    assert has_reference(target, **options) == there


def test_force_begins_afresh(device: Device, tmp_path: Path) -> None:
    build_table(configs=_MANY[:2], path=tmp_path / "t.parquet")
    built = build_table(configs=_MANY[:1], path=tmp_path / "t.parquet", force=True)
    assert len(built.table.rows) == 1
    assert len(device.models) == 2


def test_a_chain_that_the_runtime_refuses_is_halved_until_the_row_is_found(device: Device) -> None:
    device.refuses = "DEPTHWISE_CONV_2D"
    bad = depthwise()
    built = build_table(configs=[*_MANY[:6], bad])
    assert len(built.table.rows) == 6
    assert built.missing == {bad.key: "the runtime does not run it: the runtime has no such kernel"}


def test_what_cannot_be_built_is_said(device: Device) -> None:
    odd = replace(conv(), op="TFLite_Detection_PostProcess")
    assert "custom" in build_table(configs=[conv(), odd]).missing[odd.key]
    with pytest.raises(UsageError, match="custom"):
        measure_rows("emulated:pixel2", [odd])
    with pytest.raises(UsageError, match="nothing to measure"):
        build_table()


@pytest.mark.usefixtures("device")
def test_a_table_of_another_device_is_not_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    build_table(configs=[conv()], path=path)
    other = replace(_meta(), runtime={**_meta().runtime, "version": "9.9"})
    monkeypatch.setattr("tflprof.workflow.table.expected_meta", lambda *_a, **_k: other)
    with pytest.raises(Untrusted, match=r"runtime\.version: 2\.3\.0 and 9\.9"):
        build_table(configs=[depthwise()], path=path)


@pytest.mark.usefixtures("device")
def test_tables_of_one_device_are_merged_and_others_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, config in zip(paths, (conv(), depthwise()), strict=True):
        build_table(configs=[config], path=path)
    assert len(merge_tables(paths, tmp_path / "c.parquet").rows) == 2
    with pytest.raises(UsageError, match="exists"):
        merge_tables(paths, tmp_path / "c.parquet")
    with pytest.raises(UsageError, match="alone"):
        merge_tables(paths[:1], tmp_path / "d.parquet")
    other = read_table(paths[1])
    options = replace(other.meta.options, threads=4)
    write_table(paths[1], replace(other, meta=replace(other.meta, options=options)))
    with pytest.raises(Untrusted, match="threads: 1 and 4"):
        merge_tables(paths, tmp_path / "d.parquet")


def test_chains_go_from_large_images_to_small_ones() -> None:
    jobs = plan_jobs(_MANY, cache_bytes=1 << 30)
    assert [len(job.configs) for job in jobs] == [30, 30]
    assert all(len(job.configs) <= ROWS_PER_CHAIN for job in jobs)
    sizes = [config.inputs[0].shape[1] for job in jobs for config in job.configs]
    assert sizes == sorted(sizes, reverse=True)


def test_of_a_network_beyond_the_cache_nothing_is_left_in_it() -> None:
    few = _MANY[:3]
    size = sum(map(touched_bytes, few))
    assert plan_jobs(few, cache_bytes=2 * size)[0].flush_bytes == 0
    beside = plan_jobs(few, cache_bytes=2 * size, beside=[*_MANY, *few])[0]
    assert network_bytes([*_MANY, *few]) > size
    assert beside.flush_bytes == int(2.5 * size)
    assert plan_jobs(few, cache_bytes=size // 2)[0].flush_bytes == 0


def test_a_chain_touches_as_much_as_a_network_that_stays_in_the_cache() -> None:
    few = _MANY[:3]
    twice = [*_MANY, *_MANY]
    (job,) = plan_jobs(few, cache_bytes=1 << 30, beside=twice)
    assert job.flush_bytes == network_bytes(twice) - network_bytes(few)
    (job,) = plan_jobs(_MANY[:20], cache_bytes=1 << 30, beside=_MANY[:21])
    assert job.flush_bytes == 0


def test_many_rows_are_what_networks_are_made_of() -> None:
    many = [conv(inputs=inputs) for inputs in range(100, 300)]
    size = network_bytes(many)
    # All of them touch more than the cache has, and a network of some does not.
    assert sum(map(touched_bytes, many)) > size
    assert max(job.flush_bytes for job in plan_jobs(many, cache_bytes=size)) < size // 2


def test_rows_of_other_types_stand_in_other_chains() -> None:
    jobs = plan_jobs([conv(), conv(dtype="int8"), depthwise()], cache_bytes=1 << 30)
    assert [len(job.configs) for job in jobs] == [2, 1]


def test_last_caches() -> None:
    assert last_cache_bytes("emulated:pixel2") == 2 << 20
    assert last_cache_bytes("emulated:pixel2", "little") == 1 << 20
    assert last_cache_bytes("host") >= 1 << 18
    assert last_cache_bytes("adb") == 4 << 20
