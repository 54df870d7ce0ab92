"""One tflprof at a time on a phone: locks that die with their holder."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import stat
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import IO

from tflprof.errors import EnvironmentFault, TargetError

WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.1
_ELSEWHERE = "set XDG_RUNTIME_DIR or TMPDIR to a directory of yours that you can write to"

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
        wait: seconds to wait for a holder that is about to end, by default :data:`WAIT_SECONDS`.

    Raises:
        TargetError: another process holds it.
        EnvironmentFault: the lock file cannot be made, or others could meddle with it.
    """

    def __init__(self, serial: str, name: str, wait: float | None = None) -> None:
        self._phone = f"{name} ({serial})"
        self._wait = WAIT_SECONDS if wait is None else wait
        self._files: dict[str, IO[str]] = {}
        readable = re.sub(r"[^\w.-]", "_", serial)[:60]
        self._take(f"adb-{readable}-{sha256(serial.encode()).hexdigest()[:8]}.lock")

    def extend(self, identity: str) -> None:
        """Hold the phone by what it is, too: adb may know it by several serials. Raises like the constructor."""
        self._take(f"phone-{sha256(identity.encode()).hexdigest()[:16]}.lock")

    def _take(self, name: str) -> None:
        if name in self._files:
            return
        file = _open(lock_directory() / name)
        try:
            self._lock(file)
            file.seek(0)
            file.truncate()
            file.write(f"{os.getpid()}\n")
            file.flush()
        except BaseException:
            file.close()
            raise
        self._files[name] = file

    def _lock(self, file: IO[str]) -> None:
        deadline = time.monotonic() + self._wait
        while True:
            try:
                return _try_lock(file)
            except OSError:
                if time.monotonic() >= deadline:
                    raise TargetError(
                        f"the phone {self._phone} is in use by another tflprof, process {_holder(file)}",
                        "wait for it to end, or end it",
                    ) from None
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Give the phone free. The files stay: removing one would let two processes lock two files of one name."""
        while self._files:
            _, file = self._files.popitem()
            with contextlib.suppress(OSError):
                file.truncate(0)
            file.close()


def _open(place: Path) -> IO[str]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(place.parent)
        return os.fdopen(os.open(place, flags, 0o600), "r+", encoding="ascii", errors="replace")
    except OSError as error:
        raise EnvironmentFault(
            f"cannot make the lock file {place}: {error.strerror or error}", _ELSEWHERE
        ) from error


def _check_private(directory: Path) -> None:
    """Raise EnvironmentFault if others could put files there: below /tmp anyone may have made it before us."""
    if not hasattr(os, "getuid"):
        return
    state = directory.lstat()
    if not stat.S_ISDIR(state.st_mode):
        why = "is a link"
    elif state.st_uid != os.getuid():
        why = f"belongs to user {state.st_uid}"
    elif state.st_mode & 0o077:
        why = f"is open to others (mode {stat.S_IMODE(state.st_mode):o})"
    else:
        return
    raise EnvironmentFault(f"cannot keep locks in {directory}: it {why}", f"remove it, or {_ELSEWHERE}")


def _holder(file: IO[str]) -> str:
    with contextlib.suppress(OSError):
        file.seek(0)
        return file.read(20).strip() or "unknown"
    return "unknown"
