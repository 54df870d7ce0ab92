from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.errors import TargetError, UsageError
from tflprof.targets.adb.facts import inspect, state_of
from tflprof.targets.adb.probe import (
    FORMAT,
    Dump,
    parse_dump,
    probe_script,
    read_all,
    read_facts,
    read_state,
    split_sections,
)

OLDEST_LIMIT = 3500


@dataclass(frozen=True)
class Answer:
    stdout: bytes
    status: int = 0


@dataclass
class HostShell:
    """This machine's /bin/sh for a phone's."""

    scripts: list[str] = field(default_factory=list)

    def run(self, script: str, timeout: float) -> Answer:
        self.scripts.append(script)
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, timeout=timeout, check=False)
        assert done.stderr == b""
        return Answer(done.stdout, done.returncode)


@dataclass(frozen=True)
class Says:
    """A phone that says the same whatever it is asked."""

    text: bytes

    def run(self, script: str, timeout: float) -> Answer:
        return Answer(self.text)


def test_a_plain_linux_board_answers() -> None:
    """No property, no service: what a board has is read, what it lacks costs no error."""
    found = inspect(read_facts(HostShell()))
    assert found.facts.cpus
    assert found.allowed <= {cpu.index for cpu in found.facts.cpus}
    assert found.facts.memory_bytes
    assert found.facts.details["kernel"]
    assert found.api_level is None


def test_state_is_asked_for_in_one_script() -> None:
    shell = HostShell()
    assert state_of(read_state(shell)).battery.level is None
    assert len(shell.scripts) == 1


def test_old_daemons_take_the_longest_script() -> None:
    shell = HostShell()
    read_all(shell)
    assert len(shell.scripts[0].encode()) < OLDEST_LIMIT


def test_banners_and_carriage_returns_are_survived() -> None:
    shell = HostShell()

    class Noisy:
        def run(self, script: str, timeout: float) -> Answer:
            answer = shell.run(script, timeout)
            return Answer(b"* motd *\r\n" + answer.stdout.replace(b"\n", b"\r\n"))

    assert inspect(read_facts(Noisy())).facts.cpus == inspect(read_facts(shell)).facts.cpus


@pytest.mark.parametrize("text", [b"", b"sh: not found\n", b"\xff\xfe"])
def test_a_shell_that_ends_early(text: bytes) -> None:
    with pytest.raises(TargetError, match="its shell ended early"):
        read_facts(Says(text))


def test_sections() -> None:
    text = "banner\n\nM one\na\nb\n\nM two\n\nM x\n"
    assert split_sections(text, "M") == {"one": "a\nb\n", "two": "", "x": ""}


def test_a_board_without_loader_or_model_is_not_asked_twice() -> None:
    script = probe_script(["proc/cpuinfo"], {"x": "surely-not-there now"}, "MARK")
    out = HostShell().run(script, 10).stdout.decode()
    assert "MARK x" not in out
    assert out.endswith("MARK end\n")


TEXTS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=4)


@given(files=TEXTS, commands=TEXTS, note=st.none() | st.text(min_size=1, max_size=5))
def test_dumps_come_back(files: dict[str, str], commands: dict[str, str], note: str | None) -> None:
    dump = Dump(files, commands, ("a",), ("b",), note)
    assert parse_dump(json.dumps(dump.to_json()).encode()) == dump


@given(files=TEXTS, commands=TEXTS)
def test_any_dump_is_survived(files: dict[str, str], commands: dict[str, str]) -> None:
    dump = Dump(files, commands)
    assert inspect(dump).facts.cpus
    state_of(dump).to_json()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a phone dump"),
        (b"{}", "not a phone dump"),
        (json.dumps({"format": FORMAT, "version": 2}).encode(), "version 2"),
        (json.dumps({"format": FORMAT, "version": 1, "files": []}).encode(), "files must be texts"),
        (json.dumps({"format": FORMAT, "version": 1, "files": {"a": 1}}).encode(), "files must be texts"),
        (
            json.dumps({"format": FORMAT, "version": 1, "files": {}, "commands": {}, "denied": [1]}).encode(),
            "denied must be a list",
        ),
    ],
)
def test_what_is_no_dump_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_dump(data)
