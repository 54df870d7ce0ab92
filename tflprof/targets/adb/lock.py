"""One tflprof at a time on a phone: a lock per serial that dies with its holder."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import IO

from tflprof.errors import EnvironmentFault, TargetError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> None:
        # Behind the text, which others must be able to read.
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_directory() -> Path:
    """Where locks are: in the user's runtime directory if there is one, else in a temporary one of the user."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if base.is_absolute() and base.is_dir():
        return base / "tflprof"
    user = re.sub(r"[^\w.-]", "_", _user())
    return Path(tempfile.gettempdir()) / f"tflprof-{user}"


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def owner_mark() -> str:
    """Eight letters that tell this user of this machine from others who use the same phone."""
    return sha256(f"{platform.node()}:{lock_directory()}".encode()).hexdigest()[:8]


class PhoneLock:
    """The lock of one phone, held until :meth:`release` or the end of the process, whatever ends it.

    Args:
        serial: of the phone.
        name: of the phone, for the message.

    Raises:
        TargetError: another process holds it.
        EnvironmentFault: the lock file cannot be made.
    """

    def __init__(self, serial: str, name: str) -> None:
        readable = re.sub(r"[^\w.-]", "_", serial)[:60]
        place = lock_directory() / f"adb-{readable}-{sha256(serial.encode()).hexdigest()[:8]}.lock"
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file: IO[str] = place.open("a+", encoding="ascii", errors="replace")
        except OSError as error:
            raise EnvironmentFault(
                f"cannot make the lock file {place}: {error.strerror or error}",
                "set XDG_RUNTIME_DIR or TMPDIR to a directory that you can write to",
            ) from error
        try:
            _try_lock(self._file)
        except OSError:
            holder = self._holder()
            self._file.close()
            raise TargetError(
                f"the phone {name} ({serial}) is in use by another tflprof, process {holder}",
                "wait for it to end, or end it",
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def _holder(self) -> str:
        with contextlib.suppress(OSError):
            self._file.seek(0)
            return self._file.read(20).strip() or "unknown"
        return "unknown"

    def release(self) -> None:
        """Give the phone free. The file stays: removing it would let two processes lock two files of one name."""
        if self._file.closed:
            return
        with contextlib.suppress(OSError):
            self._file.truncate(0)
        self._file.close()
