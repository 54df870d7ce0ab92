"""A directory of profiles that can be asked: trends, steps, tables, SQL."""

from __future__ import annotations

import difflib
import os
import shutil
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflprof.analysis.history.index import Index, open_index
from tflprof.analysis.history.query import Database, Rows
from tflprof.analysis.history.series import Point, Series, find_steps, linked
from tflprof.analysis.history.steps import LEAST_CHANGE
from tflprof.analysis.history.summarise import Progress
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

_UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}


STEP_COLUMNS = (
    *("series", "model", "target", "layer", "unit", "first", "created", "last_before", "before", "after"),
    *("change", "lo", "hi", "p", "marks"),
)
"""Columns of :meth:`History.steps`."""


@dataclass(frozen=True)
class Selection:
    """Which profiles, and what of them.

    Attributes:
        model: its name, or the beginning of its SHA-256 (6 characters or more).
        target: such as ``host``, ``emulated``, ``emulated:pixel2``, ``adb`` or a device's name.
        layer: id or name of a layer, or a part of its name that no other has; None: the total.
        since: a date (2026-11-01), a date with a time, or so long ago (``12h``, ``30d``, ``8w``).
        last: so many profiles of each series, the latest.
    """

    model: str | None = None
    target: str | None = None
    layer: str | None = None
    since: str | None = None
    last: int | None = None


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
        wanted = selection or Selection()
        where, parameters = self._where(wanted)
        source, layer = self._values(wanted)
        heads = self._heads(where, parameters)
        if not heads:
            raise self._nothing(wanted)
        columns = "p.path, p.created, v.value, v.lo, v.hi, p.verdict, p.sha256, p.series, p.deterministic"
        runtime = "concat_ws(' ', coalesce(p.runtime_version, '–'), p.runtime_sha256)"
        rows = self._database.fetch(
            # Nothing a user wrote is in the text of a query: it is given as parameters.
            f"SELECT {columns}, {runtime} FROM profiles p JOIN ({source}) v USING (path) "  # noqa: S608
            f"WHERE {where} ORDER BY p.created, p.path",
            ([layer] if layer is not None else []) + parameters,
        )
        by_series: dict[str, list[Point]] = {}
        for path, created, value, lo, hi, verdict, sha256, key, exact, name in rows:
            counts = _counts(value, lo, hi, verdict, exact)
            point = Point(path, created, value, lo, hi, verdict, sha256, name, counts=counts)
            by_series.setdefault(key, []).append(point)
        if not by_series:
            raise self._nothing(wanted)
        return tuple(
            _series(head, by_series[head[0]], layer, wanted.last, least)
            for head in heads
            if head[0] in by_series
        )

    def _heads(self, where: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        """What is the same in all profiles of a series, one row each."""
        names = ("model", "target", "unit", "provenance", "deterministic")
        said = (
            "soc",
            "core",
            "cpus",
            "threads",
            "kernels",
            "xnnpack_flags",
            "weight_cache",
            "rate",
            "source",
        )
        values = ", ".join(f"any_value(p.{name})" for name in (*names, *said))
        return self._database.fetch(
            f"SELECT p.series, {values} FROM profiles p WHERE {where} GROUP BY p.series "  # noqa: S608
            "ORDER BY 2, 3, min(p.created), 1",
            parameters,
        )

    def _where(self, wanted: Selection) -> tuple[str, list[Any]]:
        parts: list[str] = ["true"]
        parameters: list[Any] = []
        if wanted.model is not None:
            by_hash = len(wanted.model) >= 6
            parts.append("(p.model = ?" + (" OR starts_with(p.sha256, lower(?)))" if by_hash else ")"))
            parameters += [wanted.model] * (1 + by_hash)
        if wanted.target is not None:
            parts.append("(p.target = ? OR starts_with(p.target, ?) OR ends_with(p.target, ?))")
            parameters += [wanted.target, f"{wanted.target}:", f":{wanted.target}"]
        if wanted.since is not None:
            parts.append("p.created >= ?")
            parameters.append(parse_since(wanted.since))
        return " AND ".join(parts), parameters

    def _values(self, wanted: Selection) -> tuple[str, str | None]:
        """Where the values come from: SQL with columns path, value, lo, hi, and the layer that it takes."""
        if wanted.layer is None:
            return "SELECT path, total AS value, total_lo AS lo, total_hi AS hi FROM profiles", None
        name = self._layer_name(wanted.layer)
        column = "layer" if name is None else "name"
        # The cost of a group of layers stands with the first of them.
        return (
            "SELECT l.path, coalesce(l.typical, g.typical) AS value, coalesce(l.lo, g.lo) AS lo, "  # noqa: S608
            "coalesce(l.hi, g.hi) AS hi FROM layers l LEFT JOIN layers g ON g.path = l.path AND "
            f"g.layer = l.leader WHERE l.{column} = ? "
            "QUALIFY row_number() OVER (PARTITION BY l.path ORDER BY l.position) = 1"
        ), name or wanted.layer

    def _layer_name(self, layer: str) -> str | None:
        """The name of the layer that is meant; None if it is an id. Raises UsageError."""
        if self._database.fetch("SELECT 1 FROM layers WHERE layer = ? LIMIT 1", [layer]):
            return None
        names = self._database.fetch(
            "SELECT DISTINCT name FROM layers WHERE name = ? OR contains(lower(name), lower(?)) ORDER BY name",
            [layer, layer],
        )
        found = [str(name) for (name,) in names]
        if layer in found:
            return layer
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                f"no layer has the id or the name {layer!r}", "tflprof show PROFILE lists the layers"
            )
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(f"{layer!r} is in the names of {len(found)} layers: {shown}", "give a whole name")

    def _nothing(self, wanted: Selection) -> UsageError:
        if not len(self):
            hint = "tflprof profile MODEL -o FOLDER/NAME.parquet puts one there"
            return UsageError(f"there are no profiles below {self.root}", hint)
        for name, value in (("model", wanted.model), ("target", wanted.target)):
            alone = Selection(model=value) if name == "model" else Selection(target=value)
            if value is not None and not self._any(alone):
                rows = self._database.fetch(f"SELECT DISTINCT {name} FROM profiles")  # noqa: S608
                found = [str(each) for (each,) in rows]
                close = difflib.get_close_matches(value, found, 1)
                listed = ", ".join(sorted(found)[:10]) + (", …" if len(found) > 10 else "")
                hint = f"did you mean {close[0]!r}?" if close else f"there are: {listed}"
                return UsageError(f"no profile in {self.root} is of the {name} {value!r}", hint)
        return UsageError(f"no profile in {self.root} is of all that was asked for", "ask for less")

    def _any(self, wanted: Selection) -> bool:
        where, parameters = self._where(wanted)
        query = f"SELECT 1 FROM profiles p WHERE {where} LIMIT 1"  # noqa: S608
        return bool(self._database.fetch(query, parameters))


