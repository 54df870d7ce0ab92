"""Images in other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


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
