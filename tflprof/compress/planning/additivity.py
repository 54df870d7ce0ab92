"""From losses of changes made alone to the loss of many together.

Losses are not additive: errors of early layers are amplified or hidden by later ones. The total is taken to be
``(Σ w_m · Σ l^p)^(1/p)`` with a weight per method and a common power, and a factor per knob where samples tell it
apart: what is summed stays linear, which the solver needs. All of it is fitted to combinations that were run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import nnls

from tflprof.compress.planning.solver import Array

POWERS = (0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
LEAST_LOSS = 1e-9
"""Losses below this are rounding."""

_PRIOR = 1.0
_KNOB_PRIOR = 4.0


@dataclass(frozen=True)
class Sample:
    """A combination that was run: losses of its changes alone, by knob, and its own."""

    alone: Mapping[str, float]
    together: float


@dataclass(frozen=True)
class Additivity:
    """How losses add up.

    Attributes:
        power: p.
        weights: of methods, 1 for those that are not in it.
        factors: of knobs, by name; 1 for those that are not in it.
        samples: how many combinations it was fitted to.
        error: median ratio between predicted and true losses of these, above 1; 1.0 of none.
    """

    power: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    samples: int = 0
    error: float = 1.0

    def part(self, knob: str, loss: float) -> float:
        """What an option adds to the sum whose root is the loss; ``knob`` begins with its method's name."""
        weight = self.weights.get(_method(knob), 1.0) * self.factors.get(knob, 1.0)
        return float(weight * max(loss, 0.0) ** self.power)

    def total(self, parts: float) -> float:
        """The loss that a sum of parts means."""
        return float(max(parts, 0.0) ** (1.0 / self.power))

    def predict(self, alone: Mapping[str, float]) -> float:
        """The loss of changes together, from their losses alone, by knob."""
        return self.total(sum(self.part(knob, loss) for knob, loss in alone.items()))


def fit(samples: Sequence[Sample]) -> Additivity:
    """The additivity that tells combinations best; plain sums without usable samples."""
    usable = [
        one
        for one in samples
        if np.isfinite(one.together) and one.together > LEAST_LOSS and any(one.alone.values())
    ]
    if not usable:
        return Additivity()
    fitted = [_fit_power(usable, power) for power in POWERS]
    return min(fitted, key=lambda one: (_spread(one, usable), abs(one.power - 1)))


def _fit_power(samples: Sequence[Sample], power: float) -> Additivity:
    methods = sorted({_method(knob) for one in samples for knob in one.alone})
    sums = np.array([[_sum(one, power, method) for method in methods] for one in samples])
    weights = _weighted(sums, samples, power, _PRIOR)
    plain = Additivity(power, dict(zip(methods, weights, strict=True)), {}, len(samples))
    knobs = sorted({knob for one in samples for knob in one.alone})
    if len(samples) >= len(methods) + 4:
        parts = np.array([[plain.part(knob, one.alone.get(knob, 0.0)) for knob in knobs] for one in samples])
        factors = _weighted(parts, samples, power, _KNOB_PRIOR / max(1, len(samples)) * len(knobs) / 4)
        plain = Additivity(power, plain.weights, dict(zip(knobs, factors, strict=True)), len(samples))
    ratios = [abs(np.log(_ratio(plain, one))) for one in samples]
    return Additivity(power, plain.weights, plain.factors, len(samples), float(np.exp(np.median(ratios))))


def _weighted(sums: Array, samples: Sequence[Sample], power: float, prior: float) -> list[float]:
    """Weights of columns, not negative, drawn to 1, so that rows come near their truth in relative terms."""
    truth = np.array([one.together**power for one in samples])
    count = sums.shape[1]
    rows = np.vstack([sums / truth[:, None], np.sqrt(prior) * np.eye(count)])
    right = np.concatenate([np.ones(len(samples)), np.full(count, np.sqrt(prior))])
    return [float(max(weight, 1e-3)) for weight in nnls(rows, right)[0]]


def _spread(additivity: Additivity, samples: Sequence[Sample]) -> float:
    ratios = np.log([_ratio(additivity, one) for one in samples])
    return float(np.mean(np.abs(ratios)))


def _ratio(additivity: Additivity, sample: Sample) -> float:
    return max(additivity.predict(sample.alone), LEAST_LOSS) / max(sample.together, LEAST_LOSS)


def _sum(sample: Sample, power: float, method: str) -> float:
    own = (max(loss, 0.0) ** power for knob, loss in sample.alone.items() if _method(knob) == method)
    return float(sum(own))


def _method(knob: str) -> str:
    return knob.partition(" ")[0]
