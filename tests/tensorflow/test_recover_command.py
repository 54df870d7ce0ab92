"""``tflprof recover`` from files to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tests.tensorflow.networks import narrow
from tflprof.cli.recover import recover
from tflprof.model.read import read_model
from tflprof.recover.export import export_tflite
from tflprof.runtimes.execute import Executor

SAMPLES = np.random.default_rng(3).random((40, 8, 8, 4), np.float32)


@pytest.fixture
def files(tf: Any, tmp_path: Path) -> Path:
    """A folder with teacher, student and samples."""
    tf.keras.utils.set_random_seed(1)
    for name, width in (("teacher", 16), ("student", 8)):
        (tmp_path / f"{name}.tflite").write_bytes(export_tflite(narrow(tf.keras, width)))
    np.savez(tmp_path / "train.npz", image=SAMPLES, labels=np.arange(40) % 3)
    np.savez(tmp_path / "unlabelled.npz", image=SAMPLES)
    return tmp_path


def run(folder: Path, *options: str, data: str = "train.npz") -> Any:
    app = typer.Typer()
    app.command()(recover)
    given = [folder / "student.tflite", "--teacher", folder / "teacher.tflite", "--train", folder / data]
    return CliRunner().invoke(
        app, [*map(str, given), "-o", str(folder / "new.tflite"), "--epochs", "2", *options]
    )


def test_a_file_is_written_that_runs(files: Path) -> None:
    done = run(files, "--hint", "0/1:0/1", "--scheme", "int8")
    assert done.exit_code == 0, done.output
    assert "epoch 2 of 2: soft targets" in done.stderr
    assert "hints" in done.stderr
    assert "int8 model saved" in done.stderr
    graph = read_model(files / "new.tflite").subgraphs[0]
    assert graph.tensors[graph.inputs[0]].dtype == "int8"
    with Executor() as executor:
        assert executor.run(files / "new.tflite", [{"image": SAMPLES[:1]}])


def test_without_labels_it_says_so(files: Path) -> None:
    done = run(files, data="unlabelled.npz")
    assert done.exit_code == 0
    assert "no labels" in done.stderr


def test_an_output_that_exists_is_kept(files: Path) -> None:
    (files / "new.tflite").write_bytes(b"mine")
    assert run(files).exit_code == 2
    assert (files / "new.tflite").read_bytes() == b"mine"


def test_a_hint_that_does_not_exist_is_named(files: Path) -> None:
    done = run(files, "--hint", "0/77:0/1")
    assert done.exit_code == 2
    assert "0/77" in done.stderr
    assert not (files / "new.tflite").exists()
