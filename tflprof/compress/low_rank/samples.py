"""What comes into layers on calibration data: second moments, and windows at random places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.activations import activations
from tflprof.compress.calibration import Calibration
from tflprof.compress.low_rank.factors import WIDE, Floats, Moments
from tflprof.compress.low_rank.sites import Site
from tflprof.compress.low_rank.stages import Stage
from tflprof.model.graph import Model
from tflprof.runtimes.execute import Executor

MOST_SAMPLES = 256
_MOST_NUMBERS = 1 << 18
_LEAST_WINDOWS, _MOST_WINDOWS = 256, 4096


@dataclass(frozen=True)
class Inflow:
    """What comes into one layer.

    Attributes:
        moments: of the input's channels.
        windows: what the kernel sees at random places, (places, rows, columns, inputs); zeros beyond the border.
    """

    moments: Moments
    windows: Floats


@dataclass
class _Sums:
    moments: Any = 0.0
    total: Any = 0.0
    count: int = 0
    windows: list[Floats] = field(default_factory=list)


def inflows(
    sites: Sequence[Site],
    executor: Executor,
    model: Model,
    calibration: Calibration,
    content: bytes | None = None,
) -> dict[str, Inflow]:
    """What comes into layers of a model, by their ids, but for those whose values are not finite.

    Raises as :meth:`Executor.stream` does.

    Args:
        sites: the layers.
        executor: runs the model.
        model: the model they are of.
        calibration: its samples, of which the first 256 are taken.
        content: bytes of the model if they are in no file.
    """
    few = calibration.first(MOST_SAMPLES)
    sums = {found.op.id: _Sums() for found in sites}
    tensors = sorted({found.x.index for found in sites})
    rng = np.random.default_rng(0)
    for values in activations(executor, model, few, tensors, content):
        for found in sites:
            _add(sums[found.op.id], found, values[found.x.index], rng, max(len(few), 1))
    return {
        layer: Inflow(
            Moments(one.moments / one.count, one.total / one.count, one.count), np.concatenate(one.windows)
        )
        for layer, one in sums.items()
        if one.count and np.isfinite(one.moments).all()
    }


def _add(sums: _Sums, found: Site, value: npt.NDArray[Any], rng: np.random.Generator, samples: int) -> None:
    stage = found.stage
    image = value.reshape(-1, 1, 1, stage.inputs) if found.op.code == "FULLY_CONNECTED" else value
    rows = image.reshape(-1, stage.inputs).astype(np.float64)
    alone = stage.inputs > WIDE and stage.kernel == (1, 1)
    sums.moments = sums.moments + (np.square(rows).sum(axis=0) if alone else rows.T @ rows)
    sums.total = sums.total + rows.sum(axis=0)
    sums.count += len(rows)
    size = stage.kernel[0] * stage.kernel[1] * stage.inputs
    places = min(max(_MOST_NUMBERS // size, _LEAST_WINDOWS), _MOST_WINDOWS)
    sums.windows.append(_windows(image, stage, found.padding, -(-places // samples), rng))


def _windows(
    image: npt.NDArray[Any], stage: Stage, padding: str, count: int, rng: np.random.Generator
) -> Floats:
    """What the kernel sees at ``count`` random places of images, fewer if there are fewer."""
    size = image.shape[1], image.shape[2]
    result = stage.size(size, padding)
    total = len(image) * result[0] * result[1]
    chosen = rng.choice(total, min(count, total), replace=False)
    which, rest = np.divmod(chosen, result[0] * result[1])
    found = np.divmod(rest, result[1])
    rows, columns = (_reach(found[axis], axis, size[axis], result[axis], stage, padding) for axis in (0, 1))
    inside = (rows >= 0) & (rows < size[0]), (columns >= 0) & (columns < size[1])
    seen = image[
        which[:, None, None],
        np.clip(rows, 0, size[0] - 1)[:, :, None],
        np.clip(columns, 0, size[1] - 1)[:, None, :],
    ]
    kept = inside[0][:, :, None] & inside[1][:, None, :]
    return np.asarray(seen * kept[..., None], np.float64)


def _reach(
    places: npt.NDArray[np.int64], axis: int, size: int, result: int, stage: Stage, padding: str
) -> npt.NDArray[np.int64]:
    """Rows (or columns) of the image that the kernel sees at places of the result, (places, kernel)."""
    kernel, stride, dilation = stage.kernel[axis], stage.stride[axis], stage.dilation[axis]
    padded = max((result - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    before = padded // 2 if padding == "SAME" else 0
    start: npt.NDArray[np.int64] = places * stride - before
    return start[:, None] + np.arange(kernel) * dilation
