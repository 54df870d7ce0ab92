"""Compresses a trained network to a budget and wins its accuracy back.

``python -m examples.digits.compress FOLDER NETWORK``; FOLDER is what :mod:`examples.digits.train` wrote. Latency is
modelled on an emulated phone. Accuracy is that on the held-out digits: of the original, the compressed and the
recovered file.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.digits.data import SIDE, Array, Part, load
from tflprof.recover.distil import Distillation
from tflprof.recover.recover import recover
from tflprof.runtimes.execute import Executor
from tflprof.workflow.compress import apply_plan, plan_compression
from tflprof.workflow.compress_subject import CompressionOptions
from tflprof.workflow.profile import profile_model

TARGET = "emulated:pixel2"
HOW = Distillation(temperature=4.0, mix=0.7, epochs=12, batch=128, rate=1e-3, seed=7)


@dataclass(frozen=True)
class Measured:
    """One file: modelled time of an inference in ns, exact instructions, and right answers of the held-out digits."""

    path: Path
    ns: float
    instructions: float
    right: int
    of: int
    answers: tuple[int, ...]

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy on digits like these."""
        z, share, n = 1.96, self.accuracy, self.of
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return middle - half, middle + half


@dataclass(frozen=True)
class Story:
    """What became of a network at a budget (ns): changes as words, and the three files."""

    network: str
    budget: float
    feasible: bool
    planned: float
    rounds: int
    changes: tuple[str, ...]
    before: Measured
    compressed: Measured
    recovered: Measured


def measure(path: Path, held: Part) -> Measured:
    """Latency on the emulated phone, and answers in LiteRT."""
    profile = profile_model(path, target=TARGET)
    counts = profile.counts
    with Executor() as executor:
        name = executor.ports(path).inputs[0].name
        outputs = executor.stream(path, ({name: image[None]} for image in held.images))
        answers = [int(np.argmax(next(iter(found.values())))) for found in outputs]
    return Measured(
        path=path,
        ns=float(profile.summary.total.typical or math.nan),
        instructions=math.nan if counts is None else float(counts.summary.total.typical or math.nan),
        right=int(np.sum(np.asarray(answers) == held.labels)),
        of=len(held),
        answers=tuple(answers),
    )


def shifted(images: Array, seed: int) -> Array:
    """The images moved by up to two pixels, each by its own, as they were in training."""
    moves = np.random.default_rng(seed).integers(0, 5, (len(images), 2))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return np.stack([padded[at, y : y + SIDE, x : x + SIDE] for at, (y, x) in enumerate(moves.tolist())])


def tell(
    folder: Path,
    network: str,
    share: float,
    *,
    before: Measured | None = None,
    methods: Sequence[str] = ("prune", "low_rank"),
    how: Distillation = HOW,
    rounds: int = 3,
    say: Callable[[str], None] = lambda _: None,
) -> Story:
    """Compress a network to a share of its latency, recover it, and measure all three files.

    Args:
        folder: what training wrote; new files are put beside.
        network: name of the file without its ending.
        share: budget as a share of the original's latency, 0-1.
        before: the original measured, if it is already.
        methods: of compression.
        how: of the distillation.
        rounds: of measuring and planning.
        say: is told what happens.
    """
    digits = load(folder)
    original = folder / f"{network}.tflite"
    before = before or measure(original, digits.heldout)
    budget = share * before.ns
    say(f"{network}: {before.ns / 1e6:.3f} ms, {100 * before.accuracy:.2f} %; budget {budget / 1e6:.3f} ms")
    options = CompressionOptions(
        methods=methods, calibration=folder / "calibration.npz", rounds=rounds, how={"target": TARGET}
    )
    plan = plan_compression(original, f"{budget / 1e3:.3f}us", options).plan
    small = folder / f"{network}_{round(100 * share)}.tflite"
    apply_plan(plan, original, small, overwrite=True)
    compressed = measure(small, digits.heldout)
    say(f"  compressed: {compressed.ns / 1e6:.3f} ms, {100 * compressed.accuracy:.2f} %")
    train = digits.train
    content = recover(small, original, train.images, train.labels, how, vary=shifted).content
    again = folder / f"{network}_{round(100 * share)}_recovered.tflite"
    again.write_bytes(content)
    recovered = measure(again, digits.heldout)
    say(f"  recovered:  {recovered.ns / 1e6:.3f} ms, {100 * recovered.accuracy:.2f} %")
    return Story(
        network=network,
        budget=budget,
        feasible=plan.feasible,
        planned=plan.after.value,
        rounds=len(plan.rounds),
        changes=tuple(
            f"{made.change.method} {','.join(made.change.layers)}: {made.label}" for made in plan.changes
        ),
        before=before,
        compressed=compressed,
        recovered=recovered,
    )


def main() -> None:
    """Tell the story of one network at one budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("network")
    parser.add_argument("--share", type=float, default=0.5, help="budget as a share of the latency")
    parser.add_argument("--methods", default="prune,low_rank")
    chosen = parser.parse_args()

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    story = tell(
        chosen.folder, chosen.network, chosen.share, methods=tuple(chosen.methods.split(",")), say=say
    )
    for change in story.changes:
        say(f"  {change}")


if __name__ == "__main__":
    main()
