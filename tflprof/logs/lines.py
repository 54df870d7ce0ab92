"""From the bytes of a log to its lines, freed of what others put around them.

A log may have come through logcat, a CI system, a terminal recording, Markdown or another computer's line
endings. Each wraps lines in its own way; all of it is taken off here, so that the parsers see what the tool printed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>]")
_QUOTE = re.compile(r"^ {0,3}>[> ]*")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)"
_CI = (
    # Downloaded job logs: job, step, time. Then a time alone, with the stream's number, or in brackets.
    re.compile(rf"^[^\t]*\t[^\t]*\t\ufeff?{_ISO} ?"),
    re.compile(rf"^\ufeff?\[?{_ISO}\]?(?: \d\d[OE][ +]?)? ?"),
    re.compile(r"^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? "),
    re.compile(r"^(?:##\[\w+\]|::\w+::|section_(?:start|end):\d+:\w+(?:\[[^\]]*\])?)"),
)
_CLOCK = r"(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,9}(?: [+-]\d{4})?"
_LEVEL = r"[VDIWEFS]"
_LOGCAT = (
    re.compile(rf"^{_CLOCK}\s+(?:\w+\s+)?(?P<pid>\d+)\s+\d+ {_LEVEL} (?P<tag>.*?)\s*:(?: |$)(?P<text>.*)$"),
    re.compile(rf"^(?:{_CLOCK}\s+)?{_LEVEL}/(?P<tag>[^():]*?)\s*\(\s*(?P<pid>\d+)\):(?: |$)(?P<text>.*)$"),
    re.compile(rf"^{_CLOCK}\s+(?P<pid>\d+)-\d+/\S+ {_LEVEL}/(?P<tag>[^:]*?):(?: |$)(?P<text>.*)$"),
    re.compile(rf"^{_CLOCK}\s+(?P<pid>\d+)-\d+\s+(?P<tag>\S+)\s+\S+\s+{_LEVEL}(?:  | ?$)(?P<text>.*)$"),
    re.compile(rf"^(?P<pid>){_LEVEL}/(?P<tag>[\w.-]+)\s*:(?: |$)(?P<text>.*)$"),
)
_LOGCAT_HEAD = re.compile(rf"^\[ {_CLOCK}\s+(?P<pid>\d+):\s*\w+ {_LEVEL}/(?P<tag>.*?)\s*\]\s*$")
_LEVEL_NAME = re.compile(
    r"^\s*(?:(?:INFO|VERBOSE|WARNING|ERROR|DEBUG|FATAL): ?(?:\[[^\]\s]*:\d+\](?: |$))?"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:,\d+)? (?:INFO|WARNING|ERROR|DEBUG) \w+: "
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [^\]\s]+:\d+\] ?)"
)


@dataclass(frozen=True)
class Line:
    """One line of a log.

    Attributes:
        number: its number in the log, from 1.
        text: what the tool printed, with its TABs, without line ending.
        source: process and tag if it came through logcat, else None.
    """

    number: int
    text: str
    source: str | None = None

    @property
    def bare(self) -> str:
        """The text without space around it."""
        return self.text.strip()


def split_lines(data: bytes) -> Iterator[Line]:
    """Lines of a log in any common encoding, unwrapped. Never raises."""
    source: str | None = None
    for number, raw in enumerate(decode(data).split("\n"), 1):
        text = _unwrap(raw)
        head = _LOGCAT_HEAD.match(text)
        if head:
            # In logcat's long form a head line stands before the lines of its message.
            source = _source(head)
            continue
        own = source
        entry = _logcat(text)
        if entry is not None:
            source, own, text = None, _source(entry), entry["text"]
        yield Line(number, "" if _FENCE.match(text) else _LEVEL_NAME.sub("", text, count=1), own)


def decode(data: bytes) -> str:
    """Bytes as text by their byte order mark, else as UTF-8; what is not valid becomes U+FFFD."""
    for mark, encoding in _ENCODINGS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def _unwrap(raw: str) -> str:
    # A carriage return within a line is a terminal's way to draw over it: the last drawing counts.
    text = _ANSI.sub("", raw.rstrip("\r")).rpartition("\r")[2]
    text = _QUOTE.sub("", text)
    for pattern in _CI:
        text = pattern.sub("", text, count=1)
    return text


def _logcat(text: str) -> re.Match[str] | None:
    return next((found for found in (pattern.match(text) for pattern in _LOGCAT) if found), None)


def _source(entry: re.Match[str]) -> str:
    return f"{entry['pid']} {entry['tag'].strip()}"
