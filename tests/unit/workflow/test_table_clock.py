"""Measured rows of latency tables in one clock, with a device that drifts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.latency_tables import conv, depthwise
from tests.unit.workflow.table_devices import MANY, DriftingDevice
from tflprof.errors import Untrusted
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_rows import StoredTable, write_table
from tflprof.workflow.table import build_table
from tflprof.workflow.table_check import merge_tables
from tflprof.workflow.table_reference import has_reference, reference_sha256


def _rows(table: StoredTable) -> tuple[float, float]:
    """The cheapest and the most expensive row."""
    values = [row.value for row in table.rows]
    return min(values), max(values)


@pytest.mark.usefixtures("drifting")
def test_measured_rows_are_brought_into_one_clock(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", configs=MANY, path=path).table
    assert table.meta.reference == Reference(reference_sha256(), 525.0, (500.0, 550.0))
    assert _rows(table) == (pytest.approx(1.05e6, rel=0.04), pytest.approx(1.05e6, rel=0.04))
    more = build_table("host", configs=[depthwise()], path=path).table
    assert more.meta.reference == replace(table.meta.reference, seen=(500.0, 550.0, 600.0))
    assert more.rows[:-1] == table.rows
    assert more.rows[-1].value == pytest.approx(1.05e6, rel=0.04)


def test_measured_rows_stand_between_the_layers_of_their_network(drifting: DriftingDevice) -> None:
    network = [conv(outputs=16), depthwise(), conv(outputs=8)]
    built = build_table("host", configs=[conv(outputs=12)], beside=network)
    assert drifting.models[0].count("DEPTHWISE_CONV_2D") == 1
    assert drifting.models[0].count("CONV_2D") == 2
    assert [row.config for row in built.table.rows] == [conv(outputs=12)]
    assert "chain of 1" in built.table.rows[0].source


def test_rows_do_without_a_network_that_the_runtime_does_not_run(drifting: DriftingDevice) -> None:
    drifting.refuses = "DEPTHWISE_CONV_2D"
    built = build_table("host", configs=[conv(outputs=12)], beside=[depthwise(), conv()])
    assert [row.config for row in built.table.rows] == [conv(outputs=12)]
    assert built.missing == {}
    assert drifting.models[0].count("CONV_2D") == 1


def test_a_table_that_was_begun_without_a_reference_goes_on_without(
    drifting: DriftingDevice, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", configs=MANY[:2], path=path).table
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
    first, second = (table.meta.reference for table in tables)
    assert first is not None
    assert second is not None
    assert merged.meta.reference == replace(first, seen=(*first.seen, *second.seen))


@pytest.mark.usefixtures("drifting")
def test_tables_without_a_common_clock_are_not_merged(tmp_path: Path) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, config in zip(paths, (conv(), depthwise()), strict=True):
        table = build_table("host", configs=[config], path=path).table
    write_table(paths[1], replace(table, meta=replace(table.meta, reference=None)), overwrite=True)
    for order in (paths, paths[::-1]):
        with pytest.raises(Untrusted, match="different clocks"):
            merge_tables(order, tmp_path / "c.parquet")


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
