"""Estimates of single layers: rows as they are, families between them, and what is said outside of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.latency_tables import conv, convs, cost, depthwise, layer, row, table
from tests.predictions import UNANCHORED
from tflprof.analysis.latency_table import LatencyTable
from tflprof.op_channels import with_dtype
from tflprof.op_config import OpConfig

KNOWN = LatencyTable(table(convs((4, 5, 7, 12, 20))))
_ORDERED = LatencyTable(table(convs((4, 12), (8, 24), (8, 32, 96)))).estimate(conv(8, 16, 64))


def test_a_row_is_given_as_it_is() -> None:
    found = KNOWN.estimate(conv(12, 24, 32))
    assert (found.kind, found.value) == ("exact", cost(conv(12, 24, 32)))
    assert (found.lo, found.hi) == (found.value * 0.99, found.value * 1.01)
    assert found.instructions == cost(conv(12, 24, 32))
    assert "chain" in found.reason


@settings(max_examples=40, deadline=None)
@given(size=st.integers(4, 20), inputs=st.integers(8, 64), outputs=st.integers(8, 96))
def test_between_rows_the_rule_of_tiles_is_found(size: int, inputs: int, outputs: int) -> None:
    wanted = conv(size, inputs, outputs)
    found = KNOWN.estimate(wanted)
    assert found.kind in ("exact", "interpolated", "extrapolated")
    if inputs % 4 == 0:
        # No row has a remainder of inputs: what that costs, only a row could tell.
        assert found.instructions == pytest.approx(cost(wanted), rel=0.02)
    assert found.lo <= found.value <= found.hi


@settings(max_examples=25, deadline=None)
@given(tiles=st.integers(2, 11), left=st.integers(1, 7))
def test_channels_cost_as_many_whole_tiles(tiles: int, left: int) -> None:
    """Any number of channels that fills as many tiles costs the same, and a further tile costs more."""
    whole, less = KNOWN.estimate(conv(12, 24, 8 * tiles)), KNOWN.estimate(conv(12, 24, 8 * tiles - left))
    more = KNOWN.estimate(conv(12, 24, 8 * tiles + 8))
    assert less.value == pytest.approx(whole.value, rel=0.02)
    assert more.value > whole.value


@settings(max_examples=8, deadline=None)
@given(st.permutations(list(range(12))))
def test_the_order_of_rows_means_nothing(order: list[int]) -> None:
    configs = convs((4, 12), (8, 24), (8, 32, 96))
    other = LatencyTable(table([configs[at] for at in order]))
    assert other.estimate(conv(8, 16, 64)) == _ORDERED


def test_outside_is_said_and_the_interval_is_wider_the_further_it_is() -> None:
    inside, near, far = (KNOWN.estimate(conv(12, 24, channels)) for channels in (64, 128, 512))
    assert inside.kind == "interpolated"
    assert (near.kind, far.kind) == ("extrapolated", "extrapolated")
    assert "outside" in near.reason
    widths = [math.log(one.hi / one.lo) for one in (inside, near, far)]
    assert widths == sorted(widths)
    assert far.value == pytest.approx(cost(conv(12, 24, 512)), rel=0.05)


def test_another_kernel_for_uneven_channels_is_found() -> None:
    """XNNPACK takes tiles of 4 by 2 where those of 6 by 8 would be left unused by more than 1 %."""

    def rule(config: OpConfig) -> float:
        channels, depth = config.inputs[1].shape[0], config.inputs[1].shape[3]
        pixels = config.outputs[0].shape[1] ** 2
        if -(-channels // 8) * 8 <= 1.01 * channels:
            return cost(config)
        return 300 + -(-pixels // 4) * -(-channels // 2) * (40 + 8 * depth)

    even = convs((4, 7, 12), (16, 32, 64), (8, 32, 64, 96))
    known = LatencyTable(
        table([*even, *convs((4, 7, 12), (16, 32, 64), (9, 22, 60))], rule, unit="instructions")
    )
    for asked in (conv(10, 48, 36), conv(10, 48, 40), conv(8, 24, 50)):
        assert known.estimate(asked).value == pytest.approx(rule(asked), rel=0.03)
    other = LatencyTable(table(even, rule, unit="instructions")).estimate(conv(10, 48, 36))
    assert other.kind == "extrapolated"
    assert "do not fill tiles" in other.reason


def test_the_other_kernel_of_wide_vectors_is_found() -> None:
    """XNNPACK takes tiles of 16 channels on x86 where those of 32 would be left unused by more than 1 % of more."""

    def rule(config: OpConfig) -> float:
        channels, depth = config.inputs[1].shape[0], config.inputs[1].shape[3]
        rows = -(-(config.outputs[0].shape[1] ** 2) // 7)
        wide, narrow = (-(-channels // tile) * tile for tile in (32, 16))
        return 300 + rows * depth * (wide if wide <= 1.01 * narrow else 1.3 * narrow)

    known = convs((4, 7, 12), (16, 32, 64), (16, 24, 48, 64, 96, 120, 128, 144, 240))
    found = LatencyTable(table(known, rule, unit="instructions", abi="linux-x86_64"))
    # Both fill 80 channels: the one as two and a half tiles of 32, the other as nearly three.
    for asked in (conv(10, 48, 80), conv(10, 48, 88), conv(8, 24, 200), conv(8, 24, 216)):
        assert found.estimate(asked).value == pytest.approx(rule(asked), rel=0.05)


def test_another_activation_costs_the_same_but_is_no_exact_row() -> None:
    found = KNOWN.estimate(conv(12, 24, 32, activation="RELU6"))
    assert (found.kind, found.value) == ("interpolated", pytest.approx(cost(conv(12, 24, 32))))
    assert found.reason == "a row of the same sizes"


@pytest.mark.parametrize(
    "config",
    [with_dtype(conv(12, 24, 32), "int8"), depthwise(), layer("SOFTMAX", inputs=10)],
    ids=["type", "operator", "softmax"],
)
def test_without_a_family_it_is_missing_and_says_which(config: OpConfig) -> None:
    found = KNOWN.estimate(config)
    assert (found.kind, found.known, found.instructions) == ("missing", False, None)
    assert math.isnan(found.value)
    assert "no row of its family" in found.reason
    assert config.op in found.reason


def test_one_row_scales_with_the_work_and_is_called_extrapolated() -> None:
    alone = LatencyTable(table([conv(12, 24, 32)]))
    found = alone.estimate(conv(12, 24, 64))
    assert found.kind == "extrapolated"
    assert "1 row only" in found.reason
    assert found.value == pytest.approx(2 * cost(conv(12, 24, 32)))
    assert found.hi / found.lo > 2


def test_related_rows_stand_in_for_a_family_with_a_wide_interval() -> None:
    others = LatencyTable(
        table([depthwise(size, channels) for size in (4, 8, 12) for channels in (8, 16, 32)])
    )
    found = others.estimate(depthwise(16, 16, stride=2))
    assert found.kind == "extrapolated"
    assert "related" in found.reason
    assert found.value == pytest.approx(cost(depthwise(16, 16, stride=2)), rel=0.05)
    assert others.estimate(depthwise(16, 16, kernel=5)).kind == "missing"


def test_a_first_kernel_differs_by_what_rows_of_both_places_tell() -> None:
    configs = convs((4, 12), (8, 24), (8, 32))
    firsts = [row(config, cost(config) + 40, first=True) for config in configs[:3]]
    both = LatencyTable(table(configs, more=firsts))
    assert both.estimate(configs[0], first=True).value == cost(configs[0]) + 40
    later = both.estimate(configs[5], first=True)
    assert (later.kind, later.value) == ("exact", cost(configs[5]) + 40)
    between = both.estimate(conv(8, 24, 16)).value
    assert both.estimate(conv(8, 24, 16), first=True).value == pytest.approx(between + 40)


def test_rows_that_cost_nothing_say_nothing_about_others() -> None:
    configs = convs((4, 12), (8, 24), (8, 32, 96))
    known = LatencyTable(table(configs[1:], more=[row(configs[0], 0)]))
    assert known.estimate(configs[0]).value == 0
    assert known.estimate(conv(12, 16, 64)).value == pytest.approx(cost(conv(12, 16, 64)), rel=0.05)
    nothing = LatencyTable(table([], more=[row(config, 0) for config in configs]))
    assert nothing.estimate(conv(12, 16, 64)).value == pytest.approx(0, abs=1)


def test_an_empty_table_knows_nothing() -> None:
    empty = LatencyTable(table([]))
    assert len(empty) == 0
    assert empty.estimate(conv()).kind == "missing"


def test_rows_measured_alone_give_counts_but_no_times() -> None:
    alone = table([], more=[row(config, 1, context="isolated") for config in convs()])
    times, counts = (
        LatencyTable(alone),
        LatencyTable(replace(alone, meta=replace(alone.meta, unit="instructions"))),
    )
    found = times.estimate(conv(12, 24, 32))
    assert found.kind == "missing"
    assert "alone" in found.reason
    assert counts.estimate(conv(12, 24, 32)).kind == "exact"


def test_predicted_times_are_known_as_far_as_places_agree() -> None:
    configs = convs((4, 12), (8, 24), (8, 32, 96))
    stored = table(configs)
    one = replace(stored, meta=replace(stored.meta, prediction=UNANCHORED))
    found = LatencyTable(one).estimate(configs[0])
    assert (found.lo, found.hi) == pytest.approx(
        (found.value * math.exp(-0.05), found.value * math.exp(0.05))
    )
    networks = [row(config, round(1.1 * cost(config)), context="network") for config in configs]
    two = LatencyTable(replace(one, rows=(*one.rows, *networks))).estimate(configs[0])
    assert two.value == pytest.approx(1.1 * found.value, abs=1)
    assert two.hi == pytest.approx(two.value * 1.1**2, rel=1e-3)


def test_times_grow_with_bytes_beyond_a_cache() -> None:
    """Weights that no longer fit into the first cache are fetched for every row of tiles."""

    def rule(config: OpConfig) -> float:
        weights, x = config.inputs[1].shape, config.outputs[0].shape
        size, rows = 4 * weights[0] * weights[3], -(-x[1] * x[2] // 6)
        return 0.4 * cost(config) + (rows * size * 0.01 if size > 32 * 1024 else 0)

    sizes, channels = (4, 8, 12, 16), (32, 64, 96, 128, 192)
    known = LatencyTable(table(convs(sizes, channels, channels), rule))
    for asked in (conv(10, 48, 48), conv(10, 160, 160), conv(14, 80, 144)):
        found = known.estimate(asked)
        assert found.value == pytest.approx(rule(asked), rel=0.05)
