"""The adb daemon: accepts servers on a port of the loopback interface and opens services for them."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

from tests.phone.control import Control
from tests.phone.options import DaemonOptions
from tests.phone.shell import serve_shell
from tests.phone.sync import serve_sync
from tests.phone.wire import (
    AUTH,
    CLSE,
    CNXN,
    MAX_PAYLOAD,
    OKAY,
    OPEN,
    VERSION,
    VERSION_WITH_CHECKSUMS,
    WRTE,
    Packet,
    Stream,
    Wire,
)

AUTH_TOKEN, AUTH_PUBLIC_KEY = 1, 3
PATIENCE_SECONDS = 5.0


class Daemon:
    """Listens until ``stop`` or the process ends."""

    def __init__(self, options: DaemonOptions) -> None:
        self.options = options
        self._listener: socket.socket | None = None
        self._links: set[Link] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Accept connections. Raises OSError if the port is taken for seconds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", self.options.port))
                break
            except OSError:
                listener.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        listener.listen(8)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """Take no more connections and break those there are."""
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            links = list(self._links)
        for link in links:
            link.wire.close()

    def change(self, changes: dict[str, Any]) -> None:
        """Set options by name; they count for links that are open, too."""
        for name, value in changes.items():
            setattr(self.options, name, value)
        with self._lock:
            for link in self._links:
                link.apply(self.options)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(connection, self.options)
            with self._lock:
                self._links.add(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: Link) -> None:
        try:
            link.run()
        finally:
            with self._lock:
                self._links.discard(link)


class Link:
    """One server's connection and its streams."""

    def __init__(self, connection: socket.socket, options: DaemonOptions) -> None:
        self._options = options
        self.wire = Wire(connection, checksums=not options.shell_v2)
        self._streams: dict[int, Stream] = {}
        self._last = 0
        self.apply(options)

    def apply(self, options: DaemonOptions) -> None:
        """Take over what concerns the wire."""
        self.wire.bytes_per_second = options.bytes_per_second
        (self.wire.speaking.clear if options.silent else self.wire.speaking.set)()

    def run(self) -> None:
        """Until the link breaks; then every service sees its stream end."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._handle(self.wire.receive())
        for stream in list(self._streams.values()):
            stream.end()
        self.wire.close()

    def _handle(self, packet: Packet) -> None:
        if packet.command in (CNXN, AUTH):
            self._greet(packet)
        elif packet.command == OPEN:
            self._open(packet)
        elif stream := self._streams.get(packet.second):
            if packet.command == OKAY:
                stream.remote = packet.first
                stream.acknowledge()
            elif packet.command == WRTE:
                stream.feed(packet.data)
            elif packet.command == CLSE:
                del self._streams[packet.second]
                stream.end()

    def _greet(self, packet: Packet) -> None:
        if not self._options.authorized:
            # The server offers its keys one by one, then asks the user of the phone, who never answers.
            if packet.command == CNXN or packet.first != AUTH_PUBLIC_KEY:
                self.wire.send(AUTH, AUTH_TOKEN, 0, os.urandom(20))
            return
        if packet.command == CNXN:
            self.wire.max_payload = min(packet.second, MAX_PAYLOAD)
        banner = f"device::{self._options.banner};features={self._options.features}"
        version = VERSION if self._options.shell_v2 else VERSION_WITH_CHECKSUMS
        self.wire.send(CNXN, version, MAX_PAYLOAD, banner.encode())

    def _open(self, packet: Packet) -> None:
        service = os.fsdecode(packet.data.rstrip(b"\0"))
        kind = service.partition(":")[0].split(",")
        offered = ("shell", "exec", "sync") if self._options.exec_service else ("shell", "sync")
        refused = kind[0] not in offered or ("v2" in kind and not self._options.shell_v2)
        if refused or not self._options.authorized:
            self.wire.send(CLSE, 0, packet.first)
            return
        self._last += 1
        stream = Stream(self.wire, self._last, packet.first)
        self._streams[stream.local] = stream
        threading.Thread(target=self._serve, args=(stream, service), daemon=True).start()

    def _serve(self, stream: Stream, service: str) -> None:
        kind, _, argument = service.partition(":")
        with contextlib.suppress(EOFError, OSError):
            self.wire.send(OKAY, stream.local, stream.remote)
            if kind == "sync":
                serve_sync(stream, self._options)
            else:
                serve_shell(stream, kind, argument, self._options)
        with contextlib.suppress(OSError):
            stream.close()
        self._streams.pop(stream.local, None)


def run_daemon(options: DaemonOptions, control: Control) -> None:
    """The daemon's process: does what it is told and answers, until nobody tells it any more."""
    daemon = Daemon(options)
    daemon.start()
    control.say("ready")
    with contextlib.suppress(EOFError):
        while True:
            action, arguments = control.hear()
            if action == "change":
                daemon.change(arguments)
            elif action == "cut":
                daemon.stop()
            elif action == "restore":
                daemon.start()
            control.say("done")
