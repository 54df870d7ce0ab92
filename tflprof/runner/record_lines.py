"""From records to the lines of docs/runner-protocol.md: what a runner in Python writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from tflprof.runner.protocol import KINDS
from tflprof.runner.records import Event, Record

_NAMES = {kind: name for name, kind in KINDS.items()}


def record_line(record: Record) -> bytes:
    """One line, with its newline; texts that are no Unicode have replacements."""
    data = {"r": _NAMES[type(record)], **_plain_fields(record)}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _plain_fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, Event):
        return [value.type, value.source, value.m1, value.m2, value.tag]
    if is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple) and value and not isinstance(value[0], int):
        return [_plain(item) for item in value]
    return value
