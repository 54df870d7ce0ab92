"""The emulator plugin's cost model: what instructions are taken for, and what blocks of them cost."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterator
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
from tflprof.runtimes.library import find_runtime

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


@pytest.mark.emulated
def test_nothing_of_the_librarys_code_but_extensions_no_core_here_has_is_unknown(model: CostModel) -> None:
    """`other` are NOP, system instructions, and those of SVE and SME."""
    data = find_runtime("linux-aarch64").path.read_bytes()
    words = [f"{word:08x}" for part in executable_parts(data) for (word,) in struct.iter_unpack("<I", part)]
    lines = [line.split() for line in model.lines("tally", text="\n".join(words))]
    tally = {name: int(count) for name, count in lines}
    assert sum(tally.values()) == len(words) > 1_000_000
    assert tally["other"] < 0.01 * len(words)
    assert all(count for name, count in tally.items())


def executable_parts(elf: bytes) -> Iterator[bytes]:
    """What of an ELF file of 64 bits is loaded to be executed, in whole words."""
    (headers,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for number in range(count):
        kind, flags, offset, _, _, length = struct.unpack_from("<IIQQQQ", elf, headers + number * size)
        if kind == 1 and flags & 1:
            yield elf[offset : offset + length // 4 * 4]


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
