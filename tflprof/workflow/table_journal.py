"""A latency table while it is built: kept beside its place after every chain, so that a second call goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tflprof.errors import Untrusted
from tflprof.measure.table_reference import settled
from tflprof.profile.latency_merge import merged_rows
from tflprof.profile.latency_rows import (
    LatencyRow,
    StoredTable,
    TableMeta,
    read_table,
    table_mismatches,
    write_table,
)
from tflprof.profile.mismatch import Mismatch, shown_value


def journal_of(path: Path) -> Path:
    """Where a table is kept while it is built."""
    return path.with_name(f"{path.name}.part")


class Journal:
    """Rows that were measured so far.

    Args:
        path: of the table; None keeps nothing on disk.
        force: begin afresh, whatever is there.

    Raises:
        ProfileError: what is at ``path`` is no readable table.
    """

    def __init__(self, path: Path | None, *, force: bool = False) -> None:
        self.path = path
        self.meta: TableMeta | None = None
        self.rows: tuple[LatencyRow, ...] = ()
        self._changed = False
        self._is_new = force or path is None or not path.exists()
        if path is not None and not force:
            self._take(path)
            self._take(journal_of(path))

    def _take(self, path: Path) -> None:
        if not path.exists():
            return
        found = read_table(path)
        if self.meta is not None:
            self._check(found.meta, str(path))
        self.meta = found.meta
        self.rows = merged_rows(self.rows, found.rows)

    def check(self, meta: TableMeta) -> None:
        """Raise Untrusted, naming the conditions, if the rows so far are of others than these."""
        if self.meta is not None:
            self._check(meta, "what is asked for")

    def keys(self, context: str) -> frozenset[str]:
        """Keys of the configurations that have a row of a context."""
        return frozenset(row.config.key for row in self.rows if row.context == context)

    def has_source(self, source: str) -> bool:
        """Whether rows of a network are there."""
        return any(source in row.source.split(", ") for row in self.rows if row.context == "network")

    def add(self, meta: TableMeta, rows: Iterable[LatencyRow]) -> None:
        """Keep rows that were just measured, and of the overheads those of more models.

        Raises Untrusted if they are of another device, runtime or costs.
        """
        if self.meta is not None:
            self._check(meta, "what is measured now")
            known, found = self.meta.overheads, meta.overheads
            better = found if found.models >= max(known.models, 1) else known
            clock = meta.reference or self.meta.reference
            meta = replace(self.meta, tool_version=meta.tool_version, overheads=better, reference=clock)
        self.meta = meta
        self.rows = merged_rows(self.rows, rows)
        self._changed = True
        if self.path is not None:
            write_table(journal_of(self.path), StoredTable(meta, self.rows))

    def finish(self, meta: TableMeta) -> StoredTable:
        """Put the table in its place; a new one in the clock that the machine mostly had."""
        table = StoredTable(meta, self.rows)
        if self._is_new:
            table = settled(table)
        if self.path is not None:
            if self._changed or journal_of(self.path).exists() or not self.path.exists():
                write_table(self.path, table)
            journal_of(self.path).unlink(missing_ok=True)
        return table

    def _check(self, other: TableMeta, what: str) -> None:
        assert self.meta is not None
        different = table_mismatches(self.meta, other)
        if different:
            raise refused(f"{self.path or 'the rows so far'} and {what}", different)


def refused(what: str, different: Iterable[Mismatch]) -> Untrusted:
    """The error for rows that do not belong together, with each condition and both values."""
    keys = "; ".join(f"{one.key}: {shown_value(one.a)} and {shown_value(one.b)}" for one in different)
    return Untrusted(
        f"{what} are of different devices, runtimes or costs: {keys}",
        "build a table of its own (another -o), or --force to begin afresh",
    )
