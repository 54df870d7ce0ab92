"""Commands of a build: what they say is kept in a log, and they die with us."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tflprof.errors import EnvironmentFault

_TAIL_LINES = 15
# What is meant for another program's build, or for the Python we run in.
_FOREIGN = (
    "CFLAGS",
    "CPPFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)


def build_environment(**more: str) -> dict[str, str]:
    """This process's environment for a build: messages in English, no flags of other builds."""
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return kept | {"LC_ALL": "C.UTF-8", **more}


def _ignore(_line: str) -> None:
    """A line that nobody waits for."""


class CommandFailed(EnvironmentFault):
    """A command of a build failed; ``tail`` is the end of what it said, by lines."""

    def __init__(self, what: str, hint: str, tail: Sequence[str]) -> None:
        super().__init__(what, hint)
        self.tail = tuple(tail)


class BuildLog:
    """Runs commands one after the other and writes all they say to one file.

    Args:
        path: of the log, which is made anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] = path.open("w", buffering=1, encoding="utf-8", errors="replace")

    def run(
        self,
        command: Sequence[str | Path],
        folder: Path,
        failed: str,
        hint: str,
        on_line: Callable[[str], object] = _ignore,
        **environment: str,
    ) -> None:
        """Run a command and wait for it; it is killed, with all it started, if anything is raised meanwhile.

        Args:
            command: the program and its arguments.
            folder: where it runs.
            failed: what has failed if it fails.
            hint: what to try then.
            on_line: told every line it says.
            environment: variables to add.

        Raises:
            EnvironmentFault: it cannot be run.
            CommandFailed: it failed.
        """
        words = [str(word) for word in command]
        self._write(f"$ {' '.join(words)}\n")
        try:
            process = subprocess.Popen(
                words,
                cwd=folder,
                env=build_environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFault(
                f"{failed}: cannot run {words[0]}: {error.strerror or error}", hint
            ) from error
        with process:
            tail = self._follow(process, on_line)
        if process.returncode:
            raise CommandFailed(
                f"{failed}: {Path(words[0]).name} ended with {process.returncode}",
                f"{hint}; all it said is in {self.path}",
                tail,
            )

    def _follow(self, process: subprocess.Popen[str], on_line: Callable[[str], object]) -> deque[str]:
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        try:
            for line in process.stdout or ():
                self._write(line)
                tail.append(line.rstrip())
                on_line(line)
            process.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return tail

    def _write(self, text: str) -> None:
        self._file.write(text)

    def close(self) -> None:
        """Finish the log."""
        self._file.close()
