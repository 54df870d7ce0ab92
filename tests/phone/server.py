"""A real adb server of one's own: its port, keys and home directory are nobody else's."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from adbutils import adb_path

from tests.phone.packages import CACHE

SERVER_SECONDS = 20
FIRST_PORT, PORTS_EACH, PORT_RANGES = 5600, 500, 52
_places = itertools.count()


# Whoever was given one may not listen on it yet.
_given: set[int] = set()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on; other test processes look elsewhere.

    Ports up to 5585 are those where every adb server looks for emulators.
    """
    first = FIRST_PORT + os.getpid() * 41 % PORT_RANGES * PORTS_EACH
    for port in range(first, first + PORTS_EACH):
        if port in _given:
            continue
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise OSError(f"no free port from {first} to {first + PORTS_EACH}")


class AdbServer:
    """Starts with the first command and ends with ``close``; several phones may share it."""

    def __init__(self, adb: str | None = None) -> None:
        self.adb = adb or adb_path()
        self._home = tempfile.TemporaryDirectory(prefix="phone-adb-")
        self.port = free_port()
        runtime = self.home / "run"
        runtime.mkdir(mode=0o700)
        self.environment = {
            "HOME": self._home.name,
            "ANDROID_USER_HOME": self._home.name,
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            # Libraries are fetched once, not for every server.
            "XDG_CACHE_HOME": str(CACHE / "cache"),
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            # The server looks for emulators on the ports up to this one, that is on none.
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554",
            "ADB_MDNS": "0",
            "ADB_USB": "0",
            # What is asked of adb must not come from the user's own settings.
            "ANDROID_SERIAL": "",
        }

    @property
    def home(self) -> Path:
        """The home directory: keys, and whatever a program that runs with ``environment`` leaves."""
        return Path(self._home.name)

    def __enter__(self) -> AdbServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(
        self, *arguments: str, stdin: bytes | None = None, timeout: float = SERVER_SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``adb`` with these arguments."""
        return subprocess.run(
            [self.adb, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env={**os.environ, **self.environment},
            timeout=timeout,
            check=False,
        )

    def start(self) -> None:
        """Start the server if it does not run. Raises OSError saying what adb said."""
        done = self.run("start-server")
        if done.returncode:
            raise OSError(f"adb start-server: {done.stderr.decode(errors='replace')}")

    def listens(self) -> bool:
        """True if a server runs."""
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, request: str) -> str:
        """Send one of the server's own requests, such as ``host:devices``; empty if there is no server."""
        data = request.encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), SERVER_SECONDS) as connection:
                connection.sendall(f"{len(data):04x}".encode() + data)
                answer = connection.makefile("rb").read()
        except OSError:
            return ""
        return answer[8:].decode(errors="replace") if answer.startswith(b"OKAY") else ""

    def devices(self) -> dict[str, str]:
        """State of every phone by serial."""
        lines = (line.split("\t") for line in self.ask("host:devices").splitlines())
        return {parts[0]: parts[1] for parts in lines if len(parts) == 2}

    def crash(self) -> None:
        """Kill it without a word."""
        mark = f"tcp:{self.port}".encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
                if mark in words and b"server" in words:
                    os.kill(int(entry.name), signal.SIGKILL)
        deadline = time.monotonic() + SERVER_SECONDS
        while self.listens() and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        """End the server and forget its keys."""
        if self.listens():
            self.run("kill-server")
        self._home.cleanup()