def parse_since(text: str) -> datetime:
    """A date, a date with a time, or so long ago, as UTC without a zone. Raises UsageError."""
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isdigit():
        try:
            return datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=int(number) * _UNITS[unit])
        except OverflowError:
            return datetime.min
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--since {text}: neither a date nor a time ago", "such as 2026-11-01, 30d or 12h"
        ) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _counts(value: float | None, lo: float | None, hi: float | None, verdict: str, exact: bool) -> bool:
    """Whether a profile has a part in the search for steps."""
    return value is not None and value > 0 and verdict != "tainted" and not (exact and lo != hi)


def _series(
    head: tuple[Any, ...], points: list[Point], layer: str | None, last: int | None, least: float
) -> Series:
    key, model, target, unit, provenance, exact, *said = head
    kept = linked(points)[-last if last else 0 :]
    found = find_steps(kept, deterministic=exact, least=least)
    return Series(key, model, target, _in_words(said), unit, provenance, exact, layer, kept, **found)


def _in_words(said: list[Any]) -> str:
    soc, core, cpus, threads, kernels, flags, cache, rate, source = said
    parts = [
        soc,
        f"core {core}" if core else (f"CPU {','.join(map(str, cpus))}" if cpus else None),
        None if threads is None else f"{threads} thread" + ("" if threads == 1 else "s"),
        f"{kernels} kernels" if kernels else None,
        None if flags is None else f"XNNPACK flags {flags}",
        "weight cache" if cache else None,
        None if rate is None else f"{rate:g} Hz",
        None if source == "native" else source,
    ]
    return " · ".join(str(part) for part in parts if part)
