"""A phone that lives as long as a `with` block, and everything a test can do to it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.phone.facts import Facts
from tests.phone.machine import Machine
from tests.phone.models import IDENTITIES
from tests.phone.options import DaemonOptions
from tests.phone.processes import GuestProcess, guest_processes
from tests.phone.server import AdbServer, free_port
from tflprof.targets.phone import load_phone

DATA_BYTES = 256 << 20
TEMPORARY = "data/local/tmp"
FILLER = "data/filler"
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.02


class VirtualPhone:
    """An arm64 phone behind an adb server, for one `with` block.

    ``facts`` is what it tells of itself, to be changed at any time.

    Args:
        model: whose cores it has (tflprof/targets/phones).
        server: the adb server to share; one of its own if None.
        rooted: programs run as root.
        android: its Android version.
        admits: it calls itself virtual, as Android's own emulator does.
        data_bytes: size of its storage.
        options: of the daemon, by name (DaemonOptions).

    Raises:
        EnvironmentFault: if this machine cannot host one; says what is missing.
    """

    facts: Facts

    def __init__(
        self,
        model: str = "pixel2",
        *,
        server: AdbServer | None = None,
        rooted: bool = False,
        android: int = 13,
        admits: bool = False,
        data_bytes: int = DATA_BYTES,
        **options: Any,
    ) -> None:
        self._own_server = server is None
        self.server = server or AdbServer()
        self.phone = load_phone(model)
        self._identity = IDENTITIES[model].admitted() if admits else IDENTITIES[model]
        self._android = android
        self._data_bytes = data_bytes
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self.port = free_port()
        self._options = DaemonOptions(self.port, "", rooted=rooted, **options)

    @property
    def serial(self) -> str:
        """As `adb devices` prints it."""
        return f"127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a program use this phone's server, and no key or setting of the user's."""
        return self.server.environment

    @property
    def root(self) -> Path:
        """The phone's file tree as it is now, seen from the machine."""
        return self._machine.root

    # Its life

    def __enter__(self) -> VirtualPhone:
        self._machine = Machine(self._data_bytes)
        try:
            self.facts = Facts(self.root, self.phone, self._identity, self._android)
            environment = tuple(self.facts.environment(self._options.rooted).items())
            self._options = replace(self._options, banner=self.facts.banner(), environment=environment)
            self.facts.write_lasting()
            self.facts.write_boot()
            self.start_daemon()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Turn it off; nothing of it stays."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._machine.close()
        if hasattr(self, "facts"):
            self.facts.close()
        if self._own_server:
            self.server.close()
        else:
            self.server.ask(f"host:disconnect:{self.serial}")

    def reboot(self, seconds: float = 1.0) -> None:
        """Everything that runs dies; after the given time the phone is back. Returns at once."""
        self._machine.ask("kill_all")
        self.facts.write_boot()
        self.later(seconds, self.start_daemon)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something after some time, unless the phone is turned off before."""

        def wait_and_act() -> None:
            if not self._closing.wait(seconds):
                action()

        self._threads.append(threading.Thread(target=wait_and_act))
        self._threads[-1].start()

    # Its link

    def connect(self) -> None:
        """Make the server know it, and wait until it does; an unauthorized phone stays unauthorized."""
        self.server.start()
        wanted = "device" if self._options.authorized else "unauthorized"
        self.wait_until(lambda: self._connected(wanted), f"adb does not see {self.serial} as {wanted}")

    def _connected(self, wanted: str) -> bool:
        state = self.server.devices().get(self.serial)
        if state in (None, "offline"):
            if state:
                self.server.ask(f"host:disconnect:{self.serial}")
            self.server.ask(f"host:connect:{self.serial}")
        return self.server.devices().get(self.serial) == wanted

    def plug_in(self) -> None:
        """Let the server find the phone as soon as there is one, as USB would. Returns at once."""

        def until_found() -> None:
            while not self._closing.wait(POLL_SECONDS):
                if self.server.listens() and self._connected("device"):
                    return

        self.later(0, until_found)

    def start_daemon(self) -> None:
        """Start the daemon and wait until the server sees it."""
        self._machine.ask("start_daemon", asdict(self._options))
        self.connect()

    def kill_daemon(self, with_children: bool = True) -> None:
        """Kill the daemon, and as Android's init does, what it started."""
        self._machine.ask("kill_all" if with_children else "kill_daemon")

    def change(self, **options: Any) -> None:
        """Change how the daemon behaves (DaemonOptions), now and after restarts."""
        self._options = replace(self._options, **options)
        self._machine.ask("daemon", "change", options)

    def throttle(self, bytes_per_second: int) -> None:
        """Slow the link down; 0: as fast as it goes."""
        self.change(bytes_per_second=bytes_per_second)

    def cut_link(self) -> None:
        """Pull the cable: the link breaks and cannot be made again until ``restore_link``."""
        self._machine.ask("daemon", "cut", {})

    def restore_link(self) -> None:
        """Plug the cable in again, and wait until the server sees the phone."""
        self._machine.ask("daemon", "restore", {})
        self.connect()

    def kill_adb_server(self) -> None:
        """Kill the server as a crash would; the next one that someone starts finds the phone again."""
        self.server.crash()
        self.plug_in()

    # What runs and lies on it

    def shell(self, command: str, timeout: float = WAIT_SECONDS) -> str:
        """Standard output of a command, by the real adb."""
        done = self.server.run("-s", self.serial, "shell", command, timeout=timeout)
        return done.stdout.decode(errors="replace")

    def processes(self) -> list[GuestProcess]:
        """Programs that run on it, without the daemon."""
        return guest_processes(self._machine.first_process)

    def running(self, name: str) -> list[GuestProcess]:
        """Programs whose command line has a word whose last part begins so."""
        return [
            process
            for process in self.processes()
            if any(word.rpartition("/")[2].startswith(name) for word in process.argv)
        ]

    def kill_process(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to all ``running(name)``; returns how many there were."""
        found = self.running(name)
        for process in found:
            os.kill(process.number, number)
        return len(found)

    def files(self, directory: str = TEMPORARY) -> list[str]:
        """Files, links and empty directories below a directory, as paths relative to it."""
        top = self.root / directory.lstrip("/")
        return sorted(
            str(path.relative_to(top))
            for path in top.rglob("*")
            if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
        )

    def fill_storage(self, leave: int = 0) -> None:
        """Take all free storage but so many bytes, rounded down to whole pages."""
        with (self.root / FILLER).open("ab") as file:
            # What others write meanwhile counts, too.
            while (free := self._free_bytes()) > leave:
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), free - leave)

    def _free_bytes(self) -> int:
        facts = os.statvfs(self.root / "data")
        return facts.f_bavail * facts.f_frsize

    def free_storage(self) -> None:
        """Give back what ``fill_storage`` took."""
        (self.root / FILLER).unlink(missing_ok=True)

    def set_read_only(self, read_only: bool = True) -> None:
        """Let the storage refuse changes, as Android does when it is broken."""
        self._machine.ask("remount", "/data", read_only)

    def wait_until(
        self, condition: Callable[[], object], otherwise: str, seconds: float = WAIT_SECONDS
    ) -> None:
        """Poll until something is so. Raises TimeoutError saying what was not."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(otherwise)
            time.sleep(POLL_SECONDS)
