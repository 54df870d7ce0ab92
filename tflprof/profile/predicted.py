"""Predicted times: their intervals, and the other views of the same inferences without them."""

from __future__ import annotations

import math
from dataclasses import replace

from tflprof.profile.meta import Prediction, ProfileMeta
from tflprof.profile.summary import Estimate, Summary

COUNTS = "instructions"


def with_intervals(modelled_times: Summary, prediction: Prediction, counts: Summary) -> Summary:
    """The summary of predicted times: with what a phone's may differ by, and the counts of the same inferences.

    How far off creation and the first inference may be has never been compared with phones: these have no interval.
    """
    layers = tuple(
        replace(layer, estimate=within(layer.estimate, prediction.layer_error))
        for layer in modelled_times.layers
    )
    return replace(
        modelled_times,
        total=within(modelled_times.total, prediction.error),
        layers=layers,
        init=_open(modelled_times.init),
        init_warm=_open(modelled_times.init_warm),
        first=_open(modelled_times.first),
        instructions=counts,
    )


def within(estimate: Estimate, error: float) -> Estimate:
    """The estimate with the interval from ``typical * exp(-error)`` to ``typical * exp(error)``; none of nothing."""
    if estimate.typical is None or estimate.typical <= 0:
        return _open(estimate)
    return replace(estimate, lo=estimate.typical * math.exp(-error), hi=estimate.typical * math.exp(error))


def counted(meta: ProfileMeta) -> ProfileMeta:
    """The metadata of the same inferences as exact counts of instructions."""
    return replace(meta, unit=COUNTS, provenance="emulated", prediction=None)


def modelled(meta: ProfileMeta) -> ProfileMeta:
    """The metadata of the same times taken as what the model says, which repeats exactly, and not as a phone's."""
    return replace(meta, prediction=None)


def _open(estimate: Estimate) -> Estimate:
    return replace(estimate, lo=None, hi=None)
