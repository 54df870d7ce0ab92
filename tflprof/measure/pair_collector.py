"""From records of processes that run two models to what each of the two would have gathered."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np

from tflprof.measure.collect import Collector
from tflprof.measure.taint import marked
from tflprof.profile.samples import BlockSamples
from tflprof.runner import records as wire


class PairCollector:
    """Routes records to a collector for each of two models, whichever was loaded first.

    Init, first inference and memory are kept of the model only that the process loaded first, and as they were
    before the other was: the second finds the library loaded and the first model's memory taken.

    Attributes:
        a: the collector of the first model; b: of the second.
        likely: processes that seemed to give what a comparison needs when they ended, see :meth:`pairs`.
    """

    def __init__(self, counter: str) -> None:
        # The processes are short, and what drifts in them drifts for both models.
        self.a = Collector(counter, settle=False)
        self.b = Collector(counter, settle=False)
        self.likely = 0
        self._by_number = (self.a, self.b)

    @property
    def blocks(self) -> list[BlockSamples]:
        """All blocks of finished processes."""
        return [*self.a.blocks, *self.b.blocks]

    @property
    def processes(self) -> int:
        """Processes begun."""
        return self.a.processes

    def load(self, *, swapped: bool) -> None:
        """Say which model is number 0 of the next process: A, or B if ``swapped``."""
        self._by_number = (self.b, self.a) if swapped else (self.a, self.b)

    def begin_process(self) -> None:
        """The records that follow are of a new process."""
        self.a.begin_process()
        self.b.begin_process()

    def add(self, record: wire.Record) -> None:
        """Take one record: that of a model goes to its collector, any other to both."""
        number: int | None = getattr(record, "m", None)
        if number is None:
            self.a.add(record)
            self.b.add(record)
        elif not _of_process(record) or (number == 0 and not _is_end(record)):
            self._by_number[number].add(record)

    def end_process(self) -> None:
        """The process is over; what a lost one gave is kept, too."""
        before = [len(side.blocks) for side in (self.a, self.b)]
        self.a.end_process()
        self.b.end_process()
        new = (side.blocks[count:] for side, count in zip((self.a, self.b), before, strict=True))
        self.likely += len(_whole(*map(_rounds, new)))

    def has_steady(self) -> bool:
        """True if there is any steady sample of both."""
        return self.a.has_steady() and self.b.has_steady()

    def pairs(self) -> int:
        """Processes in which both models have an undisturbed block of each variant in a common round."""
        sides = (marked(side.blocks, as_it_is=False)[0] for side in (self.a, self.b))
        return len(_whole(*map(_rounds, sides)))

    def sides(self) -> Iterator[Collector]:
        """Copies of both collectors as they are now; what disturbed one process disturbed both."""
        switches = self.a.switches + self.b.switches
        for collector in (self.a, self.b):
            side = copy.copy(collector)
            side.switches = switches
            yield side


_Round = tuple[int, int, str]


def _of_process(record: wire.Record) -> bool:
    if isinstance(record, wire.Block):
        return record.phase == "first"
    return isinstance(record, (wire.Init, wire.Memory))


def _is_end(record: wire.Record) -> bool:
    # By then the process holds both models.
    return isinstance(record, wire.Memory) and record.at == "end"


def _rounds(blocks: Sequence[BlockSamples]) -> set[_Round]:
    """Process, round and variant of every block that a comparison can use."""
    return {
        (block.process, block.round, block.variant)
        for block in blocks
        if block.phase == "steady" and not np.all(block.tainted)
    }


def _whole(a: set[_Round], b: set[_Round]) -> set[int]:
    """Processes with a round of each variant that is in both."""
    common = a & b
    plain, profiled = ({p for p, _, variant in common if variant == v} for v in ("plain", "profiled"))
    return plain & profiled
