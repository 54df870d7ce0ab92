"""Profiler events of an inference through the C interface."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import c_int, c_void_p
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tflprof.runner.litert_ctypes import EVENT, LiteRt
from tflprof.runner.records import Event

_FIRST_TIMELESS_EVENT = 32
_LOW_WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Inference:
    """One inference: when it began and its duration, ns; events with their start and duration if it was profiled.

    ``counts``: of performance counters, -1 if unknown; empty without counters.
    """

    start_ns: int
    value: int
    events: tuple[Event, ...] = ()
    start: tuple[int, ...] = ()
    elapsed: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()


def with_events(library: LiteRt, profiler: c_void_p, done: Inference) -> Inference:
    """An inference with the events that its profiler holds. Raises LiteRtFailure."""
    count = c_int()
    library.call("events", "GetNumProfilerEvents", profiler, ctypes.byref(count))
    raw = np.zeros(max(0, count.value), EVENT)
    if len(raw):  # asking for no events is an error
        library.call("events", "GetProfilerEvents", profiler, len(raw), raw.ctypes.data)
    kept = raw[(raw["type"] & _LOW_WORD) < _FIRST_TIMELESS_EVENT]
    started = kept["start_us"]
    earliest = started[started > 0].min() if (started > 0).any() else 0
    start = np.where(started > 0, started - earliest, 0)
    events, elapsed = tuple(_events(kept)), _nanoseconds(kept["elapsed_us"])
    return replace(done, events=events, start=_nanoseconds(start), elapsed=elapsed)


def _nanoseconds(microseconds: npt.NDArray[np.uint64]) -> tuple[int, ...]:
    return tuple((microseconds * np.uint64(1000)).tolist())


def _events(raw: npt.NDArray[np.void]) -> Iterator[Event]:
    columns = (raw[name].tolist() for name in ("tag", "type", "m1", "m2", "source"))
    for tag, kind, m1, m2, source in zip(*columns, strict=True):
        text = ctypes.string_at(tag).decode("utf-8", "replace") if tag else ""
        yield Event(kind & _LOW_WORD, source & _LOW_WORD, m1, m2, text)
