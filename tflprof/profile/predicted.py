"""Predicted times: their intervals, and the other views of the same inferences without them."""

from __future__ import annotations

import math
from dataclasses import replace

import pyarrow as pa

from tflprof.profile.meta import Prediction, ProfileMeta
from tflprof.profile.summary import Estimate, Summary, summarise

COUNTS = "instructions"


def summarise_prediction(meta: ProfileMeta, table: pa.Table) -> Summary:
    """The summary of predicted times, with the intervals of the prediction and the counts of the same inferences."""
    assert meta.prediction is not None
    return replace(
        with_intervals(summarise(meta, table), meta.prediction), instructions=summarise(counted(meta), table)
    )


def with_intervals(summary: Summary, prediction: Prediction) -> Summary:
    """The summary with what a phone's times may differ by in place of what the inferences did.

    How far off creation and the first inference may be has never been compared with phones: these have no interval.
    """
    layers = tuple(
        replace(layer, estimate=within(layer.estimate, prediction.layer_error)) for layer in summary.layers
    )
    return replace(
        summary,
        total=within(summary.total, prediction.error),
        layers=layers,
        init=_open(summary.init),
        init_warm=_open(summary.init_warm),
        first=_open(summary.first),
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
