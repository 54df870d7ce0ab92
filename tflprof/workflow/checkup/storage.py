"""Places that files are written to, and what is optional."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from tflprof import units
from tflprof.errors import EnvironmentFault
from tflprof.runtimes.fetch import cache_directory
from tflprof.workflow.checkup.check import Check, install, pip

_LITTLE_BYTES = 200 << 20
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox", "xdg-open")


def check_temporary() -> Check:
    """Where sessions have their files."""
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        return Check("temporary files", "missing", str(error), "export TMPDIR=/a/folder/that/can/be/written")
    return _place("temporary files", folder, "TMPDIR")


def check_cache() -> Check:
    """Where libraries and indexes are kept."""
    return _place("cache", cache_directory().parent, "XDG_CACHE_HOME")


def _place(name: str, folder: Path, variable: str) -> Check:
    """Whether a folder, or the nearest above it that is there, can be written and has room."""
    remedy = f"export {variable}=/a/folder/that/can/be/written"
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check(name, "missing", f"{folder} cannot be written", remedy)
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"\0" * 4096)
            file.flush()
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(name, "missing", f"{folder} cannot be written: {error.strerror or error}", remedy)
    told = f"{folder}, {units.format_bytes(free)} free"
    if free < _LITTLE_BYTES:
        return Check(name, "limited", told, f"free some space there, or {remedy}")
    return Check(name, "ok", told)


def check_reports() -> Check:
    """Reports need nothing; to see them takes a browser."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        told = "pages are written without anything else; there is no browser here to see them in"
        return Check("HTML reports", "ok", f"{told}: any other machine's will do")
    return Check("HTML reports", "ok", f"pages need nothing but a browser, such as {found}")


def check_tensorflow() -> Check:
    """The optional extra, which nothing of measuring needs."""
    if importlib.util.find_spec("tensorflow") is not None:
        return Check("tensorflow", "ok", "is installed")
    return Check(
        "tensorflow", "unused", "is not installed; measuring does not need it", pip("tflprof[tensorflow]")
    )


def check_build_tools() -> Check:
    """What an emulator is built with, if one has to be."""
    from tflprof.targets.emulator_build import missing_packages

    try:
        lacking = missing_packages()
    except EnvironmentFault as error:
        return Check("emulator's tools", "unused", error.what)
    if lacking:
        return Check(
            "emulator's tools", "unused", f"to build one takes {', '.join(lacking)}", install(*lacking)
        )
    return Check("emulator's tools", "ok", "one can be built if need be: tflprof doctor --build-emulator")
