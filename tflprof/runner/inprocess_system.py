"""What the system tells a session in Python of itself: memory, cores, switches; unknown where it does not tell.

Every function works on every system; what one lacks is None, -1 or empty.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from tflprof.runner.records import Affinity, Clock, Memory

_STATUS = Path("/proc/self/status")
_THREADS = Path("/proc/self/task")
_CPUS = Path("/sys/devices/system/cpu")
_KERNEL_TICK_NS = 1000
"""The library keeps integer microseconds."""

_LAST_CORE = 36
"""Position of the core where a thread ran last in its ``stat``, counted from behind the name."""
_ABSURD_MILLICELSIUS = 200_000


def pin(cpus: Sequence[int] | None) -> Affinity:
    """Let this thread, and those it starts from now on, run on ``cpus`` only; None: as it is."""
    error = None
    if cpus is not None:
        try:
            os.sched_setaffinity(0, cpus)
        except AttributeError:
            error = f"{sys.platform} keeps no program on a core"
        except OSError as problem:
            error = problem.strerror or str(problem)
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return Affinity(tuple(cpus or ()), tuple(allowed), error)


def clock() -> Clock:
    """Cost of our own clock, which times inferences, and the tick of the library's, which times kernels."""
    readings = [time.perf_counter_ns() for _ in range(1001)]
    steps = sorted(later - earlier for earlier, later in pairwise(readings))
    return Clock("ns", _KERNEL_TICK_NS, steps[len(steps) // 2])


def memory(model: int, at: str) -> Memory:
    """The record of this process's memory."""
    return Memory(model, at, *memory_use())


def memory_use() -> tuple[int | None, int | None]:
    """Highest and current resident size of this process, bytes."""
    try:
        lines = _STATUS.read_text("utf-8").splitlines()
    except OSError:
        return _windows_memory() if sys.platform == "win32" else (_peak(), None)
    sizes = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    peak, current = (int(sizes[name][0]) * 1024 if name in sizes else None for name in ("VmHWM", "VmRSS"))
    return peak, current


def _peak() -> int | None:
    try:
        import resource  # which not every system has that runs tflprof
    except ImportError:
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def _windows_memory() -> tuple[int | None, int | None]:
    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = (
            ("size", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            ("peak", ctypes.c_size_t),
            ("current", ctypes.c_size_t),
            ("rest", ctypes.c_size_t * 6),
        )

    counters = Counters(size=ctypes.sizeof(Counters))
    try:
        kernel = ctypes.CDLL("kernel32")
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        ask = kernel.K32GetProcessMemoryInfo
        ask.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
        told = ask(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size)
    except (OSError, AttributeError):
        return None, None
    return (counters.peak, counters.current) if told else (None, None)


def involuntary_switches() -> int | None:
    """How often this process was pushed off its core so far."""
    try:
        import resource  # which not every system has that runs tflprof
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@cache
def _core_reader() -> Callable[[], int]:
    """The C library's function, or Windows' one: not at import, for not every system has it."""
    try:
        if sys.platform == "win32":
            read: Callable[[], int] = ctypes.CDLL("kernel32").GetCurrentProcessorNumber
        else:
            read = ctypes.CDLL(None).sched_getcpu
    except (OSError, AttributeError):
        return lambda: -1
    return read


def current_core() -> int:
    """Number of the core this thread runs on, -1 if unknown."""
    return _core_reader()()


def core_khz(core: int) -> int | None:
    """Frequency of a core, as the system tells it."""
    return _number(_CPUS / f"cpu{core}" / "cpufreq" / "scaling_cur_freq") if core >= 0 else None


def hottest(zones: Sequence[str]) -> int | None:
    """The highest of the temperatures in files, thousandths of a degree Celsius; absurd ones do not count."""
    known = [heat for heat in map(_number, map(Path, zones)) if heat is not None]
    return max((heat for heat in known if 0 <= heat < _ABSURD_MILLICELSIUS), default=None)


def threads() -> set[int]:
    """Numbers of this process's threads; empty where the system does not tell."""
    try:
        return {int(path.name) for path in _THREADS.iterdir()}
    except OSError:
        return set()


def thread_cores(others: Collection[int]) -> tuple[tuple[int, ...], ...]:
    """Number and last core of every thread of this process but the ``others``."""
    found = []
    for thread in sorted(threads() - set(others)):
        try:
            rest = (_THREADS / str(thread) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended just now
        if len(rest) > _LAST_CORE:
            found.append((thread, int(rest[_LAST_CORE])))
    return tuple(found)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
