"""The process of a session in Python: loads the library, works, and writes records as the native runner does.

It is a process of its own, so that a library that crashes takes nothing else with it, one that hangs can be ended,
and what it prints disturbs nobody.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import IO, Any

from tflprof.runner.inprocess_work import Order, Work
from tflprof.runner.interface import RunRequest
from tflprof.runner.litert_ctypes import LiteRtFailure
from tflprof.runner.record_lines import record_line
from tflprof.runner.records import End, Failure, Record

_OUTPUT_BROKEN = 5
_LOOK_SECONDS = 0.1


def main(data: Mapping[str, Any]) -> int:
    """Do what an order of :func:`~tflprof.runner.inprocess.order_data` says; the status to end the process with."""
    output = _own_output()
    work = Work(_order(data))
    signal.signal(signal.SIGTERM, lambda *_: setattr(work, "stopped", True))
    Thread(target=_watch_stdin, args=(work,), daemon=True).start()
    try:
        for record in checked(work):
            output.write(record_line(record))
            output.flush()
    except OSError:
        return _OUTPUT_BROKEN
    return 0


def checked(work: Work) -> Iterator[Record]:
    """The work's records and the End that counts them; a failure of the library becomes one of them."""
    count = 0
    failure: Failure | None = None
    try:
        for record in work.records():
            yield record
            count += 1
    except LiteRtFailure as error:
        told = work.messages() if error.status else ""
        message = f"{error.message}: {told}" if told else error.message
        failure = Failure(error.where, work.model, error.status, message)
    if failure is not None:
        yield failure
        count += 1
    # Nothing is destroyed: the process ends, and the library may wait for its threads without end.
    yield End("error" if failure else "stopped" if work.stopped else "ok", count)


def _order(data: Mapping[str, Any]) -> Order:
    request = dict(data["request"])
    request["models"] = tuple(map(Path, request["models"]))
    request["variants"] = tuple(request["variants"])
    request["inputs"] = {name: Path(path) for name, path in request["inputs"].items()}
    request["shapes"] = {name: tuple(shape) for name, shape in request["shapes"].items()}
    cpus = data["cpus"]
    return Order(
        request=RunRequest(**request),
        library=Path(data["library"]),
        platform=data["platform"],
        folder=Path(data["folder"]),
        cpus=None if cpus is None else tuple(cpus),
        zones=data["zones"],
    )


def _own_output() -> IO[bytes]:
    """Standard output, which is from now on the records' alone: what others print there goes to standard error."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return output


def _watch_stdin(work: Work) -> None:
    """Stop the work when standard input ends: it was asked to, or who asked for the work is gone."""
    if sys.platform == "win32":
        # Who reads a pipe there keeps every library that looks at its handles from being loaded.
        open_still = _windows_peek()
        while open_still():
            time.sleep(_LOOK_SECONDS)
    else:
        while os.read(0, 1 << 16):
            pass
    work.stopped = True


def _windows_peek() -> Callable[[], bool]:
    """Asks whether the pipe at standard input is open still."""
    import ctypes
    import msvcrt

    get_handle = getattr(msvcrt, "get_osfhandle")  # noqa: B009 - other systems' type checkers do not know it
    peek = ctypes.CDLL("kernel32").PeekNamedPipe
    peek.argtypes = (ctypes.c_void_p,) * 2 + (ctypes.c_uint32,) + (ctypes.c_void_p,) * 3
    handle = get_handle(0)
    return lambda: bool(peek(handle, None, 0, None, None, None))
