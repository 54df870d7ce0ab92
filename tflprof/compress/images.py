"""Images in other sizes, and calibration data of images in the size that a model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.calibration import Calibration, calibration_of, model_inputs
from tflprof.model.graph import Model


def stretched(images: npt.NDArray[Any], size: Sequence[int]) -> npt.NDArray[Any]:
    """Images, [batch, rows, columns, channels], in another size, bilinearly, pixels counted at their middles.

    Integers are rounded to the nearest.
    """
    values = images.astype(np.float64)
    for axis, wanted in ((1, size[0]), (2, size[1])):
        values = _along(values, axis, wanted)
    if images.dtype.kind in "iu":
        values = np.rint(values)
    return values.astype(images.dtype)


def _along(values: npt.NDArray[np.float64], axis: int, wanted: int) -> npt.NDArray[np.float64]:
    have = values.shape[axis]
    places = np.clip((np.arange(wanted) + 0.5) * have / wanted - 0.5, 0, have - 1)
    low = np.floor(places).astype(np.int64)
    high = np.minimum(low + 1, have - 1)
    shape = [1] * values.ndim
    shape[axis] = wanted
    share = (places - low).reshape(shape)
    found = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return np.asarray(found)


def fitted(calibration: Calibration, model: Model) -> Calibration:
    """Calibration data in the image size that a model takes: resized bilinearly where only rows and columns differ."""
    inputs = model_inputs(model)
    samples = []
    for sample in calibration.samples:
        changed = {
            name: stretched(value, tensor.shape[1:3]) if _other_size(value.shape, tensor.shape) else value
            for name, value, tensor in ((name, value, inputs.get(name)) for name, value in sample.items())
            if tensor is not None
        }
        samples.append({**sample, **changed})
    same = all(
        new[name] is old[name] for new, old in zip(samples, calibration.samples, strict=True) for name in old
    )
    return calibration if same else calibration_of(samples, calibration.source, calibration.place)


def _other_size(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) == 4 and shape[1:3] != wanted[1:3] and shape[3] == wanted[3]
