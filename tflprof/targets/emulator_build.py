"""Building an emulator that loads plugins, from Debian's source package, for the user's cache.

Nothing of the system is changed: apt works in directories of its own, the tools of QEMU's build that are Python
packages are installed into an environment that lasts as long as the build.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tflprof.errors import EnvironmentFault, TargetError
from tflprof.locking import exclusive
from tflprof.targets.build_log import BuildLog, build_environment
from tflprof.targets.debian_source import KEYRINGS, SourcePackage, fetch_source, has_apt, unpack
from tflprof.targets.emulator import BUILD_COMMAND, check_emulator
from tflprof.targets.emulator_cache import (
    FORMAT,
    MANIFEST,
    PROGRAM,
    emulator_directory,
    emulator_platform,
    file_sha256,
    newest_cached,
)

Progress = Callable[[str, float | None, str], object]
"""Told a stage of the build, how far it is (0-1, None if unknown), and a detail."""

SPACE_BYTES = 1 << 30
"""What must be free for a build, where TMPDIR is; in the cache a tenth of it does."""

_CONFIGURE = (
    *(
        "--target-list=aarch64-linux-user",
        "--enable-plugins",
        "--without-default-features",
        "--disable-system",
    ),
    *("--disable-tools", "--disable-docs", "--disable-guest-agent", "--disable-install-blobs"),
    "--disable-debug-info",
)
# Firmware of whole machines, half of the archive.
_UNWANTED = "roms"
# What QEMU's build needs of Python, with the SHA-256 of every file that may be taken.
_PYTHON_TOOLS = """\
meson==1.9.1 --hash=sha256:f824ab770c041a202f532f69e114c971918ed2daff7ea56583d80642564598d0
ninja==1.13.0 --hash=sha256:fb46acf6b93b8dd0322adc3a4945452a4e774b75b91293bafcc7b7f8e6517dfa \
--hash=sha256:3d00c692fb717fd511abeb44b8c5d00340c36938c12d6538ba989fe764e79630
pip==24.3.1 --hash=sha256:3790624780082365f47549d032f3770eeb2b1e8bd1f7b2e02dace1afa361b4ed
pycotap==1.3.1 --hash=sha256:1c3a25b3ff89e48f4e00f1f71dbbc1642b4f65c65d416524d07e73492fff25ea
setuptools==80.9.0 --hash=sha256:062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922
wheel==0.45.1 --hash=sha256:708e7481cc80179af0e556bbf0cc00b8444c7321e2700b8d8580231d13017248
"""
_PROGRAMS = {"cc": "gcc", "make": "make", "pkg-config": "pkg-config", "strip": "binutils"}
_LIBRARIES = {
    "glib-2.0 >= 2.66": "libglib2.0-dev",
    "gmodule-export-2.0": "libglib2.0-dev",
    "zlib": "zlib1g-dev",
}
_HINT = (
    "report it with the log, or put a QEMU 7.2 to 10 that was configured with --enable-plugins on the PATH"
)


def _silent(_stage: str, _done: float | None, _detail: str) -> None:
    """Progress nobody asked for."""


def missing_packages() -> list[str]:
    """Debian's packages that a build needs and this machine lacks.

    Raises:
        EnvironmentFault: this machine has no apt, or no processor that is built for.
    """
    if not has_apt() or emulator_platform() not in ("linux-x86_64", "linux-aarch64"):
        raise EnvironmentFault(
            f"an emulator is built on Debian and what is made of it, x86-64 or arm64, not on {emulator_platform()}",
            "put QEMU 7.2 to 10, configured with --enable-plugins, on the PATH",
        )
    lacking = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if "gcc" not in lacking and not _compiles():
        lacking.append("libc6-dev")
    asked = [] if "pkg-config" in lacking else [name for name in _LIBRARIES if not _has_library(name)]
    lacking += [_LIBRARIES[name] for name in asked]
    if "pkg-config" in lacking:
        lacking += _LIBRARIES.values()
    if not any(path.is_file() for path in KEYRINGS):
        lacking.append("debian-archive-keyring")
    return list(dict.fromkeys(lacking))


def _has_library(condition: str) -> bool:
    return subprocess.run(["pkg-config", "--exists", condition], check=False).returncode == 0


def _compiles() -> bool:
    done = subprocess.run(
        ["cc", "-x", "c", "-", "-o", "/dev/null"],
        input=b'#include <stdio.h>\nint main(void) { return puts("") < 0; }\n',
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def build_emulator(on_progress: Progress = _silent, *, again: bool = False) -> Path:
    """An emulator in the cache that loads plugins: the one that is there, else a new one.

    Fetches some 50 MB from Debian and PyPI, and takes two or three minutes of two processors.

    Args:
        on_progress: told how far it is.
        again: build one even if there is one, such as when Debian has a newer version.

    Returns:
        The program, which `find_emulator` finds from now on where the search path has none that fits.

    Raises:
        EnvironmentFault: it cannot be built here; says what is missing or failed.
    """
    directory = emulator_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        on_progress("wait", None, "for another build that may be running")
        with exclusive(directory / "lock"):
            there = None if again else _intact()
            return there or _build(directory, on_progress)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot build an emulator for {directory}: {error.strerror or error}",
            "free some space, or set TMPDIR and XDG_CACHE_HOME to directories that can be written",
        ) from error


def _intact() -> Path | None:
    try:
        found = newest_cached()
    except TargetError:
        return None  # damaged: another takes its place
    return found.path if found else None


def _build(directory: Path, on_progress: Progress) -> Path:
    lacking = missing_packages()
    if lacking:
        raise EnvironmentFault(
            f"building an emulator needs {', '.join(lacking)}",
            f"apt-get install {' '.join(lacking)}, then again: {BUILD_COMMAND}",
        )
    with tempfile.TemporaryDirectory(prefix="tflprof-qemu-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        _check_space(scratch, SPACE_BYTES, "TMPDIR")
        _check_space(directory, SPACE_BYTES // 10, "XDG_CACHE_HOME")
        scratch.chmod(0o755)  # apt fetches as a user of its own
        log = BuildLog(directory / "build.log")
        try:
            source = _fetch(scratch, log, on_progress)
            built = _compile(source, scratch, log, on_progress)
            log.run(["strip", built], scratch, "cannot strip the emulator", _HINT)
        finally:
            log.close()
        return _keep(built, source, directory)


def _check_space(folder: Path, needed: int, variable: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentFault(
            f"{folder} has {free >> 20} MiB free, a build of the emulator needs {needed >> 20} MiB",
            f"free some space, or set {variable} to a directory that has it",
        )


def _fetch(scratch: Path, log: BuildLog, on_progress: Progress) -> SourcePackage:
    on_progress("fetch", None, "QEMU's source package of Debian, through apt")
    folder = scratch / "apt"
    folder.mkdir()
    source = fetch_source("qemu", folder, log)
    major = int(source.upstream_version.partition(".")[0])
    if not 6 <= major <= 10:
        raise EnvironmentFault(
            f"Debian {source.suite} has QEMU {source.upstream_version}: the counter plugin fits QEMU 6 to 10",
            "name another release of Debian with TFLPROF_DEBIAN_SUITE, such as trixie",
        )
    return source


def _compile(source: SourcePackage, scratch: Path, log: BuildLog, on_progress: Progress) -> Path:
    on_progress("unpack", None, source.original.name)
    (scratch / "source").mkdir()
    tree = unpack(source.original, scratch / "source", _UNWANTED)
    (tree / _UNWANTED).mkdir(exist_ok=True)
    on_progress("tools", None, "meson and ninja, through pip")
    python = _make_tools(scratch, log)
    on_progress("configure", None, f"QEMU {source.upstream_version}")
    build = scratch / "build"
    build.mkdir()
    told = f"--with-pkgversion=Debian source {source.version}"
    path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    configure: list[str | Path] = [tree / "configure", *_CONFIGURE, told, f"--python={python}"]
    log.run(configure, build, "QEMU cannot be configured", _HINT, PATH=path)

    def follow(line: str) -> None:
        match = re.match(r"\[(\d+)/(\d+)\]", line)
        if match:
            on_progress("compile", int(match[1]) / int(match[2]), f"{match[1]} of {match[2]}")

    ninja: list[str | Path] = [python.parent / "ninja", PROGRAM]
    log.run(ninja, build, "QEMU cannot be compiled", _HINT, follow, PATH=path, NINJA_STATUS="[%f/%t] ")
    return build / PROGRAM


def _make_tools(scratch: Path, log: BuildLog) -> Path:
    """A Python environment with what QEMU's build needs; returns its interpreter."""
    place = scratch / "python"
    hint = "check the network, and that this Python has venv and pip"
    failed = "cannot install the tools of QEMU's build"
    log.run([sys.executable, "-m", "venv", "--without-pip", place], scratch, failed, hint)
    wanted = scratch / "tools.txt"
    wanted.write_text(_PYTHON_TOOLS, encoding="utf-8")
    python = place / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--python", python)
    chosen = ("--only-binary=:all:", "--no-deps", "--require-hashes", "-r", wanted)
    log.run([*pip, "install", *chosen], scratch, failed, hint)
    return python


