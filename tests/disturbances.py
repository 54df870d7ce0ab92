"""What disturbs a real run on this machine: other work, moved and limited processes, scripted libraries and clocks.

Everything runs with the real runner and the real inference library, which some wrap. Whoever disturbs does so in a
process of its own, whose work is not taken for that of the measurement.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

from tflprof.runner import open as opening
from tflprof.runner.binary import runner_binary
from tflprof.runtimes.library import find_runtime, host_platform

SOURCES = Path(__file__).resolve().parents[1] / "android_runner"
FOLDER = SOURCES / "tests" / "disturbed"
CGROUPS = Path("/sys/fs/cgroup")

_BUSY = "import os,sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
# Runners are found by their name; those that this process started have it as an ancestor.
_HAUNT = """
import os, signal, sys, time
parent, what, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
def runners():
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{name}/stat").read().rpartition(")")
        except OSError:
            continue
        if fields[0].endswith("(tflprof-runner") and int(fields[2].split()[1]) == parent:
            yield int(name)
begun = {}
while True:
    for pid in runners():
        since = time.monotonic() - begun.setdefault(pid, time.monotonic())
        try:
            if what.isdigit() and since > seconds:
                os.sched_setaffinity(pid, {int(what)})
            elif what == "pause":
                os.kill(pid, signal.SIGSTOP); time.sleep(seconds); os.kill(pid, signal.SIGCONT)
            elif what == "kill" and len(begun) > seconds and since > 0.15:
                os.kill(pid, signal.SIGKILL); sys.exit()
        except ProcessLookupError:
            pass
    time.sleep(0.02)
"""


@contextlib.contextmanager
def _beside(code: str, *arguments: object) -> Iterator[None]:
    words = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def busy_core(core: int) -> contextlib.AbstractContextManager[None]:
    """A program that is always busy, on one core."""
    return _beside(_BUSY, core)


def moved_runners(core: int, after: float = 0.1) -> contextlib.AbstractContextManager[None]:
    """Every runner of this process is moved to another core, seconds after it began."""
    return _beside(_HAUNT, os.getpid(), core, after)


def paused_runners(seconds: float) -> contextlib.AbstractContextManager[None]:
    """Every runner of this process is stopped now and then, for so long."""
    return _beside(_HAUNT, os.getpid(), "pause", seconds)


def killed_runner(after: int) -> contextlib.AbstractContextManager[None]:
    """A runner of this process is killed in its steady phase, when there were so many before it."""
    return _beside(_HAUNT, os.getpid(), "kill", after)


class NoLimits(Exception):
    """This machine lets nobody limit the CPU time of a cgroup, or not this user."""


@contextlib.contextmanager
def limited(share: float, period_us: int = 50_000) -> Iterator[None]:
    """This process, and what it starts, have a share of one core's time, by a cgroup of their own. Raises NoLimits."""
    group, back = _new_group()
    quota = int(share * period_us)
    try:
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{quota} {period_us}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(period_us))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        (group / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (back / "cgroup.procs").write_text(str(os.getpid()))
    except OSError as error:
        raise NoLimits(str(error)) from error
    finally:
        for _ in range(100):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.02)


def _new_group() -> tuple[Path, Path]:
    """A new cgroup with a limit on CPU time, and the one this process is in."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for root in (CGROUPS / controllers, CGROUPS / "unified"):
            here = root / path.lstrip("/")
            group = here / f"tflprof-limited-{os.getpid()}"
            with contextlib.suppress(OSError):
                group.mkdir()
                if any((group / name).exists() for name in ("cpu.max", "cpu.cfs_quota_us")):
                    return group, here
                group.rmdir()
    raise NoLimits("no cgroup with a limit on CPU time can be made")


def scripted_library(folder: Path, script: str, *flags: str) -> Path:
    """The real library in a wrapping one that takes more time as the script says (disturbed/library.c)."""
    real = find_runtime(host_platform()).path
    folder.mkdir(parents=True, exist_ok=True)
    library, state = folder / "libLiteRt.so", folder / "processes"
    state.write_bytes(b"")
    subprocess.run(
        [
            *("gcc", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *flags),
            *(f'-DSCRIPT="{script}"', f'-DSTATE="{state}"', str(FOLDER / "library.c"), "-o", str(library)),
            *("-Wl,--no-as-needed,-soname,libdisturbed.so", f"-Wl,-rpath,{real.parent}", str(real), "-ldl"),
        ],
        check=True,
    )
    return library


def unoptimised_library(folder: Path) -> Path:
    """As :func:`scripted_library` without more time, built with -O0, and with enough code beside to show it."""
    ballast = [str(SOURCES / "elements.c"), str(SOURCES / "tests" / "fake_litert" / "script.c")]
    return scripted_library(folder, "always=0", "-O0", "-std=gnu11", "-fvisibility=hidden", *ballast)


@contextlib.contextmanager
def changing_clock(folder: Path, period_ms: int, faster: int) -> Iterator[None]:
    """Runners of this machine whose clock goes faster every other period, by so many percent."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "runner"
    sources = [str(path) for path in (*sorted(SOURCES.glob("*.c")), FOLDER / "clock.c")]
    numbers = (f"-DPERIOD_MS={period_ms}", f"-DFASTER={faster}")
    flags = ("-std=c11", "-D_GNU_SOURCE", "-O2", *numbers, "-Wl,--wrap=dlsym", "-rdynamic")
    subprocess.run(["gcc", *flags, *sources, "-o", str(program), "-ldl", "-lm"], check=True)
    binary = replace(runner_binary(host_platform()), path=program)
    with mock.patch.object(opening, "runner_binary", return_value=binary):
        yield
