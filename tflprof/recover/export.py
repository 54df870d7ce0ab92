"""Keras models as .tflite files: float, dynamic-range or full int8, at the size they have or another."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.recover.extra import load_tensorflow

Array = npt.NDArray[Any]

SCHEMES: Final = ("float32", "dynamic", "int8")


def export_tflite(
    model: Any,
    scheme: str = "float32",
    representative: Array | Sequence[Array] | None = None,
) -> bytes:
    """The .tflite file of a Keras model, for batches of one.

    Args:
        model: a built Keras model.
        scheme: ``float32``, ``dynamic`` (int8 weights) or ``int8`` (weights, activations, input and output).
        representative: inputs ``(n, ...)`` that stand for what a model with one input will see; ``int8`` needs them.

    Raises:
        UsageError: an unknown scheme, or no representative inputs where they are needed.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"scheme {scheme!r} is not known", f"use one of {', '.join(SCHEMES)}")
    if scheme == "int8" and (representative is None or not len(representative)):
        raise UsageError("int8 needs representative inputs to find the ranges of activations", "give some")
    tf = load_tensorflow()
    fixed = [_for_one(tf.keras, own) for own in model.inputs]
    taken = fixed if len(fixed) > 1 else fixed[0]
    # The converter says on standard output what it saved where, and warns of what was asked for.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_keras_model(
            tf.keras.Model(fixed, model(taken, training=False))
        )
        _choose(converter, tf, scheme, representative)
        content: bytes = converter.convert()
    return content


def _for_one(keras: Any, own: Any) -> Any:
    """An input like another, for one sample: then no shape is left to the inference."""
    name = own.name.partition(":")[0]
    return keras.Input(batch_shape=(1, *own.shape[1:]), dtype=own.dtype, name=name)


def _choose(converter: Any, tf: Any, scheme: str, representative: Array | Sequence[Array] | None) -> None:
    """Set the converter to a scheme."""
    if scheme == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "int8":
        assert representative is not None

        def samples() -> Iterator[list[Array]]:
            for sample in representative:
                yield [np.asarray(sample)[None]]

        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
