"""Profile files: round trip, refusal of what they are not, nothing half-written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories import make_profile
from tflprof.errors import EnvironmentFault, ProfileError, UsageError
from tflprof.profile.schema import SCHEMA_VERSION
from tflprof.profile.store import read_profile, write_profile


def test_what_is_written_is_read(tmp_path: Path) -> None:
    profile = make_profile()
    path = write_profile(profile, tmp_path / "p.parquet")
    again = read_profile(path)
    assert again.meta == profile.meta
    assert again.table.equals(profile.table)
    assert again.summary == profile.summary


def test_only_the_file_is_left_behind(tmp_path: Path) -> None:
    write_profile(make_profile(), tmp_path / "p.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    path.write_text("precious")
    with pytest.raises(UsageError, match="exists"):
        write_profile(make_profile(), path)
    assert path.read_text() == "precious"
    write_profile(make_profile(), path, overwrite=True)
    assert read_profile(path).meta.model.name


def test_a_full_disk_is_told_and_leaves_no_part_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        write_profile(make_profile(), tmp_path / "p.parquet")
    assert list(tmp_path.iterdir()) == []


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        write_profile(make_profile(), tmp_path / "no" / "p.parquet")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="does not exist"):
        read_profile(tmp_path / "p.parquet")


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PAR1PAR1", b"PAR1" + bytes(64) + b"PAR1"])
def test_not_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.parquet"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match="not a readable Parquet"):
        read_profile(path)


def test_another_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(ProfileError, match="not a tflprof profile"):
        read_profile(path)


def rewrite(path: Path, **changes: object) -> None:
    table = pq.read_table(path)
    document = json.loads(table.schema.metadata[b"tflprof"])
    for key, value in changes.items():
        if value is None:
            del document[key]
        else:
            document[key] = value
    pq.write_table(table.replace_schema_metadata({b"tflprof": json.dumps(document).encode()}), path)


def test_a_newer_file_is_refused_by_version(tmp_path: Path) -> None:
    path = write_profile(make_profile(), tmp_path / "p.parquet")
    rewrite(path, schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(ProfileError, match=f"schema version {SCHEMA_VERSION + 1}") as caught:
        read_profile(path)
    assert caught.value.hint is not None
    assert "update" in caught.value.hint


@pytest.mark.parametrize("key", ["model", "unit", "alignment", "target"])
def test_damaged_metadata(tmp_path: Path, key: str) -> None:
    path = write_profile(make_profile(), tmp_path / "p.parquet")
    rewrite(path, **{key: None})
    with pytest.raises(ProfileError, match="damaged"):
        read_profile(path)


def test_unknown_metadata_is_passed_over(tmp_path: Path) -> None:
    path = write_profile(make_profile(), tmp_path / "p.parquet")
    rewrite(path, novelty={"a": 1})
    assert read_profile(path).meta == make_profile().meta


def test_names_that_are_no_unicode_are_names(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.parquet"))
    write_profile(make_profile(), path)
    assert read_profile(path).meta == make_profile().meta
