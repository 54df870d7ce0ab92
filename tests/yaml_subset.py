"""The part of YAML that our own files use, read strictly: what is not understood is an error, not a guess.

Block mappings and sequences, ``|`` texts, comments, plain and quoted scalars, flow sequences of plain scalars.
Scalars stay text, but for true and false.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_KEY = re.compile(r"([\w./-]+):(?: (.*))?")
_PLAIN = re.compile(r"[^\s\"'&*!|>%@`{}\[\],#][^#]*")


def read_yaml(path: Path) -> Any:
    """The document in a file."""
    lines = [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
    value, rest = _block(lines, 0, 0)
    assert rest == len(lines), f"{path}:{rest + 1}: not understood: {lines[rest]}"
    return value


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _skip(lines: list[str], at: int) -> int:
    while at < len(lines) and (not lines[at] or lines[at].lstrip().startswith("#")):
        at += 1
    return at


def _block(lines: list[str], at: int, indent: int) -> tuple[Any, int]:
    at = _skip(lines, at)
    if lines[at][indent:].startswith("- "):
        return _sequence(lines, at, indent)
    return _mapping(lines, at, indent)


def _sequence(lines: list[str], at: int, indent: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while (at := _skip(lines, at)) < len(lines) and _indent(lines[at]) == indent:
        assert lines[at][indent:].startswith("- "), lines[at]
        inner = lines[at][indent + 2 :]
        if _KEY.fullmatch(inner):
            lines[at] = " " * (indent + 2) + inner
            value, at = _mapping(lines, at, indent + 2)
        else:
            value, at = _scalar(inner), at + 1
        found.append(value)
    return found, at


def _mapping(lines: list[str], at: int, indent: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while (at := _skip(lines, at)) < len(lines) and _indent(lines[at]) == indent:
        match = _KEY.fullmatch(lines[at][indent:])
        assert match, f"no key: {lines[at]}"
        key, rest = match[1], match[2]
        assert key not in found, f"{key} is there twice"
        if rest == "|":
            found[key], at = _text(lines, at + 1, indent)
        elif rest:
            found[key], at = _scalar(rest), at + 1
        else:
            below = _skip(lines, at + 1)
            deeper = below < len(lines) and _indent(lines[below]) > indent
            found[key], at = _block(lines, below, _indent(lines[below])) if deeper else (None, at + 1)
    return found, at


def _text(lines: list[str], at: int, indent: int) -> tuple[str, int]:
    found = []
    while at < len(lines) and (not lines[at] or _indent(lines[at]) > indent):
        found.append(lines[at])
        at += 1
    depth = min(_indent(line) for line in found if line)
    return "\n".join(line[depth:] for line in found).rstrip() + "\n", at


def _scalar(text: str) -> Any:
    if text.startswith('"'):
        return json.loads(text)
    if text.startswith("["):
        assert text.endswith("]"), text
        return [_scalar(item.strip()) for item in text[1:-1].split(",")]
    text = re.sub(r"\s+#.*", "", text)
    assert _PLAIN.fullmatch(text), f"not understood: {text}"
    assert ": " not in text, f"a plain scalar has no colon with a space: {text}"
    return {"true": True, "false": False}.get(text, text)
