"""Collecting raw samples into the Arrow table of a profile, and reading them back as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        khz: frequency after the block, ``khz_before`` before it; the other pairs likewise.
        values: [inferences] duration of each.
        cores: [inferences] CPU of each, -1 if unknown.
        structures: [inferences] number of each one's event list; empty for plain blocks.
        events: per inference, the elapsed value of each of its events; empty for plain blocks.
        tainted: True if something disturbed the block; [inferences]: each of them.
        worker_cores: CPU of every thread after the block; None if unknown.
        pmu: per performance counter, [inferences] what it counted, -1 if unknown.
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
    tainted: bool | Sequence[bool] = False
    khz_before: int | None = None
    millicelsius: int | None = None
    millicelsius_before: int | None = None
    chain_khz: int | None = None
    chain_khz_before: int | None = None
    missed: int | None = None
    worker_cores: Sequence[int] | None = None
    pmu: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Chunk:
    """Rows that share all but what has a place of its own here, [rows] each."""

    shared: dict[str, Any]
    value: IntArray
    inference: IntArray
    structure: IntArray
    event: IntArray
    core: IntArray
    tainted: IntArray


@dataclass
class SampleWriter:
    """Gathers samples block by block; :meth:`table` gives the Arrow table."""

    _chunks: list[_Chunk] = field(default_factory=list)
    _inferences: dict[int, int] = field(default_factory=dict)
    _firsts: dict[tuple[int, int, str], tuple[str, int]] = field(default_factory=dict)

    def add_block(self, block: BlockSamples) -> None:
        """Append a block: a row per inference, then one per event and per count of a performance counter.

        What several counters say of one block is added as a block for each; their inferences have the same numbers.
        """
        count = len(block.values)
        first = self._first(block, count)
        structures = block.structures or [_ABSENT] * count
        whole = _Chunk(
            {"kind": "inference"} | {name: getattr(block, name) for name in _BLOCK_FIELDS},
            _integers(block.values),
            np.arange(first, first + count),
            _integers(structures),
            np.full(count, _ABSENT),
            _integers(block.cores),
            np.broadcast_to(_integers(block.tainted), count),
        )
        self._chunks.extend([whole, *_events(whole, block), *_counts(whole, block)])

    def _first(self, block: BlockSamples, count: int) -> int:
        """Number of the block's first inference: of another counter's block, if that was of these inferences."""
        key = block.process, block.block, block.variant
        counter, first = self._firsts.get(key, (block.counter, -1))
        if counter == block.counter:
            first = self._inferences.get(block.process, 0)
            self._inferences[block.process] = first + count
            self._firsts[key] = block.counter, first
        return first

    def add_single(self, kind: str, process: int, phase: str, variant: str, counter: str, value: int) -> None:
        """Append one value that belongs to no block (``init``, ``memory``)."""
        shared = dict.fromkeys(_BLOCK_FIELDS) | {
            "kind": kind,
            "process": process,
            "phase": phase,
            "variant": variant,
            "counter": counter,
        }
        absent, untainted = np.array([_ABSENT]), np.array([0])
        self._chunks.append(_Chunk(shared, _integers([value]), absent, absent, absent, absent, untainted))

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
        }
        absent, untainted = np.array([_ABSENT]), np.array([0])
        place = absent if event is None else np.array([event])
        structure = absent if event is None else np.array([0])
        self._chunks.append(_Chunk(shared, _integers([value]), absent, structure, place, absent, untainted))

    def table(self) -> pa.Table:
        """All samples so far, in order of arrival."""
        lengths = np.array([len(chunk.value) for chunk in self._chunks], dtype=np.int64)
        return pa.table({name: self._column(name, lengths) for name in SAMPLES.names}).cast(SAMPLES)

    def _column(self, name: str, lengths: IntArray) -> pa.Array:
        kind = SAMPLES.field(name).type
        if name in _ROW_FIELDS:
            parts = [getattr(chunk, name) for chunk in self._chunks]
            values = np.concatenate(parts) if parts else np.array([], dtype=np.int64)
            absent = None if name in ("value", "tainted") else values < 0
            return pa.array(values, mask=absent).cast(kind)
        plain = pa.string() if pa.types.is_dictionary(kind) else kind
        shared = pa.array([chunk.shared[name] for chunk in self._chunks], type=plain)
        if pa.types.is_dictionary(kind):
            shared = shared.dictionary_encode().cast(kind)
        return shared.take(pa.array(np.repeat(np.arange(len(lengths)), lengths)))


def _integers(values: Any) -> IntArray:
    return np.asarray(values, dtype=np.int64)


def _events(whole: _Chunk, block: BlockSamples) -> Iterator[_Chunk]:
    if not block.events:
        return
    widths = np.array([len(events) for events in block.events])
    yield _Chunk(
        {**whole.shared, "kind": "event"},
        np.concatenate([_integers(events) for events in block.events]),
        np.repeat(whole.inference, widths),
        np.repeat(whole.structure, widths),
        np.concatenate([np.arange(width) for width in widths]),
        np.repeat(whole.core, widths),
        np.repeat(whole.tainted, widths),
    )


def _counts(whole: _Chunk, block: BlockSamples) -> Iterator[_Chunk]:
    for counter, counts in block.pmu.items():
        known = _integers(counts) >= 0
        yield _Chunk(
            {**whole.shared, "kind": "pmu", "counter": counter},
            _integers(counts)[known],
            whole.inference[known],
            whole.structure[known],
            whole.event[known],
            whole.core[known],
            whole.tainted[known],
        )


_ABSENT = -1
_ROW_FIELDS = frozenset({"value", "inference", "structure", "event", "core", "tainted"})
_BLOCK_FIELDS = (
    *("process", "block", "round", "phase", "variant", "counter", "t", "khz", "khz_before"),
    *("millicelsius", "millicelsius_before", "chain_khz", "chain_khz_before", "missed", "worker_cores"),
)


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
    names = ["value", "process", "block", "t", "structure", "core"]
    frame = table.select(names).filter(_wanted(table, "inference", variant, counter, phase))
    return Inferences(*(_ints(frame, name) for name in names))


def select_rounds(table: pa.Table, variant: str, counter: str) -> tuple[IntArray, IntArray]:
    """Process and round of each steady inference that :func:`select_inferences` gives, [inferences] each."""
    frame = table.select(["process", "round"]).filter(_wanted(table, "inference", variant, counter, "steady"))
    return _ints(frame, "process"), _ints(frame, "round")


def select_events(table: pa.Table, counter: str, structure: int, width: int) -> tuple[IntArray, IntArray]:
    """Events of the steady profiled inferences that have one structure.

    Returns:
        Elapsed values [inferences, width] and the position of each inference among those that
        :func:`select_inferences` gives for ``profiled`` [inferences].
    """
    inferences = select_inferences(table, "profiled", counter)
    where = np.flatnonzero(inferences.structure == structure)
    wanted = _wanted(table, "event", "profiled", counter, "steady")
    frame = table.select(["value", "structure"]).filter(wanted)
    values = _ints(frame, "value")[_ints(frame, "structure") == structure]
    return values.reshape(len(where), width), where


def select_singles(table: pa.Table, kind: str, phase: str, counter: str, variant: str = "plain") -> IntArray:
    """Values that belong to no block (``init``, ``memory``), of a variant."""
    return _ints(table.select(["value"]).filter(_wanted(table, kind, variant, counter, phase)), "value")


def select_statistics(table: pa.Table, kind: str, phase: str) -> dict[int | None, int]:
    """Statistics of one kind of an aggregate profile by position of the event, None: of whole inferences."""
    mask = pc.and_(pc.equal(table["kind"], kind), pc.equal(table["phase"], phase))
    frame = table.filter(mask)
    return dict(zip(frame["event"].to_pylist(), frame["value"].to_pylist(), strict=True))


def _wanted(table: pa.Table, kind: str, variant: str, counter: str, phase: str) -> pa.ChunkedArray:
    mask = pc.invert(table["tainted"])
    for name, value in (("kind", kind), ("variant", variant), ("counter", counter), ("phase", phase)):
        mask = pc.and_(mask, _equals(table[name], value))
    return mask


def _equals(column: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    """Where a column of text has a value: of an encoded one numbers are compared, which is many times as fast."""
    if not pa.types.is_dictionary(column.type):
        return pc.equal(column, value)
    # Every chunk has a dictionary of its own; what is not in it has the number -1, which none has.
    parts = [pc.equal(chunk.indices, pc.index(chunk.dictionary, value)) for chunk in column.chunks]
    return pa.chunked_array(parts, type=pa.bool_())


def _ints(table: pa.Table, name: str) -> IntArray:
    return np.asarray(table[name].fill_null(-1)).astype(np.int64)


def select_numbered(table: pa.Table, kind: str, counter: str) -> tuple[IntArray, IntArray]:
    """Steady plain values of a kind (``inference``, ``pmu``): a number for each inference, [n], and the value, [n].

    The number is the same for all values of one inference, and grows with time.
    """
    wanted = _wanted(table, kind, "plain", counter, "steady")
    frame = table.select(["process", "inference", "value"]).filter(wanted)
    return (_ints(frame, "process") << 32) + _ints(frame, "inference"), _ints(frame, "value")
