"""Fixtures of the tests against real parts."""

from __future__ import annotations

from tests.opened_page import browser
from tests.phone.fixtures import adb_server, fault, phone, phone_v1, probed, pushed, small_network, used

__all__ = ["adb_server", "browser", "fault", "phone", "phone_v1", "probed", "pushed", "small_network", "used"]
