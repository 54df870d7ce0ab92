"""Profiles in time order, as far as they are comparable, and the steps among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from tflprof.analysis.history.steps import Judged, Shift, exact_shifts, noisy_shifts


@dataclass(frozen=True)
class Point:
    """One profile of a series.

    Attributes:
        path: of the file, relative to the history.
        created: when it was taken, UTC.
        value: typical cost of the total, or of the layer; lo, hi: its 95 % interval. None if unknown.
        verdict: ``ok``, ``doubtful`` or ``tainted``.
        change: relative to the last one before that is comparable in everything; None if there is none.
        marks: what changed since the last one: the runtime, the model's content.
        counts: False if it has no part in the search for steps (tainted, no value, a count not settled).
    """

    path: str
    created: datetime
    value: float | None
    lo: float | None
    hi: float | None
    verdict: str
    model_sha256: str | None
    runtime: str
    change: float | None = None
    marks: tuple[str, ...] = ()
    counts: bool = True


@dataclass(frozen=True)
class Step:
    """A change of level in a series.

    Attributes:
        first: the first profile of the new level; last: the last one of the old level.
        before: mean of the level before, after: of the level after, in the unit of the series.
        change: of the step itself, relative; lo, hi: its 99 % interval (equal to it where counts are exact).
        p: probability of so clear a step where there is none; None where counts are exact.
        marks: what else changed with it: the runtime, the model's content.
    """

    first: Point
    last: Point
    before: float
    after: float
    change: float
    lo: float | None
    hi: float | None
    p: float | None
    marks: tuple[str, ...]

    @property
    def slower(self) -> bool:
        """Whether it costs more since."""
        return self.after > self.before


@dataclass(frozen=True)
class Series:
    """Profiles of one model under conditions that make them comparable, but for the runtime's version.

    Attributes:
        key: the same for all its profiles, in no other series.
        conditions: what else tells it from others, in words.
        unit: ``ns``, ``cycles`` or ``instructions``; provenance: of all values.
        deterministic: counts repeat exactly.
        layer: the layer its values are of, None: the total.
        points: in time order.
        steps: in time order.
        suspects: the last one or two profiles, if they are off as far as a step but too few to be one.
        conclusive: False if there are too few profiles to tell steps.
    """

    key: str
    model: str
    target: str
    conditions: str
    unit: str
    provenance: str
    deterministic: bool
    layer: str | None
    points: tuple[Point, ...]
    steps: tuple[Step, ...] = ()
    suspects: tuple[Point, ...] = ()
    conclusive: bool = True


def linked(points: Sequence[Point]) -> tuple[Point, ...]:
    """Points in time order with their changes against those before them, and what changed besides."""
    found: list[Point] = []
    last: Point | None = None
    latest: dict[str, float] = {}
    for point in points:
        before = latest.get(point.runtime)
        change = point.value / before - 1 if before and point.value is not None else None
        found.append(
            Point(**{**point.__dict__, "change": change, "marks": () if last is None else marks(last, point)})
        )
        if point.value is not None and point.verdict != "tainted":
            latest[point.runtime] = point.value
        last = point
    return tuple(found)


def marks(before: Point, after: Point) -> tuple[str, ...]:
    """What changed between two profiles of a series beside their cost, in words."""
    found = []
    if before.runtime != after.runtime:
        found.append(f"runtime {_short(before.runtime)} → {_short(after.runtime, before.runtime)}")
    if before.model_sha256 != after.model_sha256 and before.model_sha256 and after.model_sha256:
        found.append(f"model {before.model_sha256[:8]} → {after.model_sha256[:8]}")
    return tuple(found)


def _short(runtime: str, other: str = "") -> str:
    """The runtime's version, with its hash only if two versions are called the same."""
    version, _, sha256 = runtime.partition(" ")
    return f"{version} ({sha256[:8]})" if sha256 and version == other.partition(" ")[0] else version


def find_steps(points: Sequence[Point], *, deterministic: bool, least: float) -> dict[str, Any]:
    """Steps, suspects and whether there were enough points, as :class:`Series` has them."""
    used = [point for point in points if point.counts]
    values = np.array([point.value for point in used], dtype=np.float64)
    judged = exact_shifts(values) if deterministic else _noisy(used, values, least)
    return {
        "steps": tuple(_step(used, shift) for shift in judged.shifts),
        "suspects": tuple(used[index] for index in judged.suspects),
        "conclusive": judged.conclusive,
    }


def _noisy(used: Sequence[Point], values: Any, least: float) -> Judged:
    spread = np.array([_half(point) for point in used], dtype=np.float64)
    return noisy_shifts(values, spread, least=least)


def _half(point: Point) -> float:
    return float("nan") if point.lo is None or point.hi is None else (point.hi - point.lo) / 2


def _step(used: Sequence[Point], shift: Shift) -> Step:
    first, last = used[shift.index], used[shift.index - 1]
    return Step(
        first,
        last,
        shift.before,
        shift.after,
        shift.change,
        shift.lo,
        shift.hi,
        shift.p,
        marks(last, first),
    )
