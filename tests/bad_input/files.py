"""Profile files that are none, and outputs that cannot be."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.bad_input.case import TARGETS, Case, Place, Prepare, together, unprivileged, writes
from tests.bad_input.models import good
from tests.factories import make_profile
from tflprof.profile.schema import SCHEMA_VERSION
from tflprof.profile.store import write_profile

_MODEL = writes(m_tflite=good)
_HERE = "profile m.tflite --target {target}"


@cache
def profile() -> bytes:
    """A sound profile file."""
    with tempfile.TemporaryDirectory() as folder:
        return write_profile(make_profile(), Path(folder) / "p.parquet").read_bytes()


def with_metadata(change: Callable[[dict[bytes, bytes]], object]) -> Prepare:
    """A profile whose metadata were changed."""

    def prepare(place: Place) -> None:
        path = place.folder / "q.parquet"
        path.write_bytes(profile())
        table = pq.read_table(path)
        metadata = dict(table.schema.metadata)
        change(metadata)
        pq.write_table(table.replace_schema_metadata(metadata), path)

    return prepare


def _newer(metadata: dict[bytes, bytes]) -> None:
    document = {**json.loads(metadata[b"tflprof"]), "schema_version": SCHEMA_VERSION + 1}
    metadata[b"tflprof"] = json.dumps(document).encode()


def _profile(wrong: str, says: str, prepare: Prepare, words: str = "show q.parquet", **more: Any) -> Case:
    return Case("Profile files", wrong, words, 2, ("q.parquet", says), prepare, **more)


def _middle() -> bytes:
    data = bytearray(profile())
    data[100:1100] = bytes(1000)
    return bytes(data)


def _unwritable(place: Place) -> None:
    (place.folder / "locked").mkdir()
    (place.folder / "locked").chmod(0o500)
    unprivileged(place)


_TRUNCATED = writes(q_parquet=lambda: profile()[: len(profile()) // 2])

_PROFILES = (
    _profile("truncated", "not a readable Parquet file", _TRUNCATED),
    _profile("truncated: compare", "", _TRUNCATED, "compare q.parquet q.parquet"),
    _profile("truncated: report", "", _TRUNCATED, "report q.parquet -o r.html"),
    _profile("truncated: export", "", _TRUNCATED, "export q.parquet --format json -o r.json"),
    _profile("without its last byte", "", writes(q_parquet=lambda: profile()[:-1])),
    _profile("overwritten in the middle", "", writes(q_parquet=_middle)),
    _profile("from a newer version", f"version {SCHEMA_VERSION + 1}", with_metadata(_newer)),
    _profile("Parquet, but no profile", "", with_metadata(dict.clear)),
    _profile("a model", "", writes(q_parquet=good)),
    _profile("empty", "", writes(q_parquet=b"")),
    _profile("missing", "does not exist", lambda _: None),
    _profile("a folder", "", lambda p: (p.folder / "q.parquet").mkdir()),
)


def _output(wrong: str, more: str, says: tuple[str, ...], status: int = 2, **values: Any) -> Case:
    prepare = values.pop("prepare", _MODEL)
    return Case("Outputs", wrong, f"{_HERE} {more}", status, says, prepare, **values)


_OUTPUTS = (
    _output(
        "exists", "-o taken", ("taken exists", "--force"), prepare=together(_MODEL, writes(taken=b"precious"))
    ),
    _output("in a folder that there is not", "-o no/p.parquet", ("folder no", "does not exist")),
    _output("is the model", "-o m.tflite --force", ("m.tflite", "another name")),
    _output("profile and page in one file", "-o x --html x", ("x", "another name")),
    _output(
        "in a folder that is not writable",
        "-o locked/p.parquet",
        ("locked", "not writable"),
        3,
        prepare=together(_MODEL, _unwritable),
    ),
    _output("the page in a folder that there is not", "--html no/p.html", ("folder no", "does not exist")),
    _output("has a name too long", f"-o {'x' * 300}", ("x" * 20,)),
    Case(
        "Outputs",
        "show: pipe that nobody reads",
        "show q.parquet",
        141,
        (),
        writes(q_parquet=profile),
        closed=True,
    ),
    Case("Outputs", "inspect: pipe that nobody reads", "inspect m.tflite", 141, (), _MODEL, closed=True),
    _output(
        "pipe that nobody reads",
        "--max-seconds 1 -o p.parquet",
        (),
        141,
        kept="whole",
        closed=True,
        targets=TARGETS,
    ),
)

FILES: tuple[Case, ...] = (*_PROFILES, *_OUTPUTS)
