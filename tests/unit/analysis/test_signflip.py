"""The sign-flip test against its definition, and what must not change it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflprof.analysis.signflip import MIN_PAIRS, FloatArray, sign_flip

ALPHA = 0.002


def matrices() -> st.SearchStrategy[FloatArray]:
    """Differences with true effects, heavy tails and, rounded, heavy ties."""

    def make(n: int, columns: int, seed: int, ties: bool) -> FloatArray:
        rng = np.random.default_rng(seed)
        values = 0.01 * rng.standard_t(2, (n, columns)) + rng.choice([0.0, 0.03, -0.2], columns)
        return np.round(values, 2) if ties else values

    return st.builds(
        make, st.sampled_from([10, 12, 20]), st.integers(1, 6), st.integers(0, 2**32), st.booleans()
    )


def drawn_in(values: FloatArray) -> FloatArray:
    limit = 1.5 * 1.4826 * np.median(np.abs(values), axis=0)
    return np.where(limit > 0, np.clip(values, -limit, limit), values)


def t_values(values: FloatArray) -> list[float]:
    found = []
    for column in values.T:
        n, mean = len(column), column.mean()
        spread = np.sqrt(((column - mean) ** 2).sum() / (n - 1))
        found.append(abs(mean) / (spread / np.sqrt(n)) if spread > 1e-9 else np.inf)
    return found


def by_definition(values: FloatArray) -> list[float]:
    """Adjusted p-values with a loop over all signs, as Westfall and Young (1993, algorithm 2.8) put it."""
    values = drawn_in(values)
    observed = t_values(values)
    order = sorted(range(len(observed)), key=lambda u: -observed[u])
    exceeded = [0] * len(order)
    for signs in itertools.product([1.0, -1.0], repeat=len(values)):
        flipped = t_values(np.array(signs)[:, np.newaxis] * values)
        for place, unit in enumerate(order):
            largest = max(flipped[other] for other in order[place:])
            exceeded[place] += largest >= observed[unit] * (1 - 1e-6)
    raw = [count / 2 ** len(values) for count in exceeded]
    adjusted = list(itertools.accumulate(raw, max))
    return [adjusted[order.index(unit)] for unit in range(len(order))]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_the_p_values_are_those_of_the_definition(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_t(2, (10, 3)) + np.array([0.0, 3.0, -0.7])
    if ties:
        values = np.round(values)
    values[0] += 1e-3  # no column is constant
    assert sign_flip(values, ALPHA).p == pytest.approx(by_definition(values))


@given(matrices())
def test_swapping_the_sides_mirrors_everything(values: FloatArray) -> None:
    one, other = sign_flip(values, ALPHA), sign_flip(-values, ALPHA)
    np.testing.assert_array_equal(one.p, other.p)
    np.testing.assert_array_equal(one.rejected, other.rejected)
    np.testing.assert_allclose(one.lo, -other.hi, atol=1e-12)
    np.testing.assert_allclose(one.hi, -other.lo, atol=1e-12)


@given(matrices(), st.sampled_from([0.125, 8.0]))
def test_the_scale_of_a_column_does_not_matter(values: FloatArray, factor: float) -> None:
    scaled = values.copy()
    scaled[:, 0] *= factor
    one, other = sign_flip(values, ALPHA), sign_flip(scaled, ALPHA)
    np.testing.assert_array_equal(one.p, other.p)
    np.testing.assert_array_equal(one.rejected, other.rejected)


@given(matrices())
def test_a_smaller_t_has_no_smaller_p(values: FloatArray) -> None:
    found = sign_flip(values, ALPHA)
    known = np.flatnonzero(np.isfinite(found.p))
    t = np.array(t_values(drawn_in(values)))[known]
    ordered = found.p[known][np.argsort(-t, kind="stable")]
    assert np.all(np.diff(ordered) >= 0)


@given(matrices(), st.sampled_from([np.nan, 0.0, 0.07, np.inf]))
def test_a_column_that_tells_nothing_changes_nothing(values: FloatArray, filler: float) -> None:
    """Unknown, or the same in all pairs: then there is no telling what chance does."""
    with_it = np.column_stack([values[:, :1], np.full(len(values), filler), values[:, 1:]])
    one, other = sign_flip(values, ALPHA), sign_flip(with_it, ALPHA)
    for name in ("estimate", "lo", "hi", "p", "rejected"):
        np.testing.assert_allclose(getattr(one, name), np.delete(getattr(other, name), 1), rtol=1e-9)
    assert np.isnan([other.lo[1], other.hi[1], other.p[1]]).all()
    assert not other.rejected[1]


@given(matrices(), st.sampled_from([0.002, 0.05]), st.sampled_from([None, 0.001]))
def test_intervals_hold_the_estimate_and_agree_with_the_test(
    values: FloatArray, alpha: float, resolution: float | None
) -> None:
    steps = None if resolution is None else np.full(values.shape[1], resolution)
    found = sign_flip(values, alpha, steps)
    known = np.isfinite(found.p)
    assert np.all((found.lo <= found.estimate)[known])
    assert np.all((found.estimate <= found.hi)[known])
    np.testing.assert_array_equal(((found.lo > 0) | (found.hi < 0))[known], found.rejected[known])
    np.testing.assert_array_equal(found.p[known] <= alpha, found.rejected[known])


@given(st.integers(0, 2**32), st.integers(1, MIN_PAIRS - 1))
def test_fewer_than_ten_pairs_tell_nothing(seed: int, pairs: int) -> None:
    found = sign_flip(np.random.default_rng(seed).standard_normal((pairs, 3)) + 10, 0.01)
    assert not found.rejected.any()
    assert np.isnan(found.p).all()
    assert np.isfinite(found.estimate).all()


def test_a_column_with_too_few_known_pairs_is_not_judged_by_the_others() -> None:
    values = np.random.default_rng(0).standard_normal((20, 2)) * 0.01 + 1.0
    values[:11, 1] = np.nan
    found = sign_flip(values, ALPHA)
    assert found.rejected.tolist() == [True, False]
    assert np.isnan(found.p[1])
    values[10, 1] = 1.01
    assert sign_flip(values, ALPHA).rejected.all()


def test_mostly_equal_values_are_neither_changed_nor_certain() -> None:
    """A coarse clock: 17 pairs see nothing, 3 one step."""
    values = np.zeros((20, 1))
    values[[3, 8, 15], 0] = 0.05
    found = sign_flip(values, 0.003, np.array([0.05]))
    assert not found.rejected[0]
    assert found.p[0] >= 0.25
    assert found.lo[0] < -0.05 < 0.05 < found.hi[0]


def test_a_clear_difference_is_found_in_ten_pairs_among_a_hundred_columns() -> None:
    rng = np.random.default_rng(5)
    values = 0.005 * rng.standard_normal((10, 101))
    values[:, 7] += 0.03
    found = sign_flip(values, ALPHA)
    assert np.flatnonzero(found.rejected).tolist() == [7]
    assert found.lo[7] > 0


def test_a_process_that_is_far_off_hides_nothing_and_moves_little() -> None:
    values = np.random.default_rng(2).normal(0.03, 0.005, (40, 30))
    values[:, 1:] -= 0.03
    clean = sign_flip(values, 0.003)
    values[4] -= 0.5
    found = sign_flip(values, 0.003)
    assert found.rejected.tolist() == [True] + [False] * 29
    np.testing.assert_allclose(found.estimate, clean.estimate, atol=0.002)
    assert np.all(found.hi - found.lo < 1.6 * (clean.hi - clean.lo))


def test_no_column_gives_no_result() -> None:
    assert sign_flip(np.zeros((10, 0)), ALPHA).p.shape == (0,)


@pytest.mark.parametrize(("pairs", "alpha"), [(10, 0.1), (40, 0.1)])
def test_false_alarms_of_all_columns_together_are_as_rare_as_asked_for(pairs: int, alpha: float) -> None:
    """Skewed layers that move together, each pair with its own strength: symmetric only as pairs."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        common = rng.standard_t(2, (pairs, 1))
        sides = rng.exponential(1.0, (2, pairs, 8)) * rng.lognormal(0, 1, (pairs, 1))
        alarms += sign_flip(common + sides[0] - sides[1], alpha).rejected.any()
    assert alarms <= 200 * alpha + 3 * np.sqrt(200 * alpha * (1 - alpha))
