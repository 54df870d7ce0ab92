"""Users' SQL over the history: it can read the index and the profiles, and do nothing else."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from tflprof.analysis.history.index import literal
from tflprof.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_HINT = "the tables are profiles, layers, samples and skipped; their columns are in docs/history.md"


class Rows(NamedTuple):
    """What a query gave."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Database:
    """The index and the profiles of a history, read only."""

    def __init__(self, index: Path, root: Path) -> None:
        self._root = root.resolve()
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "python_enable_replacements": "false",
                # Large queries spill; not into the current folder.
                "temp_directory": str(Path(tempfile.gettempdir()) / "tflprof-history-spill"),
            },
        )
        run = self._connection.execute
        run(f"ATTACH {literal(index)} AS history (READ_ONLY)")
        run("USE history")
        run(f"SET allowed_directories = [{literal(self._root)}]")
        run("SET enable_external_access = false")
        run("SET lock_configuration = true")
        self._has_samples = False

    def close(self) -> None:
        """Let go of the index."""
        self._connection.close()

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query of our own."""
        return self._connection.execute(sql, list(parameters)).fetchall()

    def rows(self, sql: str) -> Rows:
        """Rows of a user's query. Raises UsageError: it is not one that only reads, or it fails."""
        result = self._user(sql)
        try:
            return Rows(tuple(str(column[0]) for column in result.description or ()), result.fetchall())
        except duckdb.Error as error:
            raise _failed(error) from error

    def frame(self, sql: str) -> pd.DataFrame:
        """The same as a DataFrame."""
        result = self._user(sql)
        try:
            frame: pd.DataFrame = result.df()
        except duckdb.Error as error:
            raise _failed(error) from error
        return frame

    def _user(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise _failed(error) from error
        if len(statements) != 1:
            raise UsageError(f"the SQL has {len(statements)} statements, not one", _HINT)
        kind = statements[0].type
        if kind != duckdb.StatementType.SELECT:
            raise UsageError(
                f"the SQL is a statement of kind {kind.name}; a history can only be read, with SELECT", _HINT
            )
        try:
            if re.search(r"\bsamples\b", sql, re.IGNORECASE):
                self._make_samples()
            return self._connection.execute(statements[0])
        except duckdb.Error as error:
            raise _failed(error) from error

    def _make_samples(self) -> None:
        """The view over the files themselves; making it opens them all, so it is made when it is asked for."""
        if self._has_samples:
            return
        prefix = f"{self._root}/"
        files = [prefix + path for (path,) in self.fetch("SELECT path FROM profiles ORDER BY created, path")]
        if not files:
            return
        self._connection.execute(
            # A view takes no parameters; names of files are quoted.
            f"CREATE TEMP VIEW samples AS SELECT substr(filename, {len(prefix) + 1}) AS path, "  # noqa: S608
            f"* EXCLUDE (filename) FROM read_parquet([{', '.join(map(literal, files))}], "
            "union_by_name = true, filename = true)"
        )
        self._has_samples = True


def _failed(error: duckdb.Error) -> UsageError:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return UsageError(f"the SQL failed: {' '.join(lines[:2])}", _HINT)
