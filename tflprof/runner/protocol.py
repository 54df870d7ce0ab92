"""From a line of the runner's output to a record (docs/runner-protocol.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from tflprof.errors import RunnerError
from tflprof.runner.records import (
    Affinity,
    Block,
    Clock,
    End,
    Event,
    Failure,
    Hello,
    Init,
    Library,
    LoadedModel,
    Memory,
    Pmu,
    Port,
    Record,
    Structure,
)

KINDS: dict[str, type[Record]] = {
    "hello": Hello,
    "clock": Clock,
    "affinity": Affinity,
    "library": Library,
    "model": LoadedModel,
    "init": Init,
    "memory": Memory,
    "structure": Structure,
    "block": Block,
    "pmu": Pmu,
    "error": Failure,
    "end": End,
}
"""Classes of records by the name they have on the wire."""

_Decoder = Callable[[Any], Any]


def parse_line(line: bytes) -> Record:
    """Parse one line. Raises RunnerError, and nothing else, if it is not a record."""
    try:
        data = json.loads(line.decode("utf-8"))
        kind = data["r"]
        record: Record = _DECODE[kind](data)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        shown = line[:120].decode("utf-8", "backslashreplace").strip()
        raise RunnerError(
            f"the runner wrote what is not a record: {shown!r} ({type(error).__name__}: {error})",
            "the runner and tflprof are of different versions, or the runtime writes over its output",
        ) from error
    return record


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is not an integer")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r} is not a text")
    value.encode("utf-8")  # lone surrogates could be neither stored nor shown
    return value


def _integers(value: Any) -> tuple[int, ...]:
    if type(value) is not list or not all(type(item) is int for item in value):
        raise TypeError("not a list of integers")
    return tuple(value)


def _event(value: Any) -> Event:
    if type(value) is not list or len(value) != 5:
        raise TypeError("an event is not a list of five")
    return Event(
        _integer(value[0]), _integer(value[1]), _integer(value[2]), _integer(value[3]), _text(value[4])
    )


def _optional(decoder: _Decoder) -> _Decoder:
    return lambda value: None if value is None else decoder(value)


def _tuple_of(decoder: _Decoder) -> _Decoder:
    def decode(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise TypeError(f"{value!r} is not a list")
        return tuple(decoder(item) for item in value)

    return decode


def _counts(value: Any) -> dict[str, tuple[int, ...]]:
    if type(value) is not dict:
        raise TypeError(f"{value!r} is not an object")
    return {_text(name): _integers(counts) for name, counts in value.items()}


_MISSING: Any = MISSING


def _record_decoder(kind: type[Any]) -> _Decoder:
    """A decoder of JSON objects into a record class, made from the types of its fields."""
    hints = get_type_hints(kind)
    plan = [(item.name, _DECODERS[hints[item.name]], item.default) for item in fields(kind)]

    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise TypeError(f"{value!r} is not an object")
        return kind(*(_field(value, *item) for item in plan))

    return decode


def _field(data: dict[str, Any], name: str, decoder: _Decoder, default: Any) -> Any:
    value = data.get(name, _MISSING)
    if value is not _MISSING:
        return decoder(value)
    if default is _MISSING:
        raise KeyError(name)
    return default


_DECODERS: dict[Any, _Decoder] = {
    int: _integer,
    str: _text,
    int | None: _optional(_integer),
    str | None: _optional(_text),
    tuple[int, ...]: _integers,
    tuple[str, ...]: _tuple_of(_text),
    Mapping[str, tuple[int, ...]] | None: _optional(_counts),
    tuple[tuple[int, ...], ...]: _tuple_of(_integers),
    tuple[Event, ...]: _tuple_of(_event),
}
_DECODERS[tuple[Port, ...]] = _tuple_of(_record_decoder(Port))

_DECODE: dict[str, _Decoder] = {name: _record_decoder(kind) for name, kind in KINDS.items()}
