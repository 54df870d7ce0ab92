"""How busy this machine is with other work, from /proc/stat, and what limits hold this process back."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
CGROUP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class CpuTimes:
    """Seconds since boot that one CPU was busy, and that a hypervisor kept from it."""

    busy: float
    stolen: float


@dataclass(frozen=True)
class LoadSample:
    """The machine at a moment.

    Attributes:
        cpus: CPU times by CPU number.
        own: CPU time, s, that this process and its ended children took.
        at: monotonic seconds.
        throttled: seconds that limits on CPU time (cgroups) held back this process and what is limited with it.
    """

    cpus: Mapping[int, CpuTimes]
    own: float
    at: float
    throttled: float = 0.0


@dataclass(frozen=True)
class Load:
    """What went on between two samples.

    Attributes:
        stolen_share: share of the time that a hypervisor kept from the busiest-stolen CPU, 0-1.
        other_busy: CPUs' worth of work by other processes, 0 to the number of CPUs.
        throttled_share: share of the time that a limit on CPU time was in force, 0-1 (more, if on several CPUs).
        other_here: share of the time of the CPUs in use that was other processes', at least, 0-1; None if none
            are named.
        of_cpus: how many CPUs the machine has.
    """

    stolen_share: float
    other_busy: float
    throttled_share: float = 0.0
    other_here: float | None = None
    of_cpus: int | None = None


def parse_stat(text: str, ticks: float) -> dict[int, CpuTimes]:
    """CPU times by CPU number from the text of /proc/stat; ``ticks`` per second."""
    found: dict[int, CpuTimes] = {}
    for line in text.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and len(fields) >= 8:
            user, nice, system, _, _, irq, softirq, steal = (int(field) / ticks for field in fields[:8])
            found[int(name[3:])] = CpuTimes(user + nice + system + irq + softirq, steal)
    return found


def throttled_seconds(membership: str, root: Path = CGROUPS) -> float:
    """Seconds that a process's cgroups, and those around them, were held back by limits on CPU time.

    Args:
        membership: text of /proc/PID/cgroup.
        root: where cgroups are mounted, both versions of them.
    """
    return sum(_throttled(folder / "cpu.stat") for folder in set(_cpu_groups(membership, root)))


def _cpu_groups(membership: str, root: Path) -> Iterator[Path]:
    for line in membership.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            mounts = [root, root / "unified"]
        elif "cpu" in controllers.split(","):
            mounts = [root / controllers, root / "cpu"]
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for mount in mounts:
            # The limit may be on any of the groups around; a container may see its own as the root.
            yield from (mount.joinpath(*parts[:depth]).resolve() for depth in range(len(parts) + 1))


def _throttled(file: Path) -> float:
    try:
        pairs = dict(line.split() for line in file.read_text().splitlines())
        return int(pairs.get("throttled_usec", 0)) / 1e6 + int(pairs.get("throttled_time", 0)) / 1e9
    except (OSError, ValueError):
        return 0.0


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
    try:
        held = throttled_seconds(CGROUP.read_text())
    except OSError:
        held = 0.0
    return LoadSample(parse_stat(text, os.sysconf("SC_CLK_TCK")), spent, now, held)


def load_between(
    before: LoadSample | None, after: LoadSample | None, used: Collection[int] = ()
) -> Load | None:
    """What went on between two samples, on the CPUs that are ``used`` if any are; None if it cannot be told."""
    if before is None or after is None or after.at <= before.at:
        return None
    elapsed = after.at - before.at
    shared = before.cpus.keys() & after.cpus.keys()
    here = shared & set(used)
    busy = {cpu: after.cpus[cpu].busy - before.cpus[cpu].busy for cpu in shared}
    stolen = [after.cpus[cpu].stolen - before.cpus[cpu].stolen for cpu in here or shared]
    own = after.own - before.own
    left = max(0.0, sum(busy[cpu] for cpu in here) - own) / (elapsed * len(here)) if here else None
    return Load(
        stolen_share=max(stolen, default=0.0) / elapsed,
        other_busy=max(0.0, sum(busy.values()) - own) / elapsed,
        throttled_share=max(0.0, after.throttled - before.throttled) / elapsed,
        other_here=left,
        of_cpus=len(shared),
    )
