"""Which exit status a batch ends with, and what is told of each model."""

from __future__ import annotations

import pytest

from tests.factories import make_profile, part
from tflprof.analysis.batch import BatchEntry, BatchResult, digest_of


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 2, 0], 2),
        ([2, 3], 3),
        ([3, 70, 2], 70),
        ([4, 2], 2),
        ([4, 0], 4),
        ([2, 70, 130], 130),
    ],
)
def test_a_batch_ends_with_its_worst(codes: list[int], worst: int) -> None:
    entries = tuple(
        BatchEntry("m.tflite", "failed" if code else "measured", exit_code=code) for code in codes
    )
    assert BatchResult(entries, "out").exit_code == worst


def test_what_ended_it_early_counts() -> None:
    assert BatchResult((BatchEntry("m", "measured"),), "out", finished=False, stop_code=3).exit_code == 3


def test_the_slowest_layer_is_told_with_its_share() -> None:
    profile = make_profile(
        [part("ADD", "small", 1e4), part("CONV_2D", "large", 9e5), part("MUL", "next", 5e5)]
    )
    digest = digest_of(profile)
    assert (digest.layer, digest.layer_op, digest.layer_id) == ("large", "CONV_2D", "0/1")
    assert digest.layer_share == pytest.approx(0.62, abs=0.03)
    assert digest.total == profile.summary.total.typical
    assert digest.target == "host: Test CPU 3000"
