"""Packets and streams of the adb protocol, as a device speaks them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from typing import NamedTuple

CNXN, AUTH, OPEN, OKAY, WRTE, CLSE = (
    struct.unpack("<I", name)[0] for name in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"WRTE", b"CLSE")
)
VERSION_WITH_CHECKSUMS, VERSION = 0x01000000, 0x01000001
MAX_PAYLOAD = 256 * 1024
HEADER = struct.Struct("<6I")


class Packet(NamedTuple):
    """One message: its command, two numbers and its data."""

    command: int
    first: int
    second: int
    data: bytes


class Wire:
    """Packets over a socket; ``bytes_per_second`` limits both directions together, 0 is no limit.

    While ``silent``, nothing is taken or sent, as over a wireless link that went out of reach.
    """

    def __init__(self, connection: socket.socket, checksums: bool) -> None:
        self._socket = connection
        self._checksums = checksums
        self._sending = threading.Lock()
        self._budget = threading.Lock()
        self._free_at = 0.0
        self.bytes_per_second = 0
        self.speaking = threading.Event()
        self.speaking.set()
        self.max_payload = 4096

    def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        """Send one packet. Raises OSError when the link is gone."""
        self._pass(HEADER.size + len(data))
        checksum = sum(data) & 0xFFFFFFFF if self._checksums else 0
        header = HEADER.pack(command, first, second, len(data), checksum, command ^ 0xFFFFFFFF)
        with self._sending:
            self._socket.sendall(header + data)

    def receive(self) -> Packet:
        """The next packet. Raises EOFError or OSError when the link is gone."""
        command, first, second, size, _, _ = HEADER.unpack(self._exactly(HEADER.size))
        data = self._exactly(size)
        self._pass(HEADER.size + size)
        return Packet(command, first, second, data)

    def close(self) -> None:
        """Break the link, and free whoever waits for it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.speaking.set()

    def _exactly(self, size: int) -> bytes:
        got = bytearray()
        while len(got) < size:
            part = self._socket.recv(size - len(got))
            if not part:
                raise EOFError
            got += part
        return bytes(got)

    def _pass(self, size: int) -> None:
        """Wait until this many bytes may go."""
        self.speaking.wait()
        if not self.bytes_per_second:
            return
        with self._budget:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + size / self.bytes_per_second
            pause = self._free_at - now
        time.sleep(pause)


class Stream:
    """One opened service. What is written waits for the other side's acknowledgement, packet by packet."""

    def __init__(self, wire: Wire, local: int, remote: int) -> None:
        self._wire = wire
        self.local, self.remote = local, remote
        self._changed = threading.Condition()
        self._incoming: deque[bytes] = deque()
        self._buffer = b""
        self._may_send = True
        self.ended = False

    def write(self, data: bytes) -> None:
        """Send all of it. Raises EOFError when the stream or the link has ended."""
        for start in range(0, len(data), self._wire.max_payload):
            with self._changed:
                self._changed.wait_for(lambda: self._may_send or self.ended)
                if self.ended:
                    raise EOFError
                self._may_send = False
            self._wire.send(WRTE, self.local, self.remote, data[start : start + self._wire.max_payload])

    def read_some(self) -> bytes:
        """What has come, at least one byte. Raises EOFError at the end."""
        if self._buffer:
            data, self._buffer = self._buffer, b""
            return data
        with self._changed:
            self._changed.wait_for(lambda: self._incoming or self.ended)
            if not self._incoming:
                raise EOFError
            data = self._incoming.popleft()
        # Acknowledged when taken, so that a slow reader slows the sender.
        self._wire.send(OKAY, self.local, self.remote)
        return data

    def read(self, size: int) -> bytes:
        """Exactly so many bytes. Raises EOFError if the stream ends before."""
        got = b""
        while len(got) < size:
            got += self.read_some()
        got, self._buffer = got[:size], got[size:] + self._buffer
        return got

    def feed(self, data: bytes) -> None:
        """Take a packet for the reader."""
        with self._changed:
            if data:
                self._incoming.append(data)
            self._changed.notify_all()

    def acknowledge(self) -> None:
        """Let the next packet go."""
        with self._changed:
            self._may_send = True
            self._changed.notify_all()

    def end(self) -> None:
        """The other side has closed, or the link is gone."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close from this side, unless the other did."""
        with self._changed:
            ended, self.ended = self.ended, True
            self._changed.notify_all()
        if not ended:
            self._wire.send(CLSE, self.local, self.remote)
