"""Bring inference libraries into the user's store: from a file, an archive or a URL."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from tflprof.errors import RuntimeMissing, UsageError
from tflprof.runtimes.archive import is_archive, unpack_libraries
from tflprof.runtimes.catalog import android_release, known
from tflprof.runtimes.download import OnBytes, download, request_url
from tflprof.runtimes.fetch import cache_directory, file_sha256
from tflprof.runtimes.identify import AnotherLibrary, identify
from tflprof.runtimes.pins import check_pin, pin, pinned
from tflprof.runtimes.store import (
    Candidate,
    Stored,
    add,
    changing,
    in_order,
    is_intact,
    keep_file,
    stored,
)


@dataclass(frozen=True)
class Acquired:
    """What was brought into the store.

    Attributes:
        runtimes: the libraries.
        sha256: of the file or archive they came from.
        pinned_now: True if the URL's SHA-256 was pinned for the first time.
        downloaded: False for a file, and for a URL whose libraries were all there.
    """

    runtimes: tuple[Stored, ...]
    sha256: str
    pinned_now: bool = False
    downloaded: bool = False


def android_url() -> str:
    """Where the catalogue says that the Android library is fetched from."""
    release = android_release()
    return release.url.replace("{version}", release.version)


def add_runtime(
    source: str, *, sha256: str | None = None, repin: bool = False, on_bytes: OnBytes | None = None
) -> Acquired:
    """Add the inference libraries of a file, an archive (AAR, APK, wheel) or an http, https or file URL.

    Args:
        source: the file's name or the URL.
        sha256: what it must have; a URL's is pinned.
        repin: fetch again, and accept whatever the URL gives now.
        on_bytes: told of a download's progress.

    Raises:
        UsageError: there is no source, the URL is none or of another kind, or ``sha256`` is none.
        RuntimeMissing: it cannot be had, is not what it must be, or has no inference library.
    """
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise UsageError(f"--sha256 {sha256}: a SHA-256 has 64 hexadecimal digits")
    parts = _split(source)
    if parts.scheme in ("http", "https"):
        request_url(source)
        return _add_url(source, sha256, repin, on_bytes)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return _add_file(Path(unquote(parts.path)), source, sha256)
    if "://" in source:
        raise UsageError(f"cannot add {source}: only http, https and file URLs are known")
    return _add_file(Path(source), str(Path(source).absolute()), sha256)


def _split(source: str) -> SplitResult:
    if not source.strip():
        raise UsageError(
            f"there is nothing to add: {source!r} names neither a file nor a URL",
            "give a library, an archive with one (AAR, APK, wheel) or its URL",
        )
    try:
        source.encode()
        return urlsplit(source)
    except ValueError as error:
        if "://" in source:
            raise UsageError(f"{source!r} is not a URL: {error}", "give it as https://HOST/PATH") from error
        return SplitResult("", "", source, "", "")


def library_in(archive: Path, platform: str, api: str | None = None) -> Path:
    """The library for a platform inside an archive, kept in the store; with the interface ``api`` if there is one.

    Raises RuntimeMissing if the archive cannot be used or has no library for the platform.
    """
    with _candidates(archive, archive.name) as found:
        fitting = [one for one in found if one.identity.platform == platform]
        if not fitting:
            there = ", ".join(sorted({one.identity.platform for one in found}))
            raise RuntimeMissing(
                f"the runtime {archive} has libraries for {there}, the target needs {platform}",
                "name a library of that platform, or leave --runtime out",
            )
        suited = [one for one in fitting if one.identity.api == api]
        path = in_order(suited or fitting)[-1].path
        return keep_file(path, file_sha256(path))


def archive_platforms(archive: Path) -> list[str]:
    """The platforms an archive has inference libraries for. Raises RuntimeMissing if it cannot be used."""
    with _candidates(archive, archive.name) as found:
        return sorted({one.identity.platform for one in found})


def _add_file(path: Path, origin: str, sha256: str | None) -> Acquired:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise RuntimeMissing(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{origin!r} is not a file's name: {error}") from error
    if sha256 is not None and found != sha256.lower():
        raise RuntimeMissing(
            f"{path} has SHA-256 {found}, --sha256 says {sha256.lower()}",
            "it was not added; fetch or copy it again",
        )
    return Acquired(tuple(_add_candidates(path, path.name, origin, found)), found)


def _add_url(url: str, sha256: str | None, repin: bool, on_bytes: OnBytes | None) -> Acquired:
    expected = sha256.lower() if sha256 else pinned(url)
    there = _already_there(url, expected)
    if there and not repin:
        pin(url, there[0].origin_sha256)
        return Acquired(there, there[0].origin_sha256)
    with changing(cache_directory() / "downloads") as folder:
        name = Path(unquote(urlsplit(url).path)).name or "download"
        place = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.download"
        try:
            download(url, place, on_bytes)
            found = file_sha256(place)
            new = check_pin(url, found, sha256=sha256, repin=repin)
            runtimes = tuple(_add_candidates(place, name, url, found))
            pin(
                url, found
            )  # not before it proved to be what was wanted: the first answer may be a log-in page
        finally:
            place.unlink(missing_ok=True)
    return Acquired(runtimes, found, pinned_now=new, downloaded=True)


def _already_there(url: str, expected: str | None) -> tuple[Stored, ...]:
    """What an earlier download of the pinned file gave, if all of it is there and intact."""
    found = tuple(entry for entry in stored() if entry.origin == url and entry.origin_sha256 == expected)
    complete = all(is_intact(entry) and entry.together in (0, len(found)) for entry in found)
    return found if expected and complete else ()


def _add_candidates(path: Path, name: str, origin: str, sha256: str) -> list[Stored]:
    with _candidates(path, name) as found:
        return add(found, origin, sha256)


@contextmanager
def _candidates(path: Path, name: str) -> Iterator[list[Candidate]]:
    """The inference libraries of a library file or an archive; archives are unpacked for as long as it lasts."""
    try:
        if not is_archive(path):
            yield [_candidate(path, name)]
            return
        with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
            yield _packed(path, name, Path(folder))
    except OSError as error:
        raise RuntimeMissing(
            f"cannot unpack {path}: {error.strerror or error}", "free some space or set TMPDIR"
        ) from error


def _packed(archive: Path, name: str, folder: Path) -> list[Candidate]:
    """The inference libraries of an archive; it may have others by their names, but not only those."""
    found, other = [], None
    for library in unpack_libraries(archive, folder):
        try:
            found.append(_candidate(library, name))
        except AnotherLibrary as error:
            other = error
    if not found and other is not None:
        raise other
    return found


def _candidate(path: Path, name: str) -> Candidate:
    try:
        entry = known(file_sha256(path))
    except OSError as error:
        raise RuntimeMissing(f"cannot read {path}: {error.strerror or error}") from error
    return Candidate(path, identify(path), entry.version if entry else version_in(name))


def version_in(name: str) -> str | None:
    """The version in a file name such as ``litert-2.3.0.aar``, None if there is none."""
    found = re.search(r"-(\d+\.\d+[\w.]*?)(?=-|\.[a-z]+$|$)", name)
    return found[1] if found else None
