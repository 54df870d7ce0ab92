"""Find the inference library for a platform."""

from __future__ import annotations

import platform as host
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path

from tflprof.errors import RuntimeMissing
from tflprof.runtimes.catalog import fetchable, known
from tflprof.runtimes.elf import elf_platform
from tflprof.runtimes.fetch import cached_library, file_sha256

_PACKAGE = "ai_edge_litert"
_DISTRIBUTION = "ai-edge-litert"
_NAME = "LiteRT"


@dataclass(frozen=True)
class Runtime:
    """An inference library on this machine; ``version`` is None if it is unknown."""

    name: str
    version: str | None
    platform: str
    path: Path
    sha256: str

    def identity(self) -> dict[str, str | None]:
        """What counts when two profiles are compared: all but the path."""
        facts = asdict(self)
        del facts["path"]
        return facts


def host_platform() -> str:
    """The platform of this machine, such as ``linux-x86_64``."""
    return f"{host.system().lower()}-{host.machine()}"


def find_runtime(platform: str, override: Path | None = None) -> Runtime:
    """The library for a platform: ``override``, else the installed one, else the catalogue's, fetched once.

    Args:
        platform: such as ``linux-aarch64``.
        override: a library to use instead; any version that is built for the platform.

    Raises:
        RuntimeMissing: if there is none, it does not verify, or it is built for another platform.
    """
    if override is not None:
        return _described(override, platform)
    installed = _installed() if platform == host_platform() else None
    if installed is not None:
        return _described(installed, platform)
    entry = fetchable(platform)
    if entry is None:
        raise RuntimeMissing(
            f"no inference library for {platform} is installed or in the catalogue",
            f"pip install {_DISTRIBUTION}, or give a libLiteRt.so with --runtime PATH",
        )
    return Runtime(entry.name, entry.version, platform, cached_library(entry), entry.sha256)


def _described(path: Path, platform: str) -> Runtime:
    found = elf_platform(path)
    if found != platform:
        raise RuntimeMissing(
            f"the runtime {path} is built for {found}, the target needs {platform}",
            "name a library of that platform, or leave --runtime out",
        )
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise RuntimeMissing(f"cannot read the runtime {path}: {error.strerror or error}") from error
    entry = known(sha256)
    if entry is not None:
        return Runtime(entry.name, entry.version, platform, path.resolve(), sha256)
    return Runtime(_NAME, _version_beside(path), platform, path.resolve(), sha256)


def _installed() -> Path | None:
    """libLiteRt.so of the installed package, which is not imported."""
    spec = util.find_spec(_PACKAGE)
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(directory) / "libLiteRt.so"
        if path.is_file():
            return path
    return None


def _version_beside(path: Path) -> str | None:
    """The version of the installed distribution that a library belongs to."""
    site = path.resolve().parent.parent
    found = metadata.distributions(name=_DISTRIBUTION, path=[str(site)])
    return next((distribution.version for distribution in found), None)
