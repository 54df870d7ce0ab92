"""Digits: accuracy on held-out handwriting and latency before compression, after it, and after recovery.

Each network is compressed to shares of its latency on the emulated Pixel 2 by ``tflprof compress``, then fine-tuned
with the original as teacher, by ``examples/digits``. Run ``python -m benchmarks.digits [--networks mobile residual]
[--shares 0.5 0.3]`` where TensorFlow is installed (``make test-tensorflow`` does it) and npm, which fetches the digits.
What was done is kept in ``build/digits`` and not done again; all of it takes half an hour on one core.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks import common
from examples.digits.compress import HOW, TARGET, Measured, Story, measure, tell
from examples.digits.data import load, save
from examples.digits.networks import NETWORKS
from examples.digits.train import write
from tflprof.units import format_value

NAME = "digits"
FOLDER = Path(__file__).resolve().parent.parent / "build" / NAME
_STAGES = ("before", "compressed", "recovered")
_COLOURS = {"mobile": "#1f77b4", "residual": "#d62728", "plain": "#2ca02c", "mlp": "#9467bd"}

Document = dict[str, Any]


def main() -> None:
    """Tell all stories and publish them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--networks", nargs="+", default=["mobile", "residual", "plain"], choices=list(NETWORKS)
    )
    parser.add_argument("--shares", nargs="+", type=float, default=[0.5, 0.3])
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    stories = [story for network in options.networks for story in told(network, options.shares)]
    plot(stories, options.out / f"{NAME}.svg")
    common.publish(NAME, "Digits", text(stories), document(stories), options.out)


def told(network: str, shares: Sequence[float]) -> list[Document]:
    """The stories of one network; those in the folder are taken from there."""
    found: list[Document] = []
    before: Measured | None = None
    for share in shares:
        place = FOLDER / f"{network}_{round(100 * share)}.json"
        if not place.exists():
            trained(network)
            before = before or measure(FOLDER / f"{network}.tflite", load(FOLDER).heldout)
            story = tell(FOLDER, network, share, before=before, say=print)
            place.write_text(json.dumps(_document(story, share), indent=1) + "\n")
        found.append(json.loads(place.read_text()))
    return found


def trained(network: str) -> None:
    """The network's file, trained unless it is there."""
    if not (FOLDER / f"{network}.tflite").exists():
        digits = load(FOLDER)
        save(digits, FOLDER)
        print(f"{network}: {100 * write(network, digits, FOLDER):.2f} % after training")


def _document(story: Story, share: float) -> Document:
    stages: dict[str, Measured] = {stage: getattr(story, stage) for stage in _STAGES}
    teacher = story.before.answers
    return {
        "network": story.network,
        "share": share,
        "budget_ns": story.budget,
        "feasible": story.feasible,
        "planned_ns": story.planned,
        "rounds": story.rounds,
        "changes": list(story.changes),
        "stages": {
            stage: {
                "ns": one.ns,
                "instructions": one.instructions,
                "bytes": one.path.stat().st_size,
                "right": one.right,
                "of": one.of,
                "accuracy": one.accuracy,
                "accuracy_ci95": list(one.interval),
                "agreement": sum(map(int.__eq__, one.answers, teacher)) / one.of,
            }
            for stage, one in stages.items()
        },
        # Of the same digits: how many only the one, and only the other, gets right.
        "recovery": _exchange(story.compressed, story.recovered),
        "whole": _exchange(story.before, story.recovered),
    }


def _exchange(one: Measured, other: Measured) -> dict[str, float]:
    """Digits that two files answer differently, and McNemar's exact chance of as lopsided a difference."""
    from scipy.stats import binomtest

    truth = load(FOLDER).heldout.labels.tolist()
    answers = list(zip(one.answers, other.answers, truth, strict=True))
    lost = sum(a == t != b for a, b, t in answers)
    won = sum(b == t != a for a, b, t in answers)
    chance = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    return {"lost": lost, "won": won, "chance": chance}


def document(stories: Sequence[Document]) -> Document:
    """All of it for programs."""
    return {
        "target": TARGET,
        "provenance": "predicted",
        "distillation": asdict(HOW),
        "stories": list(stories),
    }


def text(stories: Sequence[Document]) -> str:
    """All of it for people."""
    rows = [_row(story) for story in stories]
    head = ["network", "budget", "time before", "compressed", "recovered"]
    head += ["accuracy before", "compressed", "recovered", "recovery"]
    of = stories[0]["stages"]["before"]["of"]
    lines = [
        f"Accuracy is that on {of} held-out digits that neither training nor planning saw, run in LiteRT, with",
        f"Wilson's 95 % interval. Times are of {TARGET}, predicted and repeatable. The budget is a share of the time",
        "before. *Recovery* is how many digits recovery won and lost, and the chance of that if it did nothing",
        "(McNemar, exact).",
        "",
        common.table(head, rows),
        "",
        f"Distilled for {HOW.epochs} epochs on 7000 digits with their labels: temperature {HOW.temperature:g}, "
        f"mix {HOW.mix:g}.",
        "",
        f"![accuracy against time]({NAME}.svg)",
        "",
        "## What was changed",
        "",
    ]
    for story in stories:
        lines.append(f"- {story['network']} at {100 * story['share']:.0f} %: " + "; ".join(story["changes"]))
    return "\n".join(lines)


def _row(story: Document) -> list[str]:
    stages = [story["stages"][stage] for stage in _STAGES]
    recovery = story["recovery"]
    budget = format_value(story["budget_ns"], "ns") + ("" if story["feasible"] else " (out of reach)")
    return [
        f"{story['network']}, {100 * story['share']:.0f} %",
        budget,
        *(format_value(stage["ns"], "ns") for stage in stages),
        *(_accuracy(stage) for stage in stages),
        f"+{recovery['won']} −{recovery['lost']}, {_chance(recovery['chance'])}",
    ]


def _accuracy(stage: Document) -> str:
    lo, hi = stage["accuracy_ci95"]
    return f"{100 * stage['accuracy']:.2f} % ({100 * lo:.1f}–{100 * hi:.1f})"


def _chance(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if math.isfinite(value) else "–"


def plot(stories: Sequence[Document], path: Path) -> None:
    """Time across, accuracy up: from before to compressed to recovered, one colour per network."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for story in stories:
        colour = _COLOURS[story["network"]]
        stages = [story["stages"][stage] for stage in _STAGES]
        places = [(stage["ns"] / 1e6, 100 * stage["accuracy"]) for stage in stages]
        axes.plot(*zip(*places[:2], strict=True), color=colour, linewidth=0.8, linestyle=":")
        axes.annotate("", places[2], places[1], arrowprops={"arrowstyle": "->", "color": colour})
        for stage, (ms, share), marker in zip(stages, places, "sov", strict=True):
            lo, hi = (100 * end for end in stage["accuracy_ci95"])
            axes.errorbar(ms, share, [[share - lo], [hi - share]], color=colour, marker="", linewidth=0.6)
            axes.plot(ms, share, marker="^" if marker == "v" else marker, color=colour, linestyle="")
    for network in dict.fromkeys(story["network"] for story in stories):
        axes.plot([], [], color=_COLOURS[network], label=network)
    for marker, stage in zip("so^", _STAGES, strict=True):
        axes.plot([], [], marker=marker, color="black", linestyle="", label=stage)
    axes.set_xlabel(f"time of an inference in ms, predicted for {TARGET}")
    axes.set_ylabel("accuracy on held-out digits, %")
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    # The same file from the same numbers.
    with mpl.rc_context({"svg.hashsalt": NAME}):
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
