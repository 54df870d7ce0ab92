"""A local program whose output is read as it comes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO

from tflprof.errors import EnvironmentFault

_TAIL_LINES = 30
_TAIL_COLUMNS = 500


class LocalProcess:
    """A child process in a session of its own, so that the terminal's Ctrl-C reaches only the controller.

    Standard input is a pipe that nothing is written to: its end tells the child that the controller is gone.
    Standard error is read by a thread, which keeps its last lines: a child may write any amount of it.

    Raises:
        EnvironmentFault: if it cannot be started.
    """

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        try:
            self._child = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFault(f"cannot start {argv[0]}: {error}") from error
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        self._stdin: IO[bytes] = self._child.stdin
        self._stdout: IO[bytes] = self._child.stdout
        self._stderr: IO[bytes] = self._child.stderr
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._drain = Thread(target=self._read_stderr, daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    def _read_stderr(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := self._stderr.readline(1 << 16):
                self._tail.append(line[:_TAIL_COLUMNS])

    def lines(self) -> Iterator[bytes]:
        """Lines of standard output as they arrive, each with its newline; the last may lack one."""
        yield from self._stdout

    def stderr_tail(self) -> str:
        """The last lines of standard error, so far or, after the end, of all."""
        if self._child.poll() is not None:
            self._drain.join(timeout=5)
        return b"".join(self._tail).decode("utf-8", "replace").strip()

    def wait(self) -> int | None:
        """Wait for the end; the exit status, negative if a signal killed it."""
        return self._child.wait()

    def _signal(self, number: int) -> None:
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)

    def terminate(self) -> None:
        """Ask the program to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the program and its children at once, and close the pipes."""
        self._signal(signal.SIGKILL)
        self._child.wait()
        self._drain.join(timeout=5)
        for pipe in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                pipe.close()
