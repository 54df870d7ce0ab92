"""Collecting raw samples into the Arrow table of a profile, and reading them back as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tflprof.profile.schema import SAMPLES

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BlockSamples:
    """One block of inferences as it came from the runner.

    Attributes:
        values: [inferences] duration of each.
        cores: [inferences] CPU of each, -1 if unknown.
        structures: [inferences] number of each one's event list; empty for plain blocks.
        events: per inference, the elapsed value of each of its events; empty for plain blocks.
    """

    process: int
    block: int
    round: int
    phase: str
    variant: str
    counter: str
    t: int
    khz: int | None
    values: Sequence[int]
    cores: Sequence[int]
    structures: Sequence[int] = ()
    events: Sequence[Sequence[int]] = ()
    tainted: bool = False


@dataclass(frozen=True)
class _Chunk:
    """Rows that share all but ``value``, ``inference``, ``structure``, ``event`` and ``core`` ([rows] each)."""

    shared: dict[str, Any]
    value: IntArray
    inference: IntArray
    structure: IntArray
    event: IntArray
    core: IntArray


@dataclass
class SampleWriter:
    """Gathers samples block by block; :meth:`table` gives the Arrow table."""

    _chunks: list[_Chunk] = field(default_factory=list)
    _inferences: dict[int, int] = field(default_factory=dict)

    def add_block(self, block: BlockSamples) -> None:
        """Append a block: a row per inference, then a row per event of each inference."""
        count = len(block.values)
        first = self._inferences.get(block.process, 0)
        self._inferences[block.process] = first + count
        shared = {name: getattr(block, name) for name in _BLOCK_FIELDS}
        numbers = np.arange(first, first + count)
        cores = np.asarray(block.cores, dtype=np.int64)
        structures = np.asarray(block.structures or [_ABSENT] * count, dtype=np.int64)
        self._chunks.append(
            _Chunk(
                {"kind": "inference", **shared},
                np.asarray(block.values, dtype=np.int64),
                numbers,
                structures,
                np.full(count, _ABSENT),
                cores,
            )
        )
        if block.events:
            widths = np.array([len(events) for events in block.events])
            self._chunks.append(
                _Chunk(
                    {"kind": "event", **shared},
                    np.concatenate([np.asarray(events, dtype=np.int64) for events in block.events]),
                    np.repeat(numbers, widths),
                    np.repeat(structures, widths),
                    np.concatenate([np.arange(width) for width in widths]),
                    np.repeat(cores, widths),
                )
            )

    def add_single(self, kind: str, process: int, phase: str, variant: str, counter: str, value: int) -> None:
        """Append one value that belongs to no block (``init``, ``memory``)."""
        shared = dict.fromkeys(_BLOCK_FIELDS) | {
            "kind": kind,
            "process": process,
            "phase": phase,
            "variant": variant,
            "counter": counter,
            "tainted": False,
        }
        absent = np.array([_ABSENT])
        self._chunks.append(_Chunk(shared, np.array([value], dtype=np.int64), absent, absent, absent, absent))

    def add_statistic(
        self, kind: str, phase: str, value: int, *, event: int | None = None, counter: str = "ns"
    ) -> None:
        """Append a statistic of an aggregate profile: of an event, or without one of whole inferences."""
        shared = dict.fromkeys(_BLOCK_FIELDS) | {
            "kind": kind,
            "process": 0,
            "phase": phase,
            "variant": "profiled",
            "counter": counter,
            "tainted": False,
        }
        absent = np.array([_ABSENT])
        place = absent if event is None else np.array([event])
        structure = absent if event is None else np.array([0])
        self._chunks.append(
            _Chunk(shared, np.array([value], dtype=np.int64), absent, structure, place, absent)
        )

    def table(self) -> pa.Table:
        """All samples so far, in order of arrival."""
        lengths = np.array([len(chunk.value) for chunk in self._chunks], dtype=np.int64)
        return pa.table({name: self._column(name, lengths) for name in SAMPLES.names}).cast(SAMPLES)

    def _column(self, name: str, lengths: IntArray) -> pa.Array:
        kind = SAMPLES.field(name).type
        if name in _ROW_FIELDS:
            parts = [getattr(chunk, name) for chunk in self._chunks]
            values = np.concatenate(parts) if parts else np.array([], dtype=np.int64)
            absent = None if name == "value" else values < 0
            return pa.array(values, mask=absent).cast(kind)
        plain = pa.string() if pa.types.is_dictionary(kind) else kind
        shared = pa.array([chunk.shared[name] for chunk in self._chunks], type=plain)
        if pa.types.is_dictionary(kind):
            shared = shared.dictionary_encode().cast(kind)
        return shared.take(pa.array(np.repeat(np.arange(len(lengths)), lengths)))


_ABSENT = -1
_ROW_FIELDS = frozenset({"value", "inference", "structure", "event", "core"})
_BLOCK_FIELDS = ("process", "block", "round", "phase", "variant", "counter", "t", "khz", "tainted")


@dataclass(frozen=True)
class Inferences:
    """Inferences of one variant, in order of arrival; all arrays are [inferences]."""

    values: IntArray
    process: IntArray
    block: IntArray
    t: IntArray
    structure: IntArray
    core: IntArray


def select_inferences(table: pa.Table, variant: str, counter: str, phase: str = "steady") -> Inferences:
    """Undisturbed inferences of a variant, phase and counter. Absent numbers are -1."""
    frame = table.filter(_wanted(table, "inference", variant, counter, phase))
    return Inferences(
        *(_ints(frame, name) for name in ("value", "process", "block", "t", "structure", "core"))
    )


def select_events(table: pa.Table, counter: str, structure: int, width: int) -> tuple[IntArray, IntArray]:
    """Events of the steady profiled inferences that have one structure.

    Returns:
        Elapsed values [inferences, width] and the position of each inference among those that
        :func:`select_inferences` gives for ``profiled`` [inferences].
    """
    inferences = select_inferences(table, "profiled", counter)
    where = np.flatnonzero(inferences.structure == structure)
    wanted = _wanted(table, "event", "profiled", counter, "steady")
    frame = table.filter(wanted)
    values = _ints(frame, "value")[_ints(frame, "structure") == structure]
    return values.reshape(len(where), width), where


def select_singles(table: pa.Table, kind: str, phase: str, counter: str) -> IntArray:
    """Values that belong to no block (``init``, ``memory``), of the plain variant."""
    return _ints(table.filter(_wanted(table, kind, "plain", counter, phase)), "value")


def select_statistics(table: pa.Table, kind: str, phase: str) -> dict[int | None, int]:
    """Statistics of one kind of an aggregate profile by position of the event, None: of whole inferences."""
    mask = pc.and_(pc.equal(table["kind"], kind), pc.equal(table["phase"], phase))
    frame = table.filter(mask)
    return dict(zip(frame["event"].to_pylist(), frame["value"].to_pylist(), strict=True))


def _wanted(table: pa.Table, kind: str, variant: str, counter: str, phase: str) -> pa.ChunkedArray:
    mask = pc.invert(table["tainted"])
    for name, value in (("kind", kind), ("variant", variant), ("counter", counter), ("phase", phase)):
        mask = pc.and_(mask, pc.equal(table[name], value))
    return mask


def _ints(table: pa.Table, name: str) -> IntArray:
    return np.asarray(table[name].fill_null(-1)).astype(np.int64)
