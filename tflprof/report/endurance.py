"""An endurance run in words, as JSON and for the page's chart; the core's counters in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from tflprof import units
from tflprof.profile.profile import Profile
from tflprof.profile.sustain import Course, FloatArray, Sustained

_MAX_POINTS = 600


def describe_endurance(profile: Profile) -> str | None:
    """``10 min on end: slower after 3.2 min, 5.1 ms → 7.4 ms (+46 %)``; None for other measurements."""
    found, planned = profile.sustained, profile.meta.schedule.sustain_seconds
    if found is None or planned is None:
        return None
    lasted = float(found.course.seconds[-1]) if len(found.course.seconds) else 0.0
    return f"{duration(max(lasted, 0.0))} on end: {describe_throttling(found)}"


def describe_throttling(found: Sustained) -> str:
    """When and by how much it slowed down, or that it did not."""
    point = found.throttling
    if point is None:
        return "no lasting slowdown found" if found.conclusive else "too few blocks to look for a slowdown"
    change = units.format_ratio(1 + point.slowdown)
    parts = [
        f"slower after {duration(point.seconds)}",
        f"{units.format_value(point.before, 'ns')} → {units.format_value(point.after, 'ns')} ({change})",
    ]
    if point.khz_before is not None and point.khz_after is not None:
        parts.append(f"{point.khz_before / 1e6:.2f} → {point.khz_after / 1e6:.2f} GHz")
    if point.celsius is not None:
        parts.append(f"at {point.celsius:.0f} °C")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """``42 s``, ``3.5 min``."""
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} min"


def endurance_document(profile: Profile) -> dict[str, Any] | None:
    """The JSON of an endurance run (docs/json.md), None for other measurements."""
    found = profile.sustained
    if found is None:
        return None
    point = found.throttling
    return {
        "conclusive": found.conclusive,
        "throttling": None if point is None else asdict(point) | {"slowdown": point.slowdown},
        "course": {
            name: values.tolist() for name, values in asdict(thinned(found.course, _MAX_POINTS)).items()
        },
    }


def endurance_points(profile: Profile) -> dict[str, Any] | None:
    """What the chart of an endurance run draws: lists of equal length, and the throttling point."""
    document = endurance_document(profile)
    if document is None:
        return None
    point = document["throttling"]
    return {**document["course"], "point": point}


def thinned(course: Course, most: int) -> Course:
    """At most ``most`` points: the first time and the medians of neighbouring blocks."""
    count = len(course.seconds)
    if count <= most:
        return course
    starts = np.linspace(0, count, most, endpoint=False).astype(np.int64)
    return Course(course.seconds[starts], *(_medians(values, starts) for values in _others(course)))


def _others(course: Course) -> tuple[FloatArray, FloatArray, FloatArray]:
    return course.latency, course.khz, course.celsius


def _medians(values: FloatArray, starts: np.ndarray[Any, Any]) -> FloatArray:
    return np.array([np.median(part) for part in np.split(values, starts[1:])])


def describe_counters(profile: Profile) -> str | None:
    """Counters of one inference in one line, None if there are none."""
    counters = profile.counters
    if counters is None:
        return None
    shown = (
        (units.format_count(counters.cycles), " cycles", counters.cycles),
        (units.format_count(counters.instructions), " instructions", counters.instructions),
        (units.digits(counters.instructions_per_cycle), " per cycle", counters.instructions_per_cycle),
        (units.format_count(counters.cache_refills), " cache refills", counters.cache_refills),
        (units.digits(counters.effective_ghz), " GHz effective", counters.effective_ghz),
    )
    return " · ".join(text + name for text, name, value in shown if value is not None)
