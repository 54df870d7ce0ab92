"""The file of a latency table."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import make_profile
from tests.latency_tables import conv, row, table
from tflprof.errors import ProfileError, UsageError
from tflprof.op_config import OpConfig, TensorConfig
from tflprof.profile.latency_merge import merged_rows
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.latency_rows import (
    CONTEXTS,
    LatencyRow,
    Overheads,
    StoredTable,
    meta_of,
    read_table,
    table_mismatches,
    write_table,
)
from tflprof.profile.store import write_profile

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_SHAPES = st.lists(st.integers(0, 4096), max_size=5).map(tuple)
_TENSORS = st.builds(
    TensorConfig,
    _SHAPES,
    st.sampled_from(["float32", "int8", ""]),
    st.sampled_from(["computed", "constant", "absent"]),
    st.sampled_from([None, "tensor", "channel"]),
    st.none() | _SHAPES,
)
_OPTIONS = st.dictionaries(_TEXT, st.booleans() | st.integers(-9, 9) | _TEXT, max_size=3).map(
    lambda options: tuple(sorted(options.items()))
)
_PLAIN = st.builds(
    OpConfig,
    _TEXT,
    st.lists(_TENSORS, max_size=3).map(tuple),
    st.lists(_TENSORS, max_size=2).map(tuple),
    _OPTIONS,
)
_CONFIGS = _PLAIN | st.builds(lambda config, inner: replace(config, fused=(inner,)), _PLAIN, _PLAIN)
_COUNTS = st.integers(0, 2**62)
_FLOATS = st.floats(0, 1e18)
_ROWS = st.builds(
    LatencyRow, _CONFIGS, _COUNTS, _FLOATS, _FLOATS, _COUNTS, st.none() | _COUNTS,
    st.sampled_from(CONTEXTS), st.booleans(), _TEXT, _FLOATS,
)  # fmt: skip
_OVERHEADS = st.builds(Overheads, _FLOATS, _FLOATS, _FLOATS, _FLOATS, st.integers(0, 99))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(_ROWS, max_size=4).map(tuple), overheads=_OVERHEADS, emulated=st.booleans())
def test_what_is_written_is_read(
    tmp_path: Path, rows: tuple[LatencyRow, ...], overheads: Overheads, emulated: bool
) -> None:
    profile = make_profile(unit="instructions" if emulated else "ns", processes=1, inferences=1)
    meta = replace(meta_of(profile.meta), overheads=replace(overheads, instructions=overheads))
    path = write_table(tmp_path / "t.parquet", StoredTable(meta, rows))
    assert read_table(path) == StoredTable(meta, rows)
    assert table_mismatches(read_table(path).meta, meta) == ()


def test_an_existing_file_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet", table([conv()]))
    with pytest.raises(UsageError, match="exists"):
        write_table(path, table([]), overwrite=False)
    assert len(read_table(path).rows) == 1


def test_what_is_no_table_says_what_it_is(tmp_path: Path) -> None:
    profile = write_profile(make_profile(processes=1, inferences=1), tmp_path / "p.parquet")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    whole = write_table(tmp_path / "t.parquet", table([conv()])).read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[: len(whole) // 2])
    for path, why in (
        (profile, "is a profile, not a latency table"),
        (other, "is a Parquet file, not a latency table"),
        (cut, "not a readable Parquet file"),
        (tmp_path / "none.parquet", "does not exist"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(ProfileError, match=why):
            read_table(path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema_version": 2}, "schema version 2; this tflprof reads up to 1"),
        ({"schema_version": "1"}, "no valid schema version"),
        ({"target": None}, "is damaged"),
        ({"options": 3}, "is damaged"),
        ({"overheads": {"model": None}}, "is damaged"),
        ({"overheads": {"spread": math.inf}}, "is damaged: ValueError: an overhead"),
        ({"overheads": {"instructions": {"part": "1"}}}, "is damaged"),
    ],
)
def test_newer_and_damaged_tables_are_refused(tmp_path: Path, change: dict[str, object], why: str) -> None:
    path = write_table(tmp_path / "t.parquet", table([conv()]))
    columns = pq.read_table(path)
    document = json.loads(columns.schema.metadata[b"tflprof-table"]) | change
    pq.write_table(columns.replace_schema_metadata({"tflprof-table": json.dumps(document)}), path)
    with pytest.raises(ProfileError, match=why):
        read_table(path)


def test_a_damaged_row_is_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet", table([conv()]))
    columns = pq.read_table(path)
    broken = columns.set_column(2, columns.schema.field("config"), pa.array(["{}"]))
    pq.write_table(broken, path)
    with pytest.raises(ProfileError, match="is damaged: KeyError"):
        read_table(path)


def test_rows_may_be_of_files_of_any_name(tmp_path: Path) -> None:
    stored = table([conv()])
    odd = replace(stored, rows=tuple(replace(row, source="m\udcff") for row in stored.rows))
    assert read_table(write_table(tmp_path / "t.parquet", odd)).rows[0].source == "m?"


def test_a_row_without_an_interval_is_refused(tmp_path: Path) -> None:
    stored = table([conv()])
    odd = replace(stored, rows=tuple(replace(row, hi=math.nan) for row in stored.rows))
    with pytest.raises(ProfileError, match="the interval of a row is none"):
        read_table(write_table(tmp_path / "t.parquet", odd))


def test_names_of_columns_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet", table([conv()]))
    path.write_bytes(path.read_bytes().replace(b"context", b"conte\xaat"))
    with pytest.raises(ProfileError, match="not a readable Parquet file"):
        read_table(path)


def test_tables_of_other_conditions_are_told_by_their_keys() -> None:
    meta = table([]).meta
    other = replace(
        meta,
        unit="instructions",
        runtime={**meta.runtime, "sha256": "c" * 64},
        options=replace(meta.options, threads=2),
    )
    assert [one.key for one in table_mismatches(meta, other)] == ["unit", "threads", "runtime.sha256"]


def test_rows_of_several_networks_are_averaged_and_chains_replaced() -> None:
    chains = merged_rows([row(conv(), 10)], [row(conv(), 20)])
    assert [one.value for one in chains] == [20]
    one = replace(row(conv(), 10, context="network"), samples=3, source="a")
    other = replace(row(conv(), 30, context="network"), samples=1, source="b")
    (mean,) = merged_rows([one], [other])
    assert (mean.value, mean.samples, mean.source) == (15, 4, "a, b")
    assert merged_rows([one], [one]) == (one,)
    assert len(merged_rows([one, replace(one, first=True)], chains)) == 3


def test_a_file_from_before_rows_had_a_price_of_weights(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.parquet", StoredTable(table([]).meta, (row(conv(), 5),)))
    older = pq.read_table(path)
    pq.write_table(older.drop_columns(["refetch"]), path)
    assert read_table(path).rows == (row(conv(), 5),)


def test_prices_of_weights_that_are_none(tmp_path: Path) -> None:
    refetch = Refetch((1.0, 2.0), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0))
    meta = replace(table([]).meta, refetch=refetch)
    path = write_table(tmp_path / "t.parquet", StoredTable(meta, (row(conv(), 5),)))
    assert read_table(path).meta.refetch == refetch
    columns = pq.read_table(path)
    document = json.loads(columns.schema.metadata[b"tflprof-table"])
    document["refetch"]["matrix"] = [1.0]
    pq.write_table(columns.replace_schema_metadata({b"tflprof-table": json.dumps(document).encode()}), path)
    with pytest.raises(ProfileError, match="is damaged"):
        read_table(path)


def test_the_mean_of_rows_has_the_mean_of_their_prices() -> None:
    one = replace(row(conv(), 10, context="network"), refetch=2.0, samples=1, source="a")
    other = replace(one, refetch=5.0, samples=2, source="b")
    assert merged_rows([one], [other])[0].refetch == 4.0
