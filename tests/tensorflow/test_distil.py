"""Distillation: a student comes closer to its teacher, and what does not fit is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.tensorflow.networks import flat, narrow
from tflprof.errors import UsageError
from tflprof.recover.distil import Distillation, distil
from tflprof.recover.export import export_tflite
from tflprof.recover.rebuild import Rebuilt, keras_from_tflite
from tflprof.recover.recover import recover

Array = npt.NDArray[Any]
SAMPLES = np.random.default_rng(3).random((96, 8, 8, 4), np.float32) - 0.5
LABELS = (SAMPLES.mean((1, 2)).argmax(1) % 3).astype(np.int64)


@pytest.fixture(scope="module")
def teacher(tf: Any) -> bytes:
    """A trained classifier."""
    tf.keras.utils.set_random_seed(1)
    model = narrow(tf.keras, 16)
    model.compile(tf.keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(SAMPLES, LABELS, 32, 30, verbose=0)
    return export_tflite(model)


@pytest.fixture
def student(tf: Any) -> bytes:
    tf.keras.utils.set_random_seed(2)
    return export_tflite(narrow(tf.keras, 8))


def divergence(one: Rebuilt | Any, other: Rebuilt | Any) -> float:
    """Mean KL divergence of two classifiers' outputs."""
    p, q = (model.predict(SAMPLES, verbose=0) + 1e-9 for model in (one, other))
    return float((p * np.log(p / q)).sum(1).mean())


@pytest.mark.parametrize(
    ("labelled", "how"),
    [
        (True, Distillation(epochs=40, batch=32, rate=0.03)),
        (False, Distillation(epochs=40, batch=32, rate=0.03, temperature=2.0)),
        (True, Distillation(epochs=40, batch=32, rate=0.03, hints=(("0/1", "0/1"),), hint_weight=0.5)),
    ],
)
def test_a_student_comes_closer_to_its_teacher(
    teacher: bytes, student: bytes, labelled: bool, how: Distillation
) -> None:
    taught, learner = keras_from_tflite(teacher), keras_from_tflite(student)
    before = divergence(taught.model, learner.model)
    told: list[int] = []
    epochs = distil(
        learner,
        taught,
        SAMPLES,
        LABELS if labelled else None,
        how,
        on_epoch=lambda epoch: told.append(epoch.number),
    )
    assert divergence(taught.model, learner.model) < before / 2
    assert told == [epoch.number for epoch in epochs] == list(range(1, 41))
    assert epochs[-1].soft < epochs[0].soft
    assert (epochs[0].hard > 0) == labelled
    assert (epochs[0].hint > 0) == bool(how.hints)


def test_the_teacher_does_not_change(teacher: bytes, student: bytes) -> None:
    taught = keras_from_tflite(teacher)
    before = [weight.copy() for weight in taught.model.get_weights()]
    distil(keras_from_tflite(student), taught, SAMPLES[:32], how=Distillation(epochs=1))
    for old, new in zip(before, taught.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_outputs_that_are_no_classes_are_learnt_by_their_squares(tf: Any) -> None:
    tf.keras.utils.set_random_seed(4)
    taught, learner = (keras_from_tflite(export_tflite(flat(tf.keras))) for _ in range(2))
    samples = SAMPLES[:, :4, :4, :2]
    epochs = distil(learner, taught, samples, how=Distillation(epochs=20, rate=0.02))
    assert epochs[-1].soft < epochs[0].soft / 4


def test_a_recovered_file_is_of_the_kind_it_was(teacher: bytes, student: bytes) -> None:
    told = recover(student, teacher, SAMPLES, LABELS, Distillation(epochs=1))
    assert told.scheme == "float32"
    quantised = export_tflite(keras_from_tflite(student).model, "int8", SAMPLES)
    again = recover(quantised, teacher, SAMPLES, None, Distillation(epochs=1))
    assert again.scheme == "int8"
    assert keras_from_tflite(again.content).is_quantised


def test_samples_are_varied_for_both(teacher: bytes, student: bytes) -> None:
    seen: list[tuple[int, ...]] = []

    def vary(batch: Array, seed: int) -> Array:
        seen.append(batch.shape)
        return batch[:, ::-1] if seed % 2 else batch

    distil(
        keras_from_tflite(student),
        keras_from_tflite(teacher),
        SAMPLES,
        how=Distillation(epochs=1, batch=48),
        vary=vary,
    )
    assert seen == [(48, 8, 8, 4)] * 2


@pytest.mark.parametrize(
    ("samples", "labels", "how", "part"),
    [
        (SAMPLES[:, :4], LABELS, {}, "samples are"),
        (SAMPLES[:0], LABELS[:0], {}, "no sample"),
        (SAMPLES, LABELS[:5], {}, "5 labels for 96"),
        (SAMPLES, LABELS + 1, {}, "3 classes"),
        (SAMPLES, LABELS, {"hints": (("0/99", "0/1"),)}, "'0/99'"),
        (SAMPLES, LABELS, {"hints": (("0/2", "0/1"),)}, "same height and width"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    teacher: bytes, student: bytes, samples: Array, labels: Array, how: Any, part: str
) -> None:
    with pytest.raises(UsageError) as caught:
        distil(keras_from_tflite(student), keras_from_tflite(teacher), samples, labels, Distillation(**how))
    assert part in f"{caught.value.what} {caught.value.hint}"
