"""The user's own store of inference libraries: files by their SHA-256, and an index that tells what they are."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tflprof.errors import RuntimeMissing, UsageError
from tflprof.locking import exclusive
from tflprof.runtimes.fetch import cache_directory, file_sha256
from tflprof.runtimes.identify import NAMES, Identity, why_unusable

_INDEX = "index.json"
_FORMAT = 1


@dataclass(frozen=True)
class Stored:
    """One library of the store.

    Attributes:
        file: its file name, such as ``libLiteRt.so``.
        name, version, platform, api: what it is; the version is None if unknown.
        origin: the file or URL it came from.
        origin_sha256: of what was there (the archive, or the library itself).
        sha256: of the library.
        added: when, ISO 8601 in UTC.
        note: what may keep it from loading on some devices, or None.
        together: how many libraries came with what was there; 0 if unknown.
    """

    file: str
    name: str
    version: str | None
    platform: str
    api: str
    origin: str
    origin_sha256: str
    sha256: str
    added: str
    note: str | None = None
    together: int = 0

    @property
    def path(self) -> Path:
        """Where it is."""
        return store_directory() / self.sha256 / self.file

    @property
    def advice(self) -> str:
        """Where it came from and how to be rid of it, for whom it fails."""
        return f"the library was added from {self.origin}; to take it out: tflprof runtimes remove {self.sha256[:12]}"


def store_directory() -> Path:
    """Where the libraries are that the user added."""
    return cache_directory() / "store"


def stored() -> list[Stored]:
    """Everything in the index, in the order it was added. Raises RuntimeMissing if the index is broken."""
    path = store_directory() / _INDEX
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"its format is {data['format']}, not {_FORMAT}")
        return [Stored(**item) for item in data["runtimes"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuntimeMissing(
            f"the index of added runtimes, {path}, cannot be read: {error}",
            "remove it and add them again: tflprof runtimes add …",
        ) from error


def newest(platform: str, api: str | None = None) -> Stored | None:
    """The library of a platform that was added last, None if there is none; one the runner knows comes first.

    Args:
        platform: such as ``android-aarch64``.
        api: interface it must have, ``litert`` or ``tflite``; None for any.

    Raises:
        RuntimeMissing: it is gone, or is not any more what was added.
    """
    fitting = [one for one in reversed(stored()) if one.platform == platform and api in (None, one.api)]
    found = min(fitting, key=lambda one: why_unusable(one.api, platform) is not None, default=None)
    if found is not None:
        verify(found)
    return found


def verify(entry: Stored) -> None:
    """Raise RuntimeMissing unless the library is what was added."""
    hint = (
        f"add it again: tflprof runtimes add {shlex.quote(entry.origin)}, "
        f"or take it out: tflprof runtimes remove {entry.sha256[:12]}"
    )
    try:
        sha256 = file_sha256(entry.path)
    except OSError as error:
        raise RuntimeMissing(f"cannot read {entry.path}: {error.strerror or error}", hint) from error
    if sha256 != entry.sha256:
        raise RuntimeMissing(
            f"{entry.path} is damaged: its SHA-256 is {sha256}, when it was added it was {entry.sha256}", hint
        )


def is_intact(entry: Stored) -> bool:
    """True if the library is what was added."""
    try:
        verify(entry)
    except RuntimeMissing:
        return False
    return True


@dataclass(frozen=True)
class Candidate:
    """A library to be stored: its file and what it is."""

    path: Path
    identity: Identity
    version: str | None


def add(candidates: Sequence[Candidate], origin: str, origin_sha256: str) -> list[Stored]:
    """Copy libraries into the store and put them last in the index; one that was there moves up.

    Raises:
        RuntimeMissing: the store cannot be written.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with changing(store_directory()) as directory:
        where = {"origin": origin, "origin_sha256": origin_sha256, "added": now}
        entries = [_put(directory, one, where, len(candidates)) for one in in_order(candidates)]
        new = {(entry.sha256, entry.file) for entry in entries}
        kept = [entry for entry in stored() if (entry.sha256, entry.file) not in new]
        _write_index(directory, [*kept, *entries])
    return entries


