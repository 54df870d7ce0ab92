"""Fixtures of the virtual phone. A machine that cannot host one fails the tests that need it, and says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.phone.server import AdbServer
from tests.phone.virtual_phone import VirtualPhone


@pytest.fixture(scope="session")
def adb_server() -> Iterator[AdbServer]:
    """One adb server for the phones of this test process."""
    with AdbServer() as server:
        yield server


@pytest.fixture
def phone(adb_server: AdbServer) -> Iterator[VirtualPhone]:
    """A fresh phone like a Pixel 2 of today."""
    with VirtualPhone(server=adb_server) as phone:
        yield phone


@pytest.fixture
def phone_v1(adb_server: AdbServer) -> Iterator[VirtualPhone]:
    """A fresh phone whose daemon is too old for shell_v2: merged output with CR LF, no exit status."""
    with VirtualPhone(server=adb_server, shell_v2=False, crlf=True) as phone:
        yield phone
