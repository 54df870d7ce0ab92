"""Inference libraries inside an AAR, an APK or a wheel, unpacked with every limit an unknown archive calls for."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tflprof.errors import RuntimeMissing
from tflprof.runtimes.identify import NAMES

MOST_BYTES = 512 << 20
"""A library that unpacks to more is refused."""

_MOST_MEMBERS = 100_000
_MOST_LIBRARIES = 32
_CHUNK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def is_archive(path: Path) -> bool:
    """True if a file is a zip archive by its first bytes. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack_libraries(archive: Path, folder: Path) -> Iterator[Path]:
    """Unpack the inference libraries of an archive below ``folder``; yields each as it is written.

    Every file lies in a folder of its own, under the library's own name, whatever the archive calls it.

    Raises:
        RuntimeMissing: the archive is damaged, has none, or is not what an honest archive is.
        OSError: they cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for number, member in enumerate(_chosen(opened, archive)):
                place = folder / str(number)
                place.mkdir()
                yield _unpack(opened, member, place / PurePosixPath(member.filename).name, archive)
    except _DAMAGED as error:
        raise RuntimeMissing(
            f"the archive {archive} is damaged or of an unknown kind: {error}", "fetch or copy it again"
        ) from error


def _chosen(opened: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    members = opened.infolist()
    if len(members) > _MOST_MEMBERS:
        raise RuntimeMissing(f"the archive {archive} has {len(members)} members, more than any library's")
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise RuntimeMissing(
                f"the archive {archive} has a member outside of itself: {member.filename!r}",
                "do not use it; fetch it again from where it is published",
            )
    libraries = [member for member in members if PurePosixPath(member.filename).name in NAMES]
    if not libraries:
        raise RuntimeMissing(
            f"the archive {archive} has no inference library among its {len(members)} members",
            f"wanted is one of {', '.join(NAMES)}, such as in the litert AAR",
        )
    if len(libraries) > _MOST_LIBRARIES:
        raise RuntimeMissing(f"the archive {archive} has {len(libraries)} inference libraries")
    return libraries


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path, archive: Path) -> Path:
    # What the archive says of sizes is not relied upon: what comes out is counted.
    if member.file_size > MOST_BYTES:
        raise _too_large(member, archive)
    written = 0
    with opened.open(member) as source, place.open("wb") as target:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > MOST_BYTES:
                raise _too_large(member, archive)
            target.write(chunk)
    return place


def _too_large(member: zipfile.ZipInfo, archive: Path) -> RuntimeMissing:
    return RuntimeMissing(
        f"{member.filename} of the archive {archive} unpacks to more than {MOST_BYTES >> 20} MiB",
        "no inference library is that large: do not use it",
    )
