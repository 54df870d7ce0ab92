"""How busy this machine is with other work, from /proc/stat."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")


@dataclass(frozen=True)
class CpuTimes:
    """Seconds since boot that one CPU was busy, and that a hypervisor kept from it."""

    busy: float
    stolen: float


@dataclass(frozen=True)
class LoadSample:
    """CPU times of a moment, by CPU number, and the CPU time that ended children of this process took."""

    cpus: Mapping[int, CpuTimes]
    own: float
    at: float


@dataclass(frozen=True)
class Load:
    """What went on between two samples.

    Attributes:
        stolen_share: share of the time that a hypervisor kept from the busiest-stolen CPU, 0-1.
        other_busy: CPUs' worth of work by other processes, 0 to the number of CPUs.
    """

    stolen_share: float
    other_busy: float


def parse_stat(text: str, ticks: float) -> dict[int, CpuTimes]:
    """CPU times by CPU number from the text of /proc/stat; ``ticks`` per second."""
    found: dict[int, CpuTimes] = {}
    for line in text.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and len(fields) >= 8:
            user, nice, system, _, _, irq, softirq, steal = (int(field) / ticks for field in fields[:8])
            found[int(name[3:])] = CpuTimes(user + nice + system + irq + softirq, steal)
    return found


def sample_load(now: float) -> LoadSample | None:
    """The machine's CPU times at ``now`` (monotonic seconds); None where the system does not tell."""
    try:
        text = STAT.read_text()
    except OSError:
        return None
    import resource  # which not every system has that runs tflprof

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    spent = usage.ru_utime + usage.ru_stime + own.ru_utime + own.ru_stime
    return LoadSample(parse_stat(text, os.sysconf("SC_CLK_TCK")), spent, now)


def load_between(before: LoadSample | None, after: LoadSample | None) -> Load | None:
    """What went on between two samples; None if it cannot be told."""
    if before is None or after is None or after.at <= before.at:
        return None
    elapsed = after.at - before.at
    shared = before.cpus.keys() & after.cpus.keys()
    stolen = max((after.cpus[cpu].stolen - before.cpus[cpu].stolen for cpu in shared), default=0.0)
    busy = sum(after.cpus[cpu].busy - before.cpus[cpu].busy for cpu in shared)
    other = max(0.0, busy - (after.own - before.own))
    return Load(stolen / elapsed, other / elapsed)
