"""The disturbances of the benchmark ``trust``: what each does to a real run, and which findings it must provoke."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import common
from tests import disturbances
from tflprof.runtimes.library import find_runtime, host_platform

CORE = common.last_core()
OTHER = min(os.sched_getaffinity(0))

Entered = AbstractContextManager[dict[str, Any]]
"""A disturbance as long as it lasts; it gives further options of the profile."""


@dataclass(frozen=True)
class Scenario:
    """One way of going wrong.

    Attributes:
        codes: the findings it must provoke.
        words: what is done, for the table.
        enter: begins the disturbance, with a folder of the scenario's own.
        options: of the profile.
        said: what one of the messages must have in it.
    """

    name: str
    codes: tuple[str, ...]
    words: str
    enter: Callable[[Path], Entered]
    options: dict[str, Any] = field(default_factory=dict)
    said: str = ""


SHORT: dict[str, Any] = {"max_seconds": 3.0}


@contextlib.contextmanager
def _beside(make: Callable[[], AbstractContextManager[None]], _: Path) -> Iterator[dict[str, Any]]:
    with make():
        yield {}


@contextlib.contextmanager
def _clock(folder: Path) -> Iterator[dict[str, Any]]:
    with disturbances.changing_clock(folder, 1000, 15):
        yield {}


def _scripted(script: str, folder: Path) -> Entered:
    return nullcontext({"runtime": disturbances.scripted_library(folder, script)})


def _sanitized(folder: Path) -> Entered:
    return nullcontext({"runtime": disturbances.scripted_library(folder, "always=0", "-fsanitize=undefined")})


def _unoptimised(folder: Path) -> Entered:
    return nullcontext({"runtime": disturbances.unoptimised_library(folder)})


def _unknown(folder: Path) -> Entered:
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "libLiteRt.so"
    # A byte that nobody reads makes it another file than the one whose version is known.
    library.write_bytes(find_runtime(host_platform()).path.read_bytes() + b"\0")
    return nullcontext({"runtime": library})


def _replaced(folder: Path) -> Entered:
    library = disturbances.scripted_library(folder / "now", "always=0")
    other = disturbances.scripted_library(folder / "other", "always=5")

    def replace_it(_: object) -> None:
        if other.exists():
            other.rename(library)

    return nullcontext({"runtime": library, "on_progress": replace_it})


def _scenario(name: str, code: str, words: str, script: str, **options: Any) -> Scenario:
    return Scenario(name, tuple(code.split()), words, functools.partial(_scripted, script), options)


def _disturbed(
    name: str, code: str, words: str, make: Callable[[], AbstractContextManager[None]], said: str = ""
) -> Scenario:
    return Scenario(name, (code,), words, functools.partial(_beside, make), SHORT, said)


LONG: dict[str, Any] = {"max_seconds": 9.0}

SCENARIOS = (
    _disturbed(
        "busy loop",
        "host-busy",
        "a busy loop on the measured core",
        functools.partial(disturbances.busy_core, CORE),
        "of the measured core",
    ),
    _disturbed(
        "limited cgroup",
        "host-busy",
        "a cgroup with 40 % of a core's time around everything",
        functools.partial(disturbances.limited, 0.4),
        "a limit on CPU time",
    ),
    _disturbed(
        "stopped process",
        "host-busy",
        "each runner stopped (SIGSTOP) for 30 of 50 ms",
        functools.partial(disturbances.paused_runners, 0.03),
        "inferences were held up",
    ),
    _disturbed(
        "moved process",
        "core-migrated",
        "each runner moved to another core (sched_setaffinity) 0.1 s after its start",
        functools.partial(disturbances.moved_runners, OTHER),
    ),
    _disturbed(
        "killed process",
        "partial-run",
        "the third runner killed in mid-run",
        functools.partial(disturbances.killed_runner, 2),
    ),
    Scenario(
        "changing clock",
        ("frequency-changed",),
        "the runner's time goes 15 % faster every other second",
        _clock,
        {"max_seconds": 6.0},
    ),
    _scenario("drift", "drift", "each process 1 % slower than the last", "process=1", **LONG),
    _scenario("two levels", "bimodal", "about half of the processes 15 % slower", "either=15", **LONG),
    _scenario(
        "no steady state",
        "not-steady",
        "inferences become 10 % slower with every 100 ms of a process",
        "grow=10",
        **LONG,
    ),
    _scenario(
        "scatter",
        "interval-not-reached",
        "every process slower by 0 to 400 %, drawn anew",
        "scatter=400",
        max_seconds=10.0,
    ),
    _scenario(
        "slow model",
        "too-few-samples interval-unknown",
        "inferences of 0.3 s in a run of 1 s",
        "least_us=300000",
        max_seconds=1.0,
    ),
    _scenario("costly profiler", "overhead-high", "profiled inferences 25 % longer", "profiled=25", **SHORT),
    _scenario(
        "work outside of layers", "unattributed-high", "5 % of an inference in no layer", "always=5", **SHORT
    ),
    Scenario(
        "coarse clock",
        ("timer-coarse",),
        "the interpreter's own clock (1 µs) on a model of one small layer",
        lambda _: nullcontext({}),
        {"target": "interpreter", "max_seconds": 1.0},
    ),
    Scenario(
        "sanitizer",
        ("runtime-debug",),
        "a library with a sanitizer of undefined behaviour",
        _sanitized,
        {"max_seconds": 0.7},
        "is built with a sanitizer",
    ),
    Scenario(
        "no optimisation",
        ("runtime-debug",),
        "a library built with -O0",
        _unoptimised,
        {"max_seconds": 0.7},
        "without optimisation",
    ),
    Scenario(
        "unknown version",
        ("runtime-mismatched",),
        "the library as a file that is not known",
        _unknown,
        {"max_seconds": 0.7},
        "of unknown version",
    ),
    Scenario(
        "replaced library",
        ("runtime-mismatched",),
        "the library's file replaced in mid-run",
        _replaced,
        {"max_seconds": 2.0},
        "changed while it was measured",
    ),
)
