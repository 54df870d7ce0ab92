"""Building latency tables that goes on where it was ended, or begins afresh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.latency_tables import depthwise
from tests.unit.workflow.table_devices import MANY, Device, counted_meta
from tflprof.errors import Untrusted
from tflprof.measure.table_reference import in_clock
from tflprof.profile.latency_rows import read_table, write_table
from tflprof.workflow.table import build_table
from tflprof.workflow.table_journal import Journal, goes_on_from, journal_of


def test_what_was_measured_is_kept_and_the_rest_measured_later(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    device.fails_after = 1
    with pytest.raises(KeyboardInterrupt):
        build_table(configs=MANY, path=path)
    kept = read_table(journal_of(path))
    assert len(kept.rows) == len(MANY) // 2
    assert not path.exists()
    device.fails_after = 99
    built = build_table(configs=MANY, path=path)
    assert built.measured == len(MANY) - len(kept.rows)
    assert not journal_of(path).exists()
    assert len(device.models) == 2
    again = build_table(configs=MANY, path=path)
    assert (again.measured, again.table) == (0, built.table)


def test_overheads_that_were_found_before_an_interruption_are_kept(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    device.fails_after = 1
    with pytest.raises(KeyboardInterrupt):
        build_table(configs=MANY, path=path)
    kept = read_table(journal_of(path))
    assert kept.meta.overheads.models == 1
    # What is left to do, nothing, gives no overheads of its own.
    built = build_table(configs=[kept.rows[0].config], path=path)
    assert (built.measured, built.table.meta.overheads) == (0, kept.meta.overheads)


def test_force_begins_afresh(device: Device, tmp_path: Path) -> None:
    build_table(configs=MANY[:2], path=tmp_path / "t.parquet")
    built = build_table(configs=MANY[:1], path=tmp_path / "t.parquet", force=True)
    assert len(built.table.rows) == 1
    assert len(device.models) == 2


def test_a_table_begun_afresh_goes_on_and_takes_nothing_of_the_old_one(
    device: Device, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    old = build_table(configs=[depthwise()], path=path).table
    for force in (True, False):
        device.fails_after = len(device.models) + 1
        with pytest.raises(KeyboardInterrupt):
            build_table(configs=MANY, path=path, force=True)
        assert read_table(path) == old
        assert goes_on_from(path, force=force) == journal_of(path, afresh=True)
        device.fails_after = 99
        built = build_table(configs=MANY, path=path, force=force)
        assert (built.measured, len(built.table.rows)) == (len(MANY) // 2, len(MANY))
        assert [one.name for one in tmp_path.iterdir()] == [path.name]
        write_table(path, old)


@pytest.mark.usefixtures("drifting")
def test_rows_begun_afresh_are_in_a_clock_whatever_the_old_table_was(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", configs=MANY[:4], path=path).table
    write_table(path, replace(table, meta=replace(table.meta, reference=None)))
    journal = Journal(path, force=True)
    journal.add(table.meta, table.rows[:2])
    again = build_table("host", configs=MANY[:4], path=path).table
    assert again.meta.reference is not None
    assert again.meta.reference.seen == (500.0, 550.0)


@pytest.mark.usefixtures("device")
def test_rows_begun_afresh_elsewhere_are_left(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    meta = counted_meta()
    rows = build_table(configs=MANY[:2]).table.rows
    other = replace(meta, runtime={**meta.runtime, "version": "9.9"})
    Journal(path, force=True).add(other, rows)
    with pytest.raises(Untrusted, match=r"afresh\.part"):
        build_table(configs=MANY[:1], path=path)
    assert len(build_table(configs=MANY[:1], path=path, force=True).table.rows) == 1
    journal_of(path, afresh=True).write_text("damaged")
    assert build_table(configs=MANY[:1], path=path, force=True).measured == 1


@pytest.mark.usefixtures("drifting")
def test_a_table_and_what_extends_it_are_put_into_one_clock(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", configs=MANY[:4], path=path).table
    reference = table.meta.reference
    assert reference is not None
    write_table(path, in_clock(table, replace(reference, value=reference.value * 2)))
    write_table(journal_of(path), replace(table, rows=table.rows[:2]))
    journal = Journal(path)
    assert {row.identity: row.value for row in journal.rows} == {
        row.identity: 2 * row.value for row in table.rows
    }
    for other in (None, replace(reference, sha256="another")):
        write_table(path, replace(table, meta=replace(table.meta, reference=other)))
        with pytest.raises(Untrusted, match="different clocks"):
            Journal(path)


@pytest.mark.usefixtures("device")
def test_networks_of_a_table_count_once_when_it_goes_on(network: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = build_table(models=[network], path=path).table
    more = [replace(row, source=f"{row.source}, other", samples=row.samples + 1) for row in table.rows]
    write_table(journal_of(path), replace(table, rows=tuple(more)))
    assert Journal(path).rows == tuple(more)
