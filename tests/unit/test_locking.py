"""The lock between processes, and that no system's own modules are needed to start."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tflprof.locking import exclusive

HOLDER = """
import sys
from pathlib import Path
from tflprof.locking import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read(1)
    print("given free", flush=True)
"""

# What Windows has not.
BLOCKED = """
import ctypes, os, signal, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
for name in list(sys.modules):
    if name in ("fcntl", "resource", "pwd", "grp"):
        del sys.modules[name]


def no_library(*_):
    raise TypeError("there is no library of all libraries")


ctypes.CDLL = no_library
del signal.SIGKILL, os.sched_getaffinity, os.killpg, os.getuid
import tflprof
"""


def test_only_one_process_has_it(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    start = [sys.executable, "-c", HOLDER, str(place)]
    with exclusive(place):
        other = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.communicate("x", timeout=0.5)
        assert other.poll() is None
    assert other.communicate(timeout=60)[0] == "held\ngiven free\n"


def test_where_there_is_no_flock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [OSError(errno.EDEADLK, "busy"), OSError(errno.EDEADLK, "busy"), None]

    def locking(_descriptor: int, _mode: int, _bytes: int) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_LOCK=1, locking=locking))
    monkeypatch.setattr("tflprof.locking.sys.platform", "win32")
    with exclusive(tmp_path / "lock"):
        assert answers == []
    answers.append(OSError(errno.EBADF, "bad"))
    with pytest.raises(OSError, match="bad"), exclusive(tmp_path / "lock"):
        pass


@pytest.mark.parametrize(
    "module",
    ["cli.main", "cli.profile", "cli.runtimes", "runner.open", "workflow.profile", "workflow.runtimes"],
)
def test_it_starts_where_modules_of_unix_are_missing(module: str) -> None:
    code = f"{BLOCKED}\nimport tflprof.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
