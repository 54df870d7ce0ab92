"""Reading the blocks of a profile back as the runner gave them, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tflprof.profile.samples import BlockSamples, IntArray

_SHARED = (
    *("khz", "khz_before", "millicelsius", "millicelsius_before", "chain_khz", "chain_khz_before"),
    *("missed", "worker_cores"),
)


def read_blocks(table: pa.Table, counter: str) -> Iterator[BlockSamples]:
    """Every block of inferences with its events and performance counters, whatever its phase.

    What :meth:`tflprof.profile.samples.SampleWriter.add_block` was given; ``counter`` is the profile's unit.
    Blocks whose start is not known are left out.
    """
    frame = table.filter(pc.and_(pc.is_valid(table["block"]), pc.is_valid(table["t"])))
    reader = _Reader(frame, counter)
    keys = (reader.ints["process"].astype(np.int64) << 32) + reader.ints["block"]
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    for first, last in zip(firsts, [*firsts[1:], len(keys)], strict=True):
        block = reader.block(int(first), int(last))
        if block is not None:
            yield block


class _Reader:
    """Columns of a table of which every row belongs to a block."""

    def __init__(self, frame: pa.Table, counter: str) -> None:
        self.frame = frame
        self.counter = counter
        names = ("process", "block", "round", "inference", "structure", "value", "t", "core", "tainted")
        self.ints: dict[str, IntArray] = {name: _ints(frame, name) for name in names}
        self.kinds = {name: _is(frame, "kind", name) for name in ("inference", "event", "pmu")}
        self.counted = _is(frame, "counter", counter)

    def block(self, first: int, last: int) -> BlockSamples | None:
        """The block of the rows from ``first`` to before ``last``; None if it has no inference."""
        here = slice(first, last)
        rows = first + np.flatnonzero(self.kinds["inference"][here] & self.counted[here])
        if not len(rows):
            return None
        structures = self.ints["structure"][rows]
        profiled = bool(np.any(structures >= 0))
        return BlockSamples(
            process=int(self.ints["process"][first]),
            block=int(self.ints["block"][first]),
            round=int(self.ints["round"][first]),
            phase=self._text("phase", first),
            variant=self._text("variant", first),
            counter=self.counter,
            t=int(self.ints["t"][first]),
            values=self.ints["value"][rows].tolist(),
            cores=self.ints["core"][rows].tolist(),
            structures=structures.tolist() if profiled else (),
            events=self._events(here, rows) if profiled else (),
            tainted=[bool(each) for each in self.ints["tainted"][rows]],
            pmu=self._counts(here, rows),
            **{name: self.frame[name][first].as_py() for name in _SHARED},
        )

    def _events(self, here: slice, rows: IntArray) -> list[list[int]]:
        """Per inference, the elapsed values of its events in their order."""
        places = here.start + np.flatnonzero(self.kinds["event"][here] & self.counted[here])
        owners, values = self.ints["inference"][places], self.ints["value"][places]
        return [values[owners == number].tolist() for number in self.ints["inference"][rows]]

    def _counts(self, here: slice, rows: IntArray) -> dict[str, list[int]]:
        """Per performance counter, what it counted in each inference, -1 if unknown."""
        found: dict[str, list[int]] = {}
        place = {int(number): i for i, number in enumerate(self.ints["inference"][rows])}
        for row in here.start + np.flatnonzero(self.kinds["pmu"][here]):
            counts = found.setdefault(self._text("counter", int(row)), [-1] * len(rows))
            counts[place[int(self.ints["inference"][row])]] = int(self.ints["value"][row])
        return found

    def _text(self, name: str, row: int) -> str:
        return str(self.frame[name][row].as_py())


def _ints(frame: pa.Table, name: str) -> IntArray:
    return np.asarray(frame[name].cast(pa.int64()).fill_null(-1))


def _is(frame: pa.Table, name: str, value: str) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.equal(frame[name], value), dtype=np.bool_)
