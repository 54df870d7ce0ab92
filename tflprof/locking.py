"""A lock that processes of this machine share, and that dies with its holder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made and stays; waits for as long as another has it. Raises OSError."""
    with path.open("ab") as file:
        _lock(file)
        yield  # closing the file gives the lock free


def _lock(file: IO[bytes]) -> None:
    # Neither module is everywhere; a system without the one has the other.
    if sys.platform == "win32":
        import errno
        import msvcrt

        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            except OSError as error:
                if error.errno != errno.EDEADLK:  # it was tried ten times, a second apart
                    raise
            else:
                return
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
