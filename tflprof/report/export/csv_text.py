"""A profile as CSV: RFC 4180, numbers that read back to equal values, an empty field for unknown.

Names are data: one that a spreadsheet would take for a formula gets an apostrophe in front, and so does one that
begins with an apostrophe, so that taking one away gives every name back.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tflprof.profile.profile import Profile

_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""What a spreadsheet may act upon as the first character of a field, and the apostrophe that disarms it."""


def layers_csv(profile: Profile) -> str:
    """One row per layer in file order; the columns are those of :meth:`Profile.layers`, in its order."""
    frame = profile.layers()
    columns = [frame[name].tolist() for name in frame.columns]
    return _text([str(name) for name in frame.columns], zip(*columns, strict=True))


def samples_csv(profile: Profile) -> str:
    """All raw samples, or statistics of an aggregate profile, one row each.

    The columns are those of :meth:`Profile.samples`, then ``provenance``. ``worker_cores`` is a JSON list.
    """
    names = profile.table.column_names
    return _text([*names, "provenance"], _samples(profile, names))


def _samples(profile: Profile, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    provenance = profile.meta.provenance
    for batch in profile.table.to_batches():
        for row in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            yield (*row, provenance)


def _text(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_field(value) for value in row] for row in rows)
    return buffer.getvalue()


def _field(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_ACTIVE) else value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return json.dumps(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)
