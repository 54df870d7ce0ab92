"""Estimates of layers in models that touch more than the caches keep, or less."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.latency_tables import conv, convs, cost, row, table
from tflprof.analysis.latency_table import LatencyTable
from tflprof.op_config import OpConfig
from tflprof.op_memory import network_bytes, read_bytes
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.latency_rows import StoredTable

REFETCH = Refetch((10_000.0, 40_000.0), (0.0, 0.5), (0.0, 0.2), (0.0, 0.4))
KNOWN = convs((1, 4, 8, 12, 20), (3, 8, 24, 64))
PLAIN = table(KNOWN)
META = replace(PLAIN.meta, refetch=REFETCH)


def measured_in(touched: float) -> StoredTable:
    """Rows of a model that touches so much: what they cost, and what of it is fetching weights again."""
    rows = []
    for config in KNOWN:
        more = REFETCH.cost(config, touched)
        rows.append(replace(row(config, round(cost(config) + more)), refetch=more))
    return StoredTable(META, tuple(rows))


@dataclass(frozen=True)
class Layer:
    """A layer as far as it is asked."""

    id: str
    config: OpConfig
    first: bool = False
    uncosted: str | None = None
    name: str = ""


@pytest.mark.parametrize("measured", [0.0, 25_000.0, 1e6])
@pytest.mark.parametrize("asked", [0.0, 25_000.0, 1e6])
def test_a_row_of_one_model_in_another(measured: float, asked: float) -> None:
    known = LatencyTable(measured_in(measured), touched=asked)
    for config in (conv(8, 24, 32), conv(10, 24, 32)):
        expected = cost(config) + REFETCH.cost(config, asked)
        assert known.estimate(config).value == pytest.approx(expected, rel=0.02)
    exact = known.estimate(conv(8, 24, 32))
    assert exact.kind == "exact"
    assert exact.lo < exact.value < exact.hi


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(convs((1, 8), (3, 24, 64), (32, 96))), min_size=1, max_size=8))
def test_models_of_several_layers_know_what_they_touch(chosen: list[OpConfig]) -> None:
    known = LatencyTable(measured_in(1e6))
    touched = network_bytes(chosen)
    whole = known.predict_layers([Layer(f"0/{at}", config) for at, config in enumerate(chosen)])
    alone = LatencyTable(measured_in(1e6), touched=touched).estimates(chosen)
    assert whole.total == pytest.approx(sum(one.value for one in alone))
    found = known.predict(np.stack([known.encode(chosen)] * 2))
    assert found.total.tolist() == pytest.approx([whole.total] * 2)
    assert (found.lo[0], found.hi[0]) == pytest.approx((whole.lo, whole.hi))


def test_no_row_is_all_for_its_weights() -> None:
    config = conv(8, 24, 32)
    known = LatencyTable(StoredTable(META, (replace(row(config, 1000), refetch=5000.0),)))
    assert known.estimate(config).value == 300


def test_without_prices_rows_are_as_they_are() -> None:
    stored = replace(measured_in(1e6), meta=PLAIN.meta)
    config = conv(8, 24, 32)
    expected = cost(config) + 0.2 * read_bytes(config)
    assert LatencyTable(stored, touched=1e6).estimate(config).value == pytest.approx(expected, rel=1e-3)
