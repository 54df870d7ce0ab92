"""Which profiles of a history are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tflprof.errors import UsageError

LEAST_CHANGE = 0.01
"""Relative change below which a new level of noisy profiles is not worth a word."""
_UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}


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


def conditions(wanted: Selection) -> tuple[str, list[Any]]:
    """A selection as SQL over the row ``p`` of ``profiles``, and its parameters. Raises UsageError."""
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
