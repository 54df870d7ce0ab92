"""Samples and labels of a .npz file, and pairs of layers as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflprof.cli.recover import parse_hints
from tflprof.errors import UsageError
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.recover.samples import read_samples

MODEL = read_model(build_micro("conv_2d_1x1"))
NAME = next(iter(MODEL.signatures[0].inputs))
IMAGES = np.arange(24, dtype=np.float64).reshape(6, 2, 2)


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "train.npz"
    np.savez(path, **arrays)
    return path


def test_samples_go_by_the_name_of_the_input(tmp_path: Path) -> None:
    samples, labels = read_samples(
        saved(tmp_path, **{NAME: IMAGES, "labels": np.arange(6, dtype=np.uint8)}), MODEL
    )
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, IMAGES)
    assert labels is not None
    assert labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert labels.dtype == np.int64


def test_labels_may_be_missing(tmp_path: Path) -> None:
    assert read_samples(saved(tmp_path, **{NAME: IMAGES}), MODEL)[1] is None


def test_integers_of_a_quantised_input_stand_for_real_numbers(tmp_path: Path) -> None:
    model = read_model(build_micro("conv_2d_1x1", "int8"))
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    assert tensor.quantisation is not None
    values = np.array([[-128], [0], [127]], np.int8)
    samples, _ = read_samples(saved(tmp_path, **{NAME: values}), model)
    scale, zero = tensor.quantisation.scale[0], tensor.quantisation.zero_point[0]
    np.testing.assert_allclose(samples, (values.astype(float) - zero) * scale, rtol=1e-6)
    real, _ = read_samples(saved(tmp_path, **{NAME: values.astype(np.float32)}), model)
    np.testing.assert_array_equal(real, values)


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ({"picture": IMAGES}, "it has picture"),
        ({}, "it has none"),
        ({NAME: np.array(["a"])}, "no numbers"),
        ({NAME: np.full((6, 2, 2), np.nan)}, "not finite"),
        ({NAME: IMAGES, "labels": np.zeros(5, int)}, "(5,)"),
        ({NAME: IMAGES, "labels": np.zeros(6)}, "float64"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, arrays: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_samples(saved(tmp_path, **arrays), MODEL)
    assert part in caught.value.what


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_samples(tmp_path / "none.npz", MODEL)
    for number, content in enumerate((b"", b"PK\x03\x04 broken", b"text")):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"no \.npz file"):
            read_samples(path, MODEL)
    single = tmp_path / "one.npy"
    np.save(single, IMAGES)
    with pytest.raises(UsageError, match=r"no \.npz file"):
        read_samples(single, MODEL)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no \.npz file: it is none of NumPy's, or holds Python objects$"):
        read_samples(saved(tmp_path, **{NAME: np.array([print], dtype=object)}), MODEL)


def test_hints_are_pairs() -> None:
    assert parse_hints(["0/8:0/12", "a:b:c"]) == (("0/8", "0/12"), ("a", "b:c"))
    for text in ("0/8", ":0/1", "0/1:"):
        with pytest.raises(UsageError, match="--hint"):
            parse_hints([text])
