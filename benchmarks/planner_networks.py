"""The trained networks that plans are made for, each with what it is compressed on and what it is judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import real_models
from benchmarks.planner_judges import Measure, answers, best_box, landmarks
from benchmarks.planner_photographs import (
    FITTED,
    HELD_OUT,
    Framing,
    crops,
    download,
    open_photographs,
)
from tflprof.compress.calibration import Calibration, calibration_of

DIGITS = ("mobile", "residual", "plain")
SHARES = (0.8, 0.65, 0.5, 0.4, 0.3)
SHARES_PRETRAINED = (0.9, 0.8, 0.7)
"""Pre-trained networks are small for what they do: less is left of them sooner."""
SAMPLES = 128
SAMPLES_PRETRAINED = 32
SAMPLES_JUDGED = 96


@dataclass(frozen=True)
class Network:
    """One network.

    Attributes:
        name: short, of results.
        model: its file.
        calibration: what it is compressed on.
        held_out: inputs that it is judged on, by name, samples along the first axis.
        measure: how.
        shares: budgets, of the latency as it is.
        kinds: what the planner may do against greedy pruning: ``all``, or to ``prune`` only.
    """

    name: str
    model: Path
    calibration: Calibration
    held_out: Mapping[str, npt.NDArray[np.float32]]
    measure: Measure
    shares: tuple[float, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Pretrained:
    """A file of a package: its name there, its input, how it sees, and what is looked at in its outputs."""

    file: str
    input: str
    framing: Framing
    measure: Measure


PRETRAINED = {
    "eye": Pretrained(
        "iris_landmark.tflite",
        "input_1",
        Framing(64, "eyes", (2.0, 2.6), 0.1, 15, present=1, low=0),
        landmarks("output_eyes_contours_and_brows"),
    ),
    "mesh": Pretrained(
        "face_landmark.tflite",
        "input_1",
        Framing(192, "face", (1.3, 1.7), 0.3, 15, present=1, low=0),
        landmarks("conv2d_20"),
    ),
    "detector": Pretrained(
        "face_detection_full_range.tflite",
        "input",
        Framing(192, "face", (1.5, 5.0), 0.8, 15, present=0.75, low=-1),
        best_box("reshaped_regressor_face_4", "reshaped_classifier_face_4", 192),
    ),
}


def open_network(name: str, digits: Path, work: Path) -> Network:
    """A network by its name; ``digits``: folder of ``examples.digits.train``, ``work``: where downloads go."""
    return _pretrained(name, work) if name in PRETRAINED else _digits(name, digits)


def _digits(name: str, folder: Path) -> Network:
    with np.load(folder / "calibration.npz") as data:
        images = data["image"][:SAMPLES]
    with np.load(folder / "heldout.npz") as data:
        held_out, labels = data["image"], data["labels"]
    model = folder / f"{name}.tflite"
    return Network(
        name,
        model,
        _calibration("image", images),
        {"image": held_out},
        answers(labels),
        SHARES,
        ("all", "prune"),
    )


def _pretrained(name: str, work: Path) -> Network:
    known = PRETRAINED[name]
    photographs, files = work / "photographs", work / "pretrained"
    download(photographs)
    files.mkdir(parents=True, exist_ok=True)
    models = list(files.rglob(known.file)) or [
        one for one in real_models.download(files) if one.name == known.file
    ]
    fitted, judged = (
        crops(open_photographs(photographs, among), among, known.framing, count, seed)
        for among, count, seed in ((FITTED, SAMPLES_PRETRAINED, 1), (HELD_OUT, SAMPLES_JUDGED, 2))
    )
    calibration = _calibration(known.input, fitted)
    held_out = {known.input: judged}
    return Network(name, models[0], calibration, held_out, known.measure, SHARES_PRETRAINED, ("all",))


def _calibration(name: str, images: npt.NDArray[np.float32]) -> Calibration:
    return calibration_of([{name: image[None]} for image in images])
