"""Fetch a library through pip into the user's cache directory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tflprof.errors import RuntimeMissing
from tflprof.locking import exclusive
from tflprof.runtimes.catalog import Entry, Wheel

_PIP_SECONDS = 900
_HINT = "connect to the network once, or give an aarch64 libLiteRt.so with --runtime PATH"


def cache_directory() -> Path:
    """Where fetched libraries are kept: below XDG_CACHE_HOME, by default ~/.cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "tflprof" / "runtimes"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached_path(entry: Entry) -> Path | None:
    """Where the library of an entry is once it was fetched; None if it cannot be."""
    if entry.wheel is None:
        return None
    folder = cache_directory() / f"{entry.name.lower()}-{entry.version}-{entry.platform}"
    return folder / Path(entry.wheel.member).name


def cached_library(entry: Entry) -> Path:
    """The library of an entry from the cache; it is fetched if it is not there or damaged.

    Raises RuntimeMissing if it cannot be fetched, does not verify, or the cache cannot be written.
    """
    path = cached_path(entry)
    if entry.wheel is None or path is None:
        raise RuntimeMissing(f"{entry.name} {entry.version} for {entry.platform} cannot be fetched", _HINT)
    directory = path.parent
    if _is_intact(path, entry.sha256):
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with exclusive(directory / "lock"):
            if not _is_intact(path, entry.sha256):  # another process may have been first
                _fetch(entry, entry.wheel, path)
    except OSError as error:
        raise RuntimeMissing(
            f"cannot keep {entry.name} {entry.version} in {directory}: {error.strerror or error}",
            "free some space, or set XDG_CACHE_HOME to a directory that can be written",
        ) from error
    return path


def _is_intact(path: Path, sha256: str) -> bool:
    try:
        return file_sha256(path) == sha256
    except OSError:
        return False


def _fetch(entry: Entry, wheel: Wheel, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=path.parent) as name:
        temporary = Path(name)
        _pip_download(entry, wheel, temporary)
        downloaded = next(temporary.glob("*.whl"), None)
        if downloaded is None:
            raise RuntimeMissing(f"pip brought no wheel of {wheel.requirement}", _HINT)
        _verify(downloaded, wheel.sha256, f"the wheel {downloaded.name}")
        library = temporary / path.name
        with zipfile.ZipFile(downloaded) as archive:
            library.write_bytes(archive.read(wheel.member))
        _verify(library, entry.sha256, f"{wheel.member} of {downloaded.name}")
        library.replace(path)


def _verify(path: Path, sha256: str, what: str) -> None:
    found = file_sha256(path)
    if found != sha256:
        raise RuntimeMissing(
            f"{what} has SHA-256 {found}, the catalogue says {sha256}: it was altered on its way or replaced",
            "check the package index that pip is set up with",
        )


def _pip_download(entry: Entry, wheel: Wheel, directory: Path) -> None:
    # -P: a file named pip.py in the working directory must not be run.
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--no-deps"]
    command += ["--python-version", wheel.python, "--platform", wheel.tag, "--dest", str(directory)]
    what = f"cannot fetch {entry.name} {entry.version} for {entry.platform}"
    try:
        done = subprocess.run(
            [*command, wheel.requirement],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PIP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeMissing(f"{what}: pip took more than {_PIP_SECONDS} seconds", _HINT) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {done.returncode}"]
        raise RuntimeMissing(f"{what}: pip said {said[-1]!r}", _HINT)
