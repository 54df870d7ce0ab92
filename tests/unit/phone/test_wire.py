"""The virtual phone's end of the adb protocol."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.phone.cpus import cpu_list, mask
from tests.phone.wire import CLSE, OKAY, WRTE, Stream, Wire

SECONDS = 5.0


@pytest.fixture
def wires() -> Iterator[tuple[Wire, Wire]]:
    """Two ends of a link."""
    one, other = (Wire(end, checksums=True) for end in socket.socketpair())
    yield one, other
    one.close()
    other.close()


def test_packets_arrive_as_they_were_sent(wires: tuple[Wire, Wire]) -> None:
    wires[0].send(WRTE, 3, 4, b"\0\xff" * 1000)
    assert wires[1].receive() == (WRTE, 3, 4, b"\0\xff" * 1000)


def test_a_link_that_broke_is_an_end(wires: tuple[Wire, Wire]) -> None:
    wires[0].close()
    with pytest.raises(EOFError):
        wires[1].receive()


def test_only_one_packet_of_a_stream_is_under_way(wires: tuple[Wire, Wire]) -> None:
    wire, other = wires
    wire.max_payload = 4
    stream = Stream(wire, 1, 2)
    writer = threading.Thread(target=stream.write, args=(b"12345678",))
    writer.start()
    assert other.receive() == (WRTE, 1, 2, b"1234")
    other.send(OKAY, 2, 1)
    assert writer.is_alive()
    assert wire.receive().command == OKAY
    stream.acknowledge()
    assert other.receive() == (WRTE, 1, 2, b"5678")
    writer.join(SECONDS)
    assert not writer.is_alive()


def test_a_packet_is_acknowledged_when_it_is_taken(wires: tuple[Wire, Wire]) -> None:
    wire, other = wires
    stream = Stream(wire, 1, 2)
    stream.feed(b"abc")
    stream.feed(b"defgh")
    assert stream.read(2) == b"ab"
    assert other.receive() == (OKAY, 1, 2, b"")
    assert stream.read(4) == b"cdef"
    assert other.receive() == (OKAY, 1, 2, b"")
    assert stream.read_some() == b"gh"


def test_what_came_before_the_end_can_be_read(wires: tuple[Wire, Wire]) -> None:
    stream = Stream(wires[0], 1, 2)
    stream.feed(b"last")
    stream.end()
    assert stream.read(4) == b"last"
    with pytest.raises(EOFError):
        stream.read(1)
    with pytest.raises(EOFError):
        stream.write(b"late")


def test_a_stream_is_closed_once(wires: tuple[Wire, Wire]) -> None:
    stream = Stream(wires[0], 1, 2)
    stream.close()
    stream.close()
    wires[0].send(OKAY, 0, 0)
    assert [wires[1].receive().command for _ in range(2)] == [CLSE, OKAY]


@pytest.mark.parametrize(
    ("cpus", "text"),
    [([], ""), ([3], "3"), ([0, 1, 2, 3], "0-3"), ([7, 0, 1, 5, 6], "0-1,5-7"), ([0, 2], "0,2")],
)
def test_lists_of_cpus_are_the_kernels(cpus: list[int], text: str) -> None:
    assert cpu_list(cpus) == text


def test_masks_of_cpus() -> None:
    assert mask([0, 4, 7]) == 0x91
