"""Files on the phone, kept by their content: what is there already is never pushed again."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tflprof.errors import EnvironmentFault, TflprofError
from tflprof.targets.adb.android import parse_free_bytes
from tflprof.targets.adb.link import AdbLink, TransferRefused

TMP = "/data/local/tmp"
ROOT = f"{TMP}/tflprof"
STORE = f"{ROOT}/store"

_HASHING_SECONDS = 600.0
_SPARE_BYTES = 1 << 20
_READ = 1 << 20
# What Android has depends on its age; whichever it is, it only has to notice an accident.
_TOOLS = ("sha256sum", "sha1sum", "md5sum")

_GROUP = ".group"

OnPush = Callable[[int, int], object]
"""Told while pushing: bytes sent so far, and bytes to send."""


@dataclass(frozen=True)
class LocalFile:
    """A file of this machine with the SHA-256 and the size it had when it was read."""

    path: Path
    sha256: str
    size: int

    @property
    def remote(self) -> str:
        """Where it is on a phone that has it."""
        return f"{STORE}/{self.sha256}"

    @property
    def listed_size(self) -> int:
        """Its size as a phone lists it: in 32 bits."""
        return self.size & 0xFFFFFFFF


@dataclass(frozen=True)
class Group:
    """Files that programs look for by name in one folder, such as shared libraries; it stays on the phone."""

    files: Mapping[str, LocalFile]

    @property
    def name(self) -> str:
        """The folder's name: another one if a name or a content is another."""
        listed = "".join(f"{name}\0{file.sha256}\0" for name, file in sorted(self.files.items()))
        return hashlib.sha256(listed.encode()).hexdigest()[:32] + _GROUP

    @property
    def remote(self) -> str:
        """Where the folder is on a phone that has it."""
        return f"{STORE}/{self.name}"


_known: dict[tuple[Path, int, int], LocalFile] = {}


def local_file(path: Path) -> LocalFile:
    """A file with its hash, which is remembered for as long as its time and size stay. Raises EnvironmentFault."""
    try:
        place = path.resolve(strict=True)
        if not place.is_file():
            raise EnvironmentFault(f"{path} is not a file")
        state = place.stat()
        key = (place, state.st_mtime_ns, state.st_size)
        if key not in _known:
            _known[key] = LocalFile(place, _digest(place, "sha256"), state.st_size)
    except OSError as error:
        raise EnvironmentFault(f"cannot use {path}: {error.strerror or error}") from error
    return _known[key]


