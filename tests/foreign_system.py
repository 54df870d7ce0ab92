"""Another system, as far as a Python program sees it: its name, what it lacks, no /proc.

Nothing of it is macOS or Windows; it shows that nothing is used which they do not have.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.util
import io
import os
import platform
import sys
import types
from typing import Any

LACKING = {
    "darwin": {
        "modules": (),
        "functions": ("sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setscheduler"),
    },
    "win32": {
        "modules": (
            "fcntl",
            "resource",
            "termios",
            "pwd",
            "grp",
            "pty",
            "tty",
            "syslog",
            "readline",
            "crypt",
        ),
        "functions": (
            *("sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setscheduler"),
            *("geteuid", "getuid", "getgid", "getegid", "killpg", "fork", "setsid", "sysconf"),
            *("getloadavg", "mkfifo", "openpty", "posix_fallocate", "memfd_create", "statvfs", "getpgid"),
        ),
    },
}
NAMES = {"darwin": ("Darwin", "arm64"), "win32": ("Windows", "AMD64")}


def lack(system: str) -> None:
    """Take away what a system does not have; /proc and /sys no system has but Linux."""
    sys.meta_path.insert(0, _Missing(LACKING[system]["modules"]))
    for module in LACKING[system]["modules"]:
        sys.modules.pop(module, None)
    for function in LACKING[system]["functions"]:
        if hasattr(os, function):
            delattr(os, function)
    for place, name in ((builtins, "open"), (io, "open"), (os, "scandir"), (os, "listdir"), (os, "stat")):
        setattr(place, name, _blind(getattr(place, name)))


def call_it(system: str) -> None:
    """Let the system have another's name; what Windows has and others have not does nothing."""
    name, machine = NAMES[system]
    sys.platform = system
    platform.system = lambda: name
    platform.machine = lambda: machine
    if system == "win32":
        for module in ("msvcrt", "winreg"):
            sys.modules[module] = types.ModuleType(module)
        vars(sys.modules["msvcrt"]).update(locking=lambda *_: None, LK_LOCK=1, LK_NBLCK=2)
        vars(sys.modules["winreg"]).update(OpenKey=_no_key, HKEY_LOCAL_MACHINE=0)


def _no_key(*_: object) -> None:
    raise FileNotFoundError(2, "The system cannot find the file specified")


class _Missing(importlib.abc.MetaPathFinder):
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(self, name: str, *_: object) -> None:
        if name in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _blind(function: Any) -> Any:
    def blind(path: Any = ".", *rest: Any, **named: Any) -> Any:
        if isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith(("/proc", "/sys")):
            raise FileNotFoundError(2, "No such file or directory", path)
        return function(path, *rest, **named)

    return blind
