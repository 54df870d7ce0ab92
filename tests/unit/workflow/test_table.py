"""Building latency tables, with profiles that are made up in place of measured ones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.latency_tables import conv, depthwise
from tests.unit.workflow.table_devices import MANY, Device, counted_meta
from tflprof.errors import Untrusted, UsageError
from tflprof.model.build import build_network
from tflprof.profile.latency_rows import read_table, write_table
from tflprof.workflow.table import build_table, measure_rows
from tflprof.workflow.table_check import merge_tables


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


@pytest.mark.usefixtures("device")
def test_rows_of_several_networks_are_new_once(network: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(build_network("mobilenet_v1", size=64, width=0.1, classes=10))
    built = build_table(models=[network, other])
    assert any(", " in row.source for row in built.table.rows)
    assert built.measured == len(built.table.rows)


def test_other_configurations_are_measured_in_chains(device: Device) -> None:
    built = build_table(configs=MANY)
    assert len(device.models) == 2
    assert len(built.table.rows) == len(MANY) == built.measured
    assert {row.context for row in built.table.rows} == {"chain"}
    assert built.path is None


def test_a_chain_that_the_runtime_refuses_is_halved_until_the_row_is_found(device: Device) -> None:
    device.refuses = "DEPTHWISE_CONV_2D"
    bad = depthwise()
    built = build_table(configs=[*MANY[:6], bad])
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
    other = replace(counted_meta(), runtime={**counted_meta().runtime, "version": "9.9"})
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
