"""The process in which models run, seen from outside: it may crash, hang, or say anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread, Timer
from typing import IO, Any

import numpy.typing as npt

from tflprof.errors import EnvironmentFault, RunnerError
from tflprof.runtimes.execute_child import read_frame, write_frame

_PROGRAM = (
    "import importlib, os, sys; sys.path[:] = sys.argv[2:]; "
    "os._exit(importlib.import_module(sys.argv[1]).main())"
)
_TAIL_LINES = 12
_TAIL_COLUMNS = 300


class ExecuteProcess:
    """A Python process that answers frames; its standard error is read by a thread, which keeps the last lines.

    Args:
        module: whose ``main`` is the process.
        subject: what errors call the library in it.
    """

    def __init__(self, module: str = "tflprof.runtimes.execute_child", subject: str = "LiteRT") -> None:
        self._subject = subject
        places = [str(Path(place).absolute()) for place in sys.path]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, module, *places],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | quiet,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFault(f"cannot start {sys.executable}: {error.strerror or error}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._late = False
        self._drain = Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(
        self, order: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]], seconds: float
    ) -> tuple[dict[str, Any], list[npt.NDArray[Any]]] | None:
        """The answer to an order; None if the process ended, or was ended for being late."""
        watch = Timer(seconds, self._end_late)
        watch.daemon = True
        watch.start()
        try:
            write_frame(self._orders, order, arrays)
            return read_frame(self._answers)
        except OSError:
            return None
        finally:
            watch.cancel()

    def ending_error(self, name: str, doing: str, seconds: float) -> RunnerError:
        """What ended the process, once it is over."""
        status = self._process.wait()
        self._drain.join(timeout=5)
        self.close()
        when = "as it was made ready to run" if doing == "open" else "as it ran"
        if self._late:
            return RunnerError(
                f"{self._subject} took more than {seconds:g} s with {name} {when}",
                "give it more time, or a smaller model",
            )
        said = b"\n".join(self._tail).decode("utf-8", "replace").strip()
        how = _ending(status)
        return RunnerError(
            f"{self._subject} crashed ({how}) with {name} {when}" + (f"; it said: {said}" if said else ""),
            "the model asks for something the library does wrong: try other kernels, or report it there",
        )

    def close(self) -> None:
        """End the process: its own end comes with its input's."""
        for pipe in (self._orders, self._answers):
            try:
                pipe.close()
            except OSError:
                continue  # what was not sent is not needed any more
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._drain.join(timeout=5)

    def _end_late(self) -> None:
        self._late = True
        self._process.kill()

    def _read_errors(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._tail.append(line.rstrip()[:_TAIL_COLUMNS])


def _ending(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"status {status}"
