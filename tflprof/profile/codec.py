"""Frozen dataclasses to JSON-ready values and back, driven by their annotations."""

from __future__ import annotations

import functools
import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_json(value: Any) -> dict[str, Any]:
    """A dataclass as nested dicts and lists."""
    return asdict(value)


def from_json(cls: type[T], data: Mapping[str, Any]) -> T:
    """A dataclass from what :func:`to_json` gave.

    Unknown keys are left out, so that a reader survives additions. Raises KeyError for a missing required key.
    """
    hints = _hints(cast(Hashable, cls))
    values: dict[str, Any] = {}
    for field in fields(cast(Any, cls)):
        if field.name in data:
            values[field.name] = _decode(hints[field.name], data[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise KeyError(f"{cls.__name__}.{field.name}")
    return cls(**values)


@functools.cache
def _hints(cls: Hashable) -> dict[str, Any]:
    return get_type_hints(cls)


def _decode(hint: Any, value: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _decode(next(arg for arg in args if arg is not type(None)), value)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_decode(args[0], item) for item in value)
        return tuple(_decode(arg, item) for arg, item in zip(args, value, strict=True))
    if origin in (dict, Mapping):
        return {key: _decode(args[1], item) for key, item in value.items()}
    if is_dataclass(hint):
        return from_json(cast(Any, hint), value)
    return value
