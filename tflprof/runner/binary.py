"""The built runner and emulator plugin that the package carries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from tflprof.errors import EnvironmentFault
from tflprof.runtimes.library import host_platform
from tflprof.targets.emulator import Plugin

_HINT = "build them: python android_runner/build.py (in the project's directory)"


@dataclass(frozen=True)
class Binary:
    """One built file.

    Attributes:
        path: where it is.
        sha256: of the file.
        build: identity of all sources and the compiler.
        plugin_sources: SHA-256 of the counter plugin's sources alone.
    """

    path: Path
    sha256: str
    build: str
    plugin_sources: str


def runner_binary(platform: str) -> Binary:
    """The runner for a platform. Raises EnvironmentFault if it is missing or damaged."""
    return _binary(f"tflprof-runner-{platform}")


def counter_plugin(api: int) -> Plugin:
    """The counter plugin for an emulator on this machine that wants this version of the plugin interface, 1 or 2.

    Raises:
        EnvironmentFault: it is missing or damaged.
    """
    binary = _binary(f"tflprof-counter{api}-{host_platform()}.so")
    return Plugin(binary.path, binary.plugin_sources)


def _binary(name: str) -> Binary:
    directory = Path(str(resources.files("tflprof.runner"))) / "bin"
    path = directory / name
    try:
        stamp = path.stat()
        build = _build_facts(directory / "build.json")
        expected = build["sha256"][name]
        found = _sha256(path, stamp.st_mtime_ns, stamp.st_size)
        identity, plugin = str(build["build"]), str(build["plugin"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentFault(
            f"the package has no {name} ({type(error).__name__}: {error})", _HINT
        ) from error
    if found != expected:
        raise EnvironmentFault(
            f"{path} is damaged: its SHA-256 is {found}, build.json says {expected}", _HINT
        )
    return Binary(path, found, identity, plugin)


def _build_facts(path: Path) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return facts


@cache
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
