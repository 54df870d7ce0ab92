"""The link to one phone: commands, streams and files. Whatever fails on the way becomes one of our errors."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import BinaryIO

from tflprof.errors import DeviceLost, EnvironmentFault
from tflprof.targets.adb.client import AdbServer
from tflprof.targets.adb.reading import (
    Result,
    chunks_of_bytes,
    chunks_of_file,
    read_exactly,
    read_marked,
    read_packets,
    refusal,
)
from tflprof.targets.adb.wire import Entry, marked, sync_record

COMMAND_SECONDS = 30.0
_TRANSFER_SECONDS = 60.0
# Old daemons take no longer command; the rest is for what stands around the script.
_MAX_SCRIPT = 3500
_MODE = 0o100755
_HINT = "check the cable or the network; `adb devices -l` shows what adb sees"


class ServiceRefused(DeviceLost):
    """The device does not offer a service, or its link broke at that moment: the server tells them not apart."""


class TransferRefused(EnvironmentFault):
    """The device did not take or give a file.

    Attributes:
        reason: its own word for why, empty if it gave none.
    """

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what)
        self.reason = reason


class AdbLink:
    """One phone behind an adb server.

    Attributes:
        serial: as the server calls it.
        name: for messages, such as ``Pixel 2``.
        lost: True since something failed for want of the phone; cleaning up need not be tried then.
    """

    def __init__(self, server: AdbServer, serial: str, name: str | None = None) -> None:
        self.server = server
        self.serial = serial
        self.name = name or serial
        self.lost = False

    @cached_property
    def shell_v2(self) -> bool:
        """Whether the device keeps output, errors and status of a command apart."""
        features = self.server.ask(f"host-serial:{self.serial}:features")
        return "shell_v2" in features.split(",")

    def run(self, script: str, timeout: float = COMMAND_SECONDS) -> Result:
        """Run a shell script on the phone; ``timeout`` seconds are for all of it. Raises DeviceLost."""
        deadline = time.monotonic() + timeout
        command = self.short_enough(script)
        mark = secrets.token_hex(8)
        service = f"shell,v2,raw:{command}" if self.shell_v2 else f"shell:{marked(command, mark)}"
        with self._reporting("did not answer"), contextlib.closing(self.open(service)) as sock:
            found = read_packets(sock, deadline) if self.shell_v2 else read_marked(sock, deadline, mark)
        if found is None:
            raise self._lost("went away in the middle of a command")
        return found

    def short_enough(self, script: str) -> str:
        """The script, or one that runs it from a file if it is too long for old daemons. Raises DeviceLost."""
        if len(script.encode()) <= _MAX_SCRIPT:
            return script
        path = f"/data/local/tmp/.tflprof-{secrets.token_hex(8)}.sh"
        self.push(script.encode(), path)
        place = shlex.quote(path)
        return f's=$(cat {place}); rm -f {place}; eval "$s"'

    def open(self, service: str, timeout: float = COMMAND_SECONDS) -> socket.socket:
        """A stream to a service of the phone, with ``timeout`` for each read. Raises DeviceLost."""
        from adbutils import AdbError

        with self._reporting("cannot be reached"):
            connection = self.server.connect(timeout)
            sock: socket.socket = connection.conn
            # Small records one after the other would each wait for the server's acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                connection.send_command(f"host:transport:{self.serial}")
                connection.check_okay()
                try:
                    connection.send_command(service)
                    connection.check_okay()
                except AdbError as error:
                    if str(error) != "closed":
                        raise
                    raise ServiceRefused(f"{self.name} closed the connection at once", _HINT) from None
            except BaseException:
                sock.close()
                raise
        self.lost = False
        return sock

    def ping(self, timeout: float = 10.0) -> None:
        """Make sure that the phone still answers; no program is started on it. Raises DeviceLost."""
        self.stat("/", timeout)

    # Files

    def push(
        self,
        source: bytes | BinaryIO,
        remote: str,
        on_bytes: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Write a file on the phone, executable for its owner; folders are made.

        Args:
            source: its content; a file is read to its end.
            remote: where.
            on_bytes: called with how many bytes more were sent.

        Raises:
            TransferRefused: the phone could not write it.
            DeviceLost: the link broke.
        """
        chunks = chunks_of_bytes(source) if isinstance(source, bytes) else chunks_of_file(source)
        with self._sync(_TRANSFER_SECONDS) as sock:
            try:
                sock.sendall(sync_record(b"SEND", f"{remote},{_MODE}".encode()))
                for chunk in chunks:
                    sock.sendall(sync_record(b"DATA", chunk))
                    on_bytes(len(chunk))
                sock.sendall(sync_record(b"DONE", number=int(time.time())))
            except (BrokenPipeError, ConnectionResetError):
                pass  # It may have said why before it closed.
            self._expect_okay(sock, remote)

    def _expect_okay(self, sock: socket.socket, remote: str) -> None:
        kind = read_exactly(sock, 4)
        if kind == b"OKAY":
            return
        reason = refusal(sock) if kind == b"FAIL" else repr(kind)
        raise TransferRefused(f"{self.name} did not take {remote}: {reason or 'it gave no reason'}", reason)

    def pull(self, remote: str, on_data: Callable[[bytes], object]) -> None:
        """Read a file of the phone, piece by piece. Raises TransferRefused if there is none, DeviceLost."""
        with self._sync(_TRANSFER_SECONDS) as sock:
            sock.sendall(sync_record(b"RECV", remote.encode()))
            while True:
                kind, size = struct.unpack("<4sI", read_exactly(sock, 8))
                if kind == b"DONE":
                    return
                content = read_exactly(sock, size)
                if kind != b"DATA":
                    reason = content.decode("utf-8", "replace")
                    raise TransferRefused(f"{self.name} did not give {remote}: {reason}", reason)
                on_data(content)

    def stat(self, remote: str, timeout: float = COMMAND_SECONDS) -> Entry:
        """Mode, size and time of a file of the phone, links not followed. Raises DeviceLost."""
        with self._sync(timeout) as sock:
            sock.sendall(sync_record(b"STAT", remote.encode()))
            _, mode, size, mtime = struct.unpack("<4s3I", read_exactly(sock, 16))
        return Entry(mode, size, mtime)

    def entries(self, remote: str) -> dict[str, Entry]:
        """What is in a folder of the phone, by name; empty if there is no such folder. Raises DeviceLost."""
        found = {}
        with self._sync(COMMAND_SECONDS) as sock:
            sock.sendall(sync_record(b"LIST", remote.encode()))
            while True:
                kind, mode, size, mtime, length = struct.unpack("<4s4I", read_exactly(sock, 20))
                if kind != b"DENT":
                    break
                name = read_exactly(sock, length).decode("utf-8", "replace")
                found[name] = Entry(mode, size, mtime)
        return {name: entry for name, entry in found.items() if name not in (".", "..")}

    @contextlib.contextmanager
    def _sync(self, timeout: float) -> Iterator[socket.socket]:
        with (
            self._reporting("went away in the middle of a transfer"),
            contextlib.closing(self.open("sync:", timeout)) as sock,
        ):
            yield sock
            with contextlib.suppress(OSError):
                sock.sendall(sync_record(b"QUIT"))

    # Failures

    @contextlib.contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        """Turn what adbutils and sockets raise into DeviceLost."""
        from adbutils import AdbError, AdbTimeout

        try:
            yield
        except DeviceLost:
            self.lost = True
            raise
        except (TimeoutError, AdbTimeout):
            raise self._lost("did not answer in time") from None
        except (AdbError, OSError, EOFError, ValueError) as error:
            raise self._lost(f"{what}: {error}" if str(error) else what) from error

    def _lost(self, how: str) -> DeviceLost:
        self.lost = True
        return DeviceLost(f"{self.name} {how}", _HINT)
