"""Which samples something disturbed, and what that was: another core, another frequency, heat."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tflprof.profile.samples import BlockSamples

FREQUENCY_CHANGE = 0.05
"""Blocks are disturbed if the core's frequency is further than so much, relative, from the usual one."""

_LEAST_BLOCKS = 6


def off_core(cores: Sequence[int], workers: Sequence[int] | None, cpus: Collection[int]) -> list[bool]:
    """Of each inference, whether it ended on a CPU that is none of ``cpus``; of all, if a thread did.

    Nothing is off without ``cpus``; a CPU of -1 is unknown, and not off.
    """
    if not cpus:
        return [False] * len(cores)
    astray = any(core >= 0 and core not in cpus for core in workers or ())
    return [astray or (core >= 0 and core not in cpus) for core in cores]


def marked(
    blocks: Sequence[BlockSamples], *, as_it_is: bool
) -> tuple[list[BlockSamples], dict[str, Any] | None, bool]:
    """Blocks with all that disturbed them marked: what a result rests on, be it the last or one on the way.

    Returns:
        The blocks, what was seen of the frequency (:func:`taint_frequency`), and whether disturbed ones are used
        because there is nothing else. Changes of the frequency are not marked if it is to be ``as_it_is``.
    """
    tainted, frequency = taint_frequency(blocks, only_note=as_it_is)
    kept, used = keep_something(tainted)
    return kept, frequency, used


def undisturbed(blocks: Sequence[BlockSamples], variant: str, counter: str) -> list[BlockSamples]:
    """Steady blocks of a variant and a counter with their undisturbed inferences only, if they have any."""
    wanted = [block for block in _steady(blocks) if (block.variant, block.counter) == (variant, counter)]
    return [_narrowed(block) for block in wanted if not np.all(block.tainted)]


def _narrowed(block: BlockSamples) -> BlockSamples:
    if not np.any(block.tainted):
        return block
    kept = np.flatnonzero(~np.asarray(block.tainted)).tolist()

    def some(items: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(items[at] for at in kept) if items else ()

    return replace(
        block,
        values=some(block.values),
        cores=some(block.cores),
        structures=some(block.structures),
        events=some(block.events),
        pmu={name: some(counts) for name, counts in block.pmu.items()},
        tainted=False,
    )


def keep_something(blocks: Sequence[BlockSamples]) -> tuple[list[BlockSamples], bool]:
    """Blocks with steady samples of every variant: where all are tainted, none is, which is told as True."""
    lost = {
        variant
        for variant in {block.variant for block in blocks}
        if all(np.all(block.tainted) for block in _steady(blocks) if block.variant == variant)
        and any(block.variant == variant for block in _steady(blocks))
    }
    kept = [replace(block, tainted=False) if block.variant in lost else block for block in blocks]
    return kept, bool(lost)


def taint_frequency(
    blocks: Sequence[BlockSamples], *, only_note: bool = False
) -> tuple[list[BlockSamples], dict[str, Any] | None]:
    """Mark the steady blocks around which the frequency was not the usual one, if they are the fewer.

    What was measured with a chain of additions and what the system tells count each for itself.

    Returns:
        The blocks, and what was seen by the clock that changed more often: whether it was ``measured``, lowest,
        usual and highest kHz, the share of blocks that differ (None below 6 blocks); besides, the share of blocks
        that differ by ``either_share`` of the clocks, whether these were ``left_out``, and the system's usual kHz.
        None if the frequency is unknown. With ``only_note`` nothing is marked.
    """
    steady = _steady(blocks)
    views = [view for view in (_view(steady, source) for source in _SOURCES) if view.khz]
    if not views:
        return list(blocks), None
    changed = frozenset().union(*(view.changed for view in views))
    enough = len(steady) >= _LEAST_BLOCKS
    marked = enough and 0 < len(changed) < len(steady) / 2 and not only_note
    most = max(views, key=lambda view: len(view.changed))
    told = {
        "measured": most.source is _measured,
        "lowest_khz": min(most.khz),
        "usual_khz": most.usual,
        "highest_khz": max(most.khz),
        "changed_share": len(most.changed) / len(steady) if enough else None,
        "either_share": len(changed) / len(steady) if enough else None,
        "left_out": marked,
        "told_usual_khz": next((view.usual for view in views if view.source is _told), None),
    }
    if not marked:
        return list(blocks), told
    return [replace(block, tainted=True) if id(block) in changed else block for block in blocks], told


def temperatures(blocks: Sequence[BlockSamples]) -> dict[str, Any] | None:
    """Degrees at the beginning (median of a tenth of the blocks), at the end, and the highest; None if unknown."""
    known = np.array([b.millicelsius for b in blocks if b.millicelsius is not None]) / 1000
    if not len(known):
        return None
    tenth = max(1, len(known) // 10)
    return {
        "start_celsius": float(np.median(known[:tenth])),
        "end_celsius": float(np.median(known[-tenth:])),
        "highest_celsius": float(known.max()),
    }


def frequency_trend(blocks: Sequence[BlockSamples]) -> float | None:
    """Frequency of the last quarter of the steady blocks over that of the first; None if unknown."""
    trends = []
    for source in _SOURCES:
        known = [np.mean(pair) for pair in map(source, _steady(blocks)) if pair]
        if quarter := len(known) // 4:
            trends.append(float(np.median(known[-quarter:]) / np.median(known[:quarter])))
    return min(trends, default=None)


def _steady(blocks: Sequence[BlockSamples]) -> list[BlockSamples]:
    return [block for block in blocks if block.phase == "steady"]


def _measured(block: BlockSamples) -> list[int]:
    return [khz for khz in (block.chain_khz_before, block.chain_khz) if khz]


def _told(block: BlockSamples) -> list[int]:
    return [khz for khz in (block.khz_before, block.khz) if khz]


_Source = Callable[[BlockSamples], list[int]]
_SOURCES: tuple[_Source, ...] = (_measured, _told)


@dataclass(frozen=True)
class _View:
    """One source's frequencies, kHz, and the identities of the blocks around which they were not the usual ones."""

    source: _Source
    khz: list[int]
    changed: frozenset[int]

    @property
    def usual(self) -> int:
        return round(float(np.median(self.khz)))


def _view(steady: Sequence[BlockSamples], source: _Source) -> _View:
    # Cores of several kinds have several usual frequencies.
    by_core: dict[int, list[int]] = {}
    for block in steady:
        by_core.setdefault(block.cores[-1], []).extend(source(block))
    usual = {core: float(np.median(khz)) for core, khz in by_core.items() if khz}
    changed = {
        id(block)
        for block in steady
        for khz in source(block)
        if abs(khz - usual[block.cores[-1]]) > FREQUENCY_CHANGE * usual[block.cores[-1]]
    }
    return _View(source, [khz for each in by_core.values() for khz in each], frozenset(changed))
