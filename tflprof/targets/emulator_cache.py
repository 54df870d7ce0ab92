"""Emulators that were built for us, in the user's cache: one folder each, with a manifest that says what it is."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tflprof.errors import TargetError

PROGRAM = "qemu-aarch64"
MANIFEST = "manifest.json"
FORMAT = 1
"""Of the manifest."""


@dataclass(frozen=True)
class CachedEmulator:
    """An emulator in the cache; ``manifest`` tells version, platform, source, tools and when it was built."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def is_intact(self) -> bool:
        """Whether the program is the one that was built."""
        try:
            return _sha256(self.path, self.path.stat().st_mtime_ns) == str(self.manifest["sha256"])
        except OSError:
            return False


def emulator_directory() -> Path:
    """Where built emulators are kept: below XDG_CACHE_HOME, by default ~/.cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "tflprof" / "emulator"


def emulator_platform() -> str:
    """The platform that an emulator has to be built for, such as ``linux-x86_64``."""
    return f"{platform.system().lower()}-{platform.machine()}"


def newest_cached() -> CachedEmulator | None:
    """The emulator of this machine's platform that was built last, None if there is none.

    Raises:
        TargetError: it is not any more what was built.
    """
    found = max(_cached(), key=lambda one: str(one.manifest["built"]), default=None)
    if found is not None and not found.is_intact:
        raise TargetError(
            f"{found.path} is damaged or gone: it is not what was built",
            "build it anew: tflprof doctor --build-emulator",
        )
    return found


def _cached() -> list[CachedEmulator]:
    manifests = sorted(emulator_directory().glob(f"*/{MANIFEST}"))
    read = [(path, _read(path)) for path in manifests]
    return [CachedEmulator(path.parent / PROGRAM, facts) for path, facts in read if facts is not None]


def _read(path: Path) -> dict[str, Any] | None:
    """A manifest of this format and platform; the cache may be shared by machines, and by other versions of us."""
    try:
        facts = json.loads(path.read_text("utf-8"))
        fits = facts["format"] == FORMAT and facts["platform"] == emulator_platform()
        return dict(facts) if fits and {"sha256", "built"} <= facts.keys() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@cache
def _sha256(path: Path, _mtime_ns: int) -> str:
    return file_sha256(path)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
