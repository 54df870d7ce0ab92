"""Summaries: rows add up, inference by inference and in the typical value; unknown stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MIXED, make_profile
from tflprof.profile.meta import (
    Alignment,
    EventInfo,
    Row,
    StructureInfo,
)
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter
from tflprof.profile.summary import invoke_samples, row_samples

OP = 2


def nested(values: list[list[int]]) -> Profile:
    """A profile whose inferences have Invoke > (a, loop > (inner call > b)), with these elapsed values."""
    events = tuple(
        EventInfo(kind, 0, 0, 0, tag)
        for kind, tag in ((1, "Invoke"), (OP, "A"), (OP, "WHILE"), (1, "Invoke"), (OP, "B"))
    )
    rows = (
        Row(("0/0",), "A", {"0": (1,)}, "exact"),
        Row(("0/1",), "WHILE", {"0": (2, 3)}, "split"),
        Row(("0/2",), "B", {"0": (4,)}, "exact"),
    )
    base = make_profile(MIXED[:3])
    alignment = Alignment(1, (StructureInfo(events, (-1, 0, 0, 2, 3)),), rows)
    writer = SampleWriter()
    count = len(values)
    common = {"process": 0, "round": 0, "phase": "steady", "counter": "ns", "khz": None}
    totals = [inference[0] for inference in values]
    writer.add_block(BlockSamples(block=0, variant="plain", t=0, values=totals, cores=[0] * count, **common))
    writer.add_block(
        BlockSamples(
            block=1,
            variant="profiled",
            t=1,
            values=totals,
            cores=[0] * count,
            structures=[0] * count,
            events=values,
            **common,
        )
    )
    from dataclasses import replace

    return Profile(replace(base.meta, alignment=alignment), writer.table())


def test_control_flow_keeps_only_its_own_time() -> None:
    profile = nested([[100, 20, 70, 60, 50]])
    assert row_samples(profile.meta, profile.table).tolist() == [[20, 20, 50]]


inference = st.tuples(*[st.integers(0, 10**9)] * 5).map(
    lambda v: [sum(v), v[1], v[2] + v[3] + v[4], v[3] + v[4], v[4]]
)


@given(st.lists(inference, min_size=1, max_size=30))
def test_rows_and_unattributed_are_the_call_in_every_inference(values: list[list[int]]) -> None:
    profile = nested(values)
    rows = row_samples(profile.meta, profile.table)
    unattributed = invoke_samples(profile.meta, profile.table) - rows.sum(axis=1)
    assert (rows >= 0).all()
    assert unattributed.tolist() == [v[0] - v[1] - v[2] for v in values]


def test_typical_adds_up() -> None:
    summary = make_profile().summary
    attributed = sum(layer.estimate.typical for layer in summary.layers if layer.estimate.typical is not None)
    assert summary.total.typical is not None
    assert summary.unattributed.typical == pytest.approx(summary.total.typical - attributed, abs=1e-6)


def test_a_group_is_counted_once_and_shown_at_every_member() -> None:
    summary = make_profile().summary
    members = [layer for layer in summary.layers if layer.group is not None]
    assert len(members) == 2
    assert {layer.group for layer in members} == {members[0].info.id}
    assert members[0].estimate.typical is not None
    assert members[1].estimate.typical is None


def test_a_layer_that_runs_nothing_has_no_value_rather_than_zero() -> None:
    static = next(layer for layer in make_profile().summary.layers if layer.note == "static")
    assert static.estimate.typical is None
    assert static.share is None


def test_the_interval_holds_the_estimate() -> None:
    total = make_profile().summary.total
    assert total.lo is not None
    assert total.hi is not None
    assert total.typical is not None
    assert total.lo <= total.typical <= total.hi


def test_emulated_counts_have_no_spread() -> None:
    profile = make_profile(unit="instructions")
    total = profile.summary.total
    assert total.lo == total.hi == total.typical


def test_without_profiled_inferences_only_the_total_is_known() -> None:
    summary = make_profile(profiled=False).summary
    assert summary.total.typical is not None
    assert summary.overhead is None
    assert all(layer.estimate.typical is None for layer in summary.layers)
    assert summary.unattributed.typical is None


def test_layers_as_a_table() -> None:
    frame = make_profile().layers()
    assert frame["id"].is_unique
    assert frame["index"].tolist() == sorted(frame["index"])
    assert np.isclose(frame["share"].sum(), frame["typical"].sum() / make_profile().summary.total.typical)
    assert set(frame["unit"]) == {"ns"}


def test_samples_as_a_table() -> None:
    frame = make_profile().samples()
    assert {"kind", "process", "variant", "value", "phase"} <= set(frame.columns)
    assert frame["value"].notna().all()