def _keep(built: Path, source: SourcePackage, directory: Path) -> Path:
    """Put the emulator in the cache in one step, with a manifest."""
    banner = check_emulator(built).banner
    sha256 = file_sha256(built)
    place = directory / f"qemu-{source.upstream_version}-{emulator_platform()}-{sha256[:12]}"
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "platform": emulator_platform(),
        "banner": banner,
        "sha256": sha256,
        "built": datetime.now(UTC).isoformat(timespec="microseconds"),
        "source": {"package": source.name, "version": source.version, "files": source.files},
        "mirror": source.mirror,
        "suite": source.suite,
        "configure": _CONFIGURE,
        "compiler": _compiler(),
        "python_tools": re.findall(r"^(\S+==\S+)", _PYTHON_TOOLS, re.MULTILINE),
    }
    with tempfile.TemporaryDirectory(dir=directory, prefix=".new-", ignore_cleanup_errors=True) as name:
        new = Path(name) / place.name
        new.mkdir()
        shutil.copy(built, new / PROGRAM)
        (new / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        if place.exists():
            shutil.rmtree(place)  # of the same name, but damaged, or built once more
        new.rename(place)
    return place / PROGRAM


def _compiler() -> str:
    done = subprocess.run(
        ["cc", "--version"], capture_output=True, encoding="utf-8", check=False, env=build_environment()
    )
    return (done.stdout.splitlines() or [""])[0]
