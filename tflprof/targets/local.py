"""Workspaces on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tflprof.errors import EnvironmentFault
from tflprof.targets.process import LocalProcess


def make_private_directory(prefix: str) -> Path:
    """A new temporary directory that only this user may enter. Raises EnvironmentFault."""
    try:
        return Path(tempfile.mkdtemp(prefix=prefix))
    except OSError as error:
        raise EnvironmentFault(
            f"cannot make a temporary directory in {tempfile.gettempdir()}: {error}",
            "free some space or set TMPDIR",
        ) from error


class LocalWorkspace:
    """A temporary directory; files are pushed as links, so that nothing is copied and all names are fixed.

    Args:
        command: makes the real argument list of one that is to run on the device.
        env: the environment of its programs.
    """

    def __init__(self, command: Callable[[Sequence[str]], list[str]], env: Mapping[str, str]) -> None:
        self.directory = make_private_directory("tflprof-")
        self._command = command
        self._env = env
        self._processes: list[LocalProcess] = []

    def push(self, local: Path, name: str, executable: bool = False) -> str:
        """Link a local file under ``name``, or copy it if it is to be executable and is not."""
        place = self.directory / name
        try:
            source = local.resolve(strict=True)
            if not source.is_file():
                raise EnvironmentFault(f"{local} is not a file")
            if executable and not os.access(source, os.X_OK):
                shutil.copyfile(source, place)
                place.chmod(0o700)
            else:
                source.open("rb").close()
                place.symlink_to(source)
        except OSError as error:
            raise EnvironmentFault(f"cannot use {local}: {error.strerror or error}") from error
        return f"./{name}"

    def write(self, name: str, data: bytes) -> str:
        """Make a file with this content."""
        try:
            (self.directory / name).write_bytes(data)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot write {len(data)} bytes to {self.directory}: {error.strerror or error}",
                "free some space or set TMPDIR",
            ) from error
        return f"./{name}"

    def pull(self, name: str, local: Path) -> None:
        """Copy a file out of the workspace."""
        try:
            shutil.copyfile(self.directory / name, local)
        except OSError as error:
            raise EnvironmentFault(f"cannot copy {name} to {local}: {error.strerror or error}") from error

    def spawn(self, argv: Sequence[str]) -> LocalProcess:
        """Start a program in the workspace."""
        process = LocalProcess(self._command(argv), self.directory, self._env)
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End what still runs and remove the directory."""
        for process in self._processes:
            process.kill()
        self._processes.clear()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.directory)