def remove(which: str) -> list[Stored]:
    """Take a library out of the index and the store.

    Args:
        which: the beginning of its SHA-256, its name (``LiteRT``) or its file name.

    Returns:
        What is gone: one library, under each of the file names it had.

    Raises:
        UsageError: none is meant, or several may be.
        RuntimeMissing: the store cannot be written.
    """
    if not stored():
        raise UsageError(f"there is no library {which!r} to remove: none was added")
    with changing(store_directory()) as directory:
        entries = stored()
        found = [entry for entry in entries if _is_meant(entry, which)]
        if len({entry.sha256 for entry in found}) != 1:
            raise _not_one(which, found)
        _write_index(directory, [entry for entry in entries if entry not in found])
        for entry in found:
            entry.path.unlink(missing_ok=True)
        with suppress(OSError):  # it may hold what an archive was unpacked to
            found[0].path.parent.rmdir()
    return found


def _is_meant(entry: Stored, which: str) -> bool:
    wanted = which.lower()
    if not wanted:
        return False
    return entry.sha256.startswith(wanted) or wanted in (entry.name.lower(), entry.file.lower())


def _not_one(which: str, found: Sequence[Stored]) -> UsageError:
    if not found:
        return UsageError(
            f"{which!r} is neither the beginning of an added library's SHA-256 nor its name",
            "tflprof runtimes list tells what was added",
        )
    listed = ", ".join(
        f"{one.sha256[:12]} ({one.name} {one.version or '–'}, {one.platform})" for one in reversed(found)
    )
    return UsageError(f"{which!r} may mean {len(found)} libraries: {listed}", "give one of these SHA-256")


def keep_file(path: Path, sha256: str) -> Path:
    """Copy one library into the store without putting it in the index. Raises RuntimeMissing."""
    with changing(store_directory()) as directory:
        return _keep(directory, path, sha256)


def in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Libraries with the preferred one last, where the newest is looked for."""
    return sorted(candidates, key=_rank, reverse=True)


def _rank(one: Candidate) -> tuple[bool, int]:
    file = one.path.name
    unusable = why_unusable(one.identity.api, one.identity.platform) is not None
    return unusable, NAMES.index(file) if file in NAMES else len(NAMES)


@contextmanager
def changing(directory: Path) -> Iterator[Path]:
    """The directory, made and for this process alone. Raises RuntimeMissing if it cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with exclusive(directory / "lock"):
            yield directory
    except OSError as error:
        raise RuntimeMissing(
            f"cannot write to {directory}: {error.strerror or error}",
            "free some space, or set XDG_CACHE_HOME to a directory that can be written",
        ) from error


def _put(directory: Path, one: Candidate, where: Mapping[str, str], together: int) -> Stored:
    sha256 = file_sha256(one.path)
    file = _keep(directory, one.path, sha256).name
    what = asdict(one.identity)
    return Stored(file=file, version=one.version, sha256=sha256, together=together, **where, **what)


def _keep(directory: Path, path: Path, sha256: str) -> Path:
    place = directory / sha256 / _file_name(path)
    if place.is_file() and file_sha256(place) == sha256:
        return place
    place.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".new-", delete=False) as part:
        temporary = Path(part.name)
    try:
        shutil.copyfile(path, temporary)
        temporary.chmod(0o644)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
    return place


def _file_name(path: Path) -> str:
    """The library's own name if it is one of those known: programs may look for it by that."""
    return path.name if path.name in NAMES else "library.so"


def _write_index(directory: Path, entries: Sequence[Stored]) -> None:
    document: dict[str, Any] = {"format": _FORMAT, "runtimes": [asdict(entry) for entry in entries]}
    text = json.dumps(document, indent=1) + "\n"
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".index-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(directory / _INDEX)
