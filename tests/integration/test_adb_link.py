"""The link to a phone through the real adb: commands, files, and every way it fails."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phone import AdbServer as PhoneServer
from tests.phone import VirtualPhone
from tflprof.errors import DeviceLost, TargetError
from tflprof.targets.adb.client import AdbServer
from tflprof.targets.adb.link import AdbLink, TransferRefused
from tflprof.targets.adb.store import TMP


@pytest.fixture
def environment(phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch) -> VirtualPhone:
    for name, value in phone.environment.items():
        monkeypatch.setenv(name, value)
    return phone


@pytest.fixture(params=["today", "old", "noisy"])
def link(
    request: pytest.FixtureRequest, adb_server: PhoneServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AdbLink]:
    options = {
        "today": {},
        "old": {"shell_v2": False, "crlf": True},
        "noisy": {"shell_v2": False, "crlf": True, "noise": "* welcome *\nto this: shell\n"},
    }[request.param]
    with VirtualPhone(server=adb_server, **options) as phone:
        for name, value in phone.environment.items():
            monkeypatch.setenv(name, value)
        yield AdbLink(AdbServer(), phone.serial, "Pixel 2")


def test_a_command_has_output_and_status(link: AdbLink) -> None:
    result = link.run("echo one; echo 'two words'; (exit 7)")
    assert (result.text, result.status) == ("one\ntwo words\n", 7)
    assert link.run("printf 'no newline'; exit 3").stdout == b"no newline"
    assert link.run("kill -9 $$" if link.shell_v2 else "sh -c 'kill -9 $$'").status == -9
    assert link.run("true").status == 0


def test_standard_error_is_kept_apart_where_it_can_be(link: AdbLink) -> None:
    result = link.run("echo out; echo trouble >&2; exit 1")
    assert result.stderr == (b"trouble\n" if link.shell_v2 else b"")
    assert "trouble" in result.words()


def test_a_long_script_goes_by_a_file_that_does_not_stay(link: AdbLink) -> None:
    words = [f"word{number}" for number in range(2000)]
    result = link.run(f"for w in {' '.join(words)}; do echo $w; done; exit 5")
    assert (result.text.split(), result.status) == (words, 5)
    assert [name for name in link.entries(TMP) if name.startswith(".tflprof")] == []


def test_files_go_and_come(link: AdbLink) -> None:
    content = os.urandom(200_001)
    place = f"{TMP}/a/new folder/it's $(here).bin"
    sent: list[int] = []
    link.push(content, place, sent.append)
    assert sum(sent) == len(content)
    back = bytearray()
    link.pull(place, back.extend)
    assert back == content
    assert link.stat(place).size == len(content)
    assert link.entries(f"{TMP}/a/new folder")["it's $(here).bin"].size == len(content)
    assert link.run(f"test -x '{TMP}/a/new folder/'*").status == 0


def test_what_is_not_there(link: AdbLink) -> None:
    assert link.stat(f"{TMP}/nothing").mode == 0
    assert link.entries(f"{TMP}/nothing") == {}
    with pytest.raises(TransferRefused, match="No such file") as caught:
        link.pull(f"{TMP}/nothing", lambda _: None)
    assert caught.value.reason
    link.ping()


def test_what_may_not_be_written(link: AdbLink) -> None:
    with pytest.raises(TransferRefused, match=r"did not take /proc/"):
        link.push(b"x" * 300_000, "/proc/nowhere")
    link.ping()


# Links that break


def test_a_command_that_takes_too_long_is_a_lost_phone(environment: VirtualPhone) -> None:
    link = AdbLink(AdbServer(), environment.serial, "Pixel 2")
    with pytest.raises(DeviceLost, match="Pixel 2 did not answer in time"):
        link.run("sleep 60", timeout=0.5)
    assert link.lost
    link.run("true")
    assert not link.lost


def test_a_link_that_breaks_in_a_command(environment: VirtualPhone) -> None:
    link = AdbLink(AdbServer(), environment.serial, "Pixel 2")
    assert link.shell_v2
    environment.later(0.5, environment.cut_link)
    with pytest.raises(DeviceLost, match="Pixel 2 went away in the middle of a command") as caught:
        link.run("sleep 60")
    assert "cable" in (caught.value.hint or "")
    with pytest.raises(DeviceLost, match="cannot be reached: device"):
        link.run("true")


def test_a_phone_that_swallows_everything(environment: VirtualPhone) -> None:
    link = AdbLink(AdbServer(), environment.serial, "Pixel 2")
    assert link.shell_v2
    environment.change(silent=True)
    with pytest.raises(DeviceLost, match="did not answer in time"):
        link.ping(0.5)
    environment.change(silent=False)


def test_a_server_that_was_killed_is_not_started_by_a_command(environment: VirtualPhone) -> None:
    link = AdbLink(AdbServer(), environment.serial, "Pixel 2")
    assert link.shell_v2
    environment.server.run("kill-server")
    with pytest.raises(DeviceLost, match=r"the adb server at .* does not run"):
        link.run("true")


# The server


def test_the_server_is_started_when_it_is_asked_for(
    environment: VirtualPhone, capfd: pytest.CaptureFixture[str]
) -> None:
    environment.server.run("kill-server")
    AdbServer().start()
    assert capfd.readouterr() == ("", "")
    assert environment.server.run("devices").returncode == 0


def test_an_adb_that_does_not_start(
    environment: VirtualPhone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.server.run("kill-server")
    broken = tmp_path / "adb"
    broken.write_text("#!/bin/sh\necho cannot bind >&2\nexit 1\n")
    broken.chmod(0o755)
    for path, told in ((broken, "cannot bind"), (tmp_path / "missing", "No such file")):
        monkeypatch.setenv("ADBUTILS_ADB_PATH", str(path))
        with pytest.raises(TargetError, match=told) as caught:
            AdbServer().start()
        assert str(path) in caught.value.what
        assert "ADBUTILS_ADB_PATH" in (caught.value.hint or "")


ANSWERS = {"http": b"HTTP/1.1 400 Bad Request\r\n\r\n", "old": b"OKAY0004001a", "nothing": b""}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_no_adb_server_of_today(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that answers every connection with the same bytes."""
    program = (
        "import socket, sys\n"
        "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
        "while True:\n"
        "    c, _ = s.accept()\n"
        "    try:\n"
        "        if c.recv(100): c.sendall(bytes.fromhex(sys.argv[1]))\n"
        "    except OSError: pass\n"
        "    c.close()\n"
    )
    command = [sys.executable, "-c", program, ANSWERS[kind].hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as listener:
        try:
            assert listener.stdout is not None
            monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", listener.stdout.readline().decode().strip())
            with pytest.raises(TargetError) as caught:
                AdbServer().start()
        finally:
            listener.kill()
    assert ("version 26" if kind == "old" else "does not answer like an adb server") in caught.value.what
    assert caught.value.hint


def test_a_server_elsewhere_is_not_started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_HOST", "127.0.0.2")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    with pytest.raises(TargetError, match=r"the adb server at 127\.0\.0\.2:\d+ does not run"):
        AdbServer().start()
