"""The catalogue of inference libraries (catalog.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Wheel:
    """Where a library can be fetched from: a wheel pip finds, its SHA-256, and the member wanted."""

    requirement: str
    python: str
    tag: str
    member: str
    sha256: str


@dataclass(frozen=True)
class Entry:
    """A known library: its name, version, platform and SHA-256; ``wheel`` if it can be fetched."""

    name: str
    version: str
    platform: str
    sha256: str
    wheel: Wheel | None = None


@dataclass(frozen=True)
class Release:
    """An archive with the libraries of a platform's devices: ``url`` has ``{version}`` where that belongs."""

    version: str
    url: str
    licence: str


@cache
def catalogue() -> tuple[Entry, ...]:
    """All entries, the preferred one of each platform first."""
    return tuple(_entry(item) for item in _data()["runtime"])


@cache
def android_release() -> Release:
    """The archive that ``runtimes fetch android`` fetches."""
    return Release(**_data()["android"])


def _data() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("catalog.toml").read_text("utf-8"))


def _entry(item: dict[str, object]) -> Entry:
    wheel = item.pop("wheel", None)
    strings = {key: str(value) for key, value in item.items()}
    return Entry(**strings, wheel=Wheel(**wheel) if isinstance(wheel, dict) else None)


def known(sha256: str) -> Entry | None:
    """The entry of the library with this SHA-256, None if it is not in the catalogue."""
    return next((entry for entry in catalogue() if entry.sha256 == sha256), None)


def fetchable(platform: str) -> Entry | None:
    """The entry that can be fetched for a platform, None if there is none."""
    return next((entry for entry in catalogue() if entry.platform == platform and entry.wheel), None)
