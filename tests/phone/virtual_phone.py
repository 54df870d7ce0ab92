"""A phone that lives as long as a `with` block, and everything a test can do to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.phone.cpus import CpuState
from tests.phone.init import Control
from tests.phone.options import DaemonOptions
from tests.phone.packages import NEEDED, guest_tree
from tests.phone.server import AdbServer, free_port
from tests.phone.system import System
from tflprof.errors import EnvironmentFault
from tflprof.targets.phone import load_phone

PROJECT = Path(__file__).resolve().parents[2]
FIRST_PORT = 5600
DATA_BYTES = 256 << 20
TEMPORARY = "/data/local/tmp"
WAIT_SECONDS = 20.0


class VirtualPhone:
    """An arm64 phone behind an adb server.

    Args:
        model: whose cores it has (tflprof/targets/phones).
        server: the adb server to share; one of its own if None.
        rooted: programs run as root.
        android: its Android version.
        options: of the daemon, by name (DaemonOptions).

    Raises:
        EnvironmentFault: if this machine cannot host one; says what is missing.
    """

    def __init__(
        self,
        model: str = "pixel2",
        *,
        server: AdbServer | None = None,
        rooted: bool = False,
        android: int = 13,
        data_bytes: int = DATA_BYTES,
        **options: Any,
    ) -> None:
        self._own_server = server is None
        self.server = server or AdbServer()
        self.phone = load_phone(model)
        self._android = android
        self._data_bytes = data_bytes
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self.port = free_port(FIRST_PORT + os.getpid() % 400)
        self._options = DaemonOptions(self.port, "", rooted=rooted, **options)

    @property
    def serial(self) -> str:
        """As `adb devices` prints it."""
        return f"127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a program use this phone's server."""
        return self.server.environment

    @property
    def root(self) -> Path:
        """The phone's file tree as it is now, seen from the machine."""
        return Path(f"/proc/{self.first_process}/root")

    # Its life

    def __enter__(self) -> VirtualPhone:
        tree = guest_tree()
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.phone.init", str(theirs.fileno())],
            cwd=PROJECT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._control = Control(ours)
        try:
            self._boot(tree)
        except BaseException:
            self.close()
            raise
        return self

    def _boot(self, tree: Path) -> None:
        try:
            self._control.say([str(tree), self._data_bytes])
            _, number = self._control.hear()
            for users in ("uid_map", "gid_map"):
                Path(f"/proc/{number}/{users}").write_text("0 0 65536\n")
            self._control.say("mapped")
            _, self.first_process = self._control.hear()
            self._expect_ok(self._control.hear())
        except (OSError, EOFError) as error:
            raise EnvironmentFault(
                f"no virtual phone on this machine: {error or 'its first process died'}",
                f"{NEEDED}; Linux 6.7 or later with user namespaces",
            ) from error
        self.system = System(self.root, self.phone, self._android)
        self.cpus = CpuState(self.root / "phone/cpus", len(self.phone.cpus))
        self._options = replace(
            self._options,
            banner=self.system.banner(),
            environment=tuple(self.system.environment().items()),
        )
        self.system.boot()
        self.start_daemon()
        self.connect()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Turn it off; nothing of it stays."""
        for timer in self._timers:
            timer.cancel()
            timer.join()
        if self._own_server:
            self.server.close()
        else:
            self.server.run("disconnect", self.serial)
        self._control.connection.shutdown(socket.SHUT_RDWR)
        self._control.connection.close()
        self._process.wait(WAIT_SECONDS)

    def _ask(self, action: str, *arguments: Any) -> Any:
        with self._lock:
            self._control.say([action, *arguments])
            return self._expect_ok(self._control.hear())

    @staticmethod
    def _expect_ok(answer: Any) -> Any:
        if answer[0] != "ok":
            raise OSError(answer[1])
        return answer[1]

    # Its link

    def connect(self) -> None:
        """Make the server know it, and wait until it does."""
        self.server.start()
        deadline = time.monotonic() + WAIT_SECONDS
        said = b""
        while time.monotonic() < deadline:
            said = self.server.run("connect", self.serial).stdout
            state = self.server.run("-s", self.serial, "get-state")
            if state.stdout.strip() == b"device" or not self._options.authorized:
                return
            time.sleep(0.05)
        raise OSError(f"adb connect {self.serial}: {said.decode(errors='replace')}")

    def start_daemon(self) -> None:
        """Start the daemon; the server has to `connect` again."""
        self._ask("start_daemon", asdict(self._options))

    def change(self, **options: Any) -> None:
        """Change how the daemon behaves (DaemonOptions), now and after restarts."""
        self._options = replace(self._options, **options)
        self._ask("daemon", "change", options)

    # What runs and lies on it

    def shell(self, command: str, timeout: float = WAIT_SECONDS) -> str:
        """Standard output of a command, by the real adb."""
        done = self.server.run("-s", self.serial, "shell", command, timeout=timeout)
        return done.stdout.decode(errors="replace")
