"""A program on a phone whose output is read as it comes."""

from __future__ import annotations

import contextlib
import shlex
import socket
from collections import deque
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Event, Thread

from tflprof.errors import DeviceLost, RunnerError, TflprofError
from tflprof.targets.adb.link import AdbLink, ServiceRefused
from tflprof.targets.adb.store import ROOT
from tflprof.targets.adb.wire import (
    CLOSE_STDIN,
    EXIT,
    STDERR,
    STDIN,
    STDOUT,
    PacketReader,
    exit_status,
    packet,
)

STATUS, ERRORS, PID = "status", "stderr", "pid"
"""Files of the program's directory that stand for what an old daemon does not tell."""

_PING_SECONDS = 15.0
_ENDING_SECONDS = 0.3
_CLEANING_SECONDS = 10.0
_CHUNK = 1 << 16
_TAIL_LINES = 30
_TAIL_COLUMNS = 500
_TAIL_BYTES = 8000


class AdbProcess:
    """A program started by a shell script on a phone.

    A thread takes in what it writes, so that a slow reader never holds it up. While it is silent the phone is
    asked now and then whether it is still there.

    Args:
        link: the phone.
        directory: the program's own directory on the phone; its name, found in the arguments of a process,
            tells that the process is ours.
        prepare: a script that enters the directory; the program is started if it succeeds.
        command: the quoted command.
        silence: seconds without output after which the program is taken for stuck; None: never.

    Raises:
        DeviceLost: if it cannot be started for want of the phone.
    """

    def __init__(
        self, link: AdbLink, directory: str, prepare: str, command: str, silence: float | None
    ) -> None:
        self._link = link
        self._directory = directory
        self._silence = silence
        self._v2 = link.shell_v2
        self._sock = self._start(prepare, command)
        self._sock.settimeout(None)
        self._output: SimpleQueue[bytes | None] = SimpleQueue()
        self._whole: deque[bytes] = deque()
        self._rest = b""
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._tail_rest = b""
        self._status: int | None = None
        self._ended = Event()
        self._asked_to_end = False
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _start(self, prepare: str, command: str) -> socket.socket:
        if self._v2:
            script = self._link.short_enough(f"{prepare} && exec {command}")
            return self._link.open(f"shell,v2,raw:{script}")
        # What the service does not keep apart goes to files. A terminal between (service `shell`) is a last resort.
        script = self._link.short_enough(
            f"{prepare} || exit; rm -f {STATUS}; exec 2>{ERRORS} 3<&0; "
            f"{command} <&3 & echo $! >{PID}; wait $!; echo $? >{STATUS}"
        )
        try:
            return self._link.open(f"exec:{script}")
        except ServiceRefused:
            return self._link.open(f"shell:{script}")

    # The reading thread

    def _read(self) -> None:
        packets = PacketReader()
        with contextlib.suppress(OSError):
            while data := self._sock.recv(_CHUNK):
                if self._v2:
                    for kind, content in packets.feed(data):
                        self._take(kind, content)
                else:
                    self._output.put(data)
        self._sock.close()
        self._ended.set()
        self._output.put(None)

    def _take(self, kind: int, content: bytes) -> None:
        if kind == STDOUT:
            self._output.put(content)
        elif kind == STDERR:
            *whole, rest = (self._tail_rest + content).split(b"\n")
            self._tail.extend(line[:_TAIL_COLUMNS] for line in whole)
            self._tail_rest = rest[:_TAIL_COLUMNS]
        elif kind == EXIT and content:
            self._status = exit_status(content[0])

    # What the session asks for

    def lines(self) -> Iterator[bytes]:
        """Lines of standard output as they arrive, each with its newline; the last may lack one.

        May be asked for again after an interruption: no line is lost.

        Raises:
            DeviceLost: the phone does not answer any more.
            RunnerError: the program was silent for too long; it is ended.
        """
        while True:
            while self._whole:
                yield self._whole.popleft()
            data = self._next()
            if data is None:
                break
            *whole, self._rest = (self._rest + data).split(b"\n")
            self._whole.extend(_without_return(line) + b"\n" for line in whole)
        if self._rest:
            rest, self._rest = self._rest, b""
            yield rest

    def _next(self) -> bytes | None:
        silent = 0.0
        while True:
            try:
                data = self._output.get(timeout=_PING_SECONDS)
            except Empty:
                silent += _PING_SECONDS
                self._check_alive(silent)
                continue
            if data is None:
                self._output.put(None)  # for whoever asks again
            return data

    def _check_alive(self, silent: float) -> None:
        self._link.ping()
        if self._silence is not None and silent >= self._silence:
            self.kill()
            raise RunnerError(
                f"the runner on {self._link.name} wrote nothing for {silent:.0f} seconds and was ended",
                "a model that needs longer for one inference is too large for this core; look at the phone",
            )

    @property
    def ended(self) -> bool:
        """Whether the program, or the link to it, has ended."""
        return self._ended.is_set()

    def stderr_tail(self) -> str:
        """The last lines of standard error, so far or, after the end, of all."""
        lines = [*self._tail, self._tail_rest] if self._v2 else self._file(ERRORS).split(b"\n")[-_TAIL_LINES:]
        return b"\n".join(line[:_TAIL_COLUMNS] for line in lines).decode("utf-8", "replace").strip()

    def wait(self) -> int | None:
        """Wait for the end; the exit status, negative if a signal killed it, None if the link was lost."""
        try:
            while not self._ended.wait(_PING_SECONDS):
                self._link.ping()
        except DeviceLost:
            return None
        if self._status is None and not self._v2:
            told = self._file(STATUS).strip()
            self._status = exit_status(int(told)) if told.isdigit() else None
        return self._status

    def _file(self, name: str) -> bytes:
        """The end of a file of the program's directory; empty if it cannot be had."""
        if self._link.lost:
            return b""
        path = shlex.quote(f"{self._directory}/{name}")
        try:
            result = self._link.run(f"tail -c {_TAIL_BYTES} {path} 2>/dev/null", _CLEANING_SECONDS)
        except TflprofError:
            return b""
        return result.stdout

    def write(self, text: str) -> None:
        """Write to the program's standard input; if it has ended, nothing happens."""
        data = text.encode()
        with contextlib.suppress(OSError):
            self._sock.sendall(packet(STDIN, data) if self._v2 else data)

    def terminate(self) -> None:
        """Ask the program to end: by the end of its standard input or, on an old daemon, by SIGTERM."""
        if self._asked_to_end or self._ended.is_set():
            return
        self._asked_to_end = True
        if self._v2:
            with contextlib.suppress(OSError):
                self._sock.sendall(packet(CLOSE_STDIN))
        else:
            # Not from here: a signal handler must not wait for a phone.
            Thread(target=self._remote, args=(_terminate_script(self._directory),), daemon=True).start()

    def kill(self) -> None:
        """End the program and its children, and close the stream; gives up quickly if the phone is gone."""
        if not self._ended.is_set() and not self._link.lost:
            self.terminate()
            if not self._ended.wait(_ENDING_SECONDS):
                self._remote(kill_script(self._directory))
        self.close()

    def close(self) -> None:
        """Close the stream and leave the program to itself: its standard input ends, or SIGHUP comes."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes the reader
        self._reader.join(timeout=5)
        self._sock.close()

    def _remote(self, script: str) -> None:
        with contextlib.suppress(TflprofError):
            self._link.run(script, _CLEANING_SECONDS)


def _without_return(line: bytes) -> bytes:
    """A terminal on the way puts a carriage return before the newline; no record ends with one."""
    return line.rstrip(b"\r")


def own_pattern(directory: str) -> str:
    """A pattern that finds a folder of ours in a command line, but not where the pattern itself stands.

    ``directory`` may be the beginning of the path of a folder in :data:`ROOT`.
    """
    name = directory.removeprefix(f"{ROOT}/")
    return f"{ROOT}/[{name[0]}]{name[1:]}"


def unseen(directory: str) -> str:
    """A folder's path for a script, quoted so that :func:`own_pattern` does not find it in the script's text."""
    name = directory.removeprefix(f"{ROOT}/")
    return f"{ROOT}/''{shlex.quote(name)}"


def kill_script(directory: str) -> str:
    """A script that kills every process whose command line names the directory."""
    pattern = shlex.quote(own_pattern(directory))
    return (
        f"for f in $(grep -l {pattern} /proc/[0-9]*/cmdline 2>/dev/null); "
        'do p=${f#/proc/}; kill -9 "${p%/cmdline}" 2>/dev/null; done; true'
    )


def _terminate_script(directory: str) -> str:
    """A script that asks the program of the directory to end, if it is still the one that was started."""
    pattern = shlex.quote(own_pattern(directory))
    return f'read p <{unseen(directory)}/{PID} && grep -q {pattern} "/proc/$p/cmdline" && kill -TERM "$p"'
