"""The index: only what is new is read, nothing of it is ever a reason to fail, and it is never half written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.histories import profile_of, write_series
from tflprof.analysis.history import index, summarise, worker
from tflprof.analysis.history.history import History, open_history
from tflprof.analysis.history.index import index_directory
from tflprof.errors import UsageError
from tflprof.profile.store import read_profile, write_profile


class Reads:
    """Which files were summarised since the last question."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def take(self) -> list[str]:
        taken, self.paths = self.paths, []
        return sorted(taken)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    seen = Reads()
    original = index.summarise_all

    def spy(root: Path, files: list[index.Seen], *rest: object) -> object:
        seen.paths += [file.path for file in files]
        return original(root, files, *rest)

    monkeypatch.setattr(index, "summarise_all", spy)
    return seen


def paths(history: History) -> list[str]:
    return list(history.profiles()["path"])


def test_only_new_and_changed_files_are_read(folder: Path, reads: Reads) -> None:
    write_series(folder / "a", [1.0, 1.0], unit="instructions")
    assert paths(open_history(folder)) == ["a/p000.parquet", "a/p001.parquet"]
    assert reads.take() == ["a/p000.parquet", "a/p001.parquet"]
    open_history(folder)
    assert reads.take() == []
    write_profile(profile_of(2.0, day=5, unit="instructions"), folder / "new.parquet")
    write_profile(profile_of(3.0, day=1, unit="instructions"), folder / "a/p001.parquet", overwrite=True)
    frame = open_history(folder).profiles()
    assert reads.take() == ["a/p001.parquet", "new.parquet"]
    totals = dict(zip(frame["path"], frame["total"], strict=True))
    assert totals["a/p001.parquet"] == pytest.approx(3 * totals["a/p000.parquet"], rel=1e-3)


def test_what_is_gone_is_forgotten(folder: Path, reads: Reads) -> None:
    one, two = write_series(folder, [1.0, 1.0], unit="instructions")
    open_history(folder)
    two.unlink()
    history = open_history(folder)
    assert paths(history) == [one.name]
    assert set(history.layers()["path"]) == {one.name}
    assert reads.take() == [one.name, two.name]


def test_rows_are_what_the_summary_says(folder: Path) -> None:
    (path,) = write_series(folder, [1.0])
    history = open_history(folder)
    (row,) = history.profiles().to_dict("records")
    summary = read_profile(path).summary
    assert (row["total"], row["total_median"]) == (summary.total.typical, summary.total.median)
    assert row["init"] == summary.init.typical
    assert row["peak_memory_bytes"] == summary.peak_memory_bytes
    layers = history.layers()
    assert list(layers["layer"]) == [layer.info.id for layer in summary.layers]
    shown = [None if value != value else value for value in layers["typical"]]
    assert shown == [layer.estimate.typical for layer in summary.layers]
    assert list(layers["leader"].dropna()) == ["0/2", "0/2"]


def other_version(path: Path, target: Path, **changes: object) -> None:
    """A copy whose metadata differ."""
    table = pq.read_table(path)
    document = json.loads(table.schema.metadata[b"tflprof"]) | changes
    pq.write_table(table.replace_schema_metadata({b"tflprof": json.dumps(document).encode()}), target)


def test_what_is_no_profile_is_named_and_skipped(folder: Path) -> None:
    (good,) = write_series(folder, [1.0], unit="instructions")
    other_version(good, folder / "newer.parquet", schema_version=99)
    other_version(good, folder / "undated.parquet", created="yesterday")
    (folder / "text.parquet").write_text("no")
    (folder / "notes.txt").write_text("no")
    pq.write_table(pa.table({"a": [1]}), folder / "table.parquet")
    (folder / "cut.parquet").write_bytes(good.read_bytes()[:-100])
    (folder / ".hidden.parquet").write_bytes(good.read_bytes())
    (folder / "lost.parquet").symlink_to(folder / "nowhere")
    for _ in range(2):  # read, then known
        history = open_history(folder)
        assert paths(history) == [good.name]
        reasons = dict(history.skipped)
        assert set(reasons) == {
            f"{name}.parquet" for name in ("newer", "undated", "text", "table", "cut", "lost")
        }
        assert "schema version 99" in reasons["newer.parquet"]
        assert "date" in reasons["undated.parquet"]
        assert "not a tflprof profile" in reasons["table.parquet"]


