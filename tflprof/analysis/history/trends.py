"""The series of a history: profiles of the index by series, in time order, with their steps."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from tflprof.analysis.history.query import Database
from tflprof.analysis.history.selection import Selection, conditions
from tflprof.analysis.history.series import Point, Series, find_steps, linked
from tflprof.errors import UsageError

_TOTALS = "SELECT path, total AS value, total_lo AS lo, total_hi AS hi FROM profiles"
# The cost of a group of layers stands with the first of them.
_LAYERS = (
    "SELECT l.path, coalesce(l.typical, g.typical) AS value, coalesce(l.lo, g.lo) AS lo, coalesce(l.hi, g.hi) AS hi "
    "FROM layers l LEFT JOIN layers g ON g.path = l.path AND g.layer = l.leader WHERE l.{column} = ? "
    "QUALIFY row_number() OVER (PARTITION BY l.path ORDER BY l.position) = 1"
)
# Counts settled if all inferences gave the same; the interval of a prediction is that of the phone.
_SETTLED = (
    "NOT p.deterministic OR CASE WHEN p.provenance = 'predicted' THEN coalesce(p.reached, false) "
    "ELSE v.lo IS NOT DISTINCT FROM v.hi END"
)


class Trends:
    """Series of the profiles of an index."""

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._root = root

    def series(self, wanted: Selection, least: float) -> tuple[Series, ...]:
        """As :meth:`tflprof.analysis.history.history.History.series` has it."""
        where, parameters = conditions(wanted)
        heads = self._heads(where, parameters)
        if not heads:
            raise self._nothing(wanted)
        column, layer = ("layer", None) if wanted.layer is None else self._layer(wanted)
        source = _TOTALS if layer is None else _LAYERS.format(column=column)
        columns = f"p.path, p.created, v.value, v.lo, v.hi, p.verdict, p.sha256, p.series, {_SETTLED}"
        runtime = "concat_ws(' ', coalesce(p.runtime_version, '–'), p.runtime_sha256)"
        rows = self._database.fetch(
            # Nothing a user wrote is in the text of a query: it is given as parameters.
            f"SELECT {columns}, {runtime} FROM profiles p JOIN ({source}) v USING (path) "  # noqa: S608
            f"WHERE {where} ORDER BY p.created, p.path",
            ([layer] if layer is not None else []) + parameters,
        )
        by_series: dict[str, list[Point]] = {}
        for path, created, value, lo, hi, verdict, sha256, key, settled, name in rows:
            counts = _counts(value, verdict, settled)
            point = Point(path, created, value, lo, hi, verdict, sha256, name, counts=counts)
            by_series.setdefault(key, []).append(point)
        if not by_series:
            raise self._nothing(wanted)
        grouped = self._grouped(column, layer)
        return tuple(
            _series(head, by_series[head[0]], layer, wanted.last, least, whole_group=head[0] in grouped)
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
            "cost",
            "scale",
            "costs_sha256",
        )
        values = ", ".join(f"any_value(p.{name})" for name in (*names, *said))
        return self._database.fetch(
            f"SELECT p.series, {values} FROM profiles p WHERE {where} GROUP BY p.series "  # noqa: S608
            "ORDER BY 2, 3, min(p.created), 1",
            parameters,
        )

    def _layer(self, wanted: Selection) -> tuple[str, str]:
        """The column of the layer that is meant, ``layer`` (its id) or ``name``, and its value. Raises UsageError."""
        layer = wanted.layer
        where, parameters = conditions(wanted)
        source = f"FROM layers l JOIN profiles p USING (path) WHERE {where} AND"
        if self._database.fetch(f"SELECT 1 {source} l.layer = ? LIMIT 1", [*parameters, layer]):
            return "layer", str(layer)
        names = self._database.fetch(
            f"SELECT DISTINCT l.name {source} (l.name = ? OR contains(lower(l.name), lower(?))) ORDER BY 1",
            [*parameters, layer, layer],
        )
        found = [str(name) for (name,) in names]
        if layer in found or len(found) == 1:
            return "name", str(layer) if layer in found else found[0]
        if not found:
            raise UsageError(
                f"no layer has the id or the name {layer!r}", "tflprof show PROFILE lists the layers"
            )
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(f"{layer!r} is in the names of {len(found)} layers: {shown}", "give a whole name")

    def _grouped(self, column: str, layer: str | None) -> set[str]:
        """Series in which the cost of a layer is that of a group."""
        if layer is None:
            return set()
        rows = self._database.fetch(
            "SELECT DISTINCT p.series FROM layers l JOIN profiles p USING (path) "  # noqa: S608
            "LEFT JOIN layers m ON m.path = l.path AND m.leader = l.layer "
            f"WHERE l.{column} = ? AND (l.leader IS NOT NULL OR m.path IS NOT NULL)",
            [layer],
        )
        return {str(key) for (key,) in rows}

    def _nothing(self, wanted: Selection) -> UsageError:
        if not self._any(Selection()):
            hint = "tflprof profile MODEL -o FOLDER/NAME.parquet puts one there"
            return UsageError(f"there are no profiles below {self._root}", hint)
        for name, value in (("model", wanted.model), ("target", wanted.target)):
            alone = Selection(model=value) if name == "model" else Selection(target=value)
            if value is not None and not self._any(alone):
                rows = self._database.fetch(f"SELECT DISTINCT {name} FROM profiles")  # noqa: S608
                found = [str(each) for (each,) in rows]
                close = difflib.get_close_matches(value, found, 1)
                listed = ", ".join(sorted(found)[:10]) + (", …" if len(found) > 10 else "")
                hint = f"did you mean {close[0]!r}?" if close else f"there are: {listed}"
                return UsageError(f"no profile in {self._root} is of the {name} {value!r}", hint)
        return UsageError(f"no profile in {self._root} is of all that was asked for", "ask for less")

    def _any(self, wanted: Selection) -> bool:
        where, parameters = conditions(wanted)
        query = f"SELECT 1 FROM profiles p WHERE {where} LIMIT 1"  # noqa: S608
        return bool(self._database.fetch(query, parameters))


def _counts(value: float | None, verdict: str, settled: bool) -> bool:
    """Whether a profile has a part in the search for steps."""
    return value is not None and value > 0 and verdict != "tainted" and settled


def _series(
    head: tuple[Any, ...],
    points: list[Point],
    layer: str | None,
    last: int | None,
    least: float,
    *,
    whole_group: bool,
) -> Series:
    key, model, target, unit, provenance, exact, *said = head
    kept = linked(points)[-last if last else 0 :]
    found = find_steps(kept, deterministic=exact, least=least)
    words = _in_words(said) + (" · cost of its whole group" if whole_group else "")
    return Series(key, model, target, words, unit, provenance, exact, layer, kept, **found)


def _in_words(said: list[Any]) -> str:
    soc, core, cpus, threads, kernels, flags, cache, rate, source, cost, scale, costs = said
    parts = [
        soc,
        f"core {core}" if core else (f"CPU {','.join(map(str, cpus))}" if cpus else None),
        None if threads is None else f"{threads} thread" + ("" if threads == 1 else "s"),
        f"{kernels} kernels" if kernels else None,
        None if flags is None else f"XNNPACK flags {flags}",
        "weight cache" if cache else None,
        None if rate is None else f"{rate:g} Hz",
        None if source == "native" else source,
        None if cost is None else f"cost {cost} {costs[:8]}",
        None if scale in (None, 1.0) else f"scaled by {scale:g}",
    ]
    return " · ".join(str(part) for part in parts if part)
