from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ns"),
        (1, "1 ns"),
        (999, "999 ns"),
        (999.7, "1.00 µs"),
        (12_345, "12.3 µs"),
        (999_600, "1.00 ms"),
        (86_340_000, "86.3 ms"),
        (2_500_000_000, "2.50 s"),
        (-1_200, "−1.20 µs"),
        (0.5, "0.500 ns"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_time_has_three_digits_and_a_unit(value: float | None, text: str) -> None:
    assert units.format_value(value, "ns") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(900, "900"), (190_600_000, "191 M"), (1_500, "1.50 k"), (2.1e9, "2.10 G"), (7e12, "7.00 T")],
)
def test_counts(value: float, text: str) -> None:
    assert units.format_value(value, "instructions") == text
    assert units.format_count(value) == text


def test_bytes_are_in_powers_of_1024() -> None:
    assert units.format_bytes(1023) == "1023 B"
    assert units.format_bytes(1536) == "1.50 KiB"
    assert units.format_bytes(64 << 20) == "64.0 MiB"
    assert units.format_bytes(None) == "–"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.5, "50.0 %"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.0001, "<0.1 %"),
        (-0.0001, "−<0.1 %"),
        (-0.02, "−2.0 %"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_shares(share: float | None, text: str) -> None:
    assert units.format_share(share) == text


@pytest.mark.parametrize(
    ("typical", "lo", "hi", "text"),
    [
        (100.0, 99.0, 101.0, "±1.0 %"),
        (100.0, 99.99, 100.01, "±<0.1 %"),
        (100.0, 80.0, 120.0, "±20 %"),
        (100.0, 100.0, 100.0, "exact"),
        (0.0, 0.0, 0.0, "exact"),
        (0.0, 0.0, 1.0, "–"),
        (100.0, None, None, "–"),
        (None, 1.0, 2.0, "–"),
        (100.0, math.nan, 101.0, "–"),
    ],
)
def test_spread(typical: float | None, lo: float | None, hi: float | None, text: str) -> None:
    assert units.format_spread(typical, lo, hi) == text


def test_an_interval_has_one_scale_and_ends_that_can_be_told_apart() -> None:
    assert units.format_interval(84_900_000, 86_100_000, "ns") == "84.9 … 86.1 ms"
    assert units.format_interval(999_000, 1_001_000, "ns") == "0.999 … 1.00 ms"
    assert units.format_interval(86_340_000, 86_341_000, "ns") == "86.340 … 86.341 ms"
    assert units.format_interval(None, 1.0, "ns") == ""
    assert units.format_interval(1_000.0, 2_000.0, "instructions") == "1.00 … 2.00 k"


def test_ratio() -> None:
    assert units.format_ratio(1.234) == "1.23×"
    assert units.format_ratio(1.234, 1.2, 1.26) == "1.23× (1.20 … 1.26)"
    assert units.format_ratio(None) == "–"


def test_names() -> None:
    assert units.unit_name("ns") == "time"
    assert units.unit_name("instructions") == "instructions"
    assert units.rate_name("ns") == "GMAC/s"
    assert units.rate_name("cycles") == "MAC/cycle"


@given(st.floats(min_value=1e-6, max_value=1e15))
def test_what_is_shown_is_within_half_a_percent(value: float) -> None:
    number, _, suffix = units.format_value(value, "ns").partition(" ")
    factor = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}[suffix]
    assert float(number) * factor == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("before", "after", "unit", "text"),
    [
        (10_120_000.0, 8_921_000.0, "ns", "10.1 → 8.92 ms"),
        (10_120_000.0, 10_121_000.0, "ns", "10.120 → 10.121 ms"),
        (5.0, 5.0, "instructions", "5.00 → 5.00"),
        (800.0, 2_000.0, "ns", "0.800 → 2.00 µs"),
        (None, 2_000.0, "ns", "– → 2.00 µs"),
        (math.nan, None, "ns", "– → –"),
        (0.0, 3e6, "cycles", "0 → 3.00 M"),
    ],
)
def test_steps(before: float | None, after: float | None, unit: str, text: str) -> None:
    assert units.format_step(before, after, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (420_000.0, "ns", "+420 µs"),
        (-30_500.0, "instructions", "−30.5 k"),
        (0.0, "ns", "0 ns"),
        (None, "ns", "–"),
    ],
)
def test_differences(value: float | None, unit: str, text: str) -> None:
    assert units.format_difference(value, unit) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "0 %"),
        (1 + 1e-15, "0 %"),
        (0.877, "−12.3 %"),
        (1.0005, "+0.05 %"),
        (0.99999, "−<0.01 %"),
        (1.00996, "+1.0 %"),
        (10.0, "+900 %"),
        (0.0, "−100 %"),
        (None, "–"),
        (math.inf, "–"),
    ],
)
def test_changes(ratio: float | None, text: str) -> None:
    assert units.format_change(ratio) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((100.0, 83.527, 119.722), "±18 %"),
        ((100.0, 49.659, 201.375), "×÷ 2.0"),
        ((100.0, 25.0, 400.0), "×÷ 4.0"),
        ((100.0, 40.0, 160.0), "±60 %"),
        ((100.0, -20.0, 220.0), "±120 %"),
        ((0.0, 0.0, 1.0), "–"),
    ],
)
def test_a_wide_interval_of_a_ratio_is_a_factor(interval: tuple[float, float, float], text: str) -> None:
    assert units.format_spread(*interval) == text
