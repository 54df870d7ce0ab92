"""Prices of weights that are fetched again, by what an inference touches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.latency_tables import conv, layer
from tflprof.profile.latency_refetch import Refetch

REFETCH = Refetch((1000.0, 2000.0, 4000.0), (0.0, 1.0, 1.0), (0.0, 2.0, 6.0))


@pytest.mark.parametrize(
    ("touched", "vector", "matrix"),
    [(0, 0, 0), (1000, 0, 0), (1500, 0.5, 1), (2000, 1, 2), (3000, 1, 4), (4000, 1, 6), (1e9, 1, 6)],
)
def test_prices_lie_between_the_known_ones(touched: float, vector: float, matrix: float) -> None:
    assert REFETCH.price(touched, vector=True) == pytest.approx(vector)
    assert REFETCH.price(touched, vector=False) == pytest.approx(matrix)


def test_products_with_one_vector_have_a_price_of_their_own() -> None:
    one, many = conv(size=1, inputs=8, outputs=16), conv(size=2, inputs=8, outputs=16)
    size = 4 * (8 * 16 + 16)
    assert REFETCH.cost(one, 4000) == size
    assert REFETCH.cost(many, 4000) == 6 * size
    assert REFETCH.cost(layer("ADD", size=4, inputs=8), 4000) == 0


@given(st.floats(0, 1e10), st.floats(0, 1e10), st.booleans())
def test_touching_more_makes_no_weights_cheaper(one: float, other: float, vector: bool) -> None:
    less, more = sorted((one, other))
    assert REFETCH.price(less, vector=vector) <= REFETCH.price(more, vector=vector)


def test_in_another_clock() -> None:
    assert REFETCH.scaled(2.0).price(3000, vector=False) == 8


@pytest.mark.parametrize(
    "found",
    [
        ((), (), ()),
        ((1.0,), (1.0, 2.0), (1.0,)),
        ((1.0, 1.0), (1.0, 2.0), (1.0, 2.0)),
        ((1.0, 2.0), (1.0, float("nan")), (1.0, 2.0)),
        ((1.0, 2.0), (1.0, 1.0), (-1.0, 2.0)),
    ],
)
def test_what_is_no_price_is_refused(found: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match="price"):
        Refetch(*found)
