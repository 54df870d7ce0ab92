"""The disposable index of a history: summaries of all its profiles in one DuckDB file in the user's cache.

A finished index is never changed: a new one is made beside it and renamed, so that readers need no lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from tflprof.analysis.history.scan import Seen, find_profiles
from tflprof.analysis.history.summarise import Progress, summarise_all
from tflprof.analysis.history.tables import FORMAT, TABLES, column_list, struct_of
from tflprof.errors import EnvironmentFault
from tflprof.locking import exclusive

_NAME = "index.duckdb"


@dataclass(frozen=True)
class Index:
    """An index that is up to date.

    Attributes:
        path: the database; it stays as it is.
        refused: what could not be looked at, with the reason.
        notes: what a user should know, as sentences.
        kept: False if it is in a folder of its own, to be removed after use.
    """

    path: Path
    refused: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    kept: bool = True


def index_directory(root: Path) -> Path:
    """Where the index of a history is kept: below XDG_CACHE_HOME, by default ~/.cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    cache = (base if base.is_absolute() else Path.home() / ".cache") / "tflprof" / "history"
    return cache / hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]


def open_index(root: Path, *, keep: bool, rebuild: bool, on_progress: Progress) -> Index:
    """The index of all profiles below ``root`` as they are now; only new and changed files are read.

    Args:
        root: the history's folder.
        keep: False: make it anew in a temporary folder, and leave the kept one alone.
        rebuild: True: read all files anew.
        on_progress: told how many files are read, of how many.

    Raises:
        UsageError: ``root`` is no folder.
        EnvironmentFault: it cannot be read, or the index can be written nowhere.
    """
    files, refused = find_profiles(root)
    notes: tuple[str, ...] = ()
    if keep:
        directory = index_directory(root)
        try:
            path = _kept(directory, root, files, rebuild, on_progress)
        except (OSError, duckdb.IOException) as error:
            notes = (f"the index cannot be kept in {directory}: {error}; it was made for this time only",)
        else:
            return Index(path, tuple(refused))
    try:
        path = Path(tempfile.mkdtemp(prefix="tflprof-history-")) / _NAME
        try:
            _make(path, None, root, files, [], on_progress)
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
    except (OSError, duckdb.IOException) as error:
        raise EnvironmentFault(
            f"the index of {root} cannot be written: {error}", "free some space, or set TMPDIR"
        ) from error
    return Index(path, tuple(refused), notes, kept=False)


def _kept(directory: Path, root: Path, files: list[Seen], rebuild: bool, on_progress: Progress) -> Path:
    path = directory / _NAME
    if not rebuild and _known(path) == set(files):
        return path
    directory.mkdir(parents=True, exist_ok=True)
    with exclusive(directory / "lock"):
        # Another process may have brought it up to date meanwhile.
        known = None if rebuild else _known(path)
        if known == set(files):
            return path
        now = set(files)
        gone = [file.path for file in (known or set()) - now]
        new = [file for file in files if known is None or file not in known]
        with tempfile.TemporaryDirectory(dir=directory, prefix="new-") as folder:
            made = Path(folder) / _NAME
            _make(made, path if known is not None else None, root, new, gone, on_progress)
            made.replace(path)
    return path


def _known(path: Path) -> set[Seen] | None:
    """Files that an index knows; None if there is none, or one that is damaged or of another version."""
    if not path.is_file():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            if connection.execute("SELECT format, tool_version FROM info").fetchone() != _info():
                return None
            rows = connection.execute(
                "SELECT path, file_bytes, mtime_ns FROM profiles "
                "UNION ALL SELECT path, file_bytes, mtime_ns FROM skipped WHERE NOT again"
            ).fetchall()
    except duckdb.Error:
        return None
    return {Seen(*row) for row in rows}


def _info() -> tuple[int, str]:
    return FORMAT, version("tflprof")


def _make(
    path: Path,
    old: Path | None,
    root: Path,
    new: Sequence[Seen],
    gone: Sequence[str],
    on_progress: Progress,
) -> None:
    """Write an index: what the old one has but what is gone or tried again, and the new files."""
    prefixes = summarise_all(root, new, path.parent, on_progress)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE info (format INTEGER, tool_version VARCHAR)")
        connection.execute("INSERT INTO info VALUES (?, ?)", _info())
        if old is not None:
            connection.execute(f"ATTACH {literal(old)} AS old (READ_ONLY)")
        dropped = [*gone, *(file.path for file in new)]
        for table in TABLES:
            _fill(connection, table, dropped if old is not None else None, prefixes)
        if old is not None:
            connection.execute("DETACH old")


def _fill(
    connection: duckdb.DuckDBPyConnection, table: str, dropped: list[str] | None, prefixes: Sequence[Path]
) -> None:
    columns = TABLES[table]
    connection.execute(f"CREATE TABLE {table} ({column_list(columns)})")
    if dropped is not None:
        connection.execute(
            f"INSERT INTO {table} SELECT * FROM old.{table} "  # noqa: S608 - a table of ours
            "WHERE path NOT IN (SELECT unnest(?::VARCHAR[]))",
            [dropped],
        )
    written = [prefix.with_suffix(f".{table}") for prefix in prefixes]
    files = ", ".join(literal(file) for file in written if file.stat().st_size)
    if files:
        order = "ORDER BY created, path" if table == "profiles" else ""
        connection.execute(
            f"INSERT INTO {table} SELECT {', '.join(columns)} FROM read_json([{files}], "  # noqa: S608
            f"format = 'newline_delimited', columns = {struct_of(columns)}, "
            f"maximum_object_size = 67108864) {order}"
        )


def literal(value: Any) -> str:
    """A text as it stands in SQL."""
    return "'" + str(value).replace("'", "''") + "'"
