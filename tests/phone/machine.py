"""The namespaces a phone lives in, and the conversation with its first process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.phone.control import Control
from tests.phone.packages import NEEDED, guest_tree
from tflprof.errors import EnvironmentFault

PROJECT = Path(__file__).resolve().parents[2]
END_SECONDS = 20.0


class Machine:
    """Runs from its making until ``close``.

    Args:
        data_bytes: size of the storage below /data.

    Raises:
        EnvironmentFault: if this machine cannot host a phone; says what is missing.
    """

    first_process: int

    def __init__(self, data_bytes: int) -> None:
        if os.geteuid() != 0:
            raise EnvironmentFault(
                f"no virtual phone for user {os.geteuid()}: only root can start one", NEEDED
            )
        tree = guest_tree()
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.phone.init", str(theirs.fileno())],
            cwd=PROJECT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        self._control = Control(ours)
        try:
            self._begin(tree, data_bytes)
        except BaseException:
            self.close()
            raise

    @property
    def root(self) -> Path:
        """The phone's file tree, seen from the machine."""
        return Path(f"/proc/{self.first_process}/root")

    def _begin(self, tree: Path, data_bytes: int) -> None:
        try:
            self._control.say([str(tree), data_bytes])
            _, number = self._control.hear()
            for users in ("uid_map", "gid_map"):
                Path(f"/proc/{number}/{users}").write_text("0 0 65536\n")
            self._control.say("mapped")
            _, self.first_process = self._control.hear()
            _result(self._control.hear())
        except (OSError, EOFError) as error:
            why = str(error) or self._last_words() or "its first process died"
            raise EnvironmentFault(f"no virtual phone on this machine: {why}", NEEDED) from error

    def _last_words(self) -> str:
        self._process.wait(END_SECONDS)
        assert self._process.stderr
        lines = self._process.stderr.read().decode(errors="replace").splitlines()
        return lines[-1] if lines else ""

    def ask(self, action: str, *arguments: Any) -> Any:
        """Have the first process do something; returns its answer. Raises OSError if it could not."""
        with self._lock:
            self._control.say([action, *arguments])
            return _result(self._control.hear())

    def close(self) -> None:
        """End everything that runs in the phone."""
        self._control.close()
        self._process.wait(END_SECONDS)
        assert self._process.stderr
        self._process.stderr.close()


def _result(answer: Any) -> Any:
    if answer[0] != "ok":
        raise OSError(answer[1])
    return answer[1]
