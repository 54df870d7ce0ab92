"""Where a series changes its level: exact counts to the instruction, measured costs in spite of noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.analysis.history.steps import (
    EXACT_ABSOLUTE,
    EXACT_RELATIVE,
    WINDOW,
    Judged,
    exact_shifts,
    noisy_shifts,
)


def series(n: int, *steps: tuple[int, float], sd: float = 0.005, seed: int = 1) -> np.ndarray:
    """Noise of this relative size, with relative steps at these places."""
    logs = sd * np.random.default_rng(seed).standard_normal(n)
    for at, size in steps:
        logs += np.log1p(size) * (np.arange(n) >= at)
    return 5e6 * np.exp(logs)


def places(judged: Judged) -> list[int]:
    return [shift.index for shift in judged.shifts]


@given(
    level=st.integers(2_000, 10**12),
    at=st.integers(1, 9),
    up=st.booleans(),
    beyond=st.booleans(),
)
def test_a_count_has_changed_beyond_a_thousandth_or_a_thousand(
    level: int, at: int, up: bool, beyond: bool
) -> None:
    limit = max(EXACT_RELATIVE * level, EXACT_ABSOLUTE)
    change = (int(limit) + 1 if beyond else int(limit)) * (1 if up else -1)
    counts = np.array([level] * at + [level + change] * (10 - at))
    judged = exact_shifts(counts)
    assert places(judged) == ([at] if beyond else [])
    if beyond:
        (shift,) = judged.shifts
        assert (shift.before, shift.after) == (level, level + change)
        assert shift.lo == shift.hi == shift.change == pytest.approx(change / level)


def test_counts_that_creep_are_found_once_they_are_beyond_the_limit() -> None:
    counts = 10_000_000 + 4_000 * np.arange(10)
    assert places(exact_shifts(counts)) == [3, 6, 9]


def test_counts_that_go_back_have_two_steps_even_of_one_profile() -> None:
    assert places(exact_shifts(np.array([10**7, 10**7, 2 * 10**7, 10**7]))) == [2, 3]


def test_one_count_is_too_few_to_tell() -> None:
    assert not exact_shifts(np.array([10**7])).conclusive
    assert not exact_shifts(np.array([])).conclusive


@pytest.mark.parametrize(("size", "seed"), [(0.05, 1), (-0.05, 2), (0.1, 3), (0.03, 4)])
def test_a_step_is_found_at_its_first_profile(size: float, seed: int) -> None:
    (shift,) = noisy_shifts(series(60, (40, size), seed=seed)).shifts
    assert shift.index == 40
    assert shift.lo is not None
    assert shift.hi is not None
    assert shift.lo < size < shift.hi
    assert shift.change == pytest.approx(size, abs=0.01)
    assert shift.p is not None
    assert shift.p < 0.003


def test_several_steps() -> None:
    assert places(noisy_shifts(series(90, (25, 0.05), (50, 0.04), (70, -0.06)))) == [25, 50, 70]


def test_a_level_that_comes_back() -> None:
    assert places(noisy_shifts(series(80, (40, 0.05), (48, -0.05 / 1.05)))) == [40, 48]


def test_three_profiles_at_the_end_are_a_level() -> None:
    assert places(noisy_shifts(series(40, (37, 0.1)))) == [37]


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_at_the_end_are_suspects(count: int) -> None:
    judged = noisy_shifts(series(40, (40 - count, 0.1)))
    assert places(judged) == []
    assert judged.suspects == tuple(range(40 - count, 40))


def test_outliers_are_no_steps() -> None:
    values = series(60)
    values[[10, 30, 31, 45]] *= 1.6
    judged = noisy_shifts(values)
    assert places(judged) == []
    assert judged.suspects == ()


def test_a_step_among_outliers_keeps_its_place() -> None:
    values = series(60, (35, 0.08))
    values[[5, 20, 50]] *= 1.5
    assert places(noisy_shifts(values)) == [35]


def test_long_series_are_searched_in_windows_without_doubling_what_both_see() -> None:
    at = [WINDOW - 3, WINDOW + WINDOW // 2 + 2, 3 * WINDOW + 17]
    found = noisy_shifts(series(4 * WINDOW, (at[0], 0.05), (at[1], -0.05), (at[2], 0.08)))
    assert places(found) == at


def test_a_change_below_what_matters_is_none() -> None:
    values = series(100, (50, 0.02), sd=0.001)
    assert places(noisy_shifts(values, least=0.03)) == []
    assert places(noisy_shifts(values, least=0.01)) == [50]


def test_wide_intervals_of_the_profiles_are_believed() -> None:
    values = series(40, (20, 0.03), sd=0.0005)
    assert places(noisy_shifts(values)) == [20]
    assert places(noisy_shifts(values, 0.15 * values)) == []


def test_unknown_intervals_are_no_hindrance() -> None:
    values = series(40, (20, 0.05))
    assert places(noisy_shifts(values, np.full(40, np.nan))) == [20]


def test_five_profiles_tell_nothing() -> None:
    judged = noisy_shifts(series(5, (2, 0.5)))
    assert (judged.shifts, judged.conclusive) == ((), False)


@given(st.lists(st.floats(1e3, 1e9), min_size=6, max_size=40))
def test_any_series_gives_ordered_places_inside_of_it(values: list[float]) -> None:
    judged = noisy_shifts(np.array(values))
    assert places(judged) == sorted(set(places(judged)))
    assert all(3 <= place <= len(values) - 3 for place in places(judged))
    assert all(shift.before > 0 < shift.after for shift in judged.shifts)


def test_equal_values_have_no_step() -> None:
    assert noisy_shifts(np.full(30, 5e6)) == Judged(())


def test_drift_is_rarely_called_a_step() -> None:
    """Forty walks; the benchmark has thousands."""
    rng = np.random.default_rng(7)
    walks = [
        5e6 * np.exp(0.003 * np.cumsum(rng.standard_normal(100)) + 0.005 * rng.standard_normal(100))
        for _ in range(40)
    ]
    assert sum(bool(noisy_shifts(walk).shifts) for walk in walks) <= 2


def outlying(n: int, *where: int) -> np.ndarray:
    """Noise in which these profiles took a third longer."""
    points = series(n)
    points[list(where)] *= 1.35
    return points


@pytest.mark.parametrize("where", [(0, 1), (97, 98), (97, 99), (50, 52, 54), (50, 51, 55), (50, 51, 53, 56)])
def test_outliers_close_to_each_other_are_no_level(where: tuple[int, ...]) -> None:
    assert places(noisy_shifts(outlying(100, *where))) == []


def test_outliers_close_to_a_step_do_not_hide_it() -> None:
    points = outlying(100, 48, 50, 52)
    points[60:] *= 1.05
    assert places(noisy_shifts(points)) == [60]


def test_a_short_level_that_all_its_profiles_are_at_is_one() -> None:
    assert places(noisy_shifts(series(100, (97, 0.05)))) == [97]
    assert places(noisy_shifts(series(100, (50, 0.05), (55, -0.05)))) == [50, 55]


def neighbourly(n: int, phi: float, seed: int) -> np.ndarray:
    """Noise of 1 % like its neighbour."""
    values = np.random.default_rng(seed).standard_normal(n)
    for i in range(1, n):
        values[i] = phi * values[i - 1] + np.sqrt(1 - phi**2) * values[i]
    return 0.01 * values


def test_the_interval_of_a_step_allows_for_drift_between_profiles() -> None:
    inside = []
    for seed in range(40):
        logs = neighbourly(60, 0.8, seed) + np.log1p(0.1) * (np.arange(60) >= 40)
        judged = noisy_shifts(5e6 * np.exp(logs))
        inside += [
            shift.lo <= 0.1 <= shift.hi
            for shift in judged.shifts
            if shift.index == 40 and shift.lo and shift.hi
        ]
    assert len(inside) >= 30
    assert np.mean(inside) >= 0.9
