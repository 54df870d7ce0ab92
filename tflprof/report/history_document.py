"""A history as JSON (docs/json.md): stable keys, raw numbers in the unit of each series, null for unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tflprof.report.plain_json import without_nan

if TYPE_CHECKING:
    from tflprof.analysis.history.series import Point, Series, Step

DOCUMENT_VERSION = 1


@dataclass(frozen=True)
class Found:
    """What is in a history beside its series."""

    directory: str
    profiles: int
    skipped: Sequence[tuple[str, str]]
    notes: Sequence[str]


def history_document(series: Sequence[Series], found: Found) -> dict[str, Any]:
    """All series with their points and steps as JSON-ready values."""
    document = {
        "schema_version": DOCUMENT_VERSION,
        "directory": found.directory,
        "profiles": found.profiles,
        "skipped": [{"path": path, "reason": reason} for path, reason in found.skipped],
        "notes": list(found.notes),
        "series": [_series(one) for one in series],
    }
    cleaned: dict[str, Any] = without_nan(document)
    return cleaned


def rows_document(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """What a query gave: names of the columns, and rows of values; times are ISO 8601."""
    document = {
        "schema_version": DOCUMENT_VERSION,
        "columns": list(columns),
        "rows": [[_value(value) for value in row] for row in rows],
    }
    cleaned: dict[str, Any] = without_nan(document)
    return cleaned


def _series(series: Series) -> dict[str, Any]:
    return {
        "key": series.key,
        "model": series.model,
        "target": series.target,
        "conditions": series.conditions,
        "layer": series.layer,
        "unit": series.unit,
        "provenance": series.provenance,
        "deterministic": series.deterministic,
        "conclusive": series.conclusive,
        "points": [_point(point) for point in series.points],
        "steps": [_step(step) for step in series.steps],
        "suspects": [point.path for point in series.suspects],
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "path": point.path,
        "created": _moment(point.created),
        "value": point.value,
        "ci95": _interval(point.lo, point.hi),
        "change": point.change,
        "verdict": point.verdict,
        "runtime": point.runtime,
        "model_sha256": point.model_sha256,
        "marks": list(point.marks),
        "searched": point.counts,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "first": step.first.path,
        "created": _moment(step.first.created),
        "last_before": step.last.path,
        "before": step.before,
        "after": step.after,
        "change": step.change,
        "ci99": _interval(step.lo, step.hi),
        "p": step.p,
        "marks": list(step.marks),
    }


def _interval(lo: float | None, hi: float | None) -> list[float] | None:
    return None if lo is None or hi is None else [lo, hi]


def _moment(moment: datetime) -> str:
    """The index keeps UTC without a zone."""
    return f"{moment.isoformat(timespec='seconds')}+00:00"


def _value(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items()}
    return str(value)
