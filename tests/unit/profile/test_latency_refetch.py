"""Prices of weights that are fetched again, by what an inference touches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.latency_tables import conv, layer
from tflprof.profile.latency_refetch import Refetch

REFETCH = Refetch((1000.0, 2000.0, 4000.0), (0.0, 1.0, 1.0), (0.0, 2.0, 6.0), (0.0, 4.0, 9.0))


@pytest.mark.parametrize(
    ("touched", "prices"),
    [
        (0, (0, 0, 0)),
        (1000, (0, 0, 0)),
        (1500, (0.5, 1, 2)),
        (2000, (1, 2, 4)),
        (3000, (1, 4, 6.5)),
        (4000, (1, 6, 9)),
        (1e9, (1, 6, 9)),
    ],
)
def test_prices_lie_between_the_known_ones(touched: float, prices: tuple[float, float, float]) -> None:
    assert REFETCH.at(touched) == pytest.approx(prices)


def test_products_with_one_vector_have_a_price_of_their_own() -> None:
    one, many = conv(size=1, inputs=8, outputs=16), conv(size=2, inputs=8, outputs=16)
    size = 4 * (8 * 16 + 16)
    assert REFETCH.cost(one, 4000) == size
    assert REFETCH.cost(many, 4000) == 6 * size
    assert REFETCH.cost(layer("ADD", size=4, inputs=8), 4000) == 0


def test_what_reads_the_image_has_its_price_on_top() -> None:
    first = conv(size=8, inputs=3, outputs=16)
    assert REFETCH.cost(first, 4000) == 6 * 4 * (3 * 16 + 16) + 9 * 4 * 8 * 8 * 3


@given(st.floats(0, 1e10), st.floats(0, 1e10))
def test_touching_more_makes_nothing_cheaper(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert all(a <= b for a, b in zip(REFETCH.at(less), REFETCH.at(more), strict=True))


def test_in_another_clock() -> None:
    assert REFETCH.scaled(2.0).at(3000) == (2, 8, 13)


@pytest.mark.parametrize(
    "found",
    [
        ((), (), (), ()),
        ((1.0,), (1.0, 2.0), (1.0,), (1.0,)),
        ((1.0,), (1.0,), (1.0,), ()),
        ((1.0, 1.0), (1.0, 2.0), (1.0, 2.0), (1.0, 2.0)),
        ((1.0, 2.0), (1.0, float("nan")), (1.0, 2.0), (1.0, 2.0)),
        ((1.0, 2.0), (1.0, 1.0), (1.0, 2.0), (-1.0, 2.0)),
    ],
)
def test_what_is_no_price_is_refused(found: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match="price"):
        Refetch(*found)
