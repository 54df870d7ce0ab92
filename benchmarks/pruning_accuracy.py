"""What pruning costs trained networks: which channels go, and what making up for them is worth. No training after.

All groups of channels of classifiers of handwritten digits are cut at once to 3/4 and to 1/2; accuracy is that on
held-out digits. Run ``python -m benchmarks.pruning_accuracy --models FOLDER``, where ``python -m examples.digits.train
FOLDER`` wrote networks and data; two minutes. Deterministic for given networks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import common
from tflprof.compress.calibration import calibration_of, load_calibration, model_inputs
from tflprof.compress.interface import Subject
from tflprof.compress.prune.cut import cut
from tflprof.compress.prune.method import Channels, known_channels
from tflprof.compress.prune.rank import kept
from tflprof.model.configs import layer_configs
from tflprof.model.edit import ModelEditor
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

NAME = "pruning_accuracy"
NETWORKS = ("mobile", "residual", "plain", "mlp")
SHARES = (0.75, 0.5)
SAMPLES, HELD_OUT = 128, 1000


@dataclass(frozen=True)
class Row:
    """Accuracy of one network cut to a share of its channels, by criterion; ``bare``: removed and nothing else."""

    network: str
    share: float
    whole: float
    size: float
    bare: Mapping[str, float]
    made_up: Mapping[str, float]


class Judge:
    """Accuracy on held-out digits."""

    def __init__(self, executor: Executor, folder: Path, name: str) -> None:
        with np.load(folder / "heldout.npz") as data:
            self._images, self._labels = data["image"][:HELD_OUT], data["labels"][:HELD_OUT]
        self._name, self._executor = name, executor

    def accuracy(self, model: bytes | Path) -> float:
        """Share of digits that a model gets right."""
        samples = [{self._name: image.reshape(1, *image.shape[-3:])} for image in self._images]
        found = self._executor.run(model, samples)
        best = [int(np.argmax(next(iter(each.values())))) for each in found]
        return float(np.mean(np.array(best) == self._labels))


def rows(executor: Executor, folder: Path, network: str) -> Iterator[Row]:
    """One network at each share."""
    path = folder / f"{network}.tflite"
    model = read_model(path)
    data = load_calibration(folder / "calibration.npz", model)
    subject = Subject(model, layer_configs(model), calibration_of(data.samples[:SAMPLES]), executor)
    judge = Judge(executor, folder, next(iter(model_inputs(model))))
    whole = judge.accuracy(path)
    for share in SHARES:
        bare: dict[str, float] = {}
        made_up: dict[str, float] = {}
        size = 1.0
        for criterion in ("activation", "magnitude"):
            known = known_channels(subject, criterion)
            for found, moments in ((bare, {}), (made_up, known.known)):
                editor = ModelEditor.open(path)
                cut(editor, _kept(known, share), moments)
                content = editor.to_bytes()
                found[criterion] = judge.accuracy(content)
                size = len(content) / path.stat().st_size
        yield Row(network, share, whole, size, bare, made_up)


def _kept(known: Channels, share: float) -> dict[str, list[int]]:
    """The nearest multiple of eight channels of every group."""
    return {
        name: kept(order, max(8, round(len(order) * share / 8) * 8)) for name, order in known.order.items()
    }


def text(found: list[Row]) -> str:
    """The table."""
    head = [
        "network",
        "channels",
        "file",
        "as it was",
        "removed",
        "made up for",
        "by magnitude: removed",
        "made up for",
    ]
    lines = [
        [
            row.network,
            f"{row.share:g}",
            f"{100 * row.size:.0f} %",
            f"{100 * row.whole:.1f} %",
            *(
                f"{100 * kind[name]:.1f} %"
                for name in ("activation", "magnitude")
                for kind in (row.bare, row.made_up)
            ),
        ]
        for row in found
    ]
    return (
        "Accuracy on held-out digits after cutting all groups of channels at once, without any training:\n\n"
        f"{common.table(head, lines)}\n\n"
        "Channels are chosen by what the layers behind lose if the others make up for them (as by default), or by the\n"
        "L2 norm of the weights that make them. *Removed*: and nothing else; *made up for*: the best linear guess\n"
        f"from the channels that stay is folded into the layers behind, found on {SAMPLES} calibration digits.\n"
        f"{HELD_OUT} held-out digits; a binomial error of 95 % accuracy is 0.7 points."
    )


def main() -> None:
    """Cut, look, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="folder of examples.digits.train")
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    found = []
    with Executor() as executor:
        for network in (f"{name}{kind}" for name in NETWORKS for kind in ("", "_int8")):
            for row in rows(executor, options.models, network):
                print(row, flush=True)
                found.append(row)
    data = {"rows": [asdict(row) for row in found]}
    common.publish(NAME, "What pruning costs trained networks", text(found), data, options.out)


if __name__ == "__main__":
    main()
