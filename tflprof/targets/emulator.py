"""The emulator and the guest's libraries on this machine."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tflprof.errors import TargetError

_PROGRAM = "qemu-aarch64"
_INSTALL = "apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross"
# Later ones want another plugin interface, whose counters the guest cannot map.
_TOO_NEW = (9, 0)
_TOO_OLD = (6, 0)
_REPLACE = (
    "use QEMU 7.2, such as Debian 12's qemu-user, or build it: "
    "configure --target-list=aarch64-linux-user --enable-plugins"
)
_LIBRARY_PLACES = (Path("/usr/aarch64-linux-gnu/lib"), Path("/lib/aarch64-linux-gnu"))
_LIBRARIES = (
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libgcc_s.so.1",
    "libstdc++.so.6",
)


@dataclass(frozen=True)
class Emulator:
    """A user-mode emulator that loads our plugin; ``banner`` is how it names its version."""

    path: Path
    banner: str


def find_emulator() -> Emulator:
    """The emulator on the search path. Raises TargetError, with a remedy, if there is none that fits."""
    found = shutil.which(_PROGRAM)
    if found is None:
        raise TargetError(f"{_PROGRAM} is not installed, which emulated targets need", _INSTALL)
    return _checked(Path(found), Path(found).stat().st_mtime_ns)


@cache
def _checked(path: Path, _mtime_ns: int) -> Emulator:
    banner = (_output(path, "--version").splitlines() or [""])[0]
    match = re.search(r"version (\d+)\.(\d+)", banner)
    if match is None:
        raise TargetError(f"{path} does not tell its version, but {banner!r}", _REPLACE)
    version = int(match[1]), int(match[2])
    if not _TOO_OLD <= version < _TOO_NEW:
        raise TargetError(f"{path} is {banner!r}: the counter plugin fits QEMU 6, 7 and 8", _REPLACE)
    if "-plugin" not in _output(path, "-help"):
        raise TargetError(f"{path} ({banner}) was built without plugins, which count instructions", _REPLACE)
    return Emulator(path, banner)


def _output(path: Path, option: str) -> str:
    try:
        done = subprocess.run(
            [str(path), option],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=False,
            env={},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"cannot run {path}: {error}", _INSTALL) from error
    return done.stdout.decode("utf-8", "replace")


def find_guest_libraries() -> Mapping[str, Path]:
    """The guest's loader and libraries by file name. Raises TargetError if one is missing."""
    found = {name: _library(name) for name in _LIBRARIES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise TargetError(f"emulated targets need the arm64 libraries {', '.join(missing)}", _INSTALL)
    return {name: path for name, path in found.items() if path is not None}


def _library(name: str) -> Path | None:
    paths = (place / name for place in _LIBRARY_PLACES)
    return next((path.resolve() for path in paths if path.is_file()), None)


def libraries_sha256(libraries: Mapping[str, Path]) -> str:
    """One SHA-256 over the names and contents of all libraries. Raises TargetError if one cannot be read."""
    digest = hashlib.sha256()
    try:
        for name, path in sorted(libraries.items()):
            digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        raise TargetError(f"cannot read a guest library: {error}", _INSTALL) from error
    return digest.hexdigest()
