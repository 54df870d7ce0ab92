"""Pure parts of what goes over a phone's wire: shell packets, file transfer records, undoing a terminal."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = 0, 1, 2, 3, 4
"""Kinds of packets of the shell protocol, version 2."""

SYNC_CHUNK = 1 << 16
"""Most bytes in one record of the file transfer protocol."""

_HEADER = struct.Struct("<BI")
_SYNC = struct.Struct("<4sI")
_SIGNAL_BASE = 128
_LAST_SIGNAL = 64


class PacketReader:
    """Cuts the bytes of a shell stream (version 2) into packets, however they arrive."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Whole packets so far: kind and content. The content of :data:`EXIT` is one byte, the status."""
        self._rest += data
        packets, at = [], 0
        while len(self._rest) - at >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._rest, at)
            end = at + _HEADER.size + size
            if len(self._rest) < end:
                break
            packets.append((kind, self._rest[at + _HEADER.size : end]))
            at = end
        self._rest = self._rest[at:]
        return packets


def packet(kind: int, content: bytes = b"") -> bytes:
    """One packet of the shell protocol."""
    return _HEADER.pack(kind, len(content)) + content


def sync_record(kind: bytes, content: bytes = b"", number: int | None = None) -> bytes:
    """A record of the file transfer protocol: four letters, and a length with content or a number."""
    return _SYNC.pack(kind, len(content) if number is None else number) + content


def exit_status(status: int) -> int:
    """A shell's status as that of a process: negative for the signal that a status above 128 stands for."""
    if _SIGNAL_BASE < status <= _SIGNAL_BASE + _LAST_SIGNAL:
        return _SIGNAL_BASE - status
    return status


def marked(script: str, mark: str) -> str:
    """A script that prints lines with a mark before and after what the given one prints, and its status."""
    return f"echo {mark}:; ({script}\n); echo {mark}:$?"


def cut_at_marks(output: bytes, mark: str) -> tuple[bytes, int] | None:
    """What a :func:`marked` script printed, and its status; None if a mark is not there: the link broke.

    Whatever a shell or a banner says before is dropped. How the last mark's line ends tells whether a terminal
    has put carriage returns before the newlines; only then are they taken away.
    """
    found = re.search(rb"%s:\r*\n(.*)%s:(\d{1,3})(\r*)\n" % ((mark.encode(),) * 2), output, re.DOTALL)
    if found is None:
        return None
    content = found[1].replace(found[3] + b"\n", b"\n") if found[3] else found[1]
    return content, int(found[2])


@dataclass(frozen=True)
class Entry:
    """A file on the device: mode, size in bytes (of 32 bits), time in seconds; mode 0 if there is none."""

    mode: int
    size: int
    mtime: int
