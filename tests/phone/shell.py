"""The daemon's shell service: with and without shell_v2, on pipes or on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
import threading
from dataclasses import dataclass
from typing import IO

from tests.phone.options import DaemonOptions
from tests.phone.wire import Stream

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN, WINDOW_SIZE = range(6)
FRAME = struct.Struct("<BI")
SHELL = "/system/bin/sh"
CHUNK = 32768
HANG_UPS, HANG_UP_SECONDS = 3, 1.0


@dataclass
class Ends:
    """This side's files of a program's standard streams."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes] | None


def serve_shell(stream: Stream, service: str, command: str, options: DaemonOptions) -> None:
    """Run a command, or a shell if there is none, until it or the stream ends."""
    kind, *arguments = service.split(",")
    framed = "v2" in arguments
    terminal = "pty" in arguments or (kind == "shell" and not command and "raw" not in arguments)
    process, ends = _start(command, terminal, framed, options.environment)
    output = _Output(stream, framed, options.crlf and kind == "shell" and not framed and not terminal)
    if options.noise and not framed and kind == "shell":
        output.write(STDOUT, options.noise.encode())
    pumps = [threading.Thread(target=_pump, args=(ends.stdout, STDOUT, output), daemon=True)]
    if ends.stderr:
        pumps.append(threading.Thread(target=_pump, args=(ends.stderr, STDERR, output), daemon=True))
    threading.Thread(target=_feed, args=(stream, process, ends, framed, terminal), daemon=True).start()
    for pump in pumps:
        pump.start()
    for pump in pumps:
        pump.join()
    status = process.wait()
    if framed:
        output.write(EXIT, bytes([status if status >= 0 else 128 - status]))


def _start(
    command: str, terminal: bool, framed: bool, environment: tuple[tuple[str, str], ...]
) -> tuple[subprocess.Popen[bytes], Ends]:
    argv = [SHELL, "-c", command] if command else [SHELL, "-i"] if terminal else [SHELL, "-"]
    if terminal:
        master, slave = os.openpty()
        # The terminal that the first process of a session opens becomes the one that controls it.
        enter = f'exec "$@" <>{os.ttyname(slave)} >&0 2>&1'
        process = subprocess.Popen(
            [SHELL, "-c", enter, SHELL, *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=dict(environment),
            cwd="/",
        )
        os.close(slave)
        return process, Ends(os.fdopen(os.dup(master), "wb", 0), os.fdopen(master, "rb", 0), None)
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if framed else subprocess.STDOUT,
        start_new_session=True,
        env=dict(environment),
        cwd="/",
        bufsize=0,
    )
    assert process.stdin
    assert process.stdout
    return process, Ends(process.stdin, process.stdout, process.stderr)


class _Output:
    """What goes to the stream: framed, or plain with or without CR."""

    def __init__(self, stream: Stream, framed: bool, crlf: bool) -> None:
        self._stream, self._framed, self._crlf = stream, framed, crlf
        self._lock = threading.Lock()

    def write(self, channel: int, data: bytes) -> None:
        if self._framed:
            data = FRAME.pack(channel, len(data)) + data
        elif self._crlf:
            data = data.replace(b"\n", b"\r\n")
        with self._lock:
            self._stream.write(data)


def _pump(source: IO[bytes], channel: int, output: _Output) -> None:
    """Until the program closes its end; if nobody listens any more, close ours, as adbd does."""
    with source, contextlib.suppress(EOFError, OSError):
        while data := os.read(source.fileno(), CHUNK):
            output.write(channel, data)


def _feed(stream: Stream, process: subprocess.Popen[bytes], ends: Ends, framed: bool, terminal: bool) -> None:
    """Pass on what comes for standard input; the end of the stream is a hang-up."""
    with contextlib.suppress(EOFError, OSError, ValueError):
        while True:
            if not framed:
                ends.stdin.write(stream.read_some())
                continue
            channel, size = FRAME.unpack(stream.read(FRAME.size))
            data = stream.read(size)
            if channel == STDIN:
                with contextlib.suppress(BrokenPipeError):
                    ends.stdin.write(data)
            elif channel == CLOSE_STDIN and not terminal:
                ends.stdin.close()
            elif channel == WINDOW_SIZE and terminal:
                _resize(ends.stdin, data)
    _wait_for_end(stream)
    _hang_up(process, framed)
    with contextlib.suppress(OSError):
        ends.stdin.close()


def _hang_up(process: subprocess.Popen[bytes], framed: bool) -> None:
    """Signal the end of the stream; again if that changes nothing: QEMU loses what comes while it starts."""
    for _ in range(HANG_UPS):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Old daemons ran every command on a terminal: its hang-up reached the whole group.
            (os.kill if framed else os.killpg)(process.pid, signal.SIGHUP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(HANG_UP_SECONDS)


def _wait_for_end(stream: Stream) -> None:
    """Until the stream has ended; a program that closed its standard input goes on."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            stream.read_some()


def _resize(terminal: IO[bytes], size: bytes) -> None:
    """``24x80,0x0`` as adb sends it."""
    rows, columns = size.split(b",")[0].split(b"x")
    fcntl.ioctl(terminal.fileno(), termios.TIOCSWINSZ, struct.pack("<4H", int(rows), int(columns), 0, 0))
