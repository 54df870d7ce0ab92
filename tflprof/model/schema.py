"""The door to the generated .tflite schema classes: loaded on first use, enums as text."""

from __future__ import annotations

import functools
import re
from typing import Any

_UNKNOWN = "UNKNOWN_"


@functools.cache
def generated() -> Any:
    """The module of generated flatbuffer classes. Loading it takes some 20 ms."""
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


@functools.cache
def _names(enum: str) -> dict[int, str]:
    members = vars(getattr(generated(), enum)).items()
    return {value: name for name, value in members if isinstance(value, int)}


@functools.cache
def _values(enum: str) -> dict[str, int]:
    return {name: value for value, name in _names(enum).items()}


def enum_text(enum: str, value: int) -> str:
    """Name of a value of a schema enum, ``UNKNOWN_n`` if this schema has none.

    Tensor types are lower case (``float32``), everything else as in the schema (``SAME``).
    """
    name = _names(enum).get(value, f"{_UNKNOWN}{value}")
    return name.lower() if enum == "TensorType" else name


def enum_value(enum: str, text: str) -> int:
    """Inverse of :func:`enum_text`. Raises ValueError if the enum has no such name."""
    name = text.upper() if enum == "TensorType" else text
    if name.startswith(_UNKNOWN):
        return int(name.removeprefix(_UNKNOWN))
    try:
        return _values(enum)[name]
    except KeyError:
        raise ValueError(f"{enum} has no member {text!r}") from None


def snake(camel: str) -> str:
    """``dilationWFactor`` as ``dilation_w_factor``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", camel).lower()
