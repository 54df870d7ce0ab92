from __future__ import annotations

import pytest

from tests.factories import MIXED, Part, group, make_profile, mobilenet, part, static
from tflprof.report.view import make_view


def test_ranks_follow_cost_and_shares_add_up() -> None:
    view = make_view(make_profile())
    assert [row.layer.info.id for row in view.ranked] == ["0/4", "0/0", "0/2", "0/1", "0/5", "0/7"]
    shares = [row.layer.share or 0.0 for row in view.ranked]
    assert view.ranked[-1].cumulative == pytest.approx(sum(shares))
    assert view.profile.summary.unattributed_share is not None
    assert sum(shares) + view.profile.summary.unattributed_share == pytest.approx(1.0)


def test_a_group_counts_once_and_its_members_refer_to_the_first() -> None:
    rows = {row.layer.info.id: row for row in make_view(make_profile()).rows}
    leader, member = rows["0/2"], rows["0/3"]
    assert leader.members == ("0/2", "0/3")
    assert leader.op == "PAD + CONV_2D"
    assert leader.macs == 25_690_112
    assert leader.counted_in is None
    assert member.counted_in == "0/2"
    assert (member.rank, member.rate, member.cumulative) == (None, None, None)


def test_what_is_unknown_stays_unknown() -> None:
    rows = {row.layer.info.id: row for row in make_view(make_profile()).rows}
    assert rows["0/6"].layer.note == "static"
    assert rows["0/6"].rank is None
    assert rows["0/5"].macs is None
    assert rows["0/5"].rate is None


def test_rate_of_time_is_gmacs_per_second() -> None:
    view = make_view(make_profile([part("CONV_2D", "a", 1_000_000, macs=5_000_000)], unit="instructions"))
    assert view.rows[0].rate == pytest.approx(5.0)


def test_operator_sums() -> None:
    view = make_view(make_profile())
    assert [op.op for op in view.ops] == ["CONV_2D", "PAD + CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "SOFTMAX"]
    assert view.ops[0].layers == 2
    assert view.ops[0].macs == 10_838_016 + 51_380_224
    assert sum(op.typical for op in view.ops) == pytest.approx(
        sum(row.layer.estimate.typical or 0.0 for row in view.ranked)
    )


def test_a_profile_without_layer_values() -> None:
    view = make_view(make_profile(profiled=False))
    assert view.ranked == ()
    assert view.ops == ()
    assert view.profile.summary.total.typical is not None


def test_execution_order_is_that_of_the_kernels() -> None:
    view = make_view(make_profile())
    assert [row.layer.info.id for row in view.executed] == [f"0/{i}" for i in range(len(view.rows))]


@pytest.mark.parametrize(
    ("unit", "text"), [("ns", "measured on host"), ("instructions", "emulated instructions: not time")]
)
def test_provenance(unit: str, text: str) -> None:
    assert make_view(make_profile(unit=unit)).provenance == text


def test_one_layer_and_five_hundred() -> None:
    one: list[Part] = [part("FULLY_CONNECTED", "dense", 5_000.0)]
    assert len(make_view(make_profile(one)).ranked) == 1
    many = [part("ADD", f"add_{i}", 1_000.0 + i) for i in range(498)]
    parts = [*many, group(10.0, ("PAD", "p"), ("CONV_2D", "c")), static("RESHAPE", "r")]
    view = make_view(make_profile(parts, processes=2, blocks=1, inferences=4))
    assert (len(view.rows), len(view.ranked)) == (501, 499)


def test_the_factories_agree_with_their_parts() -> None:
    profile = make_profile(unit="instructions")
    costs = [item.cost for item in MIXED if item.note != "static"]
    values = [row.layer.estimate.typical for row in make_view(profile).rows if row.rank]
    assert values == pytest.approx(costs)
    assert len(mobilenet().summary.layers) == 31