def test_a_file_that_becomes_readable_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = write_series(folder, [1.0], unit="instructions")
    path.chmod(0)
    with monkeypatch.context() as patched:
        if os.geteuid() == 0:  # whom no mode keeps out
            patched.setattr(worker, "read_profile", _refused)
            patched.setattr(os, "access", lambda *_: False)
        with open_history(folder) as history:
            assert len(history) == 0
            assert [name for name, _ in history.skipped] == [path.name]
    path.chmod(0o644)
    assert len(open_history(folder)) == 1


def _refused(path: Path) -> None:
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


@pytest.mark.parametrize("damage", ["text", "cut", "format"])
def test_an_index_that_is_damaged_or_old_is_made_anew(
    folder: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    write_series(folder, [1.0, 1.0], unit="instructions")
    open_history(folder).close()
    path = index_directory(folder) / "index.duckdb"
    if damage == "text":
        path.write_text("nothing like a database")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        monkeypatch.setattr(index, "FORMAT", index.FORMAT + 1)
    reads.take()
    assert len(open_history(folder)) == 2
    assert len(reads.take()) == 2


def test_rebuilding_and_doing_without(folder: Path, reads: Reads, cache: Path) -> None:
    write_series(folder, [1.0], unit="instructions")
    history = open_history(folder, index=False)
    assert len(history) == 1
    assert not cache.exists()
    open_history(folder)
    reads.take()
    open_history(folder, rebuild=True)
    assert reads.take() == ["p000.parquet"]


def test_a_cache_that_cannot_be_written_is_said(folder: Path, cache: Path) -> None:
    write_series(folder, [1.0], unit="instructions")
    cache.write_text("a file where the folder should be")
    history = open_history(folder)
    assert len(history) == 1
    assert "cannot be kept" in history.notes[0]


def test_several_at_once_all_see_everything(folder: Path) -> None:
    write_series(folder, [1.0] * 4, unit="instructions")
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(len(open_history(folder)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [4] * 4
    left = sorted(path.name for path in index_directory(folder).iterdir())
    assert left == ["index.duckdb", "lock"]


def test_an_open_history_keeps_what_it_saw(folder: Path) -> None:
    write_series(folder, [1.0], unit="instructions")
    history = open_history(folder)
    write_series(folder / "more", [1.0], unit="instructions")
    assert len(open_history(folder)) == 2
    assert len(history.profiles()) == 1


def test_several_processes_give_what_one_gives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(folder, [1.0, 1.1, 1.2, 1.3, 1.4], unit="instructions")
    (folder / "no.parquet").write_text("no")
    alone = open_history(folder, index=False)
    monkeypatch.setattr(summarise, "_PARALLEL_FROM", 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    told: list[tuple[int, int]] = []
    together = open_history(folder, index=False, on_progress=lambda done, of: told.append((done, of)))
    assert together.profiles().equals(alone.profiles())
    assert together.layers().equals(alone.layers())
    assert together.skipped == alone.skipped
    assert told[-1] == (6, 6)


def test_a_process_that_dies_costs_nothing_but_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(folder, [1.0, 1.1, 1.2], unit="instructions")
    monkeypatch.setattr(summarise, "_PARALLEL_FROM", 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(summarise.sys, "executable", shutil.which("false"))
    assert len(open_history(folder, index=False)) == 3


def test_names_are_data(folder: Path) -> None:
    odd = folder / "it's; drop table\tprofiles"
    write_series(odd, [1.0], prefix="q\"u'o", unit="instructions")
    for _ in range(2):
        history = open_history(folder)
        assert paths(history) == ["it's; drop table\tprofiles/q\"u'o000.parquet"]
        assert len(history.query("SELECT * FROM samples")) > 0


@pytest.mark.parametrize("name", ["none", "file"])
def test_what_is_no_folder_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=name):
        open_history(tmp_path / name)
