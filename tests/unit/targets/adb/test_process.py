"""A program on a phone, with the phone's end of the stream in the test's hand."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tflprof.errors import DeviceLost, RunnerError
from tflprof.targets.adb import process as module
from tflprof.targets.adb.link import ServiceRefused
from tflprof.targets.adb.process import AdbProcess, kill_script, own_pattern, unseen
from tflprof.targets.adb.reading import Result
from tflprof.targets.adb.wire import CLOSE_STDIN, EXIT, STDERR, STDIN, STDOUT, packet

FOLDER = "/data/local/tmp/tflprof/run-0123abcd-89ef/000"


@dataclass
class WireEnd:
    """Stands for the link: what it opens, the test is the other end of."""

    shell_v2: bool = True
    refuses: str = "nothing"
    lost: bool = False
    name: str = "Pixel 2"
    answers: dict[str, bytes] = field(default_factory=dict)
    on_run: Callable[[str], object] = lambda _: None
    alive: bool = True
    services: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    pings: int = 0

    def open(self, service: str) -> socket.socket:
        if service.startswith(self.refuses):
            self.lost = True
            raise ServiceRefused("refused")
        self.services.append(service)
        self.lost = False
        ours, self.phone = socket.socketpair()
        return ours

    def short_enough(self, script: str) -> str:
        return script

    def run(self, script: str, timeout: float) -> Result:
        self.scripts.append(script)
        self.on_run(script)
        if not self.alive:
            self.lost = True
            raise DeviceLost("gone")
        return Result(next((text for word, text in self.answers.items() if word in script), b""), b"", 0)

    def ping(self) -> None:
        self.pings += 1
        if not self.alive:
            self.lost = True
            raise DeviceLost("Pixel 2 did not answer in time")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PING_SECONDS", 0.02)
    monkeypatch.setattr(module, "_ENDING_SECONDS", 0.02)


@pytest.fixture
def start() -> Iterator[Callable[..., AdbProcess]]:
    begun: list[AdbProcess] = []
    wires: list[WireEnd] = []

    def begin(wire: Any, silence: float | None = None) -> AdbProcess:
        wires.append(wire)
        begun.append(AdbProcess(wire, FOLDER, f"cd {FOLDER}", f"{FOLDER}/runner options", silence))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
    for wire in wires:
        wire.phone.close()


Start = Callable[..., AdbProcess]


def test_lines_come_as_they_arrive(start: Start) -> None:
    wire = WireEnd()
    process = start(wire)
    lines = process.lines()
    wire.phone.sendall(packet(STDOUT, b"one\ntw"))
    assert next(lines) == b"one\n"
    wire.phone.sendall(packet(STDOUT, b"o\nrest") + packet(EXIT, b"\0"))
    wire.phone.close()
    assert list(lines) == [b"two\n", b"rest"]
    assert list(process.lines()) == []
    assert process.wait() == 0
    assert wire.services == [f"shell,v2,raw:cd {FOLDER} && exec {FOLDER}/runner options"]


def test_a_megabyte_of_errors_neither_blocks_nor_is_kept(start: Start) -> None:
    wire = WireEnd()
    process = start(wire)
    for _ in range(40):
        wire.phone.sendall(packet(STDERR, b"x" * 20_000 + b"\n") * 2)
    wire.phone.sendall(packet(STDERR, b"last words") + packet(STDOUT, b"line\n") + packet(EXIT, b"\x89"))
    wire.phone.close()
    assert process.wait() == -9
    assert list(process.lines()) == [b"line\n"]
    assert process.stderr_tail().endswith("last words")
    assert len(process.stderr_tail()) < 20_000


def test_a_stream_that_ends_without_a_status_is_a_lost_link(start: Start) -> None:
    wire = WireEnd()
    process = start(wire)
    wire.phone.sendall(packet(STDOUT, b"whole\nha"))
    wire.phone.close()
    assert list(process.lines()) == [b"whole\n", b"ha"]
    assert process.wait() is None


def test_a_link_that_swallows_everything_is_found_out(start: Start) -> None:
    wire = WireEnd(alive=False)
    process = start(wire)
    with pytest.raises(DeviceLost):
        next(process.lines())
    assert process.wait() is None


def test_a_silent_phone_is_asked_and_waited_for(start: Start) -> None:
    class LateSpeaker(WireEnd):
        def ping(self) -> None:
            super().ping()
            if self.pings == 3:
                self.phone.sendall(packet(STDOUT, b"at last\n"))

    wire = LateSpeaker()
    assert next(start(wire).lines()) == b"at last\n"
    assert wire.pings >= 3


def test_a_program_that_says_nothing_for_too_long_is_ended(start: Start) -> None:
    wire = WireEnd()
    process = start(wire, 0.05)
    with pytest.raises(RunnerError, match="wrote nothing for"):
        next(process.lines())
    assert wire.scripts == [kill_script(FOLDER)]


def test_terminate_closes_standard_input_once(start: Start) -> None:
    wire = WireEnd()
    process = start(wire)
    process.terminate()
    process.terminate()
    wire.phone.sendall(packet(EXIT, b"\0"))
    wire.phone.shutdown(socket.SHUT_WR)
    assert process.wait() == 0
    process.kill()
    assert wire.phone.recv(100) == packet(CLOSE_STDIN)
    assert wire.phone.recv(100) == b""
    assert wire.scripts == []


def test_kill_ends_what_does_not_end_by_itself(start: Start) -> None:
    wire = WireEnd()
    process = start(wire)
    process.kill()
    process.kill()
    assert wire.scripts[0] == kill_script(FOLDER)
    assert wire.phone.recv(100) == packet(CLOSE_STDIN)


def test_kill_tries_nothing_over_a_lost_link(start: Start) -> None:
    wire = WireEnd()
    process = start(wire)
    wire.lost = True
    process.kill()
    assert wire.scripts == []


@pytest.mark.parametrize(("v2", "sent"), [(True, packet(STDIN, b"go on\n")), (False, b"go on\n")])
def test_what_a_program_is_told(start: Start, v2: bool, sent: bytes) -> None:
    wire = WireEnd(shell_v2=v2)
    process = start(wire)
    process.write("go on\n")
    assert wire.phone.recv(100) == sent
    wire.phone.close()
    process.wait()
    process.write("more\n")


def test_closing_leaves_the_program_to_itself(start: Start) -> None:
    wire = WireEnd()
    process = start(wire)
    process.close()
    assert wire.phone.recv(100) == b""
    assert process.ended
    assert wire.scripts == []


# Daemons without shell_v2


def test_an_old_daemon_keeps_status_and_errors_in_files(start: Start) -> None:
    wire = WireEnd(shell_v2=False, answers={"/status": b"137\n", "/stderr": b"one\ntwo\n"})
    process = start(wire)
    wire.phone.sendall(b"line\n")
    wire.phone.close()
    assert list(process.lines()) == [b"line\n"]
    assert process.wait() == -9
    assert process.stderr_tail() == "one\ntwo"
    (service,) = wire.services
    assert service.startswith("exec:")
    assert "2>stderr" in service


def test_a_terminal_on_the_way_is_undone(start: Start) -> None:
    wire = WireEnd(shell_v2=False, refuses="exec:", answers={"/status": b"0\n"})
    process = start(wire)
    assert not wire.lost
    wire.phone.sendall(b'{"r":"hello"}\r\nrest\r\r\n')
    wire.phone.close()
    assert list(process.lines()) == [b'{"r":"hello"}\n', b"rest\n"]
    assert process.wait() == 0
    assert wire.services[0].startswith("shell:")


def test_no_status_file_is_a_lost_link(start: Start) -> None:
    wire = WireEnd(shell_v2=False)
    process = start(wire)
    wire.phone.close()
    assert process.wait() is None


def test_an_old_daemon_is_asked_to_terminate_by_a_signal(start: Start) -> None:
    def obey(script: str) -> None:
        if "kill -TERM" in script:
            wire.phone.close()

    wire = WireEnd(shell_v2=False, on_run=obey)
    process = start(wire)
    process.terminate()
    process.terminate()
    assert list(process.lines()) == []
    process.kill()
    assert sum("kill -TERM" in script for script in wire.scripts) == 1
    assert not any("kill -9" in script for script in wire.scripts)


# Which processes are ours


def test_the_pattern_is_not_found_in_scripts_that_hold_it() -> None:
    quiet = "/data/local/tmp/tflprof/quiet-0123abcd-89ef"
    for folder in (FOLDER, FOLDER.rpartition("/")[0], quiet):
        pattern = re.compile(own_pattern(folder))
        assert pattern.search(f"{folder}/runner\0options")
        assert not pattern.search(kill_script(folder))
        assert not pattern.search(f"rm -rf {unseen(folder)}")
