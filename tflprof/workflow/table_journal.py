"""A latency table while it is built: kept beside its place after every chain, so that a second call goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tflprof.errors import ProfileError, Untrusted
from tflprof.measure.table_reference import in_clock, settled
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


def journal_of(path: Path, *, afresh: bool = False) -> Path:
    """Where a table is kept while it is built; ``afresh``: one that takes nothing of what is at ``path``."""
    return path.with_name(f"{path.name}.afresh.part" if afresh else f"{path.name}.part")


def goes_on_from(path: Path, *, force: bool = False) -> Path | None:
    """What building a table, with ``force`` or without, would go on from beside it; None if there is nothing."""
    parts = [journal_of(path, afresh=True)] if force else [journal_of(path, afresh=True), journal_of(path)]
    return next((part for part in parts if part.exists()), None)


class Journal:
    """Rows that were measured so far.

    Args:
        path: of the table; None keeps nothing on disk.
        force: begin afresh, whatever is there, or go on with what was so begun and not ended.

    Raises:
        ProfileError: what is at ``path`` is no readable table.
        Untrusted: the table and what is kept beside it cannot be put together.
    """

    def __init__(self, path: Path | None, *, force: bool = False) -> None:
        self.path = path
        self.meta: TableMeta | None = None
        self.rows: tuple[LatencyRow, ...] = ()
        self._changed = False
        self._force = force
        part = None if path is None else goes_on_from(path, force=force)
        self._afresh = force or (path is not None and part == journal_of(path, afresh=True))
        self._is_new = self._afresh or path is None or not path.exists()
        # What is in the place of a table that was begun afresh is no part of it.
        for place in (None if self._afresh else path, part):
            if place is not None and place.exists():
                self._take(place)

    def _take(self, path: Path) -> None:
        try:
            found = read_table(path)
        except ProfileError:
            if self._force:
                return
            raise
        if self.meta is not None:
            self._check(found.meta, str(path))
            self._check_clock(found.meta, path)
            found = in_clock(found, self.meta.reference)
        self.meta = found.meta
        known = {row.identity: _sources(row) for row in found.rows}
        # Means over models that have these rows in them, already.
        others = [row for row in self.rows if not _sources(row) <= known.get(row.identity, frozenset())]
        self.rows = merged_rows(others, found.rows)

    def _check_clock(self, other: TableMeta, path: Path) -> None:
        assert self.meta is not None
        own, found = self.meta.reference, other.reference
        if (own and own.sha256) != (found and found.sha256):
            raise Untrusted(
                f"the times of {self.path} and {path} are of different clocks, and no reference measured beside "
                "both tells the ratio",
                f"delete {path} to extend the table as it is, or build a new one with --force",
            )

    def check(self, meta: TableMeta) -> None:
        """Raise Untrusted, naming the conditions, if the rows so far are of others than these.

        With ``force`` these rows are left, and it is begun afresh.
        """
        if self.meta is None:
            return
        if self._force and table_mismatches(self.meta, meta):
            self.meta, self.rows = None, ()
            return
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
            write_table(journal_of(self.path, afresh=self._afresh), StoredTable(meta, self.rows))

    def finish(self, meta: TableMeta) -> StoredTable:
        """Put the table in its place; a new one in the clock that the machine mostly had."""
        table = StoredTable(meta, self.rows)
        if self._is_new:
            table = settled(table)
        if self.path is not None:
            parts = journal_of(self.path), journal_of(self.path, afresh=True)
            if self._changed or any(part.exists() for part in parts) or not self.path.exists():
                write_table(self.path, table)
            for part in parts:
                part.unlink(missing_ok=True)
        return table

    def _check(self, other: TableMeta, what: str) -> None:
        assert self.meta is not None
        different = table_mismatches(self.meta, other)
        if different:
            place = (
                None
                if self.path is None
                else journal_of(self.path, afresh=True)
                if self._afresh
                else self.path
            )
            raise refused(f"{place or 'the rows so far'} and {what}", different)


def _sources(row: LatencyRow) -> frozenset[str]:
    return frozenset(row.source.split(", "))


def refused(what: str, different: Iterable[Mismatch]) -> Untrusted:
    """The error for rows that do not belong together, with each condition and both values."""
    keys = "; ".join(f"{one.key}: {shown_value(one.a)} and {shown_value(one.b)}" for one in different)
    return Untrusted(
        f"{what} are of different devices, runtimes or costs: {keys}",
        "build a table of its own (another -o), or --force to begin afresh",
    )
