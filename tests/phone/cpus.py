"""Which CPUs the phone's programs may use: the file that guest/cpus.c reads."""

from __future__ import annotations

import errno
import mmap
import struct
import time
from collections.abc import Iterable
from pathlib import Path

HEADER_BYTES, SLOTS = 4096, 65536
FIELDS = struct.Struct("<QQQqQQQQqq")


class CpuState:
    """CPUs that exist, are online, and are in the cpuset of apps; the wall clock's shift.

    The noise is what every pushed program prints before its first line.
    """

    def __init__(self, path: Path, count: int) -> None:
        with path.open("w+b") as file:
            file.truncate(HEADER_BYTES + 8 * SLOTS)
            self._map = mmap.mmap(file.fileno(), HEADER_BYTES)
        path.chmod(0o666)
        self.possible = set(range(count))
        self.online = set(self.possible)
        self.cpuset = set(self.possible)
        self.clock_shift_ns = 0
        self.perf_errno = errno.EACCES
        self.stdout_noise_bytes = 0
        self.stderr_noise_bytes = 0
        self.clock_rate = 1
        self._rate_since_ns = self._then_ns = 0
        self.write()

    def write(self) -> None:
        """Make the attributes count; programs see it at their next question."""
        masks = (mask(self.possible), mask(self.online), mask(self.cpuset))
        noise = (self.stdout_noise_bytes, self.stderr_noise_bytes)
        clock = (self.clock_rate, self._rate_since_ns, self._then_ns)
        FIELDS.pack_into(self._map, 0, *masks, self.clock_shift_ns, self.perf_errno, *noise, *clock)

    def set_clock_rate(self, rate: int) -> None:
        """Let the monotonic clock go so many times as fast from now on; it never jumps."""
        now = time.monotonic_ns()
        self._then_ns = (
            self._then_ns + (now - self._rate_since_ns) * self.clock_rate if self._then_ns else now
        )
        self._rate_since_ns, self.clock_rate = now, rate
        self.write()

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


def mask(cpus: Iterable[int]) -> int:
    """One bit for each CPU."""
    return sum(1 << cpu for cpu in cpus)


def cpu_list(cpus: Iterable[int]) -> str:
    """As the kernel prints it: ``0-3,6``."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)
