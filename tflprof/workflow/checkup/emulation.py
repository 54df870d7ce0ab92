"""What an emulated phone needs: emulator, plugin, guest libraries, the arm64 inference library."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace

from tflprof.errors import TflprofError
from tflprof.runner.binary import counter_plugin
from tflprof.runtimes.catalog import Entry, fetchable
from tflprof.runtimes.fetch import cached_path, file_sha256
from tflprof.runtimes.store import newest
from tflprof.targets.emulator import BUILD_COMMAND, find_emulator, find_guest_libraries
from tflprof.workflow.checkup.check import Check, failed

ARM64 = "linux-aarch64"
_PIP_SECONDS = 25


def check_emulator() -> Check:
    """The emulator that would be used: its version, whether it loads plugins, and whether ours fits."""
    name = "emulator"
    try:
        found = find_emulator()
        counter_plugin(found.plugin_api)
    except TflprofError as error:
        check = failed(name, error)
        if "install" not in (error.hint or ""):
            return check
        # Debian 13's has none, and so have others.
        told = f"{check.detail}; where the one to be installed loads no plugins, {BUILD_COMMAND} builds one that does"
        return replace(check, detail=told)
    return Check(name, "ok", f"{found.path}: {found.banner}; takes our plugin, interface {found.plugin_api}")


def check_guest_libraries() -> Check:
    """The arm64 system libraries that emulated programs and phones without a library of ours use."""
    name = "arm64 system libraries"
    try:
        found = find_guest_libraries()
    except TflprofError as error:
        return failed(name, error)
    return Check(name, "ok", f"{len(found)} in {next(iter(found.values())).parent}")


def check_arm64_library() -> Check:
    """The arm64 LiteRT for emulated phones: added, fetched and verified, or to be had."""
    name = "arm64 LiteRT"
    added = newest(ARM64)
    if added is not None:
        return Check(name, "ok", f"{added.name} {added.version or 'of unknown version'}, added by you")
    entry = fetchable(ARM64)
    if entry is None:
        return Check(name, "missing", "none is known to be fetched", "tflprof runtimes add libLiteRt.so")
    path = cached_path(entry)
    told = f"{entry.name} {entry.version}"
    if path is not None and path.is_file():
        if file_sha256(path) == entry.sha256:
            return Check(name, "ok", f"{told}, fetched and verified")
        return Check(
            name, "limited", f"{told} in the cache is damaged; it is fetched again when it is needed"
        )
    trouble = _fetch_trouble(entry)
    if trouble is None:
        return Check(name, "limited", f"{told} is not fetched yet; pip does that once, when it is needed")
    return Check(
        name,
        "missing",
        f"{told} is not fetched yet, and pip cannot: {trouble}",
        "connect to the network once, or: tflprof runtimes add PATH of an arm64 libLiteRt.so",
    )


def is_ready() -> bool:
    """Whether a run needs nothing that would have to be fetched. Raises TargetError if it cannot be, in any case."""
    find_emulator()
    find_guest_libraries()
    entry = fetchable(ARM64)
    path = None if entry is None else cached_path(entry)
    return newest(ARM64) is not None or (path is not None and path.is_file())


def _fetch_trouble(entry: Entry) -> str | None:
    """Why pip would not find the library, asked without fetching it; None if it would."""
    assert entry.wheel is not None
    command = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--quiet",
        "--no-input",
        "--no-deps",
    ]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--platform", entry.wheel.tag]
    with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
        command += ["--python-version", entry.wheel.python, "--target", folder, entry.wheel.requirement]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PIP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {_PIP_SECONDS} s"
    said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
    return said[-1] if done.returncode else None
