"""Writing a finished document: beside its place first, then renamed, so that no half file is ever seen."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tflprof.errors import EnvironmentFault


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file in one step. Raises EnvironmentFault if it cannot be written."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
            part_path = Path(part.name)
            try:
                part.write(data)
                part.close()
                part_path.chmod(0o666 & ~_umask())
                part_path.replace(path)
            finally:
                part_path.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write {path}: {error.strerror or error}", "give another place with -o FILE"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