def _digest(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


class Store:
    """The store of one phone.

    Args:
        link: the phone.
        owner: marks unfinished files as ours, so that we may remove those of a push that broke.
    """

    def __init__(self, link: AdbLink, owner: str) -> None:
        self._link = link
        self._owner = owner
        self._sizes: dict[str, int] | None = None
        self._groups: set[str] = set()
        self._leftovers: list[str] = []
        self._free: int | None = None

    def forget(self) -> None:
        """Look again what is there before the next push: the phone was away."""
        self._sizes = self._free = None

    @property
    def leftovers(self) -> list[str]:
        """Folders on the phone that broken pushes left and no later one has removed."""
        return [f"{STORE}/{name}" for name in self._leftovers]

    def ensure(self, files: Collection[LocalFile], on_push: OnPush) -> None:
        """Have all files in the store.

        Raises:
            EnvironmentFault: no space, no permission, or it arrived corrupted twice.
            DeviceLost: the link broke.
        """
        here = self._list()
        missing = {file.sha256: file for file in files if here.get(file.sha256) != file.listed_size}
        if not missing:
            return
        total = sum(file.size for file in missing.values())
        # The little that comes after a first push hardly changes what was found free then.
        if self._free is None or self._free < 2 * total + _SPARE_BYTES:
            self._make_room(total)
        self._push(missing, on_push, total)
        here.update({file.sha256: file.listed_size for file in missing.values()})

    def _list(self) -> dict[str, int]:
        if self._sizes is None:
            entries = self._link.entries(STORE)
            # Part files have longer names; a name of a hash alone stands for verified content.
            self._sizes = {name: entry.size for name, entry in entries.items() if len(name) == 64}
            self._groups = {name for name in entries if name.endswith(_GROUP)}
            self._leftovers = [name for name in entries if f".part-{self._owner}-" in name]
        return self._sizes

    def ensure_group(self, group: Group, on_push: OnPush) -> None:
        """Have the files of a group in the store, and its folder. Raises like :meth:`ensure`."""
        self.ensure(list(group.files.values()), on_push)
        if group.name in self._groups:
            return
        # Beside its place first: a folder of this name is whole.
        part = f"{STORE}/{group.name}.part-{self._owner}-{secrets.token_hex(4)}"
        links = [f"ln -s ../{file.sha256} {part}/{shlex.quote(name)}" for name, file in group.files.items()]
        result = self._link.run(" && ".join([f"mkdir {part}", *links, f"mv {part} {group.remote}"]))
        if result.status != 0:
            raise EnvironmentFault(f"cannot make links in {STORE} on {self._link.name}: {result.words()}")
        self._groups.add(group.name)

    def _make_room(self, needed: int) -> None:
        """Make the folder, remove what broken pushes left, and see that the files fit."""
        remove = " ".join(map(shlex.quote, self.leftovers))
        script = f"mkdir -p {STORE} || exit 73; {f'rm -rf {remove}; ' if remove else ''}df -k {STORE} 2>&1"
        result = self._link.run(script)
        if result.status == 73:
            raise EnvironmentFault(
                f"cannot write to {TMP} on {self._link.name}: {result.words()}",
                "`adb shell ls -ld /data/local/tmp` should show a folder that the user shell may write to",
            )
        self._leftovers = []
        free = parse_free_bytes(result.text)
        if free is not None and free < needed + _SPARE_BYTES:
            raise _no_space(self._link.name, needed, free)
        self._free = None if free is None else free - needed

    def _push(self, files: Mapping[str, LocalFile], on_push: OnPush, total: int) -> None:
        sent = 0

        def tell(more: int) -> None:
            nonlocal sent
            sent += more
            on_push(min(sent, total), total)

        wrong = self._push_once(files, tell)
        if wrong:
            wrong = self._push_once(wrong, lambda _: None)
        if wrong:
            names = ", ".join(file.path.name for file in list(wrong.values())[:3])
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise EnvironmentFault(
                f"{names}{more} arrived corrupted on {self._link.name}, twice",
                "try another cable or USB port; or its storage is failing",
            )

    def _push_once(
        self, files: Mapping[str, LocalFile], tell: Callable[[int], object]
    ) -> dict[str, LocalFile]:
        """Push, verify and rename; the files that arrived corrupted."""
        # A folder of their own: then one command renames all, however many there are.
        folder = f"{STORE}/push.part-{self._owner}-{secrets.token_hex(4)}"
        parts = {sha: f"{folder}/{sha}" for sha in files}
        try:
            for sha, file in files.items():
                self._send(file, parts[sha], tell)
            arrived = self._verified(files, parts)
        except BaseException:
            # After a lost link the next push does it, or whoever closes the device.
            self._leftovers.append(folder.rpartition("/")[2])
            if not self._link.lost:
                with contextlib.suppress(TflprofError):
                    self._link.run(f"rm -rf {folder}")
                    self._leftovers.pop()
            raise
        move = (
            f"mv -f {' '.join(parts[sha] for sha in files if sha in arrived)} {STORE}/ && " if arrived else ""
        )
        result = self._link.run(f"{move}rm -rf {folder}")
        if result.status != 0:
            raise EnvironmentFault(f"cannot rename a file in {STORE} on {self._link.name}: {result.words()}")
        return {sha: file for sha, file in files.items() if sha not in arrived}

    def _send(self, file: LocalFile, part: str, tell: Callable[[int], object]) -> None:
        try:
            with file.path.open("rb") as source:
                self._link.push(source, part, tell)
        except TransferRefused as error:
            raise self._explained(file, part, error) from error
        except OSError as error:
            raise EnvironmentFault(f"cannot read {file.path}: {error.strerror or error}") from error

    def _explained(self, file: LocalFile, part: str, error: TransferRefused) -> EnvironmentFault:
        """Why a file was not taken: daemons may say only that it was not."""
        result = self._link.run(f"rm -rf {part.rpartition('/')[0]}; df -k {STORE} 2>&1")
        free = parse_free_bytes(result.text)
        if "space" in error.reason or (free is not None and free < file.size):
            return _no_space(self._link.name, file.size, free)
        return refused(self._link.name, f"{file.path} ({file.size:,} bytes)", error)

    def _verified(self, files: Mapping[str, LocalFile], parts: Mapping[str, str]) -> set[str]:
        """Hashes of the files that the phone holds as they are here."""
        names = " ".join(parts.values())
        script = "; ".join(
            f"command -v {tool} >/dev/null && {{ echo {tool}; {tool} {names}; exit; }}" for tool in _TOOLS
        )
        lines = self._link.run(script, _HASHING_SECONDS).text.splitlines()
        if not lines or lines[0] not in _TOOLS:
            return {sha for sha in files if self._pulled_sha256(parts[sha]) == sha}
        found = {line.split()[1]: line.split()[0] for line in lines[1:] if len(line.split()) == 2}
        name = lines[0].removesuffix("sum")
        return {sha for sha, file in files.items() if found.get(parts[sha]) == _expected(file, name)}

    def _pulled_sha256(self, remote: str) -> str:
        """What a file of the phone comes back as: for phones without any hashing tool."""
        digest = hashlib.sha256()
        self._link.pull(remote, digest.update)
        return digest.hexdigest()


def _expected(file: LocalFile, name: str) -> str:
    return file.sha256 if name == "sha256" else _digest(file.path, name)


def refused(phone: str, what: str, error: TransferRefused) -> EnvironmentFault:
    """The error for a file that a phone did not take."""
    if "read-only" in error.reason.lower():
        hint = "restart the phone; if it stays so, its storage is broken"
    elif "space" in error.reason:
        hint = "`tflprof clean` removes what earlier runs pushed; or free some space on the phone"
    else:
        hint = f"`adb shell touch {TMP}/x` shows whether the folder can be written to"
    return EnvironmentFault(f"{phone} did not take {what}: {error.reason or 'it gave no reason'}", hint)


def _no_space(phone: str, needed: int, free: int | None) -> EnvironmentFault:
    told = "unknown" if free is None else f"{free:,}"
    return EnvironmentFault(
        f"the storage of {phone} is full: {needed:,} bytes are needed in {TMP}, {told} are free",
        "`tflprof clean` removes what earlier runs pushed; or free some space on the phone",
    )
