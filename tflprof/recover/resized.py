"""The same Keras network at another input resolution."""

from __future__ import annotations

from typing import Any

from tflprof.errors import UsageError
from tflprof.recover.extra import load_tensorflow


def resized(model: Any, height: int, width: int | None = None) -> Any:
    """A Keras model with one image as input, for images of another size, with the same weights.

    Multiples of eight suit the kernels best. Raises UsageError where a layer fixes the size, as Flatten does.
    """
    keras = load_tensorflow().keras
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise UsageError("only a network with one image as input has a resolution", "give another model")
    own = model.inputs[0]
    image = keras.Input((height, width or height, own.shape[-1]), name=own.name.partition(":")[0])
    try:
        other = keras.models.clone_model(model, input_tensors=image)
        other.set_weights(model.get_weights())
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"the network cannot take {height}×{width or height} pixels: {reason}",
            "a network can be resized if it averages over the image before its fully connected layers",
        ) from error
    return other
