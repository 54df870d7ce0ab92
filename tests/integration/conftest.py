"""Fixtures of the tests against real parts."""

from __future__ import annotations

from tests.phone.fixtures import adb_server, phone, phone_v1

__all__ = ["adb_server", "phone", "phone_v1"]
