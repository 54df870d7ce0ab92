"""Text from models, devices and file names made harmless and short: it is data, never code."""

from __future__ import annotations

import unicodedata

# Control, format (bidi overrides), surrogate, private use, line and paragraph separators.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def plain(text: object) -> str:
    r"""Text in which nothing acts: control and direction-changing characters are shown as escapes (``\x1b``)."""
    return "".join(_visible(char) for char in str(text))


def _visible(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) not in _UNSAFE:
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shorten(text: str, width: int, *, middle: bool = False) -> str:
    """At most ``width`` characters. Paths lose their beginning, since layers share it; other text its middle.

    ``middle``: a path does so, too.
    """
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    tail = width - 1 if "/" in text and not middle else (width - 1) // 2
    head = width - 1 - tail
    return f"{text[:head]}…{text[len(text) - tail :]}"
