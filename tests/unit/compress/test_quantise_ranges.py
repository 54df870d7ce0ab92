from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tflprof.compress.activations import BINS, Histogram
from tflprof.compress.quantise.ranges import best_range, full_range


def histogram(values: np.ndarray) -> Histogram:
    low, high = float(values.min()), float(values.max())
    counts = np.histogram(values, BINS, (low, high) if high > low else (low, low + 1))[0].astype(np.float64)
    if high == low:
        counts = np.zeros(BINS)
        counts[0] = len(values)
    return Histogram(low, high, counts, float((values == 0).sum()))


def squared_error(values: np.ndarray, low: float, high: float) -> float:
    """What 8-bit integers over a range really make of values."""
    step = (high - low) / 255
    zero = np.rint(-128 - low / step)
    steps = np.clip(np.rint(values / step) + zero, -128, 127)
    return float(np.square((steps - zero) * step - values).mean())


values = arrays.arrays("float64", st.integers(1, 60), elements=st.floats(-1e4, 1e4, width=32))


@settings(max_examples=40)
@given(values)
def test_search_is_never_worse_than_all_values(sample: np.ndarray) -> None:
    seen = histogram(sample)
    whole, found = full_range(seen), best_range(seen)
    assert 0 <= found.loss <= whole.loss
    assert whole.low <= found.low <= 0 <= found.high <= whole.high


def test_a_few_values_far_out_are_saturated() -> None:
    sample = np.concatenate([np.random.default_rng(0).normal(size=200_000), [60.0]])
    seen = histogram(sample)
    whole, found = full_range(seen), best_range(seen)
    assert found.high < 50
    assert found.loss < 0.9 * whole.loss
    real = [squared_error(sample, one.low, one.high) for one in (whole, found)]
    assert real[1] < 0.9 * real[0]
    assert found.loss == pytest.approx(real[1], rel=0.2)


def test_even_values_keep_their_range() -> None:
    seen = histogram(np.linspace(-1, 1, 100_000))
    found = best_range(seen)
    assert (found.low, found.high) == (pytest.approx(-1, abs=0.03), pytest.approx(1, abs=0.03))
    assert found.loss == pytest.approx((2 / 255) ** 2 / 12, rel=0.1)


def test_zeros_cost_nothing() -> None:
    spread = np.abs(np.random.default_rng(1).normal(size=10_000))
    without, with_zeros = histogram(spread), histogram(np.concatenate([spread, np.zeros(30_000)]))
    assert full_range(with_zeros).loss == pytest.approx(full_range(without).loss / 4, rel=0.05)


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0])
def test_one_value_alone(value: float) -> None:
    found = best_range(histogram(np.full(10, value)))
    assert found.low <= min(value, 0)
    assert found.high >= max(value, 0)
