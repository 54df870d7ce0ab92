from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.targets.adb.wire import (
    CLOSE_STDIN,
    EXIT,
    STDERR,
    STDOUT,
    PacketReader,
    cut_at_marks,
    exit_status,
    packet,
    sync_record,
)

PACKETS = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR, EXIT]), st.binary(max_size=40)), max_size=8)


@given(PACKETS, st.lists(st.integers(1, 30), max_size=40))
def test_packets_arrive_whole_however_they_are_cut(packets: list[tuple[int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(packet(kind, content) for kind, content in packets)
    reader, found = PacketReader(), []
    for size in cuts:
        found += reader.feed(stream[:size])
        stream = stream[size:]
    found += reader.feed(stream)
    assert found == packets


def test_half_a_packet_is_no_packet() -> None:
    reader = PacketReader()
    assert reader.feed(packet(EXIT, b"\x07")[:-1]) == []
    assert reader.feed(b"\x07") == [(EXIT, b"\x07")]


def test_closing_stdin_is_an_empty_packet() -> None:
    assert packet(CLOSE_STDIN) == b"\x04\0\0\0\0"


def test_records_of_a_transfer() -> None:
    assert sync_record(b"STAT", b"/data") == b"STAT" + struct.pack("<I", 5) + b"/data"
    assert sync_record(b"DONE", number=1_700_000_000) == b"DONE" + struct.pack("<I", 1_700_000_000)


@pytest.mark.parametrize(
    ("told", "status"), [(0, 0), (7, 7), (127, 127), (128, 128), (137, -9), (139, -11), (255, 255)]
)
def test_a_status_above_128_is_a_signal(told: int, status: int) -> None:
    assert exit_status(told) == status


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"MARK:\nhello\nMARK:0\n", (b"hello\n", 0)),
        (b"MARK:\r\nhello\r\nMARK:3\r\n", (b"hello\n", 3)),
        (b"MARK:\r\r\nold\r\r\nMARK:3\r\r\n", (b"old\n", 3)),
        (b"MARK:\nno newline MARK:1\n", (b"no newline ", 1)),
        # Only a terminal's carriage returns go: here the program wrote its own.
        (b"MARK:\ndos\r\nMARK:0\n", (b"dos\r\n", 0)),
        (b"MARK:\nMARK:255\n", (b"", 255)),
        (b"* * welcome * *\nMARK:\nhello\nMARK:0\n", (b"hello\n", 0)),
        (b"MARK:\nhalf", None),
        (b"MARK:\nhello\nMARK:", None),
        (b"MARK:\nhello\nMARK:1", None),
        (b"hello\nMARK:1\n", None),
    ],
)
def test_a_marked_status(output: bytes, expected: tuple[bytes, int] | None) -> None:
    assert cut_at_marks(output, "MARK") == expected


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from([b"\n", b"\r\n"]))
def test_what_a_terminal_did_is_undone(content: bytes, status: int, end: bytes) -> None:
    content = content.replace(b"\r", b"").replace(b"mark", b"")
    sent = (b"mark:\n" + content + b"mark:%d\n" % status).replace(b"\n", end)
    assert cut_at_marks(sent, "mark") == (content, status)
