"""Integers of a model as the real values they stand for, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.model.graph import Quantisation, Tensor

Real = npt.NDArray[np.float64]

_LARGEST = {"int8": 127, "int16": 32767}


def real(values: npt.NDArray[Any], quantisation: Quantisation | None) -> Real:
    """What stored values stand for; those without quantisation are themselves."""
    found = values.astype(np.float64)
    if quantisation is None or quantisation.kind not in ("tensor", "channel"):
        return found
    scale, zero = _along(quantisation, found.ndim)
    return (found - zero) * scale


def requantised(values: Real, tensor: Tensor) -> tuple[npt.NDArray[Any], Quantisation | None] | None:
    """Other values of a constant in the form it has: float, or integers around 0 with scales of their own.

    None if its form is another: sub-byte, with zero points that are not 0, or in blocks.
    """
    quantisation = tensor.quantisation
    if quantisation is None:
        floating = tensor.dtype in ("float32", "float16")
        return (values.astype(tensor.dtype), None) if floating else None
    if tensor.dtype not in _LARGEST or any(quantisation.zero_point) or quantisation.kind == "block":
        return None
    others = tuple(i for i in range(values.ndim) if quantisation.kind != "channel" or i != quantisation.axis)
    most = np.abs(values).max(axis=others).reshape(-1)
    scales = (np.maximum(most, 1e-12) / _LARGEST[tensor.dtype]).astype(np.float32)
    found = replace(quantisation, scale=tuple(map(float, scales)), zero_point=(0,) * len(scales))
    scale, _ = _along(found, values.ndim)
    limit = _LARGEST[tensor.dtype]
    return np.clip(np.rint(values / scale), -limit, limit).astype(tensor.dtype), found


def _along(quantisation: Quantisation, rank: int) -> tuple[Real, Real]:
    """Scales and zero points in a shape that goes with values."""
    scale = np.asarray(quantisation.scale, np.float64)
    zero = np.asarray(quantisation.zero_point or np.zeros(len(scale)), np.float64)
    if quantisation.kind != "channel":
        return scale[:1], zero[:1]
    shape = [1] * rank
    shape[quantisation.axis] = -1
    return scale.reshape(shape), zero.reshape(shape)
