"""A source package of Debian, fetched by apt in directories of its own: the system's are left alone.

apt checks Debian's signature and with it every file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tflprof.errors import EnvironmentFault
from tflprof.targets.build_log import BuildLog, build_environment
from tflprof.targets.emulator_cache import file_sha256

MIRROR, SUITE = "TFLPROF_DEBIAN_MIRROR", "TFLPROF_DEBIAN_SUITE"
"""Environment variables that name another mirror and another release of Debian."""
DEFAULT_MIRROR, DEFAULT_SUITE = "http://deb.debian.org/debian", "trixie"
KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)

_HINT = f"check the network, or name another mirror or release of Debian with {MIRROR} and {SUITE}"
# Hooks of the system's configuration are for the system's directories.
_CONFIGURATION = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::AllowInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


@dataclass(frozen=True)
class SourcePackage:
    """A fetched source package.

    Attributes:
        name, version: as Debian calls them, such as ``1:10.0.13+ds-0+deb13u1``.
        mirror, suite: where it came from.
        files: every file that the description names, by name, with its SHA-256.
        original: the tarball of the project itself.
    """

    name: str
    version: str
    mirror: str
    suite: str
    files: Mapping[str, str]
    original: Path

    @property
    def upstream_version(self) -> str:
        """The project's own version, such as ``10.0.13``."""
        return re.split(r"[-+~]", self.version.rpartition(":")[2])[0]


def fetch_source(name: str, folder: Path, log: BuildLog) -> SourcePackage:
    """Fetch a source package into a folder.

    Args:
        name: of the package.
        folder: an empty one.
        log: of what apt says.

    Raises:
        EnvironmentFault: it cannot be fetched, or is not what Debian signed.
    """
    suite = os.environ.get(SUITE) or DEFAULT_SUITE
    trouble: EnvironmentFault | None = None
    for mirror in _mirrors():
        try:
            _download(name, folder, log, mirror, suite)
        except EnvironmentFault as error:
            trouble = trouble or error
            continue
        return _verified(name, folder, mirror, suite)
    raise trouble or EnvironmentFault("no mirror of Debian is known", _HINT)


def _mirrors() -> list[str]:
    """The one that was asked for, else those this machine uses for Debian, and Debian's own."""
    chosen = os.environ.get(MIRROR)
    return [chosen] if chosen else list(dict.fromkeys([*_configured_mirrors(), DEFAULT_MIRROR]))


def _configured_mirrors() -> list[str]:
    command = [
        "apt-get",
        "indextargets",
        "--format",
        "$(ORIGIN) $(LABEL) $(REPO_URI)",
        "Created-By: Packages",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=60, check=False, env=build_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = [line.split() for line in done.stdout.splitlines()]
    return [words[2].rstrip("/") for words in lines if words[:2] == ["Debian", "Debian"] and len(words) == 3]


def _download(name: str, folder: Path, log: BuildLog, mirror: str, suite: str) -> None:
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    signed = next((path for path in KEYRINGS if path.is_file()), KEYRINGS[0])
    (folder / "sources.list").write_text(f"deb-src [signed-by={signed}] {mirror} {suite} main\n")
    (folder / "apt.conf").write_text(_CONFIGURATION.format(folder=folder))
    apt = ("apt-get", "-qq", "-c", folder / "apt.conf")
    failed = f"cannot fetch the source of {name} of Debian {suite} from {mirror}"
    log.run([*apt, "update"], folder, failed, _HINT)
    log.run([*apt, "source", "--download-only", "--only-source", name], folder, failed, _HINT)


def _verified(name: str, folder: Path, mirror: str, suite: str) -> SourcePackage:
    descriptions = sorted(folder.glob(f"{name}_*.dsc"))
    if len(descriptions) != 1:
        raise EnvironmentFault(f"apt brought {len(descriptions)} descriptions of {name}, not one", _HINT)
    description = descriptions[0]
    version, files = read_description(description.read_text("utf-8"))
    for file, expected in files.items():
        path = folder / file
        found = file_sha256(path) if path.is_file() else "missing"
        if found != expected:
            raise EnvironmentFault(
                f"{file} is not what {description.name} says: its SHA-256 is {found}", _HINT
            )
    original = [file for file in files if re.search(r"\.orig\.tar\.\w+$", file)]
    if len(original) != 1:
        raise EnvironmentFault(f"{description.name} names no original tarball", _HINT)
    return SourcePackage(name, version, mirror, suite, files, folder / original[0])


def read_description(text: str) -> tuple[str, dict[str, str]]:
    """Version and files, with their SHA-256, of a ``.dsc``. Raises EnvironmentFault."""
    version = re.search(r"^Version: (\S+)$", text, re.MULTILINE)
    listed = re.search(r"^Checksums-Sha256:\n((?: \S+ \d+ \S+\n)+)", text, re.MULTILINE)
    if version is None or listed is None:
        raise EnvironmentFault("the description of the source package has no version or no checksums", _HINT)
    rows = [line.split() for line in listed[1].splitlines()]
    if any("/" in name for _, _, name in rows):
        raise EnvironmentFault("the description of the source package names files elsewhere", _HINT)
    return version[1], {name: sha256 for sha256, _, name in rows}


def unpack(archive: Path, folder: Path, unwanted: str = "") -> Path:
    """Unpack a tarball that holds one directory, safely: nothing gets outside of the folder.

    Args:
        archive: the tarball.
        folder: an empty one.
        unwanted: a directory at the top of the archive's own that is left out.

    Returns:
        The archive's directory.

    Raises:
        EnvironmentFault: it cannot be unpacked, or is not what it should be.
    """
    if not hasattr(tarfile, "data_filter"):
        raise EnvironmentFault("this Python cannot unpack safely", "use Python 3.11.4 or later")
    try:
        with tarfile.open(archive) as tar:
            wanted = (one for one in tar if not _is_below(one.name, unwanted))
            tar.extractall(folder, members=wanted, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise EnvironmentFault(
            f"cannot unpack {archive.name}: {error}", "free some space or set TMPDIR"
        ) from error
    found = list(folder.iterdir())
    if len(found) != 1 or not found[0].is_dir():
        raise EnvironmentFault(f"{archive.name} does not hold one directory, but {len(found)} things", _HINT)
    return found[0]


def _is_below(name: str, unwanted: str) -> bool:
    parts = name.removeprefix("./").split("/")
    return bool(unwanted) and parts[1:2] == [unwanted] and len(parts) > 2


def has_apt() -> bool:
    """Whether this machine has Debian's package manager."""
    return shutil.which("apt-get") is not None
