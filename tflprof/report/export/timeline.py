"""Where the blocks, inferences and events of a profile lie on a line of time.

A profile has the start of each block and the duration of everything in it. The start of the rest is
reconstructed: inferences follow each other without a gap, and so do the events within what encloses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tflprof.profile.blocks import read_blocks
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples


@dataclass(frozen=True)
class Placed:
    """From ``start`` to ``end``, in the profile's unit since the first block."""

    start: int
    end: int


@dataclass(frozen=True)
class PlacedInference:
    """One inference; ``events`` are those of its event list in their order, none for plain ones."""

    number: int
    span: Placed
    events: tuple[Placed, ...]


@dataclass(frozen=True)
class PlacedBlock:
    """A block with its inferences, the first ``len(inferences)`` of it."""

    samples: BlockSamples
    span: Placed
    inferences: tuple[PlacedInference, ...]


@dataclass
class Timeline:
    """Blocks one after the other.

    Attributes:
        limit: inferences to place; blocks beyond are left out.
        blocks: those that are placed.
        left_out: number of inferences beyond the limit.
        clipped: events whose elapsed value is more than what was left of what encloses them.
    """

    limit: int
    blocks: list[PlacedBlock] = field(default_factory=list)
    left_out: int = 0
    clipped: int = 0
    _shown: int = 0

    def add(self, block: BlockSamples, start: int, parents: Sequence[Sequence[int]]) -> int:
        """Place a block that begins at ``start``; returns where it ends."""
        count = min(len(block.values), self.limit - self._shown)
        self.left_out += len(block.values) - count
        at, placed = start, []
        for i, value in enumerate(block.values[:count]):
            span = Placed(at, at + value)
            events: tuple[Placed, ...] = ()
            if block.events:
                events = self._place(parents[block.structures[i]], block.events[i], span)
            placed.append(PlacedInference(self._shown + i, span, events))
            at = span.end
        if placed:
            self._shown += count
            self.blocks.append(PlacedBlock(block, Placed(start, at), tuple(placed)))
        return start + sum(block.values)

    def _place(self, parent: Sequence[int], elapsed: Sequence[int], whole: Placed) -> tuple[Placed, ...]:
        """Events end to end within what encloses them."""
        spans: list[Placed] = [whole] * len(parent)
        ends = {-1: whole.start}
        # What encloses an event precedes it in the list.
        for i, (outer, value) in enumerate(zip(parent, elapsed, strict=True)):
            limit = whole.end if outer < 0 else spans[outer].end
            start = min(ends[outer], limit)
            self.clipped += start + value > limit
            spans[i] = Placed(start, min(start + value, limit))
            ends[i], ends[outer] = start, spans[i].end
        return tuple(spans)


def make_timeline(profile: Profile, limit: int) -> Timeline:
    """Place the first ``limit`` inferences of a profile, warm-up and disturbed ones included.

    Times are since the start of the first block. Counts and predicted times have no clock: their blocks follow each
    other.
    """
    timeline = Timeline(limit)
    parents = [structure.parent for structure in profile.meta.alignment.structures]
    timed = profile.meta.unit == "ns" and profile.meta.prediction is None
    shift, end, process = 0, 0, None
    for block in read_blocks(profile.table, profile.meta.unit):
        if process is None:
            shift = -block.t
        if timed and block.process != process:
            # A device that was restarted counts anew: its clock is set on behind the last.
            shift = max(shift, end - block.t)
        process = block.process
        start = max(end, block.t + shift) if timed else end
        end = timeline.add(block, start, parents)
    return timeline
