"""The first lasting slowdown: found where it is, and not where there is only noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tflprof.levels import MIN_POINTS, first_slowdown

Series = npt.NDArray[np.float64]


def series(*levels: tuple[int, float], noise: float = 0.01, seed: int = 0) -> Series:
    """So many points of each level, with lognormal noise."""
    flat = np.concatenate([np.full(count, level) for count, level in levels])
    return np.asarray(flat * np.random.default_rng(seed).lognormal(0, noise, len(flat)))


@pytest.mark.parametrize("scale", [1, 4, 20, 100])
@pytest.mark.parametrize("change", [1.08, 1.5, 3.0])
def test_a_step_is_found_where_it_is(scale: int, change: float) -> None:
    found = first_slowdown(series((20 * scale, 5e6), (30 * scale, 5e6 * change)))
    assert found is not None
    # Cells are up to 1/240 of the run.
    assert abs(found.index - 20 * scale) <= 1 + 50 * scale // 200
    assert found.before == pytest.approx(5e6, rel=0.01)
    assert found.after == pytest.approx(5e6 * change, rel=0.01)


def test_the_first_of_several_counts() -> None:
    found = first_slowdown(series((100, 5e6), (100, 6e6), (100, 8e6)))
    assert found is not None
    assert abs(found.index - 100) <= 2
    assert found.after > 6e6


def test_a_slow_descent_is_found_too() -> None:
    values = series((300, 5e6)) * np.concatenate([np.ones(100), np.linspace(1, 1.4, 200)])
    found = first_slowdown(values)
    assert found is not None
    assert 90 <= found.index <= 170


def test_what_passes_is_no_slowdown() -> None:
    assert first_slowdown(series((200, 5e6), (40, 8e6), (260, 5e6))) is None
    assert first_slowdown(series((100, 8e6), (400, 5e6))) is None


def test_a_slow_start_does_not_hide_it() -> None:
    found = first_slowdown(series((40, 6e6), (160, 5e6), (200, 7e6)))
    assert found is not None
    assert abs(found.index - 200) <= 3


@pytest.mark.parametrize("count", [MIN_POINTS, 54, 540, 5400])
def test_noise_alone_gives_none(count: int) -> None:
    found = [first_slowdown(series((count, 5e6), noise=0.02, seed=seed)) for seed in range(40)]
    assert sum(one is not None for one in found) <= 2


def test_bursts_of_other_work_give_none() -> None:
    values = series((400, 5e6))
    values[np.random.default_rng(3).random(400) < 0.1] *= 1.5
    assert first_slowdown(values) is None


def test_changes_below_two_percent_give_none() -> None:
    assert first_slowdown(series((200, 5e6), (200, 5.05e6), noise=0.0)) is None


def test_too_few_points_give_none() -> None:
    assert first_slowdown(series((MIN_POINTS // 2, 5e6), (MIN_POINTS // 2 - 1, 9e6))) is None
    assert first_slowdown(np.array([])) is None


def test_equal_points_give_none_and_a_clean_step_is_exact() -> None:
    assert first_slowdown(np.full(100, 7.0)) is None
    found = first_slowdown(np.repeat([7.0, 14.0], 50))
    assert found is not None
    assert (found.index, found.before, found.after) == (50, 7.0, 14.0)
