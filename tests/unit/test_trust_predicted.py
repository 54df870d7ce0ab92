"""Findings about predicted times: what they rest on, and nothing of what disturbs a measurement."""

from __future__ import annotations

from dataclasses import replace

from tests.predictions import ANCHORED, UNANCHORED, predicted
from tests.unit.test_trust import codes
from tflprof.profile.meta import ClockInfo


def test_a_prediction_says_what_it_rests_on_and_stays_ok() -> None:
    extrapolated = replace(
        UNANCHORED, extrapolated=("no published time of a Cortex-A510 could be predicted",)
    )
    profile = predicted(prediction=extrapolated, notes=["the anchor of 2026-11-20 is of other costs"])
    assert codes(profile.meta, profile) >= {"unanchored", "extrapolated", "anchors-unused"}
    assert profile.meta.verdict == "ok"
    assert not codes(predicted(prediction=ANCHORED).meta, predicted(prediction=ANCHORED)) & {
        "unanchored",
        "extrapolated",
        "anchors-unused",
    }


def test_a_prediction_tells_how_to_anchor_it() -> None:
    found = next(one for one in predicted().meta.findings if one.code == "unanchored")
    assert "tflprof calibrate pixel2" in found.remedy


def test_what_disturbs_measured_time_is_nothing_to_a_prediction() -> None:
    """Not even if the machine that emulates is busy, slow, and has a coarse clock."""
    profile = predicted(prediction=ANCHORED)
    busy = {"stolen_share": 0.5, "other_busy": 3.0, "switches_per_second": 900.0, "paused_share": 0.4}
    meta = replace(
        profile.meta,
        conditions={**profile.meta.conditions, **busy},
        clock=ClockInfo(tick=1_000_000, read=5_000),
        options=replace(profile.meta.options, cpus=None),
    )
    assert codes(meta, profile) <= {"unattributed-high"}


def test_counts_that_did_not_repeat_are_in_doubt_as_predictions_too() -> None:
    profile = predicted(complete=False)
    assert "not-repeatable" in codes(profile.meta, profile)
    assert profile.meta.verdict == "doubtful"
