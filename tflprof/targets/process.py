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
_CHUNK = 1 << 16
# Windows has no sessions; a group of its own hears no Ctrl-C either.
_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


class LocalProcess:
    """A child process in a session of its own, so that the terminal's Ctrl-C reaches only the controller.

    Its standard input is a pipe that nothing is written to: the end of it asks the child to stop, and comes
    by itself when the controller dies. Its standard error is read by a thread, which keeps the last lines:
    a child may write any amount of it.

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
                bufsize=0,
                start_new_session=True,
                creationflags=_GROUP,
            )
        except OSError as error:
            raise EnvironmentFault(
                f"cannot start {argv[0]} in {cwd}: {error.strerror or error}",
                "set TMPDIR to a directory where programs may run",
            ) from error
        self._stdin, self._stdout, self._stderr = _pipes(self._child)
        self._pending = b""
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._drain = Thread(target=self._read_stderr, daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    def _read_stderr(self) -> None:
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while chunk := self._stderr.read(_CHUNK):
                *whole, rest = (rest + chunk).split(b"\n")
                self._tail.extend(line[:_TAIL_COLUMNS] for line in whole)
                rest = rest[:_TAIL_COLUMNS]
        if rest:
            self._tail.append(rest)

    def lines(self) -> Iterator[bytes]:
        """Lines of standard output as they arrive, each with its newline; the last may lack one.

        May be asked for again after an interruption: no line is lost.
        """
        while not self._stdout.closed:
            while b"\n" in self._pending:
                line, newline, self._pending = self._pending.partition(b"\n")
                yield line + newline
            chunk = self._stdout.read(_CHUNK)
            if not chunk:
                break
            self._pending += chunk
        if self._pending:
            rest, self._pending = self._pending, b""
            yield rest

    def stderr_tail(self) -> str:
        """The last lines of standard error, so far or, after the end, of all."""
        if self._child.poll() is not None:
            self._drain.join(timeout=5)
        return b"\n".join(self._tail).decode("utf-8", "replace").strip()

    def wait(self) -> int | None:
        """Wait for the end; the exit status, negative if a signal killed it."""
        return self._child.wait()

    def terminate(self) -> None:
        """Ask the program to end, by the end of its standard input.

        Unlike a signal it cannot come before the program is ready for it.
        """
        with contextlib.suppress(OSError):
            self._stdin.close()

    def kill(self) -> None:
        """End the program and its children at once, and close the pipes."""
        if self._child.poll() is None:
            if not hasattr(os, "killpg"):
                self._child.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        self._drain.join(timeout=5)
        for pipe in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                pipe.close()


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    return child.stdin, child.stdout, child.stderr
