"""The system calls that a phone of one's own takes: namespaces, mounts, foreign programs."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x04000000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
# The first 20 bytes of an aarch64 program, and which bits of them count.
AARCH64_MAGIC = rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
AARCH64_MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
BINFMT = Path("/proc/sys/fs/binfmt_misc")

_libc = ctypes.CDLL(None, use_errno=True)


def _call(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the named namespaces for new ones. Raises OSError."""
    _call(_libc.unshare(flags), "unshare")


def mount(source: str, target: Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """As mount(2). Raises OSError naming the target."""
    result = _libc.mount(
        source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    _call(result, f"mounting {kind or source} on {target}")


def bind(source: Path, target: Path) -> None:
    """Make a file or directory appear at another place."""
    mount(str(source), target, flags=MS_BIND)


def set_name(name: str) -> None:
    """What `ps` calls this process."""
    _libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def die_with_parent(signal: int) -> None:
    """Get this signal when the parent ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)


def register_aarch64(interpreter: Path) -> None:
    """Let this namespace's kernel run aarch64 programs with an emulator, which need not be in their root.

    Raises:
        OSError: the kernel has no binfmt_misc of one's own (Linux before 6.7).
    """
    mount("binfmt_misc", BINFMT, "binfmt_misc")
    rule = b":phone:M::%s:%s:%s:POCF" % (AARCH64_MAGIC, AARCH64_MASK, os.fsencode(interpreter))
    (BINFMT / "register").write_bytes(rule)


def reap() -> None:
    """Take the exit status of every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
