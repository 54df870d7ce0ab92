"""Folders of profiles that change over time, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.factories import MIXED, make_profile
from tflprof.profile.profile import Profile
from tflprof.profile.store import write_profile

START = datetime(2026, 10, 1, 6, tzinfo=UTC)


def profile_of(
    factor: float = 1.0,
    *,
    day: float = 0,
    unit: str = "ns",
    version: str = "2.3.0",
    threads: int = 1,
    sha256: str = "a" * 64,
    layer: str | None = None,
    **options: Any,
) -> Profile:
    """A profile whose costs are ``factor`` times the usual ones (of one layer only, if named), taken that day."""
    parts = [
        replace(part, cost=part.cost * factor) if layer in (None, part.layers[0][1]) else part
        for part in MIXED
    ]
    small = {"processes": 10, "blocks": 1, "inferences": 4} if unit == "ns" else {}
    profile = make_profile(parts, unit=unit, **(small | options))
    meta = replace(
        profile.meta,
        created=(START + timedelta(days=day)).isoformat(),
        runtime={**profile.meta.runtime, "version": version, "sha256": version[-3:] * 20},
        options=replace(profile.meta.options, threads=threads),
        model=replace(profile.meta.model, sha256=sha256),
    )
    return Profile(meta, profile.table)


def write_series(folder: Path, factors: Sequence[float], prefix: str = "p", **options: Any) -> list[Path]:
    """One profile a day, with these factors."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_profile(profile_of(factor, day=day, seed=day, **options), folder / f"{prefix}{day:03}.parquet")
        for day, factor in enumerate(factors)
    ]
