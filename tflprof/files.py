"""Writing a finished file: beside its place first, then renamed, so that no half file is ever seen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tflprof.errors import EnvironmentFault, UsageError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` fill a file beside ``path`` and put it in its place in one step.

    Raises:
        EnvironmentFault: it cannot be written (no such folder, disk full, permission).
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
            part_path = Path(part.name)
        try:
            write(part_path)
            part_path.chmod(0o666 & ~_umask())
            part_path.replace(path)
        finally:
            part_path.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write {path}: {error.strerror or error}", "give another place with -o FILE"
        ) from error


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Look before long work whether its result can be written.

    Raises:
        UsageError: ``path`` exists and must not be overwritten, or has no folder to be in.
        EnvironmentFault: no file can be made in the folder.
    """
    try:
        path.exists()
    except OSError as error:
        raise UsageError(
            f"the output {path} cannot be: {error.strerror}", "give another name with -o FILE"
        ) from error
    if path.is_dir():
        raise UsageError(f"the output {path} is a folder", "give a file name with -o FILE")
    if path.exists() and not overwrite:
        raise UsageError(
            f"the output {path} exists", "give another name with -o FILE, or --force to overwrite it"
        )
    if not path.parent.is_dir():
        raise UsageError(
            f"the folder {path.parent} for the output {path.name} does not exist", "make it first"
        )
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise EnvironmentFault(
            f"the folder {path.parent} is not writable: {error.strerror or error}",
            "choose another for the output",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
