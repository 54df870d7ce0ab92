"""Reading from a phone's streams: whole records, the result of a command."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from tflprof.targets.adb.wire import (
    EXIT,
    STDERR,
    STDOUT,
    SYNC_CHUNK,
    PacketReader,
    cut_at_marks,
    exit_status,
)

_RECEIVE = 1 << 16
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True)
class Result:
    """What a command wrote and its exit status, negative for a signal.

    Without shell_v2 standard error is part of standard output.
    """

    stdout: bytes
    stderr: bytes
    status: int

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode("utf-8", "replace")

    def words(self) -> str:
        """The end of what it said, on one line: for messages."""
        return " ".join((self.stderr or self.stdout)[-500:].decode("utf-8", "replace").split())


def chunks_of_bytes(content: bytes) -> Iterator[bytes]:
    """The content in pieces that a transfer record may hold."""
    for at in range(0, len(content), SYNC_CHUNK):
        yield content[at : at + SYNC_CHUNK]


def chunks_of_file(source: BinaryIO) -> Iterator[bytes]:
    """A file, to its end, in pieces that a transfer record may hold."""
    while chunk := source.read(SYNC_CHUNK):
        yield chunk


def read_exactly(sock: socket.socket, size: int) -> bytes:
    """So many bytes. Raises EOFError if the stream ends before."""
    content = bytearray()
    while len(content) < size:
        _acknowledge_at_once(sock)
        more = sock.recv(min(size - len(content), _RECEIVE))
        if not more:
            raise EOFError("the connection was closed")
        content += more
    return bytes(content)


def refusal(sock: socket.socket) -> str:
    """The reason after ``FAIL``; empty if the daemon closes without one."""
    try:
        (size,) = struct.unpack("<I", read_exactly(sock, 4))
        return read_exactly(sock, size).decode("utf-8", "replace")
    except EOFError:
        return ""


def _acknowledge_at_once(sock: socket.socket) -> None:
    """The server sends a folder's entries one by one, each after the acknowledgement of the last.

    Linux holds that back for 40 ms unless asked, before every read, not to.
    """
    if _QUICK_ACK is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)


def _receive(sock: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)
    return sock.recv(_RECEIVE)


def read_packets(sock: socket.socket, deadline: float) -> Result | None:
    """The result of a command by the shell protocol; None if its status never came."""
    reader, output = PacketReader(), {STDOUT: bytearray(), STDERR: bytearray()}
    while data := _receive(sock, deadline):
        for kind, content in reader.feed(data):
            if kind in output:
                output[kind] += content
            elif kind == EXIT and content:
                return Result(bytes(output[STDOUT]), bytes(output[STDERR]), exit_status(content[0]))
    return None


def read_marked(sock: socket.socket, deadline: float, mark: str) -> Result | None:
    """The result of a command that ends with a marked status; None if the mark never came."""
    output = bytearray()
    while data := _receive(sock, deadline):
        output += data
    found = cut_at_marks(bytes(output), mark)
    return None if found is None else Result(found[0], b"", exit_status(found[1]))
