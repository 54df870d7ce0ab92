"""The statistics: what must hold for any data, and cases whose answer is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tflprof import stats

Array = npt.NDArray[np.int64]

PER_BLOCK, BLOCKS = 2, 4
durations = st.integers(1, 10**12)
samples = st.lists(durations, min_size=1, max_size=60).map(np.array)
machines = st.tuples(st.integers(10, 24), st.integers(0, 2**32 - 1), st.floats(0.0, 0.5)).map(
    lambda drawn: machine(*drawn)
)


def machine(
    processes: int, seed: int = 0, sd: float = 0.01, base: float = 60e6
) -> tuple[Array, Array, Array]:
    """Durations, process and block of every inference of a measurement; a block lasts 120 ms."""
    rng = np.random.default_rng(seed)
    shape = (processes, BLOCKS, PER_BLOCK)
    level = sd * rng.standard_normal((processes, 1, 1)) + sd * rng.standard_normal(shape)
    values = np.round(base * np.exp(level)).astype(np.int64).ravel()
    process, block, _ = np.indices(shape)
    return values, process.ravel(), block.ravel()


def interval_of(data: tuple[Array, Array, Array], looks: int = 1, level: float = 0.95) -> stats.Interval:
    found = stats.total_interval(*data, looks=looks, level=level)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [([7], 7), ([1, 3], 2), ([1, 2, 6], 3), ([0, 4, 6, 1000], 5), ([9, 1, 5, 5, 2, 5, 900, 5], 5)],
)
def test_typical_is_the_mean_of_the_central_half(values: list[int], expected: float) -> None:
    assert stats.typical(np.array(values)) == expected


def test_typical_of_nothing_is_unknown() -> None:
    assert np.isnan(stats.typical(np.array([])))


@given(samples)
def test_typical_lies_among_the_central_values(values: Array) -> None:
    central = values[stats.central_half(values)]
    assert central.min() * (1 - 1e-12) <= stats.typical(values) <= central.max() * (1 + 1e-12)


@given(samples, st.integers(0, 1000))
def test_typical_does_not_depend_on_the_order(values: Array, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(values)
    assert stats.typical(shuffled) == pytest.approx(stats.typical(values), rel=1e-12)


@given(arrays(np.int64, st.tuples(st.integers(1, 40), st.integers(1, 6)), elements=st.integers(0, 10**11)))
def test_layers_add_up_to_the_total(rows: Array) -> None:
    totals = rows.sum(axis=1)
    layers = rows[stats.central_half(totals)].mean(axis=0)
    assert layers.sum() == pytest.approx(stats.typical(totals), rel=1e-9, abs=1e-6)


@given(machines)
@settings(deadline=None, max_examples=20)
def test_the_interval_is_finite_and_holds_the_estimate(data: tuple[Array, Array, Array]) -> None:
    found = interval_of(data)
    assert np.isfinite([found.lo, found.hi]).all()
    assert found.lo <= stats.typical(data[0]) <= found.hi


@given(machines, st.integers(1, 9))
@settings(deadline=None, max_examples=20)
def test_more_looks_and_higher_levels_widen(data: tuple[Array, Array, Array], looks: int) -> None:
    once = interval_of(data).half_width
    assert interval_of(data, looks=looks + 1).half_width >= interval_of(data, looks=looks).half_width >= once
    assert interval_of(data, level=0.99).half_width >= once


@given(machines, st.sampled_from([2, 16, 1024]))
@settings(deadline=None, max_examples=20)
def test_the_interval_scales_with_the_unit(data: tuple[Array, Array, Array], factor: int) -> None:
    values, process, block = data
    once, scaled = interval_of(data), interval_of((values * factor, process, block))
    assert scaled.lo == pytest.approx(once.lo * factor, rel=1e-9, abs=1e-3)
    assert scaled.hi == pytest.approx(once.hi * factor, rel=1e-9)


@given(machines, st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_order_of_the_rows_does_not_matter(data: tuple[Array, Array, Array], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(data[0]))
    shuffled = interval_of((data[0][order], data[1][order], data[2][order]))
    assert shuffled.hi == pytest.approx(interval_of(data).hi, rel=1e-9)


def test_blocks_that_record_little_of_their_time_count_by_what_they_span() -> None:
    """Very short inferences: most of a block runs unrecorded, its start times tell how long it lasted."""
    process, block = np.repeat(np.arange(12), 20), np.tile(np.arange(20), 12)
    values = np.full(240, 900)
    start = process * 10**10 + block * 50_000_000
    assert stats.total_interval(values, process, block) is None
    found = stats.total_interval(values, process, block, start)
    assert found is not None
    assert found.n_batches == 12 * 9


def test_the_numbers_of_the_processes_are_their_order_in_time() -> None:
    values, process, block = machine(12, sd=0.02)
    values = (values * (1 + 0.05 * process)).astype(np.int64)
    renamed = (process * 5) % 12
    assert interval_of((values, process, block)) != interval_of((values, renamed, block))


@given(machines, st.lists(st.integers(-(10**15), 10**15), min_size=24, max_size=24))
@settings(deadline=None, max_examples=20)
def test_a_clock_that_begins_anew_changes_nothing(
    data: tuple[Array, Array, Array], begins: list[int]
) -> None:
    """A device that restarts in a measurement: later processes may have earlier times."""
    values, process, block = data
    values = (values * (1 + 0.01 * process)).astype(np.int64)
    start = process * 10**10 + block * 120_000_000
    steady = stats.total_interval(values, process, block, start)
    assert steady is not None
    assert stats.total_interval(values, process, block, start + np.array(begins)[process]) == steady


def test_identical_values_have_no_width() -> None:
    values, process, block = machine(10, sd=0.0)
    found = interval_of((values, process, block))
    assert found.lo == found.hi == values[0]
    assert stats.noise_floor(values[:, np.newaxis], process, block).tolist() == [0.0]


def test_nothing_else_is_claimed_below_the_floor() -> None:
    values, process, block = machine(12, sd=0.0)
    values[0:8] += 1
    assert interval_of((values, process, block)).half_width == pytest.approx(
        stats.FLOOR * stats.typical(values)
    )


@pytest.mark.parametrize(
    "data",
    [machine(9), machine(12, base=1e6), (np.array([], dtype=np.int64),) * 3],
    ids=["nine processes", "batches too short", "nothing"],
)
def test_too_little_gives_no_interval(data: tuple[Array, Array, Array]) -> None:
    assert stats.total_interval(*data) is None


def test_batches_are_merged_blocks_of_one_process() -> None:
    values, process, block = machine(10, sd=0.001, base=30e6)
    assert interval_of((values, process, block)).n_batches == 20


def test_drift_is_wider_than_the_same_values_shuffled() -> None:
    values, process, block = machine(24, sd=0.002)
    drifting = (values * (1 + 0.001 * process)).astype(np.int64)
    mixed = (values * (1 + 0.001 * ((process * 7) % 24))).astype(np.int64)
    assert (
        interval_of((drifting, process, block)).half_width > interval_of((mixed, process, block)).half_width
    )


def test_more_processes_narrow_the_interval() -> None:
    widths = [np.median([interval_of(machine(n, s)).half_width for s in range(20)]) for n in (10, 40, 150)]
    assert widths[0] > widths[1] > widths[2]


def test_outliers_hardly_move_anything() -> None:
    values, process, block = machine(12)
    hit = values.copy()
    hit[::40] *= 50
    assert interval_of((hit, process, block)).hi == pytest.approx(
        interval_of((values, process, block)).hi, rel=0.02
    )


def test_layers_are_intervals_of_each_column() -> None:
    values, process, block = machine(12)
    rows = np.stack([values // 3, values - values // 3, np.zeros_like(values)], axis=1)
    lo, hi = stats.layer_intervals(rows, process, block)
    middle = rows[stats.central_half(values)].mean(axis=0)
    assert (lo <= middle).all()
    assert (middle <= hi).all()
    assert lo[2] == hi[2] == 0
    whole_lo, whole_hi = stats.layer_intervals(values[:, np.newaxis], process, block)
    assert (hi - lo)[:2].sum() == pytest.approx((whole_hi - whole_lo)[0], rel=1e-6)
    total = interval_of((values, process, block))
    assert (whole_lo[0], whole_hi[0]) == pytest.approx((total.lo, total.hi))


def test_layers_and_floor_are_unknown_with_few_processes() -> None:
    values, process, block = machine(9)
    rows = np.stack([values, values], axis=1)
    assert np.isnan(stats.layer_intervals(rows, process, block)).all()
    assert np.isnan(stats.noise_floor(rows, process, block)).all()
    assert stats.noise_floor(np.zeros((0, 3)), values[:0], block[:0]).shape == (3,)


def test_the_noise_floor_is_relative_and_unknown_for_a_free_layer() -> None:
    values, process, block = machine(12)
    floor = stats.noise_floor(np.stack([values, values * 8, values * 0], axis=1), process, block)
    assert floor[0] == pytest.approx(floor[1])
    assert floor[0] > interval_of((values, process, block)).half_width / stats.typical(values)
    assert np.isnan(floor[2])


def test_lengths_must_agree() -> None:
    values, process, block = machine(10)
    with pytest.raises(ValueError, match="79 processes"):
        stats.noise_floor(values[:, np.newaxis], process[1:], block)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([100] * 8, stats.Steady(0, True)),
        ([300, 150, 100, 101, 99, 100, 100, 101, 99, 100], stats.Steady(2, True)),
        ([100, 102, 101, 300, 100, 99, 101, 100], stats.Steady(0, True)),
        ([300, 290, 295, 310, 300, 100, 100, 101, 100, 100], stats.Steady(0, False)),
        (list(range(100, 130)), stats.Steady(0, False)),
        ([100, 100, 100], stats.Steady(0, False)),
        ([100, 100, float("nan"), 100], stats.Steady(0, False)),
    ],
    ids=["constant", "warm-up", "one spike", "late step", "ramp", "too few", "unknown"],
)
def test_steady_start(blocks: list[float], expected: stats.Steady) -> None:
    assert stats.steady_start(np.array(blocks)) == expected


@given(arrays(np.float64, st.integers(0, 40), elements=st.floats(1, 1e12)))
def test_steady_start_never_drops_more_than_half(blocks: npt.NDArray[np.float64]) -> None:
    found = stats.steady_start(blocks)
    assert 0 <= found.index <= len(blocks) // 2
