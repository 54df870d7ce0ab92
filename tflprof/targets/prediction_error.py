"""How far a predicted time may be from the true one: estimated from published times (prediction_error.toml)."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from scipy.special import stdtrit

XNNPACK = "xnnpack"


@dataclass(frozen=True)
class Errors:
    """Half-widths of 95 % intervals as natural logarithms of ratios.

    Attributes:
        total: of a total.
        layer: of a layer.
        ratio: of the ratio of two totals of one phone and core.
        extrapolated: why they are wider than what could be checked, in words; empty if they are not.
    """

    total: float
    layer: float
    ratio: float
    extrapolated: tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the logarithms of predicted over true times.

    Attributes:
        within: of models of one phone around the phone's mean.
        between: of the phones' means around 0.
        phones: how many they were estimated from; they are the independent observations.
        cores: those with a published time.
    """

    within: float
    between: float
    phones: int
    cores: tuple[str, ...]


@dataclass(frozen=True)
class ErrorModel:
    """The content of prediction_error.toml; ``threads`` are a standard deviation and its number of phones."""

    placeholder: bool
    level: float
    modes: Mapping[str, Spread]
    threads: tuple[float, int]
    effective_layers: float
    unseen: float


@functools.cache
def error_model() -> ErrorModel:
    """What the benchmark of predictions found."""
    text = resources.files(__package__).joinpath("prediction_error.toml").read_text("utf-8")
    data = tomllib.loads(text)
    modes = {
        mode: Spread(**{**data[mode], "cores": tuple(data[mode]["cores"])}) for mode in ("caches", "cycles")
    }
    return ErrorModel(
        placeholder=data["placeholder"],
        level=data["level"],
        modes=modes,
        threads=(data["threads"]["more"], data["threads"]["phones"]),
        effective_layers=data["layer"]["effective_layers"],
        unseen=data["unseen"]["factor"],
    )


def errors(core: str, mode: str, anchors: int, threads: int, kernels: str = XNNPACK) -> Errors:
    """The errors of a prediction.

    A prediction without anchors has the error of a phone and of a model on it; n anchors replace the phone's by
    that of the mean of n models. Phones are few and their models have errors in common, so the quantile is
    Student's with one degree of freedom less than there are phones.

    Args:
        core: name of the core's costs, such as ``cortex-a73``.
        mode: ``caches`` or ``cycles``.
        anchors: how many models' measured times the prediction is scaled to.
        threads: that the time is predicted for.
        kernels: of the runtime; published times are of XNNPACK's.
    """
    model = error_model()
    spread, reasons = model.modes[mode], _reasons(core, mode, threads, kernels)
    # A family of kernels or a core that nobody checked may be wrong in its own way, model by model.
    unseen = model.unseen ** ((core not in spread.cores) + (kernels != XNNPACK))
    within, between = spread.within * unseen, spread.between * unseen
    more, phones = model.threads if threads > 1 else (0.0, spread.phones)
    common = within**2 / anchors if anchors else between**2
    quantile = -float(stdtrit(max(1, min(phones, spread.phones) - 1), (1 - model.level) / 2))
    return Errors(
        total=quantile * math.sqrt(common + within**2 + more**2),
        layer=quantile * math.sqrt(common + model.effective_layers * within**2 + more**2),
        ratio=quantile * math.sqrt(2) * within,
        extrapolated=reasons,
    )


def _reasons(core: str, mode: str, threads: int, kernels: str) -> tuple[str, ...]:
    model = error_model()
    found = []
    if model.placeholder:
        found.append("the errors are guesses, no benchmark has estimated them yet")
    if core not in model.modes[mode].cores:
        found.append(f"no published time of a {core} could be predicted")
    if mode == "cycles":
        found.append("caches and memory are left out")
    if threads > 1:
        found.append(f"{threads} threads are modelled from the counts of one")
    if kernels != XNNPACK:
        found.append(f"no published time of {kernels} kernels could be predicted")
    return tuple(found)
