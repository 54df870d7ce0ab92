"""A whole profile as JSON: metadata and samples, for programs that do not read Parquet (docs/export.md).

The version is that of the profile file; what an older one lacks is added on reading as it is there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from tflprof.errors import ProfileError
from tflprof.profile.codec import to_json
from tflprof.profile.profile import Profile
from tflprof.profile.schema import SAMPLES, SCHEMA_VERSION
from tflprof.profile.store import decode_profile

MARK = "tflprof profile"
"""Value of the key ``format``, the first of the file."""

_HOW = "make one with: tflprof export PROFILE --format json --samples -o FILE"
_LOOKED_AT = 200
_OBJECT = re.compile(rb"\s*+\{\s*+[\"}]")


def profile_to_json(profile: Profile) -> str:
    """Metadata and samples as JSON text, ASCII only: a list per column, null for unknown.

    :func:`profile_from_json` gives the same profile back.
    """
    head = {"format": MARK, "schema_version": SCHEMA_VERSION, "meta": _without_nan(to_json(profile.meta))}
    lines = [f'"{key}": {json.dumps(value, allow_nan=False)}' for key, value in head.items()]
    columns = [
        f"  {json.dumps(name)}: {json.dumps(profile.table[name].to_pylist(), separators=(',', ':'))}"
        for name in profile.table.column_names
    ]
    samples = ",\n".join(columns)
    return "{" + ",\n".join([*lines, f'"samples": {{\n{samples}\n}}']) + "}"


def is_json_profile(data: bytes) -> bool:
    """True if a file begins as :func:`profile_to_json` has it, or is another object of JSON."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    if not _OBJECT.match(text):
        return False
    return MARK.encode() in text[:_LOOKED_AT] or _is_json(text)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def profile_from_json(data: bytes, name: str) -> Profile:
    """The profile that :func:`profile_to_json` wrote.

    Raises:
        ProfileError: the text is no JSON, not a profile, damaged, or written by a newer version.
    """
    document = _parsed(data, name)
    if document.get("format") != MARK:
        summary = "layers" in document and "schema_version" in document
        what = "a summary that --json prints" if summary else "not a tflprof profile"
        raise ProfileError(f"{name} is JSON, but {what}: it has no samples", _HOW)
    version = document.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ProfileError(f"{name} has no valid schema version (found {version!r})")
    if version > SCHEMA_VERSION:
        raise ProfileError(
            f"{name} has schema version {version}; this tflprof reads up to {SCHEMA_VERSION}",
            "update tflprof to read it",
        )
    meta, columns = document.get("meta"), document.get("samples")
    if not isinstance(meta, dict) or not isinstance(columns, dict):
        raise ProfileError(f"{name} is damaged: it lacks the object {'samples' if meta else 'meta'!r}")
    return _checked(name, decode_profile(name, _table(name, columns), meta, version))


def _checked(name: str, profile: Profile) -> Profile:
    """The profile, if metadata and samples fit together."""
    try:
        _ = profile.summary
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ProfileError(
            f"{name} is damaged: its metadata and samples do not fit together ({type(error).__name__})"
        ) from error
    return profile


def _parsed(data: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{name} is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise ProfileError(f"{name} is JSON, but not a tflprof profile", _HOW)
    return document


def _table(name: str, columns: Mapping[str, Any]) -> pa.Table:
    known = [field for field in SAMPLES if field.name in columns]
    try:
        arrays = {field.name: _column(columns[field.name], field) for field in known}
        return pa.table(arrays, schema=pa.schema(known))
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise ProfileError(f"{name} is damaged: a column of its samples is wrong: {reason}") from error


def _column(values: Any, field: pa.Field) -> pa.Array:
    kind = field.type
    if not isinstance(values, list):
        raise TypeError(f"{field.name} is not a list")
    if not field.nullable and None in values:
        raise ValueError(f"{field.name} has a null")
    # Arrow would cut a fraction off, and take True for 1.
    if not {type(value) for value in values} <= {_python_type(kind), type(None)}:
        raise TypeError(f"{field.name} has a value of another type")
    if pa.types.is_dictionary(kind):
        return pa.array(values, type=kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, type=kind)


def _python_type(kind: pa.DataType) -> type:
    if pa.types.is_dictionary(kind):
        return str
    if pa.types.is_boolean(kind):
        return bool
    return list if pa.types.is_list(kind) else int


def _without_nan(value: Any) -> Any:
    """The same values with null for NaN and infinities, which JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
