"""Runs that are ended, end themselves, or are disturbed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bad_input.case import LONG, Case, Place, Prepare, Running, together, writes
from tests.bad_input.libraries import library, platform_of
from tests.bad_input.models import good, mobilenet
from tflprof.model.build import build_micro

_MODEL = writes(m_tflite=good)
_SLOW = writes(m_tflite=mobilenet)
_HERE = f"profile m.tflite --target {{target}} {LONG} -o p.parquet"
_MEASURED = ("host", "interpreter")
_EMULATED = ("emulated:pixel2",)
SOURCES = Path(__file__).resolve().parents[2] / "android_runner"
FAULTY = SOURCES / "tests" / "disturbed" / "faulty.c"


def kill_session(number: int, wait: float = 0.0) -> Callable[[Running], None]:
    """SIGKILL to a session, from outside."""

    def during(running: Running) -> None:
        pid = running.wait_for_session(number)
        time.sleep(wait)
        os.kill(pid, signal.SIGKILL)

    return during


def interrupt(
    times: int, number: signal.Signals = signal.SIGINT, session: int = 3
) -> Callable[[Running], None]:
    """Ctrl-C, so many times, in a session."""

    def during(running: Running) -> None:
        running.wait_for_session(session)
        for _ in range(times):
            running.signal_group(number)
            time.sleep(0.15)

    return during


def faulty(script: str) -> Prepare:
    """The real library in one that does something bad (android_runner/tests/disturbed/faulty.c)."""

    def prepare(place: Place) -> None:
        real = library(platform_of(place.target))
        (place.folder / "state").write_bytes(b"")
        target = place.folder / "libLiteRt.so"
        subprocess.run(
            [
                *("gcc", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"),
                *(
                    f'-DSCRIPT="{script}"',
                    f'-DSTATE="{place.folder / "state"}"',
                    str(FAULTY),
                    "-o",
                    str(target),
                ),
                *("-Wl,--no-as-needed,-soname,libfaulty.so", f"-Wl,-rpath,{real.parent}", str(real), "-ldl"),
            ],
            check=True,
        )

    return prepare


def _overwrite(path: Path) -> None:
    path.write_bytes(build_micro("pad_conv"))


def change_model(how: Callable[[Path], object], session: int) -> Callable[[Running], None]:
    """Do something to the model when a session has begun."""

    def during(running: Running) -> None:
        running.wait_for_session(session)
        how(running.place.folder / "m.tflite")

    return during


def _case(wrong: str, status: int, says: tuple[str, ...], words: str = _HERE, **more: Any) -> Case:
    values: dict[str, Any] = {
        "prepare": _MODEL,
        "targets": _MEASURED,
        "kept": "partial",
        "heavy": True,
        **more,
    }
    return Case("In mid-run", wrong, words, status, says, **values)


_WITH_LIBRARY = f"{_HERE} --runtime libLiteRt.so"

_KILLED = (
    _case("runner killed in its third session", 3, ("killed by SIGKILL", "partial"), during=kill_session(3)),
    _case("runner killed in its first session", 3, ("killed by SIGKILL",), during=kill_session(1), kept=""),
    _case(
        "runner killed",
        3,
        ("killed by SIGKILL",),
        during=kill_session(1, 0.3),
        prepare=_SLOW,
        targets=_EMULATED,
        kept="",
    ),
    *(
        _case(
            f"library crashes in its third session ({name.name})",
            3,
            (name.name, "partial"),
            _WITH_LIBRARY,
            prepare=together(_MODEL, faulty(f"process=3;run=20;signal={name.value}")),
        )
        for name in (signal.SIGSEGV, signal.SIGABRT)
    ),
    _case(
        "library crashes in its first run",
        3,
        ("SIGSEGV",),
        _WITH_LIBRARY,
        prepare=together(_MODEL, faulty("process=1;run=1;signal=11")),
        kept="",
        heavy=False,
    ),
    _case(
        "library ends the process in its third session",
        3,
        ("status 7", "partial"),
        _WITH_LIBRARY,
        prepare=together(_MODEL, faulty("process=3;run=20;exit=7")),
    ),
    _case(
        "library fails in its third session",
        3,
        ("LiteRtRunCompiledModel", "partial"),
        _WITH_LIBRARY,
        prepare=together(_MODEL, faulty("process=3;run=20;status=3")),
    ),
    _case(
        "one megabyte on standard error",
        0,
        (),
        "profile m.tflite --target {target} --max-seconds 1 -o p.parquet --runtime libLiteRt.so",
        prepare=together(_MODEL, faulty("process=1;run=5;stderr=1048576")),
        kept="whole",
    ),
    _case(
        "one megabyte on standard error, then a crash",
        3,
        ("SIGSEGV",),
        _WITH_LIBRARY,
        prepare=together(_MODEL, faulty("process=1;run=5;stderr=1048576;signal=11")),
        kept="",
        heavy=False,
    ),
)

_INTERRUPTED = (
    _case("Ctrl-C", 130, ("interrupted", "p.parquet"), during=interrupt(1)),
    _case("Ctrl-C twice", 130, ("interrupted", "p.parquet"), during=interrupt(2)),
    _case("SIGTERM", 130, ("interrupted", "p.parquet"), during=interrupt(1, signal.SIGTERM)),
    _case(
        "Ctrl-C before anything was measured", 130, ("interrupted",), during=interrupt(1, session=1), kept=""
    ),
    *(
        _case(
            f"Ctrl-C {times}",
            130,
            ("interrupted",),
            during=interrupt(number, session=1),
            prepare=_SLOW,
            targets=_EMULATED,
            kept="",
            heavy=number == 1,
        )
        for times, number in (("once", 1), ("twice", 2))
    ),
)

_CHANGED = (
    _case("model overwritten", 2, ("m.tflite changed", "partial"), during=change_model(_overwrite, 3)),
    _case("model removed", 2, ("m.tflite was removed", "partial"), during=change_model(Path.unlink, 3)),
    _case(
        "model overwritten",
        2,
        ("m.tflite changed",),
        during=change_model(_overwrite, 1),
        prepare=_SLOW,
        targets=_EMULATED,
        kept="",
        heavy=False,
    ),
)

ENDINGS: tuple[Case, ...] = (*_KILLED, *_INTERRUPTED, *_CHANGED)
