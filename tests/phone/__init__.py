"""A virtual arm64 phone behind the real adb server, for development and tests.

What is public here is loaded when asked for: the phone's own first process needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.phone.server import AdbServer
    from tests.phone.virtual_phone import VirtualPhone

__all__ = ["AdbServer", "VirtualPhone"]


def __getattr__(name: str) -> Any:
    if name == "AdbServer":
        from tests.phone.server import AdbServer

        return AdbServer
    if name == "VirtualPhone":
        from tests.phone.virtual_phone import VirtualPhone

        return VirtualPhone
    raise AttributeError(name)
