from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tflprof.compress import calibration
from tflprof.compress.calibration import load_calibration, model_inputs, random_calibration
from tflprof.errors import UsageError
from tflprof.memory import available_memory
from tflprof.model.build import build_micro, build_network
from tflprof.model.graph import Model
from tflprof.model.read import read_model

SHAPE = (1, 32, 32, 3)


@pytest.fixture(scope="module")
def model() -> Model:
    return read_model(build_network("mobilenet_v1", size=32, width=0.25))


@pytest.fixture(scope="module")
def integer_model() -> Model:
    return read_model(build_network("mobilenet_v1", size=32, width=0.25, dtype="int8"))


def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(SHAPE).astype(np.float32)


def test_a_folder_has_one_sample_per_file(tmp_path: Path, model: Model) -> None:
    np.save(tmp_path / "a.npy", image(1))
    np.save(tmp_path / "b.npy", image(2)[0])  # without the batch axis
    np.savez(tmp_path / "c.npz", input=image(3))
    found = load_calibration(tmp_path, model)
    assert len(found) == 3
    assert found.source == "given"
    assert found.tells_quality
    assert [sample["input"].shape for sample in found.samples] == [SHAPE] * 3
    assert np.array_equal(found.samples[1]["input"], image(2))


def test_one_npz_has_all_samples(tmp_path: Path, model: Model) -> None:
    path = tmp_path / "all.npz"
    np.savez(path, input=np.concatenate([image(n) for n in range(4)]))
    found = load_calibration(path, model)
    assert len(found) == 4
    assert np.array_equal(found.samples[3]["input"], image(3))
    assert len(found.first(2)) == 2
    assert found.first(2).sha256 != found.sha256
    assert found.first(9) is found


def test_the_hash_is_of_names_and_values(tmp_path: Path, model: Model) -> None:
    hashes = set()
    for seed in (0, 0, 1):
        np.save(tmp_path / "a.npy", image(seed))
        hashes.add(load_calibration(tmp_path, model).sha256)
    assert len(hashes) == 2


def test_real_images_do_for_integer_models(tmp_path: Path, integer_model: Model) -> None:
    np.save(tmp_path / "a.npy", image())
    assert load_calibration(tmp_path, integer_model).samples[0]["input"].dtype == np.float32
    np.save(tmp_path / "a.npy", np.zeros(SHAPE, np.int8))
    assert load_calibration(tmp_path, integer_model).samples[0]["input"].dtype == np.int8


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros(SHAPE, np.int8), "type int8"),
        (np.zeros(SHAPE, np.uint8), "type uint8"),
        (np.zeros((1, 31, 32, 3), np.float32), r"shape \[1, 31, 32, 3\]"),
        (np.zeros((), np.float32), r"shape \[\]"),
        (np.full(SHAPE, np.nan, np.float32), "not finite"),
        (np.full(SHAPE, np.inf, np.float32), "not finite"),
        (np.array(["text"]), "shape"),
    ],
)
def test_samples_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, model: Model, array: np.ndarray, told: str
) -> None:
    np.save(tmp_path / "bad.npy", array)
    with pytest.raises(UsageError, match=told) as raised:
        load_calibration(tmp_path, model)
    assert "bad.npy" in raised.value.what


def test_wrong_names_are_told(tmp_path: Path, model: Model) -> None:
    np.savez(tmp_path / "a.npz", picture=image())
    with pytest.raises(UsageError, match=r"no array for input; unknown: picture"):
        load_calibration(tmp_path, model)


def test_arrays_must_have_as_many_samples(tmp_path: Path) -> None:
    two = read_model(build_micro("add"))
    names = list(model_inputs(two))
    arrays = {name: np.zeros((2 + n, 8, 8, 4), np.float32) for n, name in enumerate(names)}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageError, match="different numbers of samples"):
        load_calibration(tmp_path / "a.npz", two)
    np.save(tmp_path / "b.npy", arrays[names[0]])
    with pytest.raises(UsageError, match="the model has 2 inputs"):
        load_calibration(tmp_path / "b.npy", two)


def test_nothing_is_no_calibration(tmp_path: Path, model: Model) -> None:
    with pytest.raises(UsageError, match="no samples"):
        load_calibration(tmp_path, model)
    with pytest.raises(UsageError, match="does not exist"):
        load_calibration(tmp_path / "absent.npz", model)
    np.savez(tmp_path / "empty.npz", input=np.zeros((0, *SHAPE[1:]), np.float32))
    with pytest.raises(UsageError, match="no samples"):
        load_calibration(tmp_path / "empty.npz", model)


@pytest.mark.parametrize(("name", "told"), [("cat.PNG", "cropped"), ("notes.txt", "neither")])
def test_other_files_are_refused_by_name(tmp_path: Path, model: Model, name: str, told: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UsageError, match=told) as raised:
        load_calibration(tmp_path, model)
    assert name in raised.value.what


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.booleans())
def test_damaged_files_are_refused(tmp_path: Path, model: Model, junk: bytes, is_zip: bool) -> None:
    path = tmp_path / ("junk.npz" if is_zip else "junk.npy")
    head = b"PK\x03\x04" if is_zip else b"\x93NUMPY\x01\x00"
    path.write_bytes(head + junk)
    with pytest.raises(UsageError, match="junk"):
        load_calibration(path, model)


def test_objects_are_not_unpickled(tmp_path: Path, model: Model) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(
        UsageError, match=r"cannot read .*: it is no file of NumPy's, or holds Python objects$"
    ):
        load_calibration(tmp_path / "a.npy", model)
    (tmp_path / "b.npz").write_bytes(b"a text")
    with pytest.raises(UsageError, match=r"b\.npz: it is no file of NumPy's"):
        load_calibration(tmp_path / "b.npz", model)


def test_random_samples_repeat_and_say_so(model: Model, integer_model: Model) -> None:
    one, other = random_calibration(model, 3, 5), random_calibration(model, 3, 5)
    assert one.sha256 == other.sha256 != random_calibration(model, 3, 6).sha256
    assert (len(one), one.source, one.tells_quality) == (3, "random", False)
    assert random_calibration(integer_model, 1).samples[0]["input"].dtype == np.int8


def test_random_samples_that_no_memory_holds_are_refused(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "available_memory", lambda: 2**21)
    assert len(random_calibration(model, 8)) == 8
    with pytest.raises(
        UsageError, match=r"64 random samples of the inputs \(`input` \[1, 32, 32, 3\]\) would take"
    ):
        random_calibration(model, 64)
    monkeypatch.setattr(calibration, "available_memory", lambda: None)
    assert len(random_calibration(model, 64)) == 64


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what memory is free")
def test_free_memory_is_told() -> None:
    found = available_memory()
    assert found is not None
    assert 2**20 < found < 2**50
