"""Find the inference library for a platform."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path

from tflprof.errors import RuntimeMissing
from tflprof.facts import this_platform
from tflprof.runtimes.acquire import archive_platforms, library_in, version_in
from tflprof.runtimes.archive import is_archive
from tflprof.runtimes.catalog import fetchable, known
from tflprof.runtimes.debug import checks_assertions, how_built, unfit
from tflprof.runtimes.fetch import cached_library, file_sha256
from tflprof.runtimes.identify import api_name, library_api, why_unusable
from tflprof.runtimes.library_format import UNREADABLE, library_platforms
from tflprof.runtimes.store import newest

_PACKAGE = "ai_edge_litert"
_DISTRIBUTION = "ai-edge-litert"
_SUFFIXES = {"darwin": ".dylib", "windows": ".dll"}


@dataclass(frozen=True)
class Runtime:
    """An inference library on this machine.

    Attributes:
        name, version, platform: what it is; the version is None if unknown.
        path: where it is.
        sha256: of the file.
        advice: where a library that the user added came from and how to be rid of it, else None.
    """

    name: str
    version: str | None
    platform: str
    path: Path
    sha256: str
    advice: str | None = None

    def identity(self) -> dict[str, str | None]:
        """What counts when two profiles are compared, not where it is and came from; and what speaks against it.

        ``built``: what makes it slow, ``checks``: that it checks assertions, ``unfit``: why it may not be what the
        runner was made for; each only if it is so.
        """
        facts = asdict(self)
        del facts["path"], facts["advice"]
        checks = "checks assertions as it runs" if checks_assertions(self.path) else None
        doubts = {"built": how_built(self.path), "checks": checks, "unfit": unfit(self.name, self.version)}
        return facts | {key: words for key, words in doubts.items() if words is not None}


def host_platform() -> str:
    """The platform of this machine, such as ``linux-x86_64``."""
    return this_platform()


def find_runtime(platform: str, override: Path | None = None, *, api: str | None = None) -> Runtime:
    """The library for a platform: ``override``, the one last added, the installed one, the catalogue's.

    Args:
        platform: such as ``linux-aarch64``.
        override: a library, or an archive (AAR) with one, to use instead; of any version.
        api: interface it must have, ``litert`` or ``tflite``; None for any.

    Raises:
        RuntimeMissing: if there is none, it does not verify, it is built for another platform or interface,
            or cannot be run there.
    """
    if override is not None:
        return _described(override, platform, api)
    added = newest(platform, api)
    if added is not None:
        _check_usable(added.path, added.api, platform, added.advice)
        return Runtime(added.name, added.version, platform, added.path, added.sha256, added.advice)
    installed = _installed() if platform == host_platform() else None
    if installed is not None:
        return _described(installed, platform)
    entry = fetchable(platform)
    if entry is None:
        raise RuntimeMissing(
            f"no inference library for {platform} is added, installed or in the catalogue",
            missing_hint(platform),
        )
    return Runtime(entry.name, entry.version, platform, cached_library(entry), entry.sha256)


def runtime_platforms(path: Path) -> list[str]:
    """The platforms that a library or an archive is for. Raises RuntimeMissing if it is none."""
    return archive_platforms(path) if _is_archive(path) else library_platforms(path)


def _is_archive(path: Path) -> bool:
    try:
        return is_archive(path)
    except OSError as error:
        raise RuntimeMissing(
            f"cannot read the runtime {path}: {error.strerror or error}", UNREADABLE
        ) from error


def missing_hint(platform: str) -> str:
    """What to do about a platform without a library."""
    if why_unusable("litert", platform) is not None:
        return "tflprof runtimes add libtensorflowlite_c.so, one for 32-bit devices, or give it with --runtime PATH"
    if platform.startswith("android-"):
        return "tflprof runtimes fetch android, or give a library or an AAR with --runtime PATH"
    return f"pip install {_DISTRIBUTION}, or give a {_file_name(platform)} with --runtime PATH"


def _file_name(platform: str) -> str:
    """What LiteRT's library is called on a platform."""
    return f"libLiteRt{_SUFFIXES.get(platform.partition('-')[0], '.so')}"


def _described(given: Path, platform: str, api: str | None = None) -> Runtime:
    packed = _is_archive(given)
    path = library_in(given, platform, api) if packed else given
    found = library_platforms(path)
    if platform not in found:
        raise RuntimeMissing(
            f"the runtime {path} is built for {' and '.join(found)}, the target needs {platform}",
            "name a library of that platform, or leave --runtime out",
        )
    try:
        sha256, own = file_sha256(path), library_api(path)
    except OSError as error:
        raise RuntimeMissing(
            f"cannot read the runtime {path}: {error.strerror or error}", UNREADABLE
        ) from error
    if api is not None and own not in (None, api):
        raise RuntimeMissing(
            f"the runtime {given} has the interface of {api_name(own)}, this target needs {api_name(api)}'s",
            "measure with --target host, or leave --runtime out",
        )
    _check_usable(given, own, platform)
    name = api_name(own)
    entry = known(sha256)
    if entry is not None:
        return Runtime(entry.name, entry.version, platform, path.resolve(), sha256)
    version = version_in(given.name) if packed else _version_beside(path)
    return Runtime(name, version, platform, path.resolve(), sha256)


def _check_usable(path: Path, api: str | None, platform: str, advice: str | None = None) -> None:
    reason = why_unusable(api, platform)
    if reason is not None:
        hint = "tflprof runtimes add libtensorflowlite_c.so, or use a 64-bit device"
        raise RuntimeMissing(
            f"the library {path} for {platform} cannot be used: {reason}",
            f"{hint}; {advice}" if advice else hint,
        )


def _installed() -> Path | None:
    """The library of the installed package, which is not imported."""
    spec = util.find_spec(_PACKAGE)
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(directory) / _file_name(host_platform())
        if path.is_file():
            return path
    return None


def _version_beside(path: Path) -> str | None:
    """The version of the installed distribution that a library belongs to."""
    site = path.resolve().parent.parent
    found = metadata.distributions(name=_DISTRIBUTION, path=[str(site)])
    return next((distribution.version for distribution in found), None)
