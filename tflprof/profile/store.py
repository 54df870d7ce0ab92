"""Reading and writing profile files: Parquet with the metadata as JSON under the key ``tflprof``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tflprof.errors import ProfileError
from tflprof.files import check_writable as check_writable
from tflprof.files import write_atomically
from tflprof.profile.codec import from_json, to_json
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.profile import Profile
from tflprof.profile.schema import SAMPLES, SCHEMA_VERSION, migrate

_KEY = b"tflprof"
_AGAIN = "copy the file again, or measure again: tflprof profile MODEL -o FILE"


def write_profile(profile: Profile, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a profile file: beside its place first, then renamed.

    Raises:
        UsageError: the file exists and ``overwrite`` is False.
        EnvironmentFault: it cannot be written (no such folder, disk full, permission).
    """
    target = Path(path)
    check_writable(target, overwrite=overwrite)
    document = {"schema_version": SCHEMA_VERSION, **to_json(profile.meta)}
    table = profile.table.replace_schema_metadata({_KEY: json.dumps(document).encode()})
    write_atomically(target, lambda part: _write_table(table, part))
    return target


def _write_table(table: pa.Table, path: Path) -> None:
    # Opened here: pyarrow takes no names that are not UTF-8.
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd")


def read_profile(path: str | os.PathLike[str]) -> Profile:
    """Read a profile file of this or an older version.

    Raises:
        ProfileError: no such file, not a profile, damaged, or written by a newer version.
    """
    source = Path(path)
    if not source.is_file():
        what = "is a folder" if source.is_dir() else "does not exist"
        raise ProfileError(f"the profile {source} {what}", "make one with: tflprof profile MODEL -o FILE")
    try:
        # Of a Python file pyarrow's threads would need the interpreter, and abort if it closes at that moment.
        table = pq.ParquetFile(pa.BufferReader(source.read_bytes())).read()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ProfileError(
            f"{source} is not a readable Parquet file: {_first_line(error)}", _AGAIN
        ) from error
    document = _document(source, table)
    version = document.pop("schema_version", None)
    if not isinstance(version, int) or version < 1:
        raise ProfileError(f"{source} has no valid schema version (found {version!r})", _AGAIN)
    if version > SCHEMA_VERSION:
        raise ProfileError(
            f"{source} has schema version {version}; this tflprof reads up to {SCHEMA_VERSION}",
            "update tflprof to read it",
        )
    return decode_profile(str(source), table, document, version)


def decode_profile(name: str, table: pa.Table, document: dict[str, Any], version: int) -> Profile:
    """The profile of samples and metadata of any version up to this one.

    Raises:
        ProfileError: they do not fit together; ``name`` tells whose they are.
    """
    try:
        samples, meta = migrate(table, document, version)
        return Profile(from_json(ProfileMeta, meta), samples.replace_schema_metadata(None).cast(SAMPLES))
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration, pa.ArrowException) as error:
        raise ProfileError(
            f"{name} is damaged: {type(error).__name__}: {_first_line(error)}", _AGAIN
        ) from error


def _document(source: Path, table: pa.Table) -> dict[str, Any]:
    raw = (table.schema.metadata or {}).get(_KEY)
    if raw is None:
        raise ProfileError(
            f"{source} is a Parquet file, but not a tflprof profile (no metadata key 'tflprof')",
            "make one with: tflprof profile MODEL -o FILE",
        )
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise ProfileError(f"{source} has damaged metadata: {error}", _AGAIN) from error
    if not isinstance(document, dict):
        raise ProfileError(f"{source} has damaged metadata: not an object", _AGAIN)
    return document


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
