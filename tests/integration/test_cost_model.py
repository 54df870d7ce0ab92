"""The emulator plugin's cost model: decoding, pipelines, access runs, caches, and the file with a core's costs."""

from __future__ import annotations

import random
import re
from collections import OrderedDict
from pathlib import Path

import pytest

from tests.integration.cost_model import (
    PARTS,
    CostModel,
    class_names,
    core_file,
    instruction_rows,
    looping,
    words_of,
)

FMLA = "4e22cc20"  # fmla v0.4s, v1.4s, v2.4s
FMLA_OTHER = "4e22cc23"  # fmla v3.4s, v1.4s, v2.4s
NOP = "d503201f"
LOAD = "f9400041"  # ldr x1, [x2]
ADD_LOADED = "91000423"  # add x3, x1, #1
ADD = "910004a5"  # add x5, x5, #1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> CostModel:
    return CostModel(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def classes() -> list[str]:
    return class_names()


# --- decoding ---


def test_classes_are_those_of_the_source(model: CostModel, classes: list[str]) -> None:
    assert model.lines("classes") == classes


def test_every_instruction_is_taken_for_what_it_is(model: CostModel) -> None:
    """The words are llvm-mc's, the meanings were checked one by one against Arm's manual."""
    rows = instruction_rows()
    assert len(rows) > 250
    meanings = model.lines("decode", *(word for word, _, _ in rows))
    assert dict(zip((text for _, text, _ in rows), meanings, strict=True)) == {
        text: meaning for _, text, meaning in rows
    }


def test_any_word_can_be_decoded(model: CostModel) -> None:
    chance = random.Random(1)
    words = [f"{chance.getrandbits(32):08x}" for _ in range(100_000)]
    tally = [line.split() for line in model.lines("tally", text="\n".join(words))]
    assert sum(int(count) for _, count in tally) == len(words)


# --- in order ---


def test_slots_are_shared_by_so_many_instructions(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    one, two = (core_file(tmp_path, classes, width=width) for width in (1, 2))
    assert model.cycles(one, [NOP] * 6) == 6
    assert model.cycles(two, [NOP] * 6) == 3
    assert model.cycles(two, [NOP] * 5) == 2.5


def test_what_needs_a_loaded_value_waits_for_it(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    core = core_file(tmp_path, classes, costs={"load": "1 4 -"})
    assert model.cycles(core, [LOAD, ADD_LOADED]) == 4.5
    assert model.cycles(core, [LOAD, ADD]) == 1


def test_instructions_that_need_the_same_pipe_go_one_after_the_other(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    lines = {"pipe": "simd 2\npipe narrow 1"}
    free = core_file(tmp_path, classes, lines, costs={"fp_mla_128": "1 1 simd 1"})
    both = core_file(tmp_path, classes, lines, costs={"fp_mla_128": "1 1 simd 1 simd 1"})
    one = core_file(tmp_path, classes, lines, costs={"fp_mla_128": "1 1 simd 1 narrow 1"})
    block = [FMLA, FMLA_OTHER] * 2
    assert [model.cycles(core, block) for core in (free, both, one)] == [2, 3.5, 3.5]


def test_more_slots_than_a_cycle_has_keep_others_from_it(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    core = core_file(tmp_path, classes, costs={"fp_mla_128": "4 1 -"})
    assert model.cycles(core, [NOP, FMLA, NOP, NOP]) == 4


@pytest.mark.parametrize(("order", "width"), [("in", 2), ("out", 3)])
def test_a_loop_is_as_slow_as_its_sum(
    model: CostModel, classes: list[str], tmp_path: Path, order: str, width: int
) -> None:
    costs = {"fp_mla_128": "1 8 -"}
    slow = core_file(tmp_path, classes, order=order, width=width, costs=costs)
    block = [FMLA, ADD, ADD]
    assert model.rounds(slow, block) == 8
    assert model.cycles(slow, block) <= 2


@pytest.mark.parametrize("order", ["in", "out"])
def test_sums_may_be_passed_on_early(
    model: CostModel, classes: list[str], tmp_path: Path, order: str
) -> None:
    costs = {"fp_mla_128": "1 8 -\naccumulate fp_mla_128 4"}
    core = core_file(tmp_path, classes, order=order, costs=costs)
    assert model.rounds(core, [FMLA]) == 4
    # To another instruction, the sum comes late.
    user = words_of("fadd v1.4s, v2.4s, v3.4s")
    assert model.rounds(core, [*user, FMLA]) <= 4
    moved = ["4e20d401", FMLA]  # fadd v1.4s, v0.4s, v0.4s
    assert model.rounds(core, moved) > 8


def test_only_the_part_from_the_jumps_target_on_is_a_loop(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    core = core_file(tmp_path, classes, costs={"fp_mla_128": "1 8 -"})
    assert model.cycles(core, looping([NOP, NOP, FMLA], top=2)) == 9


def test_a_loop_in_two_blocks_costs_as_much_as_in_one(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    """QEMU ends blocks where a page ends."""
    core = core_file(tmp_path, classes, costs={"fp_mla_128": "1 8 -"})
    whole = looping([NOP, NOP, FMLA, NOP, FMLA, NOP])
    rest = model.costs(core, [whole, looping(whole[:-1], top=2)], begun=4)
    assert rest[0] / PARTS + model.cycles(core, whole[:4]) == model.cycles(core, whole) == 16
    assert rest[1] / PARTS + model.cycles(core, whole[2:4]) == 16
    straight = whole[:-1]
    assert model.costs(core, [straight], begun=2) == [
        round(model.cycles(core, straight) * PARTS) - round(model.cycles(core, straight[:2]) * PARTS)
    ]


# --- out of order ---


def test_out_of_order_the_scarcest_thing_counts_and_others_get_in_its_way(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    costs = {"fp_mla_128": "1 8 simd 1", "load": "1 4 memory 1"}
    core = core_file(tmp_path, classes, {"pipe": "simd 1\npipe memory 2"}, order="out", width=4, costs=costs)
    assert model.cycles(core, [FMLA, FMLA_OTHER] * 4) == about((8**4 + 2**4) ** 0.25)
    assert model.cycles(core, [LOAD, ADD_LOADED] * 4) == about((2**4 + 2**4) ** 0.25)
    assert model.rounds(core, [FMLA_OTHER, LOAD, FMLA, ADD_LOADED]) == 8


def about(cycles: float) -> object:
    return pytest.approx(cycles, abs=1 / PARTS)


def test_lines_come_in_behind_what_needs_no_loads(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    costs = {"fp_mla_128": "1 4 simd 1", "load": "1 4 memory 1", "prefetch": "1 1 memory 1"}
    lines = {"pipe": "simd 1\npipe memory 1", "overlap": "0.5"}
    block = [FMLA, FMLA_OTHER, FMLA, LOAD]
    out = core_file(tmp_path, classes, lines, order="out", width=4, costs=costs)
    assert model.overlap(out, block) == (3 - 1) / 2
    assert model.overlap(out, [LOAD] * 4) == 0
    none = core_file(tmp_path, classes, lines | {"overlap": "0"}, order="out", costs=costs)
    assert model.overlap(none, block) == 0


def test_a_window_that_is_too_small_waits_for_loads(
    model: CostModel, classes: list[str], tmp_path: Path
) -> None:
    costs = {"load": "1 20 -"}
    small, large = (
        core_file(tmp_path, classes, order="out", window=window, costs=costs) for window in (4, 128)
    )
    block = [LOAD, ADD_LOADED, NOP, NOP]
    assert model.rounds(large, block) == 2
    assert model.rounds(small, block) > 15
    assert model.cycles(small, block) > 15


def test_instructions_overtake_those_that_wait(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    costs = {"load": "1 10 memory 1", "fp_mla_128": "1 4 simd 1", "fp_add_128": "1 4 simd 1"}
    core = core_file(tmp_path, classes, {"pipe": "simd 1\npipe memory 1"}, order="out", width=4, costs=costs)
    # Of the two that share the pipe, the later one need not wait for the earlier one's long way.
    block = [LOAD, *words_of("dup v1.4s, w2"), FMLA, "4e24d485"]  # fadd v5.4s, v4.4s, v4.4s
    assert model.rounds(core, block) == 4


def test_factors_scale_loops_and_all_others(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    lines = {"efficiency": "loop 1.5\nefficiency straight 2"}
    core = core_file(tmp_path, classes, lines)
    assert model.rounds(core, [NOP, NOP]) == 1.5
    assert model.cycles(core, [NOP, NOP]) == 2


# --- any block ---


def random_core(chance: random.Random, folder: Path, classes: list[str]) -> Path:
    """A core with random costs."""

    def cost(name: str) -> str:
        pipes = chance.sample(["a", "b", "c"], chance.randint(0, 2))
        uses = " ".join(f"{pipe} {chance.choice([0.5, 1, 2, 3.25])}" for pipe in pipes)
        return f"{chance.choice([1, 1, 1, 2, 4])} {chance.randint(1, 9)} {uses or '-'}"

    order, width = chance.choice(["in", "out"]), chance.randint(1, 6)
    costs = {name: cost(name) for name in classes}
    pipes = {"pipe": f"a {chance.randint(1, 4)}\npipe b 2\npipe c 1"}
    return core_file(folder, classes, pipes, order=order, width=width, costs=costs)


@pytest.mark.parametrize("seed", range(6))
def test_an_instruction_more_never_makes_a_block_cheaper(
    model: CostModel, classes: list[str], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    words = [word for word, text, _ in instruction_rows() if not re.match(r"b|cb|tb|ret", text)]
    core = random_core(chance, tmp_path, classes)
    blocks = [chance.choices(words, k=chance.randint(1, 30)) for _ in range(100)]
    longer = [[*block, chance.choice(words)] for block in blocks]
    before, after = model.costs(core, blocks), model.costs(core, longer)
    assert all(cost > 0 for cost in before)
    assert all(more >= less for more, less in zip(after, before, strict=True))
    # What is added to a loop may break a chain of dependences between rounds.
    assert all(cost > 0 for cost in model.costs(core, map(looping, [*blocks, *longer])))


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


# --- the core file ---


def test_a_right_file_is_taken(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    assert model.lines("core", core_file(tmp_path, classes, {"mispredict": "11 # a remark"})) == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"colour": "red"}, r":\d+: unknown key `colour`"),
        ({"version": "2"}, "out of range or no number: `2`"),
        ({"version": None}, "does not state `version`"),
        ({"order": "sideways"}, "neither in nor out: `sideways`"),
        ({"width": "two"}, "out of range or no number: `two`"),
        ({"width": "2.5"}, "no whole number: `2.5`"),
        ({"width": "0"}, "out of range or no number: `0`"),
        ({"width": "2 3"}, "not the right number of values: `width`"),
        ({"window": "64"}, "states a window that does not fit `order in`"),
        ({"width": "2\nwidth 3"}, "stated twice: `width`"),
        ({"pipe": "alu 2\npipe alu 1"}, "stated twice: pipe `alu`"),
        ({"pipe": "alu 9"}, "out of range or no number: `9`"),
        ({"accumulate": "nonsense 3"}, "no class stated before: `nonsense`"),
        ({"mispredict": "nan"}, "out of range or no number: `nan`"),
        ({"mispredict": "-1"}, "out of range or no number: `-1`"),
        ({"overlap": "1.1"}, "out of range or no number: `1.1`"),
        ({"efficiency": "middle 1"}, "neither loop nor straight: efficiency `middle`"),
        ({"caches": "1"}, "states no cache that is sets of ways of lines: `l1d`"),
        ({"caches": "1", "l1d": "1000 4", "l2": "65536 8"}, "sets of ways of lines: `l1d`"),
        ({"caches": "1", "l1d": "32768 4", "l2": "65536 8", "line": "48"}, "is no power of two: `line`"),
        ({"pipe": "x" * 1100 + " 1"}, "too long: "),
    ],
)
def test_a_wrong_file_is_refused_by_name(
    model: CostModel, classes: list[str], tmp_path: Path, lines: dict[str, str | None], message: str
) -> None:
    done = model.run("core", core_file(tmp_path, classes, lines))
    assert done.returncode == 1
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.startswith("tflprof counter plugin: ")


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ("1 1 cellar 1", "no such pipe: `cellar`"),
        ("1 1 alu 1 alu 1 alu 1", "more pipes than there are of `alu`"),
        ("1 1 alu", "needs SLOTS LATENCY and pairs of PIPE OCCUPANCY: class `branch`"),
        ("1 long -", "out of range or no number: `long`"),
        ("1 1 -\nclass branch 1 1 -", "stated twice: class `branch`"),
    ],
)
def test_a_wrong_class_is_refused_by_name(
    model: CostModel, classes: list[str], tmp_path: Path, cost: str, message: str
) -> None:
    done = model.run("core", core_file(tmp_path, classes, costs={"branch": cost}))
    assert done.returncode == 1
    assert message in done.stderr


def test_every_class_must_be_there_and_no_other(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    fewer = model.run("core", core_file(tmp_path, classes[:-1]))
    assert f"does not state class `{classes[-1]}`" in fewer.stderr
    more = model.run("core", core_file(tmp_path, [*classes, "teleport"]))
    assert "no such class: `teleport`" in more.stderr
    missing = model.run("core", tmp_path / "nowhere")
    assert "cannot be opened: `No such file or directory`" in missing.stderr
    assert {missing.returncode, more.returncode, fewer.returncode} == {1}
