"""The core's performance counters as a session in Python reads them: Linux's perf_event_open, of all threads.

They are read right before and after the call that runs the model; what of Python lies between is a few thousand
instructions, and counted.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from tflprof.runner.records import Pmu

_CALLS = {"x86_64": 298, "aarch64": 241}
# By the names of docs/runner-protocol.md: numbers of perf's generic hardware counters.
_WANTED = {"cycles": 0, "instructions": 1, "cache_refills": 3}
_ATTRIBUTES = struct.Struct("<IIQQQQQ80x")
_TIMES = 1 | 2
"""Reading gives the value, the time enabled and the time running."""

_INHERIT, _NO_KERNEL, _NO_HYPERVISOR = 1 << 1, 1 << 5, 1 << 6
_READING = struct.Struct("<QQQ")
_PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")

Reading = tuple[int, int, int] | None
"""Value, time enabled, time running; None: it could not be read."""


class Counters:
    """Counters of this thread and of those it starts from now on.

    Attributes:
        names: of those that could be opened.
        error: which could not, or did not count, and why; None if all do.
    """

    def __init__(self) -> None:
        opened = {name: _open(number) for name, number in _WANTED.items()}
        self._files = {name: file for name, (file, _) in opened.items() if file >= 0}
        self.names = tuple(self._files)
        self.error = _told({name: error for name, (_, error) in opened.items() if error}, self._idle())

    def record(self) -> Pmu:
        """What there is, and what is not."""
        return Pmu(self.names, self.error)

    def read(self) -> tuple[Reading, ...]:
        """One reading of each."""
        return tuple(_read(file) for file in self._files.values())

    def _idle(self) -> list[str]:
        """Those of another kind of core, and those that found no place among the core's counters."""
        readings = zip(self.names, self.read(), strict=True)
        return [name for name, reading in readings if reading is None or not reading[2]]


def counted(before: Sequence[Reading], after: Sequence[Reading]) -> tuple[int, ...]:
    """What each counted between two readings; -1 where it did not run all the time or could not be read."""
    return tuple(_difference(first, last) for first, last in zip(before, after, strict=True))


def _difference(first: Reading, last: Reading) -> int:
    if first is None or last is None:
        return -1
    value, enabled, running = (now - then for now, then in zip(last, first, strict=True))
    return value if running and running == enabled else -1


def _read(file: int) -> Reading:
    try:
        value, enabled, running = _READING.unpack(os.read(file, _READING.size))
    except (OSError, struct.error):
        return None
    return value, enabled, running


def _open(number: int, kind: int = 0) -> tuple[int, str | None]:
    """The file of a counter of perf's ``kind`` 0 (hardware) or 1 (software), or -1 and why there is none."""
    call = _CALLS.get(platform.machine()) if platform.system() == "Linux" else None
    if call is None:
        return -1, f"{platform.system()} on {platform.machine()} has no perf_event_open that is known"
    flags = _INHERIT | _NO_KERNEL | _NO_HYPERVISOR
    attributes = _ATTRIBUTES.pack(kind, _ATTRIBUTES.size, number, 0, 0, _TIMES, flags)
    libc = ctypes.CDLL(None, use_errno=True)
    file: int = libc.syscall(ctypes.c_long(call), attributes, 0, -1, -1, ctypes.c_ulong(0))
    return file, None if file >= 0 else f"perf_event_open: {os.strerror(ctypes.get_errno())}"


def _told(refused: dict[str, str], idle: Sequence[str]) -> str | None:
    parts = [
        f"{error} for {', '.join(name for name, _ in group)}"
        for error, group in groupby(refused.items(), key=lambda item: item[1])
    ]
    if refused and _PARANOID.exists():
        parts.append(f"perf_event_paranoid is {_PARANOID.read_text('utf-8').strip()}")
    if idle:
        parts.append(f"not counting at the start: {', '.join(idle)}")
    return "; ".join(parts) or None
