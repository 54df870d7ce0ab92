"""What an emulated phone executed: the emulator logs every block of code before it runs it for the first time.

Instruction encodings: Arm Architecture Reference Manual for A-profile, C4.1 (top level) and C7.2 (NEON).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import Block, End
from tflprof.runtimes.library import find_runtime
from tflprof.targets.emulated import EmulatedDevice

# Kind of instruction: pairs of value and mask.
KINDS = {
    "dot": [  # SDOT, UDOT by vector and by element
        (0x0E809400, 0x9FE0FC00),
        (0x0F80E000, 0x9FC0F400),
    ],
    "i8mm": [  # SMMLA, UMMLA, USMMLA, USDOT by vector and by element, SUDOT
        (0x4E80A400, 0xDFE0FC00),
        (0x4E80AC00, 0xFFE0FC00),
        (0x0E809C00, 0xBFE0FC00),
        (0x0F80F000, 0xBFC0F400),
        (0x0F00F000, 0xBFC0F400),
    ],
    "bf16": [(0x6E40EC00, 0xFFE0FC00), (0x2E40FC00, 0xBFE0FC00), (0x0F40F000, 0xBFC0F400)],  # BFMMLA, BFDOT
    "fmla half": [(0x0E400C00, 0xBFE0FC00), (0x0F001000, 0xBFC0F400)],
    "fmla single": [(0x0E20CC00, 0xBFE0FC00), (0x0F801000, 0xBFC0F400)],
    "smlal": [(0x0E208000, 0x9F20FC00), (0x0F002000, 0x9F00F400)],  # and UMLAL
    # A 128-bit register filled by halves, the upper one through a general register: only kernels for cores that
    # execute in order and load 64 bits at a time do so, between multiplications.
    "ins": [(0x4E181C00, 0xFFFFFC00)],
    "smstart": [(0xD503407F, 0xFFFFF0FF)],  # and SMSTOP
    "sve": [(0x04000000, 0x1E000000)],
    "sme": [(0x80000000, 0x9E000000)],
}


@dataclass(frozen=True)
class Executed:
    """What one run executed.

    Attributes:
        blocks: kinds of instructions in each block of code, with how many there are.
        paths: absolute paths the program asked for.
        outside: those that the phone's tree does not have.
        counts: instructions of the last inference of each model.
    """

    blocks: list[Counter[str]]
    paths: set[str]
    outside: set[str]
    counts: tuple[int, ...]

    def has(self, *kinds: str) -> bool:
        """Whether some block has instructions of all these kinds."""
        return any(all(block[kind] for kind in kinds) for block in self.blocks)


def execute(phone: str, core: str, models: tuple[Path, ...], log: Path) -> Executed:
    """Run models on a core of an emulated phone."""
    options = ("-strace", "-d", "in_asm", "-D", str(log))
    device = EmulatedDevice(phone, counter_plugin, "instructions", options)
    runner = NativeRunner(device, find_runtime("linux-aarch64"), runner_binary("linux-aarch64"))
    request = RunRequest(models, core=core, variants=("plain",), max_inferences=2)
    session = runner.start(request)
    records = list(session.records())
    session.close()
    text = log.read_text("utf-8", "replace")
    paths = set(re.findall(r'"(/[^"]*)"', text))
    outside = {path for path in paths if not (device.root / path[1:]).exists()}
    runner.close()
    assert isinstance(records[-1], End)
    assert records[-1].status == "ok"
    last = {record.m: record.value[-1] for record in records if isinstance(record, Block)}
    assert sorted(last) == list(range(len(models)))
    blocks = [kinds_of(words_of(block)) for block in text.split("\nIN: ")[1:]]
    return Executed(blocks, paths, outside, tuple(last[model] for model in sorted(last)))


def words_of(block: str) -> list[int]:
    """Instruction words of a block of the log: as a disassembly, or as bytes where the emulator has none."""
    words = [int(word, 16) for word in re.findall(r"^0x[0-9a-f]+:\s+([0-9a-f]{8})\b", block, re.MULTILINE)]
    for line in re.findall(r"^OBJD-T: ([0-9a-f]+)$", block, re.MULTILINE):
        data = bytes.fromhex(line)
        words += [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    return words


def kinds_of(words: list[int]) -> Counter[str]:
    """How many of the words are of each kind."""
    return Counter(kind for word in words for kind in kinds_of_word(word))


@cache
def kinds_of_word(word: int) -> tuple[str, ...]:
    """The kinds that an instruction word is of."""
    return tuple(
        kind for kind, encodings in KINDS.items() if any(word & mask == value for value, mask in encodings)
    )
