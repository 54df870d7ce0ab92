"""Messages between the test and the phone's first process, and between that and the daemon."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any


class Control:
    """Lines of JSON over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._lines = connection.makefile("rw", encoding="utf-8")

    def say(self, message: Any) -> None:
        """Send a message. Raises OSError if nobody listens any more."""
        self._lines.write(json.dumps(message) + "\n")
        self._lines.flush()

    def hear(self) -> Any:
        """The next message. Raises EOFError at the end."""
        line = self._lines.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def close(self) -> None:
        """Let the other side see the end."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._lines.close()
        self.connection.close()
