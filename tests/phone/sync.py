"""The daemon's sync service, version 1: stat, list, pull and push of files."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from pathlib import Path
from typing import IO

from tests.phone.options import DaemonOptions
from tests.phone.wire import Stream

REQUEST = struct.Struct("<4sI")
CHUNK = 65536


def serve_sync(stream: Stream, options: DaemonOptions) -> None:
    """Answer requests until the other side quits."""
    while True:
        kind, size = REQUEST.unpack(stream.read(REQUEST.size))
        if kind == b"QUIT":
            return
        argument = os.fsdecode(stream.read(size))
        if kind == b"STAT":
            stream.write(struct.pack("<4s3I", b"STAT", *_numbers(Path(argument))))
        elif kind == b"LIST":
            _list(stream, Path(argument))
        elif kind == b"RECV":
            _send_file(stream, Path(argument))
        elif kind == b"SEND":
            _take_file(stream, argument, options)
        else:
            _fail(stream, f"unknown command {kind!r}")
            return


def _numbers(path: Path) -> tuple[int, int, int]:
    """Mode, size and time, zeros if there is no such file."""
    try:
        facts = path.lstat()
    except OSError:
        return 0, 0, 0
    return facts.st_mode, facts.st_size & 0xFFFFFFFF, int(facts.st_mtime) & 0xFFFFFFFF


def _list(stream: Stream, path: Path) -> None:
    entries: list[Path] = []
    with contextlib.suppress(OSError):
        entries = sorted(path.iterdir())
    for entry in entries:
        name = os.fsencode(entry.name)
        stream.write(struct.pack("<4s4I", b"DENT", *_numbers(entry), len(name)) + name)
    stream.write(struct.pack("<4s4I", b"DONE", 0, 0, 0, 0))


def _send_file(stream: Stream, path: Path) -> None:
    try:
        with path.open("rb") as file:
            while data := file.read(CHUNK):
                stream.write(REQUEST.pack(b"DATA", len(data)) + data)
    except OSError as error:
        _fail(stream, f"open failed: {error.strerror}")
        return
    stream.write(REQUEST.pack(b"DONE", 0))


def _take_file(stream: Stream, argument: str, options: DaemonOptions) -> None:
    """Everything is read even after a failure, for the other side reports it only when it has sent all."""
    name, _, mode = argument.rpartition(",")
    path, trouble, file = Path(name), "", None
    spoil = options.corrupt_pushes > 0
    options.corrupt_pushes -= spoil
    try:
        file = _create(path)
    except OSError as error:
        trouble = f"couldn't create file: {error.strerror}"
    while True:
        kind, size = REQUEST.unpack(stream.read(REQUEST.size))
        if kind == b"DONE":
            break
        data = stream.read(size)
        if spoil and data:
            data, spoil = bytes([data[0] ^ 1]) + data[1:], False
        trouble = trouble or _write(file, data)
    if file:
        with contextlib.suppress(OSError):
            file.close()
            path.chmod(int(mode) & 0o777)
            os.utime(path, (size, size))
    if trouble:
        with contextlib.suppress(OSError):
            path.unlink()
        _fail(stream, trouble)
    else:
        stream.write(REQUEST.pack(b"OKAY", 0))


def _create(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISREG(path.lstat().st_mode):
            path.unlink()
    return path.open("wb", buffering=0)


def _write(file: IO[bytes] | None, data: bytes) -> str:
    """What went wrong, empty if nothing did."""
    try:
        while file and data:
            data = data[file.write(data) :]
    except OSError as error:
        return f"write failed: {error.strerror}"
    return ""


def _fail(stream: Stream, message: str) -> None:
    data = message.encode()
    stream.write(REQUEST.pack(b"FAIL", len(data)) + data)
