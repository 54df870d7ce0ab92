"""Whole models by a latency table: one at a time and many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.latency_tables import conv, convs, cost, layer, table
from tflprof.analysis.latency_table import LatencyTable
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import Overheads

OVERHEADS = Overheads(
    model=500.0, part=70.0, layer=3.0, spread=20.0, models=4, instructions=Overheads(model=900.0)
)
KNOWN = LatencyTable(table(convs(), overheads=OVERHEADS))
CONFIGS = [*convs((8, 12), (24, 64), (32, 96)), conv(10, 40, 80), conv(12, 24, 256)]


@dataclass(frozen=True)
class Layer:
    """A layer as far as it is asked."""

    id: str
    config: OpConfig
    first: bool = False
    uncosted: str | None = None
    name: str = ""


def layers(configs: list[OpConfig]) -> list[Layer]:
    return [Layer(f"0/{at}", config, first=at == 0) for at, config in enumerate(configs)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(CONFIGS), min_size=1, max_size=8))
def test_a_batch_says_what_single_models_do(chosen: list[OpConfig]) -> None:
    whole = KNOWN.predict_layers(layers(chosen))
    codes = np.append(KNOWN.encode(chosen[:1], first=True), KNOWN.encode(chosen[1:]))
    found = KNOWN.predict(np.stack([codes, codes]))
    assert whole.total is not None
    assert found.total.tolist() == pytest.approx([whole.total] * 2)
    assert (found.lo[0], found.hi[0]) == pytest.approx((whole.lo, whole.hi))
    assert found.instructions[0] == pytest.approx(whole.instructions)
    assert whole.lo < whole.total < whole.hi
    assert found.kinds[0].sum() == len(chosen)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(len(CONFIGS))))
def test_the_order_of_layers_and_empty_slots_mean_nothing(order: list[int]) -> None:
    codes = KNOWN.encode(CONFIGS)
    batch = np.zeros((2, len(codes) + 3), dtype=np.int64)
    batch[0, : len(codes)] = codes
    batch[1, 3:] = codes[order]
    found = KNOWN.predict(batch)
    for values in (found.total, found.lo, found.hi, found.instructions):
        assert values[0] == pytest.approx(values[1])
    assert (found.kinds[0] == found.kinds[1]).all()


def test_the_total_is_the_rows_and_the_overheads() -> None:
    chosen = convs((8,), (24,), (32, 96))
    found = KNOWN.predict_layers(layers(chosen))
    assert found.total == sum(map(cost, chosen)) + 500 + 70 + 2 * 3
    assert found.overhead == 576
    assert found.instructions == sum(map(cost, chosen)) + 900
    # Errors of one family are correlated by one half, those of the overheads are independent.
    halves = [0.01 * cost(config) for config in chosen]
    half = math.sqrt(0.5 * sum(halves) ** 2 + 0.5 * sum(one**2 for one in halves) + 20.0**2)
    assert (found.lo, found.hi) == pytest.approx((found.total - half, found.total + half))


def test_a_missing_layer_leaves_no_total() -> None:
    chosen = [conv(8, 24, 32), layer("SOFTMAX", inputs=10)]
    whole = KNOWN.predict_layers(layers(chosen))
    assert whole.total is None
    assert whole.interval is None
    assert [one.id for one in whole.missing] == ["0/1"]
    found = KNOWN.predict(KNOWN.encode(chosen))
    assert np.isnan(found.total[0])
    assert found.missing.tolist() == [1]


def test_layers_done_elsewhere_cost_nothing_and_unknown_ones_are_missing() -> None:
    config = conv(8, 24, 32)
    free = [Layer("0/0", config, True), Layer("0/1", config, uncosted="done in 0/0")]
    whole = KNOWN.predict_layers(free)
    assert whole.total == cost(config) + 573
    assert whole.layers[1].estimate is None
    odd = [Layer("0/0", config, True), Layer("0/1", config, uncosted="it works on state or text")]
    assert KNOWN.predict_layers(odd).total is None


def test_numbers_are_the_same_for_the_same_configuration() -> None:
    one, other = conv(8, 24, 32), conv(8, 24, 40)
    codes = KNOWN.encode([one, other, one])
    assert codes[0] == codes[2] != codes[1]
    assert KNOWN.encode([one])[0] == codes[0]
    assert KNOWN.encode([one], first=True)[0] != codes[0]
    assert 0 not in codes


def test_nothing_costs_the_overheads_of_a_model() -> None:
    found = LatencyTable(table(convs((8,)), overheads=OVERHEADS)).predict(np.zeros((3, 2), dtype=np.int64))
    assert found.total.tolist() == [570.0] * 3
    assert len(KNOWN.predict(np.zeros((0, 4), dtype=np.int64))) == 0


@pytest.mark.parametrize(
    "batch", [np.array([[10_000]]), np.array([[-1]]), np.array([[0.5]]), np.zeros((2, 2, 2), dtype=int)]
)
def test_what_are_no_numbers_of_encode_is_refused(batch: Any) -> None:
    with pytest.raises(ValueError, match="numbers"):
        KNOWN.predict(batch)
