"""A directory of profiles that can be asked: trends, steps, tables, SQL."""

from __future__ import annotations

import os
import shutil
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflprof.analysis.history.index import Index, open_index
from tflprof.analysis.history.query import Database, Rows
from tflprof.analysis.history.selection import LEAST_CHANGE, Selection
from tflprof.analysis.history.summarise import Progress

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

    from tflprof.analysis.history.series import Series

STEP_COLUMNS = (
    *("series", "model", "target", "layer", "unit", "first", "created", "last_before", "before", "after"),
    *("change", "lo", "hi", "p", "marks"),
)
"""Columns of :meth:`History.steps`."""


def open_history(
    directory: str | os.PathLike[str],
    *,
    index: bool = True,
    rebuild: bool = False,
    on_progress: Progress | None = None,
) -> History:
    """Open a directory of profiles as a history; all ``*.parquet`` files below it that are profiles are in it.

    Args:
        directory: the folder; below it any folders.
        index: keep the index of summaries in the user's cache, and read only what is new in it.
        rebuild: read all files anew.
        on_progress: told how many files are read, of how many.

    Raises:
        UsageError: it is no folder.
        EnvironmentFault: it cannot be read, or there is no place for an index.
    """
    root = Path(directory)
    found = open_index(root, keep=index, rebuild=rebuild, on_progress=on_progress or (lambda *_: None))
    return History(root, found)


class History:
    """A history that is open; the files as they were when it was opened.

    Attributes:
        root: its folder.
        skipped: Parquet files that are no profiles, or cannot be read, with the reason.
        notes: what a user should know, as sentences.
    """

    def __init__(self, root: Path, index: Index) -> None:
        self.root = root
        self._database = Database(index.path, root)
        if not index.kept:
            weakref.finalize(self, shutil.rmtree, index.path.parent, ignore_errors=True)
        rows = self._database.fetch("SELECT path, reason FROM skipped ORDER BY path")
        self.skipped: tuple[tuple[str, str], ...] = (*((str(a), str(b)) for a, b in rows), *index.refused)
        self.notes = index.notes

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the index."""
        self._database.close()

    def __len__(self) -> int:
        return int(self._database.fetch("SELECT count(*) FROM profiles")[0][0])

    def profiles(self) -> pd.DataFrame:
        """One row per profile in time order; columns as in docs/history.md, costs in the unit of the row."""
        return self.query("SELECT * FROM profiles ORDER BY created, path")

    def layers(self) -> pd.DataFrame:
        """One row per layer of every profile; columns as in docs/history.md."""
        return self.query(
            "SELECT layers.* FROM layers JOIN profiles USING (path) ORDER BY created, path, position"
        )

    def query(self, sql: str) -> pd.DataFrame:
        """What one SELECT gives over ``profiles``, ``layers``, ``samples`` and ``skipped`` (docs/history.md).

        Raises UsageError: it fails, or does more than read.
        """
        return self._database.frame(sql)

    def query_rows(self, sql: str) -> Rows:
        """The same as plain rows."""
        return self._database.rows(sql)

    def steps(self, *, least: float = LEAST_CHANGE, **selection: Any) -> pd.DataFrame:
        """One row per step, with the first profile of the new level.

        Args:
            least: relative change of measured costs that matters.
            selection: as :class:`Selection` has it: model, target, layer, since, last.

        Returns:
            Columns: :data:`STEP_COLUMNS`, as :class:`tflprof.analysis.history.series.Step` has them.
        """
        import pandas as pd

        rows = [
            {
                "series": one.key,
                "model": one.model,
                "target": one.target,
                "layer": one.layer,
                "unit": one.unit,
                "first": step.first.path,
                "created": step.first.created,
                "last_before": step.last.path,
                "before": step.before,
                "after": step.after,
                "change": step.change,
                "lo": step.lo,
                "hi": step.hi,
                "p": step.p,
                "marks": list(step.marks),
            }
            for one in self.series(Selection(**selection), least=least)
            for step in one.steps
        ]
        return pd.DataFrame(rows, columns=STEP_COLUMNS)

    def series(
        self, selection: Selection | None = None, *, least: float = LEAST_CHANGE
    ) -> tuple[Series, ...]:
        """All series with at least one selected profile, by model and target, with their steps.

        Raises UsageError: nothing is selected; the message says what there is.
        """
        # Queries of users do without it.
        from tflprof.analysis.history.trends import Trends

        return Trends(self._database, self.root).series(selection or Selection(), least)
