"""The emulator plugin's cost model: which accesses are joined, and what caches and memory cost."""

from __future__ import annotations

import random
from collections import OrderedDict
from pathlib import Path

import pytest

from tests.integration.cost_model import PARTS, CostModel, class_names, core_file, words_of


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> CostModel:
    return CostModel(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def classes() -> list[str]:
    return class_names()


# --- access runs ---


def runs(model: CostModel, *instructions: str) -> list[str]:
    return model.lines("runs", 64, *words_of(*instructions))


def test_neighbours_through_one_pointer_are_one_run(model: CostModel) -> None:
    assert runs(model, "ldr q1, [x2, #16]", "ldp x1, x2, [sp, #16]", "ldr x1, [x2]") == [
        "load by 0 from 0 bytes 16 pieces 16",
        "load by 1 from 0 bytes 16 pieces 16",
        "load by 2 from 0 bytes 8 pieces 0",
    ]


def test_pointers_are_followed_as_they_move(model: CostModel) -> None:
    streams = ["ldp q1, q2, [x3], #32", "ldp q1, q2, [x3], #32", "ldp s1, s2, [x3]"]
    assert runs(model, *streams) == ["load by 2 from -64 bytes 72 pieces 8"]
    moved = ["ld1 {v1.4s}, [x2], #16", "add x1, x2, #16", "ldr q1, [x2, #16]"]
    assert runs(model, *moved) == ["load by 0 from 0 bytes 48 pieces 16"]


def test_loads_and_stores_are_apart_and_so_are_distant_ones(model: CostModel) -> None:
    both = ["ldp q1, q2, [x3], #32", "stp q1, q2, [x3, #32]", "ldp d1, d2, [x3, #16]"]
    assert runs(model, *both) == [
        "load by 2 from -48 bytes 64 pieces 16",
        "store by 1 from 0 bytes 32 pieces 32",
    ]
    distant = ["prfm pldl1keep, [x5, #192]", "ldr x1, [x2, #8]"]
    assert runs(model, *distant) == ["load by 1 from 0 bytes 8 pieces 0"]


def test_a_pointer_that_was_loaded_is_another(model: CostModel) -> None:
    chain = ["ldr x1, [x2, #8]", "ldp x1, x2, [sp, #16]", "ldr x1, [x2, #8]"]
    assert len(runs(model, *chain)) == 3
    indexed = ["ldr x1, [x2, x3, lsl #3]", "ldr x1, [x2, x3, lsl #3]"]
    assert len(runs(model, *indexed)) == 2


# --- caches ---


class Cache:
    """Sets of the lines used last; ``below`` is the next one, None is memory."""

    def __init__(self, sets: int, ways: int, hit: int, below: Cache | None) -> None:
        self.sets: list[OrderedDict[int, bool]] = [OrderedDict() for _ in range(sets)]
        self.ways, self.hit, self.below = ways, hit, below

    def use(self, line: int, dirty: bool, why: str, memory: list[int]) -> int:
        """Bring a line in to be read, stored or written back; returns the stall, adds memory's lines to ``memory``."""
        lines = self.sets[line % len(self.sets)]
        if line in lines:
            lines.move_to_end(line)
            lines[line] |= dirty
            return 0 if why == "back" else self.hit
        lines[line] = dirty
        stall = 0 if why == "back" else self._beyond(line, False, why, memory)
        if len(lines) > self.ways:
            victim, was_dirty = lines.popitem(last=False)
            if was_dirty:
                stall += self._beyond(victim, True, "back", memory)
        return stall

    def _beyond(self, line: int, dirty: bool, why: str, memory: list[int]) -> int:
        """A line that is stored is not read from memory before."""
        if self.below:
            return self.below.use(line, dirty, why, memory)
        if why != "store":
            memory.append(line)
        return {"read": 100, "store": 0, "back": 40}[why]


@pytest.mark.parametrize(("l1", "l2", "l3"), [((4, 2), (8, 4), None), ((3, 4), (24, 2), (32, 8))])
def test_caches_agree_with_a_plain_model(
    model: CostModel,
    classes: list[str],
    tmp_path: Path,
    l1: tuple[int, int],
    l2: tuple[int, int],
    l3: tuple[int, int] | None,
) -> None:
    def size(sets_and_ways: tuple[int, int] | None) -> str:
        return f"{64 * sets_and_ways[0] * sets_and_ways[1]} {sets_and_ways[1]}" if sets_and_ways else "0 0"

    lines = {"caches": "1", "l1d": size(l1), "l2": size(l2), "l3": size(l3)}
    lines |= {"l2_hit": "6", "l3_hit": "20", "dram_read": "100", "dram_write": "40", "line": "64"}
    core = core_file(tmp_path, classes, lines)
    last = Cache(*l3, 20, None) if l3 else None
    first = Cache(*l1, 0, Cache(*l2, 6, last))
    chance = random.Random(7)
    accesses = [(chance.random() < 0.3, int(chance.expovariate(0.03)) * 64) for _ in range(20_000)]
    stall, memory, expected = 0, list[int](), list[str]()
    for store, address in accesses:
        stall += first.use(address // 64, store, "store" if store else "read", memory)
        expected.append(f"{stall * PARTS} {len(memory)}")
    text = "".join(f"{'w' if store else 'r'} {address + 5}\n" for store, address in accesses)
    assert model.lines("caches", core, text=text) == expected


def test_lines_are_paid_with_what_was_earned(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    lines = {"caches": "1", "l1d": "4096 1", "l2": "8192 1", "dram_read": "100"}
    core = core_file(tmp_path, classes, lines)

    def stalled(*accesses: str) -> list[float]:
        rows = model.lines("caches", core, text="\n".join(accesses))
        return [int(row.split()[0]) / PARTS for row in rows]

    assert stalled("r 0", f"e {30 * PARTS}", "r 64", "r 128") == [100, 100, 170, 270]
    # What was earned long ago is of no use: what is ahead has its limit.
    assert stalled(f"e {10**9}", *(f"r {64 * line}" for line in range(12)))[-1] == 1200 - 1024
