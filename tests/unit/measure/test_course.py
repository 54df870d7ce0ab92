"""Drift, two levels and processes that do not settle: found where they are, and rarely in noise of any kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.measure.test_taint import block, collected
from tflprof.measure.course import change_within, find_drift, find_modes, process_points, turns
from tflprof.measure.notice import notice
from tflprof.profile.samples import BlockSamples

Points = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Points]

RUNS = 300
# Five or more false alarms in 300 have a probability below 1 in 5000 at a rate of 0.2 %; wandering noise has more.
FEW = 5


def normal(rng: np.random.Generator, n: int) -> Points:
    return np.exp(0.01 * rng.normal(size=n))


def skewed(rng: np.random.Generator, n: int) -> Points:
    return 1 + 0.05 * rng.lognormal(0, 1, n)


def exponential(rng: np.random.Generator, n: int) -> Points:
    return 1 + 0.1 * rng.exponential(size=n)


def heavy(rng: np.random.Generator, n: int) -> Points:
    return np.exp(0.01 * np.clip(rng.standard_t(2, n), -30, 30))


def spiky(rng: np.random.Generator, n: int) -> Points:
    return normal(rng, n) * np.where(rng.random(n) < 0.1, rng.uniform(1.2, 3, n), 1)


def uniform(rng: np.random.Generator, n: int) -> Points:
    return np.exp(0.1 * rng.uniform(size=n))


def autocorrelated(rng: np.random.Generator, n: int) -> Points:
    steps = rng.normal(size=n)
    values = [steps[0] / 0.8]
    for step in steps[1:]:
        values.append(0.6 * values[-1] + step)
    return np.exp(0.03 * np.array(values))


def wandering(rng: np.random.Generator, n: int) -> Points:
    """1/f noise."""
    size = 4096
    frequency = np.fft.rfftfreq(size)
    amplitude = np.concatenate([[0.0], frequency[1:] ** -0.5])
    noise = np.fft.irfft(amplitude * (rng.normal(size=len(frequency)) + 1j * rng.normal(size=len(frequency))))
    start = rng.integers(0, size - n)
    return np.exp(0.05 * (noise / noise.std())[start : start + n])


ALL = (normal, skewed, exponential, heavy, spiky, uniform, autocorrelated, wandering)


@pytest.mark.parametrize("n", [10, 20, 60])
@pytest.mark.parametrize("noise", ALL, ids=lambda noise: noise.__name__)
def test_noise_is_neither_a_drift_nor_two_levels(noise: Noise, n: int) -> None:
    rng = np.random.default_rng(n)
    drawn = [noise(rng, n) for _ in range(RUNS)]
    assert sum(find_drift(points) is not None for points in drawn) <= 2 * FEW
    assert sum(find_modes(points) is not None for points in drawn) <= FEW


@pytest.mark.parametrize(("n", "change", "sd"), [(10, 0.15, 0.01), (20, 0.10, 0.01), (60, 0.10, 0.02)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_ramp_is_a_drift(n: int, change: float, sd: float, sign: int) -> None:
    rng = np.random.default_rng(n)
    ramp = np.linspace(0, sign * np.log1p(change), n)
    found = [find_drift(np.exp(ramp + sd * rng.normal(size=n))) for _ in range(50)]
    assert sum(one is not None for one in found) >= 45
    seen = np.median([one.change for one in found if one is not None])
    assert seen == pytest.approx(np.expm1(ramp[-1]), abs=0.03)


def test_a_ramp_of_less_than_three_percent_is_not_worth_a_word() -> None:
    assert find_drift(np.exp(np.linspace(0, 0.025, 40))) is None


def test_an_outlier_neither_makes_nor_hides_a_drift() -> None:
    ramp = np.exp(np.linspace(0, 0.2, 20))
    ramp[3] = 10.0
    assert find_drift(ramp) is not None
    flat = np.exp(0.01 * np.random.default_rng(0).normal(size=20))
    flat[-1] = 10.0
    assert find_drift(flat) is None


@pytest.mark.parametrize(("apart", "sd"), [(0.10, 0.008), (0.3, 0.02)])
def test_two_levels(apart: float, sd: float) -> None:
    rng = np.random.default_rng(1)
    points = np.exp(np.resize([0, 0, np.log1p(apart)], 30) + sd * rng.normal(size=30))
    modes = find_modes(points)
    assert modes is not None
    assert modes.apart == pytest.approx(apart, abs=2 * sd)
    assert modes.share == pytest.approx(1 / 3)
    assert turns(points, modes) == 19
    assert turns(np.sort(points), modes) == 1


def test_levels_that_differ_little_or_that_few_are_on() -> None:
    assert find_modes(np.resize([1.0, 1.02], 40)) is None
    assert find_modes(np.resize([1.0] * 9 + [1.5], 40)) is None


def test_values_without_noise() -> None:
    assert find_drift(np.ones(20)) is None
    assert find_modes(np.ones(20)) is None
    assert find_modes(np.resize([1.0, 1.1], 20)) is not None


def test_blocks_of_few_processes_do_not_count_as_many() -> None:
    points = np.exp(np.resize([0, 0.1], 200) + 0.018 * np.random.default_rng(2).normal(size=200))
    assert find_modes(points) is not None
    assert find_modes(points, 10) is None
    assert find_modes(points, 9) is None


@given(st.lists(st.floats(1e-3, 1e12), max_size=40))
def test_whatever_the_values_are(values: list[float]) -> None:
    points = np.array(values)
    drift, modes = find_drift(points), find_modes(points)
    assert drift is None or (len(points) >= 10 and abs(drift.change) >= 0.03)
    if modes is not None:
        assert modes.low < modes.high
        assert 0 < modes.share < 1
        scaled = find_modes(points * 3)
        assert scaled is not None
        assert scaled.high == pytest.approx(3 * modes.high)


def blocks_of(courses: list[Points]) -> list[BlockSamples]:
    (empty,) = collected(block(0)).blocks
    return [
        replace(empty, process=process, block=number, values=[round(1e6 * value)] * 3)
        for process, course in enumerate(courses)
        for number, value in enumerate(course)
    ]


@pytest.mark.parametrize("length", [2, 4, 7])
def test_processes_that_become_slower_alike(length: int) -> None:
    rng = np.random.default_rng(3)
    rising = [np.linspace(1, 1.2, length) * np.exp(0.01 * rng.normal(size=length)) for _ in range(12)]
    assert change_within(blocks_of(rising)) == pytest.approx(0.2, abs=0.03)
    assert change_within(blocks_of(rising[:9])) is None
    assert change_within(blocks_of([course[::-1] for course in rising])) == pytest.approx(-1 / 6, abs=0.03)


def test_processes_that_wander_each_its_own_way() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(RUNS):
        courses = [np.exp(np.cumsum(0.05 * rng.normal(size=6))) for _ in range(12)]
        alarms += change_within(blocks_of(courses)) is not None
    assert alarms <= FEW


def test_a_point_per_process() -> None:
    assert process_points(blocks_of([np.array([1.0, 3.0]), np.array([5.0, 5.0])])) == pytest.approx(
        [2e6, 5e6]
    )


def test_what_is_found_is_noticed_unless_the_speed_is_wanted_as_it_is() -> None:
    collector = collected(block(0))
    collector.blocks = blocks_of([np.full(3, 1 + 0.02 * number) for number in range(12)])
    found = notice(collector, as_it_is=False)
    assert found["drift"]["change"] == pytest.approx(0.21, abs=0.02)
    assert "drift" not in notice(collector, as_it_is=True)
    collector.blocks = blocks_of([np.full(3, 1 + 0.2 * (number % 2)) for number in range(12)])
    found = notice(collector, as_it_is=False)
    assert found["modes"]["of"] == "processes"
    assert found["modes"]["turns"] == 11
    collector.blocks = blocks_of([np.array([1, 1.2, 1, 1.2])] * 12)
    assert notice(collector, as_it_is=False)["modes"]["of"] == "blocks"


def test_inferences_that_were_held_up() -> None:
    collector = collected(block(0))
    (one,) = collector.blocks
    collector.blocks = [replace(one, values=[100, 101, 99, 100, 100, 500], cores=[4] * 6)]
    share = notice(collector, as_it_is=False)["paused_share"]
    assert share == pytest.approx(400 / 1000, abs=0.01)
