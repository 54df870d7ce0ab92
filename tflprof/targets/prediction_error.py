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
        within: of models of one phone and element type around their mean.
        types: of the means of a phone's element types around the phone's.
        between: of the phones' means around 0.
        phones: how many they were estimated from; they are the independent observations.
        mixed: how many phones had several element types.
        cores: those with a published time.
    """

    within: float
    types: float
    between: float
    phones: int
    mixed: int
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


def errors(
    core: str, mode: str, anchors: int, threads: int, kernels: str = XNNPACK, same_type: bool = True
) -> Errors:
    """The errors of a prediction.

    A prediction without anchors has the error of a phone, of an element type and of a model on it; n anchors replace
    the phone's by that of the mean of n models, and the type's, unless they are of another one. Phones are few and
    their models have errors in common, so the quantile is Student's with one degree of freedom less than there are
    phones, or fewer where types count.

    Args:
        core: name of the core's costs, such as ``cortex-a73``.
        mode: ``caches`` or ``cycles``.
        anchors: how many models' measured times the prediction is scaled to.
        threads: that the time is predicted for.
        kernels: of the runtime; published times are of XNNPACK's.
        same_type: whether the anchors are known to be of the predicted model's element type.
    """
    model = error_model()
    spread, reasons = model.modes[mode], _reasons(core, mode, threads, kernels)
    # A family of kernels or a core that nobody checked may be wrong in its own way, model by model.
    unseen = model.unseen ** ((core not in spread.cores) + (kernels != XNNPACK))
    within, types, between = ((own * unseen) ** 2 for own in (spread.within, spread.types, spread.between))
    more, phones = model.threads if threads > 1 else (0.0, spread.phones)
    common = within / anchors if anchors else between
    of_types = types * ((0 if same_type else 2) if anchors else 1)
    freedom = max(1, min(phones, spread.phones) - 1), max(1, spread.mixed)

    def half_width(variance: float, of_types: float) -> float:
        return _quantile((variance, of_types), freedom) * math.sqrt(variance + of_types)

    return Errors(
        total=half_width(common + within + more**2, of_types),
        layer=half_width(common + model.effective_layers * within + more**2, of_types),
        ratio=half_width(2 * within, 2 * types),
        extrapolated=reasons,
    )


def _quantile(variances: tuple[float, float], freedom: tuple[int, int]) -> float:
    """Student's, for a sum of variances that were estimated with these degrees of freedom (Welch and Satterthwaite)."""
    weights = math.fsum(own**2 / count for own, count in zip(variances, freedom, strict=True))
    together = sum(variances) ** 2 / weights if weights else float(freedom[0])
    return -float(stdtrit(min(together, freedom[0]), (1 - error_model().level) / 2))


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
