"""The parts of the emulator plugin's cost model as a program, and core files for it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from android_runner.tests.harness import FLAGS, SOURCES

INSTRUCTIONS = Path(__file__).resolve().parents[1] / "data" / "cost_model" / "instructions.txt"
PARTS = 64
"""The program's parts of a cycle."""

_OF_THE_PLUGIN = ("counter", "direct", "model", "scoreboard")
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


class CostModel:
    """The program, compiled with sanitizers into a folder."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "cost_model"
        plugin = sorted((SOURCES / "plugin").glob("*.c"))
        sources = [SOURCES / "tests" / "cost_model" / "main.c"]
        sources += [path for path in plugin if path.stem not in _OF_THE_PLUGIN]
        command = ["gcc", *FLAGS, *_SANITIZERS, *map(str, sources), "-o", str(self.program)]
        subprocess.run(command, check=True)

    def run(self, *arguments: object, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(self.program), *map(str, arguments)]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)

    def lines(self, *arguments: object, text: str = "") -> list[str]:
        """What it prints, after making sure that it went well."""
        done = self.run(*arguments, text=text)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def cycles(self, core: Path, words: Sequence[str]) -> float:
        (cost,) = self.costs(core, [words])
        return cost / PARTS

    def rounds(self, core: Path, words: Sequence[str]) -> float:
        """Cycles of a round of a loop of these."""
        return self.cycles(core, looping(words))

    def costs(self, core: Path, blocks: Iterable[Sequence[str]], begun: int = 0) -> list[int]:
        """Parts of cycles of each block, but for its first ``begun`` instructions, which are another."""
        text = "".join(f"{begun} {' '.join(words)}\n" for words in blocks)
        return [cost for cost, _ in self._prices(core, text)]

    def overlap(self, core: Path, words: Sequence[str]) -> float:
        """Cycles of a block behind which lines come in."""
        ((_, hidden),) = self._prices(core, f"0 {' '.join(words)}\n")
        return hidden / PARTS

    def _prices(self, core: Path, text: str) -> list[tuple[int, int]]:
        rows = [line.split() for line in self.lines("price", core, text=text)]
        return [(int(cycles), int(hidden)) for cycles, hidden in rows]


def class_names() -> list[str]:
    """Of all classes, as the plugin's source has them."""
    text = (SOURCES / "plugin" / "operation.h").read_text("utf-8")
    listed = text.split("#define OPERATION_CLASSES(X)")[1].split("enum")[0]
    return re.findall(r"X\((\w+)\)", listed)


def looping(words: Sequence[str], top: int = 0) -> list[str]:
    """A block that ends with a jump to one of its instructions."""
    return [*words, f"{0x14000000 | (top - len(words)) & 0x3FFFFFF:08x}"]


def words_of(*instructions: str) -> list[str]:
    """The words of instructions that stand in the file of instructions."""
    known = {text: word for word, text, _ in instruction_rows()}
    return [known[text] for text in instructions]


def instruction_rows() -> list[tuple[str, str, str]]:
    """Word, text and meaning of each instruction in the file."""
    rows = []
    for line in INSTRUCTIONS.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            code, meaning = line.split(" | ")
            word, text = code.split(" ", 1)
            rows.append((word, text, meaning))
    return rows


def core_file(
    folder: Path,
    classes: Sequence[str],
    lines: Mapping[str, str | None] | None = None,
    order: str = "in",
    width: int = 2,
    window: int | None = None,
    costs: Mapping[str, str] | None = None,
) -> Path:
    """A core in which everything takes one slot, one cycle and no pipe, branches no slot, but for what is given.

    Args:
        lines: further lines, by key; a key's line of ours is replaced. None as the value leaves it out.
        costs: of classes, what follows the name in their lines.
    """
    settings: dict[str, str | None] = {
        "version": "1",
        "order": order,
        "width": str(width),
        "window": str((0 if order == "in" else 128) if window is None else window),
        "pipe": "alu 2",
        "caches": "0",
        **(lines or {}),
    }
    text = [f"{key} {value}" for key, value in settings.items() if value is not None]
    costs = {"branch": "0 1 -", **(costs or {})}
    text += [f"class {name} {costs.get(name, '1 1 -')}" for name in classes]
    path = folder / f"core-{len(list(folder.glob('core-*')))}"
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path
