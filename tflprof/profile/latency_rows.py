"""Latency tables: what layers cost on one device, in one Parquet file with metadata under the key ``tflprof-table``."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tflprof.errors import ProfileError
from tflprof.facts import DeviceFacts
from tflprof.files import check_writable, write_atomically
from tflprof.op_config import OpConfig
from tflprof.profile.codec import from_json, to_json
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.meta import Alignment, ClockInfo, ModelInfo, Options, Prediction, ProfileMeta, Schedule
from tflprof.profile.mismatch import Mismatch, mismatches

TABLE_VERSION = 1
CONTEXTS = ("network", "chain", "isolated")
"""Where a row was measured: in a real network, in a chain of rows, or alone."""

_KEY = b"tflprof-table"
_AGAIN = "copy the file again, or build it again: tflprof table build --target … --from MODEL -o FILE"
_ROWS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("op", pa.string(), nullable=False),
        pa.field("config", pa.string(), nullable=False),
        pa.field("context", pa.string(), nullable=False),
        pa.field("first", pa.bool_(), nullable=False),
        pa.field("value", pa.int64(), nullable=False),
        pa.field("lo", pa.float64(), nullable=False),
        pa.field("hi", pa.float64(), nullable=False),
        pa.field("samples", pa.int64(), nullable=False),
        pa.field("instructions", pa.int64()),
        pa.field("source", pa.string(), nullable=False),
    ]
)
_ADDED = {"refetch": pa.field("refetch", pa.float64(), nullable=False)}
"""Columns that older files lack, in which they are 0."""
_COLUMNS = pa.schema([*_ROWS, *_ADDED.values()])


@dataclass(frozen=True)
class LatencyRow:
    """What one configuration costs in one kind of place.

    Attributes:
        config: of the layer.
        value: its cost in the table's unit.
        lo, hi: 95 % interval of ``value``.
        samples: layers or inferences it is the mean of.
        instructions: the same in instructions where they were counted beside; None elsewhere.
        context: one of :data:`CONTEXTS`.
        first: True for the first kernel of a model or partition.
        source: the model it was measured in.
        refetch: what of ``value`` is fetching weights again, where the table's ``meta.refetch`` tells.
    """

    config: OpConfig
    value: int
    lo: float
    hi: float
    samples: int
    instructions: int | None
    context: str
    first: bool
    source: str
    refetch: float = 0.0

    @property
    def identity(self) -> tuple[str, str, bool]:
        """What is there once in a table: key, context and whether it is a first kernel."""
        return self.config.key, self.context, self.first


@dataclass(frozen=True)
class Overheads:
    """What a model's total has beyond its rows, in the table's unit: ``model + part * parts + layer * layers``.

    Attributes:
        model: of every inference.
        part: of each partition of a delegate's, with what the runtime does between it and the next.
        layer: of every layer that runs.
        spread: half-width of the 95 % interval of such a sum, as far as the models it is from tell.
        models: how many it was fitted to; 0: nothing is known.
        share: the same as ``spread``, relative to a model's total, where it was measured; beside it.
        instructions: the same in instructions where they were counted beside.
    """

    model: float = 0.0
    part: float = 0.0
    layer: float = 0.0
    spread: float = 0.0
    models: int = 0
    share: float = 0.0
    instructions: Overheads | None = None


@dataclass(frozen=True)
class TableMeta:
    """Where the rows of a table hold; fields are those of :class:`tflprof.profile.meta.ProfileMeta`.

    Attributes:
        unit: ``ns`` or ``instructions``.
        provenance: ``measured``, ``predicted`` or ``emulated``.
        conditions: of what a device told, only what makes another device of it.
        overheads: what a total has beyond its rows.
        reference: in whose clock measured rows are; None: in that of the minute they were measured in.
        refetch: what fetching weights again costs; None: not known, so rows hold where caches keep as much.
    """

    tool_version: str
    created: str
    unit: str
    provenance: str
    source: str
    target: DeviceFacts
    runtime: Mapping[str, str | None]
    runner_build: str
    options: Options
    deterministic: bool = False
    conditions: Mapping[str, Any] = field(default_factory=dict)
    prediction: Prediction | None = None
    overheads: Overheads = Overheads()
    reference: Reference | None = None
    refetch: Refetch | None = None

    @property
    def kernels(self) -> str | None:
        """Which kernels ran: ``xnnpack``, ``builtin`` or ``reference``."""
        return self.options.kernels

    @property
    def threads(self) -> int | None:
        """Threads of the inference library."""
        return self.options.threads


@dataclass(frozen=True)
class StoredTable:
    """A latency table: at most one row of each :attr:`LatencyRow.identity`."""

    meta: TableMeta
    rows: tuple[LatencyRow, ...]


def meta_of(profile: ProfileMeta) -> TableMeta:
    """The metadata of a table whose rows come from a profile."""
    start = (profile.conditions.get("device") or {}).get("start") or {}
    kept = {name: start[name] for name in ("unit", "quiet") if name in start}
    return TableMeta(
        tool_version=profile.tool_version,
        created=profile.created,
        unit=profile.unit,
        provenance=profile.provenance,
        source=profile.source,
        target=profile.target,
        runtime=dict(profile.runtime),
        runner_build=profile.runner_build,
        options=replace(profile.options, signature=None, shapes={}, inputs={}, seed=0),
        deterministic=profile.deterministic,
        conditions={"device": {"start": kept}} if kept else {},
        prediction=profile.prediction,
    )


def table_mismatches(a: TableMeta, b: TableMeta) -> tuple[Mismatch, ...]:
    """Every condition in which two tables differ; empty if their rows may stand side by side.

    Of a table and a profile ask with :func:`meta_of` the profile.
    """
    return mismatches(_as_profile(a), _as_profile(b))


def write_table(path: str | os.PathLike[str], table: StoredTable, *, overwrite: bool = True) -> Path:
    """Write a table: beside its place first, then renamed.

    Raises:
        UsageError: the file exists and ``overwrite`` is False.
        EnvironmentFault: it cannot be written (no such folder, disk full, permission).
    """
    target = Path(path)
    check_writable(target, overwrite=overwrite)
    document = {"schema_version": TABLE_VERSION, **to_json(table.meta)}
    columns = pa.Table.from_pylist([_as_record(row) for row in table.rows], schema=_COLUMNS)
    columns = columns.replace_schema_metadata({_KEY: json.dumps(document).encode()})

    def write(part: Path) -> None:
        # Opened here: pyarrow takes no names that are not UTF-8.
        with part.open("wb") as file:
            pq.write_table(columns, file, compression="zstd")

    write_atomically(target, write)
    return target


def read_table(path: str | os.PathLike[str]) -> StoredTable:
    """Read a latency table.

    Raises:
        ProfileError: no such file, not a latency table, damaged, or written by a newer version.
    """
    source = Path(path)
    if not source.is_file():
        what = "is a folder" if source.is_dir() else "does not exist"
        raise ProfileError(
            f"the latency table {source} {what}", "build one with: tflprof table build -o FILE"
        )
    try:
        # Of a Python file pyarrow's threads would need the interpreter, and abort if it closes at that moment.
        columns = pq.ParquetFile(pa.BufferReader(source.read_bytes())).read()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{source} is not a readable Parquet file: {_first_line(error)}", _AGAIN) from None
    document = _document(source, columns.schema.metadata or {})
    try:
        meta = from_json(TableMeta, document)
        _check_overheads(meta.overheads)
        rows = tuple(_from_record(record) for record in _columns(columns).to_pylist())
    except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        raise ProfileError(
            f"{source} is damaged: {type(error).__name__}: {_first_line(error)}", _AGAIN
        ) from None
    return StoredTable(meta, rows)


def _columns(found: pa.Table) -> pa.Table:
    """Those of a row, the added ones of an older file as 0."""
    for name, field_ in _ADDED.items():
        if name not in found.column_names:
            found = found.append_column(field_, pa.array([0.0] * len(found)))
    return found.select(_COLUMNS.names).cast(_COLUMNS)


def _document(source: Path, metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    if _KEY not in metadata:
        kind = "a profile" if b"tflprof" in metadata else "a Parquet file"
        raise ProfileError(
            f"{source} is {kind}, not a latency table", "build one with: tflprof table build -o FILE"
        )
    try:
        document = json.loads(metadata[_KEY])
        version = document.pop("schema_version")
    except (ValueError, KeyError, AttributeError) as error:
        raise ProfileError(f"{source} has damaged metadata: {_first_line(error)}", _AGAIN) from None
    if not isinstance(version, int) or version < 1:
        raise ProfileError(f"{source} has no valid schema version (found {version!r})", _AGAIN)
    if version > TABLE_VERSION:
        raise ProfileError(
            f"{source} has schema version {version}; this tflprof reads up to {TABLE_VERSION}",
            "update tflprof to read it",
        )
    return dict(document)


def _as_record(row: LatencyRow) -> dict[str, Any]:
    config = json.dumps(row.config.to_json(), sort_keys=True, separators=(",", ":"))
    values = {name: getattr(row, name) for name in ("value", "lo", "hi", "samples", "instructions")}
    # Names of files may be no UTF-8.
    source = row.source.encode("utf-8", "replace").decode()
    place = {"context": row.context, "first": row.first, "source": source, "refetch": row.refetch}
    return {"key": row.config.key, "op": row.config.op, "config": config, **place, **values}


def _from_record(record: Mapping[str, Any]) -> LatencyRow:
    names: Sequence[str] = (
        "value",
        "lo",
        "hi",
        "samples",
        "instructions",
        "context",
        "first",
        "source",
        "refetch",
    )
    if record["context"] not in CONTEXTS:
        raise ValueError(f"a row has the context {record['context']!r}")
    if not all(math.isfinite(record[name]) for name in ("lo", "hi", "refetch")):
        raise ValueError("the interval of a row is none, or what its weights cost")
    config = OpConfig.from_json(json.loads(record["config"]))
    return LatencyRow(config=config, **{name: record[name] for name in names})


def _check_overheads(found: Overheads) -> None:
    """Raise TypeError or ValueError for what is no finite number."""
    numbers = (found.model, found.part, found.layer, found.spread, found.models, found.share)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("an overhead is not finite")
    if found.instructions is not None:
        _check_overheads(found.instructions)


def _as_profile(meta: TableMeta) -> ProfileMeta:
    """A profile of these conditions: what must agree is what must of profiles."""
    return ProfileMeta(
        tool_version=meta.tool_version,
        created=meta.created,
        kind="samples",
        provenance=meta.provenance,
        source=meta.source,
        unit=meta.unit,
        model=ModelInfo("", "", None, None, None, ()),
        target=meta.target,
        runtime=meta.runtime,
        runner_build=meta.runner_build,
        options=meta.options,
        schedule=Schedule(0.0, 0.0, 0, 0, None, complete=True),
        clock=ClockInfo(),
        alignment=Alignment(1, (), ()),
        deterministic=meta.deterministic,
        conditions=meta.conditions,
        prediction=meta.prediction,
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
