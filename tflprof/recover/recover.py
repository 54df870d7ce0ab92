"""Wins back what compression lost: the changed file is trained with the original as its teacher, and written again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from tflprof.recover.distil import Change, Distillation, Epoch, distil
from tflprof.recover.export import export_tflite
from tflprof.recover.rebuild import keras_from_tflite

Array = npt.NDArray[Any]

RANGE_SAMPLES = 200
"""Samples from which the converter learns the ranges of activations."""


@dataclass(frozen=True)
class Recovered:
    """A compressed model after training.

    Attributes:
        content: the .tflite file.
        scheme: ``float32``, ``dynamic`` or ``int8``.
        model: the Keras model, to be trained on or saved.
        epochs: losses on the way.
    """

    content: bytes
    scheme: str
    model: Any
    epochs: tuple[Epoch, ...]


def recover(
    compressed: str | os.PathLike[str] | bytes,
    original: str | os.PathLike[str] | bytes,
    samples: Array,
    labels: Array | None = None,
    how: Distillation | None = None,
    *,
    scheme: str | None = None,
    vary: Change | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Recovered:
    """Fine-tune a compressed .tflite model with the original as teacher, and export it again.

    Args:
        compressed: what ``tflprof compress apply`` wrote, or any .tflite file of known operators.
        original: what it was made from.
        samples: inputs ``(n, ...)``.
        labels: classes ``(n,)``, if known.
        how: temperature, mixing weight, hints and so on.
        scheme: of the new file; None is that of the compressed one, float32 for weights of float16.
        vary: makes other samples of each batch, see :func:`tflprof.recover.distil.distil`.
        on_epoch: is told of every epoch.

    Raises:
        ModelError: an operator that cannot be rebuilt.
        UsageError: samples, labels, hints or a scheme that do not fit.
        EnvironmentFault: TensorFlow is not installed.
    """
    student, teacher = keras_from_tflite(compressed), keras_from_tflite(original)
    chosen = scheme or student.scheme
    epochs = distil(student, teacher, samples, labels, how, vary=vary, on_epoch=on_epoch)
    content = export_tflite(student.model, chosen, samples[:RANGE_SAMPLES])
    return Recovered(content, chosen, student.model, epochs)
