"""A proxy of accuracy: what the sixteen published MobileNets v1 tell of multiply-accumulates and parameters.

Their ImageNet top-1 accuracies (tensorflow/models, research/slim/nets/mobilenet_v1.md) follow
``logit(accuracy) = a + b log(MACs) + c log(parameters)`` within two percents. It ranks networks of that kind; of other
depths, kernels and training it knows nothing. Who can train candidates briefly puts that in its place.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from examples.search.space import Values, work

PUBLISHED: Final = (
    (569e6, 4.24e6, 0.709), (418e6, 4.24e6, 0.700), (291e6, 4.24e6, 0.680), (186e6, 4.24e6, 0.652),
    (317e6, 2.59e6, 0.684), (233e6, 2.59e6, 0.672), (162e6, 2.59e6, 0.653), (104e6, 2.59e6, 0.621),
    (150e6, 1.34e6, 0.633), (110e6, 1.34e6, 0.617), (77e6, 1.34e6, 0.591), (49e6, 1.34e6, 0.563),
    (41e6, 0.47e6, 0.498), (34e6, 0.47e6, 0.477), (21e6, 0.47e6, 0.455), (14e6, 0.47e6, 0.415),
)  # fmt: skip
"""Multiply-accumulates, parameters and top-1 accuracy."""


def _features(macs: npt.ArrayLike, parameters: npt.ArrayLike) -> npt.NDArray[np.float64]:
    logs = np.log(np.asarray(macs, np.float64)), np.log(np.asarray(parameters, np.float64))
    return np.stack([np.ones_like(logs[0]), *logs], axis=-1)


def _fitted() -> npt.NDArray[np.float64]:
    macs, parameters, accuracy = np.array(PUBLISHED).T
    goal = np.log(accuracy / (1 - accuracy))
    found: npt.NDArray[np.float64] = np.linalg.lstsq(_features(macs, parameters), goal)[0]
    return found


_FIT: Final = _fitted()


def expected_accuracy(macs: npt.ArrayLike, parameters: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Accuracy, 0-1, of a MobileNet v1 with this much work."""
    found: npt.NDArray[np.float64] = 1 / (1 + np.exp(-_features(macs, parameters) @ _FIT))
    return found


def quality(values: Values) -> npt.NDArray[np.float64]:
    """The proxy for candidates of the space, [candidates]."""
    return expected_accuracy(*work(values))
