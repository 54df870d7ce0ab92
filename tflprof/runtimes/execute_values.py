"""Values of a model's inputs and outputs: what they are called, and what quantised integers stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError


@dataclass(frozen=True)
class Port:
    """An input or output of a model.

    Attributes:
        name: by the signature, or else the tensor's.
        index: of the tensor in the main subgraph.
        dtype: as numpy calls it, or ``string``.
        shape: -1 where dynamic.
        scale: of a quantised integer, else None: ``real = scale * (value - zero_point)``.
        zero_point: 0 without a scale.
        tensor: the tensor's name.
    """

    name: str
    index: int
    dtype: str
    shape: tuple[int, ...]
    scale: float | None = None
    zero_point: int = 0
    tensor: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Port:
        """From what the interpreter's process says."""
        return cls(**{**data, "shape": tuple(data["shape"])})

    def renamed(self, name: str) -> Port:
        """The same under another name."""
        return replace(self, name=name)

    @property
    def is_quantised(self) -> bool:
        """Whether integers here stand for real values."""
        return self.scale is not None and self.dtype in ("int8", "uint8", "int16")

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape can be given."""
        return len(shape) == len(self.shape) and all(
            own in (-1, size) for own, size in zip(self.shape, shape, strict=True)
        )


def as_input(port: Port, sample: Mapping[str, npt.NDArray[Any]], number: int) -> npt.NDArray[Any]:
    """The array of a sample for an input, in the input's type. Raises UsageError."""
    value = sample.get(port.name, sample.get(port.tensor))
    if value is None:
        raise UsageError(
            f"sample {number} has no values for the input `{port.name}`; it has {', '.join(sample) or 'none'}",
            "name the arrays after the model's inputs",
        )
    if not port.fits(value.shape):
        raise UsageError(
            f"sample {number} has shape {list(value.shape)} for the input `{port.name}`, "
            f"the model takes {list(port.shape)}",
            "resize the samples, or resize the model's input",
        )
    if port.dtype == "string" or value.dtype == np.dtype(port.dtype):
        return value
    if port.is_quantised and value.dtype.kind == "f":
        return quantised(port, value)
    raise UsageError(
        f"sample {number} has type {value.dtype} for the input `{port.name}`, the model takes {port.dtype}",
        "convert the samples" + ("; real values are quantised for you" if port.is_quantised else ""),
    )


def quantised(port: Port, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Real values as the integers of a quantised port, saturated at the ends of its type."""
    limits = np.iinfo(port.dtype)
    steps = np.rint(value.astype(np.float64) / (port.scale or 1.0)) + port.zero_point
    integers: npt.NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(port.dtype)
    return integers


def real(port: Port, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The float32 that integers of a quantised port stand for; anything else as it is."""
    if not port.is_quantised:
        return value
    return ((value.astype(np.float32) - port.zero_point) * np.float32(port.scale or 1.0)).astype(np.float32)
