"""A web server on this machine that behaves as it is told."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web:
    """What the server has and how it behaves; ``asked`` has the Range of every request.

    Attributes:
        files: content by path.
        etag: validator sent with every answer, None for none.
        ranges: whether it can continue.
        cut: numbers of bytes after which the connection breaks, one for each of the next requests.
        silent: fall silent in place of breaking.
        redirects: paths that lead elsewhere.
        status: answer everything with this error.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.etag: str | None = '"one"'
        self.ranges = True
        self.cut: list[int] = []
        self.silent = False
        self.redirects: dict[str, str] = {}
        self.status: int | None = None
        self.asked: list[str | None] = []
        self.stopped = threading.Event()
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        web = self.web
        web.asked.append(self.headers.get("Range"))
        if web.status is not None:
            self.send_error(web.status)
        elif self.path in web.redirects:
            self.send_response(302)
            self.send_header("Location", web.redirects[self.path])
            self.end_headers()
        elif self.path not in web.files:
            self.send_error(404)
        else:
            self.send_file(web.files[self.path])

    def send_file(self, data: bytes) -> None:
        web = self.web
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(wanted[1]) if wanted and web.ranges and self.headers.get("If-Range") == web.etag else 0
        if start >= len(data) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if web.etag:
            self.send_header("ETag", web.etag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not web.cut:
            self.wfile.write(data[start:])
            return
        self.wfile.write(data[start : start + web.cut.pop(0)])
        self.wfile.flush()
        if web.silent:
            web.stopped.wait(60)
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Web]:
    """A running server."""
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"web": web}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield web
    finally:
        web.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
