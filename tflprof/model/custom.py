"""Options of custom operators: by convention a FlexBuffer map."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from flatbuffers import flexbuffers

from tflprof.errors import ModelError
from tflprof.model.graph import Op

_LIMIT = 1 << 16


def custom_options(op: Op) -> dict[str, Any]:
    """The map in an operator's ``custom_options``, such as the NMS threshold of a detector.

    Raises ModelError if there are none, they are over 64 KB, or they are no FlexBuffer map.
    """
    raw = op.options.get("custom_options", b"")
    if not 3 <= len(raw) <= _LIMIT:
        raise ModelError(f"op {op.id} ({op.type}) has {len(raw)} bytes of custom options, not a map")
    try:
        root = flexbuffers.GetRoot(raw)
        # Only flat maps: a damaged buffer may refer to itself, and no known kernel nests.
        entries = root.AsMap
        names = [key.AsKey for key in entries.Keys]
        return {str(name): _scalar(value) for name, value in zip(names, entries.Values, strict=True)}
    except (struct.error, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise ModelError(f"custom options of op {op.id} ({op.type}) are not a flat map: {error}") from None


def encode_custom_options(values: Mapping[str, bool | int | float | str]) -> bytes:
    """The inverse of :func:`custom_options`, for ``GraphWriter.op``."""
    return bytes(flexbuffers.Dumps(dict(values)))


def _scalar(value: Any) -> Any:
    for kind in ("Bool", "Int", "Float", "String"):
        if getattr(value, f"Is{kind}"):
            return getattr(value, f"As{kind}")
    raise ValueError(f"a value of type {value._type.name}")
