"""What this machine allows and disturbs when it is measured: cores, clock, frequency, neighbours, counters."""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from tflprof import units
from tflprof.targets.host import allowed_cpus
from tflprof.targets.load import load_between, sample_load
from tflprof.workflow.checkup.check import Check, as_root

_CPU = Path("/sys/devices/system/cpu")
_CLOCKS = Path("/sys/devices/system/clocksource/clocksource0")
_SLOW_CLOCKS = {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"}
_COARSE_NS = 1_000
_STEAL_SECONDS = 0.5
_STEAL_SHARE = 0.01
# perf_event_open, by processor; type hardware, counter cycles; disabled, without the kernel and the hypervisor.
_PERF_CALL = {"x86_64": 298, "aarch64": 241}
_PERF_ATTRIBUTES = (0, 128, 0, 0, 0, 0, 1 | 1 << 5 | 1 << 6)


def check_cores() -> Check:
    """How many cores this process may use, and whether a program can be kept on one."""
    allowed = sorted(allowed_cpus())
    count = os.cpu_count() or len(allowed)
    told = f"{len(allowed)} of {count} may be used" if len(allowed) < count else f"{count}"
    if not hasattr(os, "sched_setaffinity"):
        return Check("cores", "limited", f"{told}; {platform.system()} lets no program be pinned to one")
    try:
        os.sched_setaffinity(0, {allowed[-1]})  # of this thread alone
        os.sched_setaffinity(0, set(allowed))
    except OSError as error:
        remedy = "allow sched_setaffinity in the sandbox or container that this runs in"
        return Check("cores", "limited", f"{told}; programs cannot be pinned: {error.strerror}", remedy)
    limit = next(_quotas(), None)
    if limit is not None and limit < len(allowed):
        return Check(
            "cores",
            "limited",
            f"{told}, pinning works; a control group stops it after {limit:g} CPUs' worth of time",
            "give the container whole CPUs, such as docker run --cpuset-cpus 0,1 in place of --cpus",
        )
    if len(allowed) == 1:
        told += "; the measured program shares it with everything else"
        return Check("cores", "limited", f"{told}, pinning works", "run it where there are two or more")
    return Check("cores", "ok", f"{told}, pinning works (--core N)")


def _quotas() -> Iterator[float]:
    """CPUs' worth of time that this process's control groups allow, as far as they limit it."""
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        number, names, path = line.split(":", 2)
        folder = Path("/sys/fs/cgroup") if number == "0" else Path("/sys/fs/cgroup/cpu")
        if number != "0" and "cpu" not in names.split(","):
            continue
        for place in {folder / path.lstrip("/"), folder}:
            quota, period = _quota(place, unified=number == "0")
            if quota.isdigit() and period.isdigit() and int(period):
                yield int(quota) / int(period)


def _quota(place: Path, *, unified: bool) -> tuple[str, str]:
    if unified:
        quota, _, period = _text(place / "cpu.max").strip().partition(" ")
        return quota, period
    return _text(place / "cpu.cfs_quota_us").strip(), _text(place / "cpu.cfs_period_us").strip()


def check_clock() -> Check:
    """The clock that the runner reads: its resolution, and what makes it."""
    seen = [time.perf_counter_ns() for _ in range(2000)]
    steps = [after - before for before, after in itertools.pairwise(seen) if after > before]
    step = min(steps, default=None)
    source = _text(_CLOCKS / "current_clocksource").strip() or "unknown"
    told = f"steps of {units.format_value(step, 'ns')} were seen, source {source}"
    if source in _SLOW_CLOCKS or step is None or step > _COARSE_NS:
        others = _text(_CLOCKS / "available_clocksource").split()
        better = next((name for name in ("tsc", "kvm-clock", "arch_sys_counter") if name in others), None)
        tee = as_root(f"tee {_CLOCKS / 'current_clocksource'}")
        command = f"echo {better} | {tee}" if better and better != source else None
        return Check("clock", "limited", told, command)
    return Check("clock", "ok", told)


def check_neighbours() -> Check:
    """Whether this is a virtual machine, and how much of its time others take."""
    before = sample_load(time.monotonic())
    time.sleep(_STEAL_SECONDS)
    load = load_between(before, sample_load(time.monotonic()))
    virtual = "hypervisor" in _text(Path("/proc/cpuinfo"))
    name = _text(Path("/sys/class/dmi/id/product_name")).strip()
    told = f"a virtual machine{f' ({name})' if name else ''}" if virtual else "no virtual machine is known of"
    if load is None:
        return Check("neighbours", "limited", f"{told}; the system does not tell how busy it is")
    stolen = units.format_share(load.stolen_share)
    told += f"; just now {stolen} of a CPU was stolen, {load.other_busy:.1f} CPUs were busy"
    cpus = len(allowed_cpus())
    if load.stolen_share > _STEAL_SHARE:
        return Check("neighbours", "limited", told, "measure at a quieter time, or on a machine of your own")
    if load.other_busy > cpus / 2:
        return Check("neighbours", "limited", told, "end what else runs here while you measure")
    return Check("neighbours", "ok", told)


def check_frequency() -> Check:
    """Whether the cores keep one frequency."""
    governors = {_text(path).strip() for path in _CPU.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""}
    if not governors:
        told = "the system does not tell; the runner measures it with a chain of additions"
        return Check("frequency", "ok", told)
    told = f"governor {', '.join(sorted(governors))}"
    if governors == {"performance"}:
        return Check("frequency", "ok", told)
    files = f"{_CPU}/cpu*/cpufreq/scaling_governor"
    remedy = f"echo performance | {as_root(f'tee {files}')}"
    return Check("frequency", "limited", f"{told}: the frequency changes with the load", remedy)


def check_counters() -> Check:
    """Whether the core's performance counters can be read (``--pmu``)."""
    name = "counters (--pmu)"
    number = _PERF_CALL.get(platform.machine())
    level = _text(Path("/proc/sys/kernel/perf_event_paranoid")).strip() or "unknown"
    if number is None:
        return Check(name, "unused", f"not known on {platform.machine()}")
    code = _open_counter(number)
    if code == 0:
        return Check(name, "ok", f"can be read (perf_event_paranoid {level})")
    if code in (errno.EACCES, errno.EPERM):
        told = f"not allowed (perf_event_paranoid {level})"
        return Check(name, "limited", told, as_root("sysctl kernel.perf_event_paranoid=1"))
    if code == errno.ENOSYS:
        return Check(name, "unused", "the system has none, or a sandbox keeps them away")
    told = f"this machine shows none ({errno.errorcode.get(code, code)}), as most virtual machines"
    return Check(name, "unused", told)


def _open_counter(number: int) -> int:
    """Open and close a counter of cycles of this thread; 0, or the error number."""
    # struct perf_event_attr, of which only the beginning is not 0: type and size, config, four more, flags.
    kind, size, *words = _PERF_ATTRIBUTES
    attributes = bytearray(size)
    attributes[0:8] = kind.to_bytes(4, "little") + size.to_bytes(4, "little")
    for position, word in enumerate(words):
        attributes[8 + 8 * position : 16 + 8 * position] = word.to_bytes(8, "little")
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * size).from_buffer(attributes)
    opened = libc.syscall(ctypes.c_long(number), buffer, 0, -1, -1, ctypes.c_ulong(0))
    if opened < 0:
        return ctypes.get_errno()
    os.close(opened)
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
