"""File transfers with the phone's end of the stream in the test's hand."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tflprof.errors import DeviceLost
from tflprof.targets.adb.link import AdbLink, TransferRefused


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(AdbLink, "open", lambda *_: ours)
    yield theirs
    theirs.close()


def link() -> AdbLink:
    server: Any = None  # never asked: the stream is given
    return AdbLink(server, "SERIAL", "Pixel 2")


def told(reason: bytes) -> bytes:
    return b"FAIL" + struct.pack("<I", len(reason)) + reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (told(b"No space left on device"), "No space left on device"),
        (told(b""), ""),
        (b"FAIL", ""),
        (b"FAIL\x10\0\0\0half", ""),
        (b"WHAT", "b'WHAT'"),
    ],
)
def test_a_refusal_may_come_without_a_reason(phone: socket.socket, answer: bytes, reason: str) -> None:
    phone.sendall(answer)
    phone.shutdown(socket.SHUT_WR)
    with pytest.raises(TransferRefused, match="Pixel 2 did not take /data/x") as caught:
        link().push(b"content", "/data/x")
    assert caught.value.reason == reason


@pytest.mark.parametrize("answer", [b"", b"OK", b"FA"])
def test_no_answer_is_a_lost_phone(phone: socket.socket, answer: bytes) -> None:
    phone.sendall(answer)
    phone.shutdown(socket.SHUT_WR)
    broken = link()
    with pytest.raises(DeviceLost, match="in the middle of a transfer"):
        broken.push(b"content", "/data/x")
    assert broken.lost


def test_half_a_file_is_a_lost_phone(phone: socket.socket) -> None:
    phone.sendall(b"DATA" + struct.pack("<I", 100) + b"half")
    phone.shutdown(socket.SHUT_WR)
    with pytest.raises(DeviceLost):
        link().pull("/data/x", lambda _: None)


def test_half_a_listing_is_a_lost_phone(phone: socket.socket) -> None:
    phone.sendall(b"DENT" + struct.pack("<4I", 0o100644, 5, 1, 4) + b"name" + b"DENT")
    phone.shutdown(socket.SHUT_WR)
    with pytest.raises(DeviceLost):
        link().entries("/data")
