"""Download a file over HTTP, resumed where an earlier attempt broke off."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit, urlunsplit

from tflprof.errors import RuntimeMissing, UsageError

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes there are and those there will be (None if the server does not say)."""

STALL_SECONDS = 30.0
MOST_BYTES = 2 << 30
_ATTEMPTS = 4
_CHUNK = 64 << 10
# A ValueError comes of a redirect to what is no URL.
_BROKEN = (OSError, http.client.HTTPException, ValueError)
# What has a meaning in a URL, or is a quoted byte already.
_UNQUOTED = "/%:@!$&'()*+,;=~?"


@dataclass(frozen=True)
class _Answer:
    """How a response is to be used: ``start`` is where its bytes belong, ``total`` the size of the whole."""

    start: int
    total: int | None
    validator: str | None


class _TruncatedError(Exception):
    """The connection ended before the announced size."""


def request_url(url: str) -> str:
    """An http or https URL as it is asked for: in ASCII, everything else quoted. Raises UsageError if it is none."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
        path, query = quote(parts.path, _UNQUOTED), quote(parts.query, _UNQUOTED)
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL: {error}", "give it as https://HOST/PATH") from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or " " in host:
        raise UsageError(
            f"{url!r} is not an http or https URL of a host", "give it as https://HOST/PATH, without a user"
        )
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, shown if port is None else f"{shown}:{port}", path, query, ""))


def download(
    url: str, place: Path, on_bytes: OnBytes | None = None, stall_seconds: float = STALL_SECONDS
) -> Path:
    """Download to ``place``; what came of a broken attempt stays in ``place`` + ``.part`` and is continued.

    Args:
        url: http or https; a redirect from https to http is refused.
        place: the file; its folder exists. An older one is replaced.
        on_bytes: told of progress.
        stall_seconds: how long to wait for the next byte.

    Raises:
        UsageError: it is no such URL.
        RuntimeMissing: it cannot be had: no connection, an HTTP error, too large, it broke off again and again.
        OSError: the file cannot be written.
    """
    part = place.with_name(place.name + ".part")
    quoted = request_url(url)
    part.touch()
    for attempt in range(_ATTEMPTS):
        before = part.stat().st_size
        try:
            with part.open("r+b") as file:
                _attempt(quoted, file, part, on_bytes or _silent, stall_seconds)
            break
        except urllib.error.HTTPError as error:
            raise _refused(url, error) from error
        except (_TruncatedError, *_BROKEN) as error:
            # An attempt that brought something may be repeated at once; one that did not, may not.
            if attempt == _ATTEMPTS - 1 or part.stat().st_size <= before:
                raise _broken(url, part, error) from error
    part.replace(place)  # closed: Windows renames no open file
    _notes(part).unlink(missing_ok=True)
    return place


def _silent(_done: int, _total: int | None) -> None:
    """Progress nobody asked for."""


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _attempt(url: str, file: IO[bytes], part: Path, on_bytes: OnBytes, stall: float) -> None:
    have = file.seek(0, 2)
    validator = _validator(url, part) if have else None
    headers = {"User-Agent": "tflprof", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http(s) only, see add_runtime
    if validator:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", validator)
    try:
        response = _opener().open(request, timeout=stall)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        error.close()
        _restart(file, part)  # what we have is no beginning of what is there now
        _attempt(url, file, part, on_bytes, stall)
        return
    with response:
        answer = _answer(response, have)
        if answer.start != have:
            _restart(file, part)
        _notes(part).write_text(json.dumps({"url": url, "validator": answer.validator}))
        try:
            _receive(response, file, answer, on_bytes)
        finally:
            file.flush()


def _validator(url: str, part: Path) -> str | None:
    """The ETag or date that the bytes we have go with; None if they cannot be continued."""
    try:
        notes = json.loads(_notes(part).read_text())
        validator = notes["validator"] if notes["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return validator if isinstance(validator, str) else None


def _restart(file: IO[bytes], part: Path) -> None:
    file.seek(0)
    file.truncate()
    _notes(part).unlink(missing_ok=True)


def _answer(response: Any, have: int) -> _Answer:
    etag = response.headers.get("ETag")
    strong = etag if etag and not etag.startswith("W/") else None
    validator = strong or response.headers.get("Last-Modified")
    length = response.headers.get("Content-Length")
    size = int(length) if length and length.isdigit() else None
    if response.status == 206:
        ranged = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range") or "")
        if ranged is None or int(ranged[1]) != have:
            raise http.client.HTTPException("the server continued at another place than was asked for")
        return _Answer(have, int(ranged[2]) if ranged[2] != "*" else None, validator)
    return _Answer(0, size, validator)


def _receive(response: Any, file: IO[bytes], answer: _Answer, on_bytes: OnBytes) -> None:
    done = file.seek(answer.start)
    on_bytes(done, answer.total)
    while chunk := response.read1(_CHUNK):
        done += len(chunk)
        if done > MOST_BYTES:
            raise RuntimeMissing(
                f"{response.url} sends more than {MOST_BYTES >> 30} GiB",
                "no runtime is that large: check the URL",
            )
        file.write(chunk)
        on_bytes(done, answer.total)
    if answer.total is not None and done < answer.total:
        raise _TruncatedError(f"the connection ended after {done} of {answer.total} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to what anyone on the way can read and change."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme != "https"):
            raise RuntimeMissing(
                f"{req.full_url} redirects to {newurl}, which is not encrypted",
                "give that URL itself if you trust it",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Redirects)


def _refused(url: str, error: urllib.error.HTTPError) -> RuntimeMissing:
    error.close()
    hint = "check the URL and the version in it" if error.code in (403, 404, 410) else "try again later"
    return RuntimeMissing(f"cannot fetch {url}: HTTP {error.code} {error.reason}", hint)


def _broken(url: str, part: Path, error: Exception) -> RuntimeMissing:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        reason = "the server fell silent"
    have = part.stat().st_size
    hint = f"{have} bytes are kept: the same command continues" if have else "check the network and the URL"
    return RuntimeMissing(f"cannot fetch {url}: {reason}", hint)
