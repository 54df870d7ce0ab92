"""Workspaces on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
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

    Programs run in it, in an empty environment.

    Args:
        root: a temporary directory that goes with the workspace.
        inside: the workspace's own directory below it; it is made.
        seen_as: the path programs know the workspace by.
        command: makes the real argument list of one that is to run on the device.
    """

    def __init__(
        self, root: Path, inside: str, seen_as: str, command: Callable[[Sequence[str]], list[str]]
    ) -> None:
        self.directory = root / inside
        self.directory.mkdir(exist_ok=True)
        self._root = root
        self._seen_as = seen_as
        self._command = command
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
        return self.path(name)

    def write(self, name: str, data: bytes) -> str:
        """Make a file with this content."""
        try:
            (self.directory / name).write_bytes(data)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot write {len(data)} bytes to {self.directory}: {error.strerror or error}",
                "free some space or set TMPDIR",
            ) from error
        return self.path(name)

    def path(self, name: str) -> str:
        """The path of a file that a program is to make."""
        return f"{self._seen_as}/{name}"

    def pull(self, name: str, local: Path) -> None:
        """Copy a file out of the workspace."""
        try:
            shutil.copyfile(self.directory / name, local)
        except OSError as error:
            raise EnvironmentFault(f"cannot copy {name} to {local}: {error.strerror or error}") from error

    def spawn(self, argv: Sequence[str], silence: float | None = None) -> LocalProcess:  # noqa: ARG002
        """Start a program in the workspace; here the user sees one that is stuck, and no link can be."""
        process = LocalProcess(self._command(argv), self.directory, {})
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End what still runs and remove the directory."""
        for process in self._processes:
            process.kill()
        self._processes.clear()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._root)
