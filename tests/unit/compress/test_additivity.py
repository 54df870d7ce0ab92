"""How losses add up, learned from combinations."""

from __future__ import annotations

import numpy as np
import pytest

from tflprof.compress.planning.additivity import Additivity, Sample, fit


def samples(power: float, weight: float, count: int = 20) -> list[Sample]:
    random = np.random.default_rng(1)
    found = []
    for _ in range(count):
        alone = {f"prune {i}": float(random.uniform(0.01, 1)) for i in range(6) if random.random() < 0.6}
        total = (weight * sum(loss**power for loss in alone.values())) ** (1 / power)
        if alone:
            found.append(Sample(alone, total))
    return found


@pytest.mark.parametrize(("power", "weight"), [(1.0, 1.0), (2.0, 1.0), (1.0, 3.0), (0.5, 0.7)])
def test_the_law_is_found(power: float, weight: float) -> None:
    found = fit(samples(power, weight))
    assert found.error < 1.15
    for one in samples(power, weight, 40):
        assert found.predict(one.alone) == pytest.approx(one.together, rel=0.25)


def test_without_samples_losses_add_up() -> None:
    assert fit([]) == Additivity()
    assert Additivity().predict({"prune a": 0.25, "low_rank b": 0.5}) == 0.75


def test_unusable_samples_are_left_out() -> None:
    assert fit([Sample({"prune a": 1.0}, float("inf")), Sample({}, 0.0)]) == Additivity()
