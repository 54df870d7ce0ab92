"""Workspaces on a phone: a folder per session, with links into the store."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tflprof.errors import EnvironmentFault, TflprofError
from tflprof.targets.adb.link import AdbLink, TransferRefused
from tflprof.targets.adb.process import AdbProcess
from tflprof.targets.adb.store import Group, LocalFile, OnPush, Store, local_file, refused


@dataclass
class Folder:
    """A folder on the phone and what is in it; another session may use it afterwards.

    Attributes:
        path: on the phone.
        links: what its links point to, by name.
        written: names of the small files in it.
        exists: whether it was made.
    """

    path: str
    links: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    exists: bool = False


class AdbWorkspace:
    """A folder for one session. Files are pushed, and links made, when a program is started.

    Args:
        link: the phone.
        store: where pushed files are.
        folder: the folder; the workspace's own until ``give_back`` is called.
        give_back: called with the folder at the end, and whether it is clean: it holds only what we know.
        on_push: told while files are sent.
    """

    def __init__(
        self,
        link: AdbLink,
        store: Store,
        folder: Folder,
        give_back: Callable[[Folder, bool], object],
        on_push: OnPush,
    ) -> None:
        self._link = link
        self._store = store
        self._folder = folder
        self._give_back = give_back
        self._on_push = on_push
        self._files: dict[str, LocalFile] = {}
        self._read: list[LocalFile] = []
        self._groups: list[Group] = []
        self._texts: dict[str, bytes] = {}
        self._written: set[str] = set()
        self._announced = False
        self._processes: list[AdbProcess] = []
        self._closed = False

    def push(self, local: Path, name: str, executable: bool = False) -> str:
        """Make a local file available; it is sent when a program starts, if the phone lacks it.

        Programs are linked under ``name``: by the folder in its command line a process is known as ours. Other
        files are used where they are, unless two of them are one: their paths have to differ.
        """
        file = local_file(local)
        if not executable and file not in self._read:
            self._read.append(file)
            return file.remote
        self._files[name] = file
        return self._path(name)

    def push_group(self, files: Mapping[str, Path]) -> str:
        """Make local files available under their names in a folder, outside of this one, that stays on the phone.

        Returns its path.
        """
        group = Group({name: local_file(path) for name, path in files.items()})
        self._groups.append(group)
        return group.remote

    def write(self, name: str, data: bytes) -> str:
        """Make a file with this content; it is sent when a program starts."""
        self._texts[name] = data
        return self._path(name)

    def path(self, name: str) -> str:
        """The path of a file that a program is to make."""
        self._announced = True
        return self._path(name)

    def _path(self, name: str) -> str:
        return f"{self._folder.path}/{name}"

    def pull(self, name: str, local: Path) -> None:
        """Copy a file of the workspace to this machine."""
        self._send_texts()
        try:
            with local.open("wb") as target:

                def write(data: bytes) -> None:
                    try:
                        target.write(data)
                    except OSError as error:
                        raise EnvironmentFault(f"cannot write {local}: {error.strerror or error}") from error

                self._link.pull(self._path(name), write)
        except TransferRefused as error:
            local.unlink(missing_ok=True)
            raise EnvironmentFault(f"cannot copy {name} to {local}: {error.reason or error}") from error
        except OSError as error:
            raise EnvironmentFault(f"cannot write {local}: {error.strerror or error}") from error

    def spawn(self, argv: Sequence[str], silence: float | None = None) -> AdbProcess:
        """Push what is missing and start a program in the folder."""
        grouped = [file for group in self._groups for file in group.files.values()]
        self._store.ensure([*grouped, *self._files.values(), *self._read], self._on_push)
        for group in self._groups:
            self._store.ensure_group(group, self._on_push)
        self._send_texts()
        prepare = " && ".join([*self._arranging(), f"cd {shlex.quote(self._folder.path)}"])
        process = AdbProcess(self._link, self._folder.path, prepare, shlex.join(argv), silence)
        self._processes.append(process)
        self._folder.exists = True
        self._folder.links = {name: file.remote for name, file in self._files.items()}
        self._folder.written = set(self._written)
        return process

    def _send_texts(self) -> None:
        """Write the small files; the phone's daemon makes the folder with the first."""
        for name, data in self._texts.items():
            try:
                self._link.push(data, self._path(name))
            except TransferRefused as error:
                raise refused(self._link.name, f"{self._path(name)} ({len(data)} bytes)", error) from error
            self._written.add(name)
            self._folder.exists = True
        self._texts.clear()

    def _arranging(self) -> list[str]:
        """Commands that make the folder's links what this session wants; none if they are already."""
        wanted = {name: file.remote for name, file in self._files.items()}
        commands = [] if self._folder.exists else [f"mkdir -p {shlex.quote(self._folder.path)}"]
        stale = {name for name, target in self._folder.links.items() if wanted.get(name) != target}
        stale = (stale | self._folder.written) - self._written
        if stale:
            commands.append("rm -f " + " ".join(shlex.quote(self._path(name)) for name in sorted(stale)))
        for name, target in wanted.items():
            if self._folder.links.get(name) != target:
                commands.append(f"ln -s {shlex.quote(target)} {shlex.quote(self._path(name))}")
        return commands

    def close(self) -> None:
        """End what still runs; the folder is removed, at the latest when the device is closed."""
        if self._closed:
            return
        self._closed = True
        for process in self._processes:
            process.kill()
        clean = not self._announced and not self._link.lost
        if not clean and not self._link.lost and self._folder.exists:
            with contextlib.suppress(TflprofError):
                self._link.run(f"rm -rf {shlex.quote(self._folder.path)}")
        self._give_back(self._folder, clean)
