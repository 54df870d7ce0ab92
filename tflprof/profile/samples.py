"""Collecting raw samples into the Arrow table of a profile, and reading them back as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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


@dataclass
class SampleWriter:
    """Gathers samples column by column; :meth:`table` gives the Arrow table."""

    _columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in SAMPLES.names})
    _inferences: dict[int, int] = field(default_factory=dict)

    def add_block(self, block: BlockSamples) -> None:
        """Append a block: a row per inference, and a row per event of it."""
        common = {
            "process": block.process,
            "block": block.block,
            "round": block.round,
            "phase": block.phase,
            "variant": block.variant,
            "counter": block.counter,
            "t": block.t,
            "khz": block.khz,
            "tainted": block.tainted,
        }
        for i, value in enumerate(block.values):
            number = self._inferences.get(block.process, 0)
            self._inferences[block.process] = number + 1
            core = block.cores[i] if block.cores[i] >= 0 else None
            where = {**common, "core": core, "inference": number}
            structure = block.structures[i] if block.structures else None
            self._extend("inference", where, [value], [None], structure)
            if block.events:
                elapsed = block.events[i]
                self._extend("event", where, elapsed, range(len(elapsed)), structure)

    def add_single(self, kind: str, process: int, phase: str, variant: str, counter: str, value: int) -> None:
        """Append one value that belongs to no block (``init``, ``memory``)."""
        where = {
            "process": process,
            "phase": phase,
            "variant": variant,
            "counter": counter,
            "tainted": False,
        }
        self._extend(kind, where, [value], [None], None)

    def _extend(
        self,
        kind: str,
        where: dict[str, Any],
        values: Sequence[int],
        events: Sequence[int | None],
        structure: int | None,
    ) -> None:
        count = len(values)
        for name, column in self._columns.items():
            if name == "value":
                column.extend(values)
            elif name == "event":
                column.extend(events)
            elif name == "kind":
                column.extend([kind] * count)
            elif name == "structure":
                column.extend([structure] * count)
            else:
                column.extend([where.get(name)] * count)

    def table(self) -> pa.Table:
        """All samples so far, in order of arrival."""
        return pa.table(
            {name: pa.array(column, type=_plain(SAMPLES.field(name).type)) for name, column in self._columns.items()}
        ).cast(SAMPLES)


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


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
    return Inferences(*(_ints(frame, name) for name in ("value", "process", "block", "t", "structure", "core")))


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


def _wanted(table: pa.Table, kind: str, variant: str, counter: str, phase: str) -> pa.Array:
    mask = ~np.asarray(table["tainted"])
    for name, value in (("kind", kind), ("variant", variant), ("counter", counter), ("phase", phase)):
        mask &= _equals(table[name], value)
    return pa.array(mask)


def _equals(column: pa.ChunkedArray, value: str) -> npt.NDArray[np.bool_]:
    encoded = column.unify_dictionaries().combine_chunks()
    names = encoded.dictionary.to_pylist()
    if value not in names:
        return np.zeros(len(column), dtype=bool)
    return np.asarray(encoded.indices) == names.index(value)


def _ints(table: pa.Table, name: str) -> IntArray:
    return np.asarray(table[name].fill_null(-1)).astype(np.int64)
