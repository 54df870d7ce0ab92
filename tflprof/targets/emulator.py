"""The emulator and the guest's libraries on this machine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tflprof.errors import TargetError
from tflprof.targets.emulator_cache import PROGRAM, newest_cached

CHOICE = "TFLPROF_QEMU"
"""The environment variable that names the emulator to use, before any other."""
BUILD_COMMAND = "tflprof doctor --build-emulator"
"""Builds an emulator that loads plugins and keeps it in the cache."""

_INSTALL = "apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross"
_TOO_OLD, _TOO_NEW = (6, 0), (11, 0)
# From here on plugins count in scoreboards, before it in any word.
_SCOREBOARDS = (9, 0)
_REPLACE = (
    f"{BUILD_COMMAND} builds one that fits, "
    "or put QEMU 7.2 to 10, configured with --enable-plugins, first on the PATH"
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
    """A user-mode emulator that loads our plugin.

    Attributes:
        path: the program.
        banner: how it names its version.
        plugin_api: version of the plugin interface that it wants, 1 or 2.
    """

    path: Path
    banner: str
    plugin_api: int


@dataclass(frozen=True)
class Plugin:
    """The counter plugin for an emulator; counts depend on ``sources_sha256``, whatever compiled it for which host."""

    path: Path
    sources_sha256: str


def find_emulator() -> Emulator:
    """The emulator that $TFLPROF_QEMU names, else the one on the search path, else one that was built for us.

    Raises:
        TargetError: with a remedy, if there is none that fits.
    """
    chosen = os.environ.get(CHOICE)
    if chosen:
        return check_emulator(Path(chosen).absolute(), f"set {CHOICE} to another, or unset it")
    found = shutil.which(PROGRAM)
    trouble = TargetError(f"{PROGRAM} is not installed, which emulated targets need", _INSTALL)
    if found is not None:
        try:
            return check_emulator(Path(found).absolute())
        except TargetError as error:
            trouble = error
    built = newest_cached()
    if built is not None:
        return check_emulator(built.path, f"build it anew: {BUILD_COMMAND}")
    raise trouble


def check_emulator(path: Path, hint: str = _REPLACE) -> Emulator:
    """The emulator at this place.

    Args:
        path: absolute.
        hint: what to try if it does not fit.

    Raises:
        TargetError: it cannot be run, is of a version that the plugin does not fit, or loads no plugins.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise TargetError(f"cannot run {path}: {error.strerror or error}", hint) from error
    return _examined(path, changed, hint)


@cache
def _examined(path: Path, _mtime_ns: int, hint: str) -> Emulator:
    banner = (_output(path, "--version", hint).splitlines() or [""])[0]
    match = re.search(r"version (\d+)\.(\d+)", banner)
    if match is None:
        raise TargetError(f"{path} does not tell its version, but {banner!r}", hint)
    version = int(match[1]), int(match[2])
    if not _TOO_OLD <= version < _TOO_NEW:
        raise TargetError(f"{path} is {banner!r}: the counter plugin fits QEMU 6 to 10", hint)
    if "-plugin" not in _output(path, "-help", hint):
        raise TargetError(f"{path} ({banner}) was built without plugins, which count instructions", hint)
    return Emulator(path, banner, 1 if version < _SCOREBOARDS else 2)


def _output(path: Path, option: str, hint: str) -> str:
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
        raise TargetError(f"cannot run {path}: {error}", hint) from error
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
