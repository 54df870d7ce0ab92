"""Which samples something disturbed, and what that was: another core, another frequency, heat."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tflprof.profile.samples import BlockSamples

FREQUENCY_CHANGE = 0.05
"""Blocks are disturbed if the core's frequency is further than so much, relative, from the usual one."""


def off_core(cores: Sequence[int], workers: Sequence[int] | None, cpus: Collection[int]) -> list[bool]:
    """Of each inference, whether it ended on a CPU that is none of ``cpus``; of all, if a thread did.

    Nothing is off without ``cpus``; a CPU of -1 is unknown, and not off.
    """
    if not cpus:
        return [False] * len(cores)
    astray = any(core >= 0 and core not in cpus for core in workers or ())
    return [astray or (core >= 0 and core not in cpus) for core in cores]


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

    Returns:
        The blocks, and what was seen: ``measured`` (with a chain of additions, or told by the system), lowest,
        usual and highest kHz, the share of blocks that differ, whether they were marked. None if the
        frequency is unknown. With ``only_note`` nothing is marked.
    """
    seen = {id(block): _khz(block) for block in _steady(blocks)}
    known = [khz for pair in seen.values() for khz in pair]
    if not known:
        return list(blocks), None
    usual = _usual(blocks, seen)
    changed = {
        key
        for key, pair in seen.items()
        if any(abs(khz - usual[key]) > FREQUENCY_CHANGE * usual[key] for khz in pair)
    }
    share = len(changed) / sum(1 for pair in seen.values() if pair)
    marked = bool(changed) and share < 0.5 and not only_note
    told = {
        "measured": any(block.chain_khz is not None for block in blocks),
        "lowest_khz": min(known),
        "usual_khz": round(float(np.median(known))),
        "highest_khz": max(known),
        "changed_share": share,
        "left_out": marked,
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
    known = [np.mean(pair) for pair in map(_khz, _steady(blocks)) if pair]
    quarter = len(known) // 4
    if not quarter:
        return None
    return float(np.median(known[-quarter:]) / np.median(known[:quarter]))


def _steady(blocks: Sequence[BlockSamples]) -> list[BlockSamples]:
    return [block for block in blocks if block.phase == "steady"]


def _khz(block: BlockSamples) -> list[int]:
    """Before and after: what was measured tells more than what the system says."""
    pairs = ((block.chain_khz_before, block.chain_khz), (block.khz_before, block.khz))
    measured, told = ([khz for khz in pair if khz] for pair in pairs)
    return measured or told


def _usual(blocks: Sequence[BlockSamples], seen: dict[int, list[int]]) -> dict[int, float]:
    """By block, the usual frequency of the core that it ran on: cores of several kinds have several."""
    by_core: dict[int, list[int]] = {}
    for block in _steady(blocks):
        by_core.setdefault(block.cores[-1], []).extend(seen[id(block)])
    medians = {core: float(np.median(khz)) for core, khz in by_core.items() if khz}
    return {id(block): medians[block.cores[-1]] for block in _steady(blocks) if seen[id(block)]}
