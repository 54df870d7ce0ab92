"""Profiles of the same processes: how pairs are formed, what is left out, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.factories import MIXED, Part, make_profile
from tflprof.analysis.comparison import Comparison, Difference, Status
from tflprof.analysis.match import RowMatch
from tflprof.analysis.paired import (
    LOOKS,
    SPENT,
    PairedResult,
    judged,
    more_needed,
    pair_matrix,
    paired_result,
)
from tflprof.profile.meta import Pairing
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter
from tflprof.profile.store import read_profile, write_profile

MATCHES = [RowMatch("same", (row,), (row,)) for row in range(len(MIXED))]
SLOW = 3


def twins(
    *, factor: float = 1.0, processes: int = 10, looks: tuple[int, ...] = (10,), blocks: int = 6
) -> tuple[Profile, Profile]:
    """Two profiles of the same processes; layer 3 of the second takes ``factor`` as long."""
    parts: list[Part] = [
        replace(part, cost=part.cost * factor) if row == SLOW else part for row, part in enumerate(MIXED)
    ]
    made = [
        make_profile(
            parts if side else MIXED, processes=processes, blocks=blocks, inferences=8, seed=side + 1
        )
        for side in (0, 1)
    ]
    paired = [
        Profile(replace(profile.meta, pairing=Pairing("one", side, looks)), profile.table)
        for side, profile in zip("ab", made, strict=True)
    ]
    return paired[0], paired[1]


def without(profile: Profile, unwanted: str) -> Profile:
    """The profile without the samples that a pandas query names."""
    frame = profile.table.to_pandas()
    keep = ~frame.index.isin(frame.query(unwanted).index)
    return Profile(profile.meta, profile.table.filter(keep))


def test_a_slower_layer_and_the_slower_total_are_found_and_nothing_else() -> None:
    found = paired_result(*twins(factor=1.3), MATCHES)
    assert (found.pairs, found.looks, found.alpha) == (10, 1, SPENT[0])
    assert [row.rejected for row in found.rows] == [row == SLOW for row in range(len(MIXED))]
    assert found.total.rejected
    slow = found.rows[SLOW]
    assert slow.estimate == pytest.approx(np.log(1.3), abs=0.02)
    assert 0 < slow.lo < slow.estimate < slow.hi
    # What runs nothing has no ratio.
    assert found.rows[5].estimate is None
    assert found.rows[5].p is None


def test_the_same_comes_out_of_the_files(tmp_path: Path) -> None:
    a, b = twins(factor=1.05, processes=12, looks=(10, 12))
    for name, profile in (("a", a), ("b", b)):
        write_profile(profile, tmp_path / f"{name}.parquet")
    again = paired_result(*(read_profile(tmp_path / f"{name}.parquet") for name in "ab"), MATCHES)
    assert again == paired_result(a, b, MATCHES)
    assert again.alpha == SPENT[1]


def test_pairs_after_the_last_look_do_not_count() -> None:
    a, b = twins(processes=14, looks=(10,))
    assert paired_result(a, b, MATCHES).pairs == 10
    assert paired_result(a, b, MATCHES) == paired_result(
        without(a, "process >= 10"), without(b, "process >= 10"), MATCHES
    )


def test_the_error_of_all_looks_together_is_one_percent_and_no_look_after_them_finds_anything() -> None:
    clear = np.random.default_rng(0).normal(1.0, 0.01, (40, 3))
    found = [judged(clear, np.zeros(3), looks) for looks in range(1, 6)]
    assert sum(result.alpha for result in found) == pytest.approx(0.01)
    assert [result.total.rejected for result in found] == [True, True, True, False, False]
    assert len(LOOKS) == len(SPENT)


def test_one_round_is_compared_with_the_same_round_only() -> None:
    """What drifts from round to round cancels, however large."""
    a, b = drifting(share=0.02), drifting(share=0.02, slower=1.01)
    values = pair_matrix(a, b, []).values
    assert values.shape == (10, 1)
    np.testing.assert_allclose(values, np.log(1.01), atol=1e-5)
    np.testing.assert_allclose(pair_matrix(b, a, []).values, -values)


def test_rounds_without_a_partner_and_tainted_inferences_are_left_out() -> None:
    a, b = drifting(share=0.02), drifting(share=0.02, slower=1.01)
    cut = without(a, "round == 2 or (process == 4 and inference >= 12)")
    np.testing.assert_allclose(pair_matrix(cut, b, []).values, np.log(1.01), atol=1e-5)
    spoilt = drifting(share=0.02, slower=1.01, tainted=True)
    np.testing.assert_allclose(pair_matrix(a, spoilt, []).values, np.log(1.01), atol=1e-5)


def test_a_process_that_one_side_has_nothing_of_is_no_pair() -> None:
    a, b = twins(processes=11)
    found = paired_result(without(a, "process == 4"), b, MATCHES)
    assert found.pairs == 10
    assert found == paired_result(without(a, "process == 4"), without(b, "process == 4"), MATCHES)


def test_a_process_that_broke_before_its_first_profiled_round_is_no_pair() -> None:
    a, b = twins(processes=11)
    broken = without(a, "process == 4 and variant == 'profiled'")
    found = paired_result(broken, b, MATCHES)
    assert found.pairs == 10
    assert found == paired_result(without(a, "process == 4"), b, MATCHES)
    assert found.rows[0].p is not None


def test_a_row_that_often_takes_no_time_is_not_compared() -> None:
    a, b = twins()
    frame = b.table.to_pandas()
    frame.loc[(frame.kind == "event") & (frame.event == 1) & (frame.inference % 3 == 0), "value"] = 0
    frame.loc[(frame.kind == "event") & (frame.event == 2), "value"] = 0
    writer = b.table.set_column(b.table.schema.get_field_index("value"), "value", [frame["value"].to_numpy()])
    matrix = pair_matrix(a, Profile(b.meta, writer), MATCHES)
    assert np.isfinite(matrix.values[:, 1]).all()
    assert np.isnan(matrix.values[:, 2]).all()


def test_rows_of_one_match_are_added_and_a_side_that_is_missing_leaves_nothing() -> None:
    a, b = twins(factor=1.3)
    matches = [RowMatch("fused", (2, SLOW), (SLOW,)), RowMatch("inserted", (), (0,))]
    values = pair_matrix(a, b, matches).values
    assert np.median(values[:, 1]) == pytest.approx(np.log(1.3 * 1310 / (1310 + 640)), abs=0.03)
    assert np.isnan(values[:, 2]).all()
    assert paired_result(a, b, matches).rows[1].estimate is None


def test_the_clock_limits_what_can_be_told() -> None:
    a, b = twins()
    coarse = replace(a.meta, clock=replace(a.meta.clock, tick=9_000))
    fine, rough = (paired_result(Profile(meta, a.table), b, MATCHES) for meta in (a.meta, coarse))
    assert width(rough, 6) > width(fine, 6) + 10
    assert width(rough, 3) == pytest.approx(width(fine, 3) + 2 * 9_000 / 1_310_000, rel=0.05)


def test_profiles_that_were_not_measured_together_have_no_pairs() -> None:
    with pytest.raises(ValueError, match="not measured together"):
        paired_result(make_profile(), make_profile(), MATCHES)


@pytest.mark.parametrize(
    ("total", "row", "difference", "wanted"),
    [
        ("inconclusive", "same", 0.0, True),
        ("same", "same", 0.0, False),
        ("slower", "slower", 99.0, False),
        ("same", "inconclusive", 6.0, True),
        ("faster", "inconclusive", -6.0, True),
        ("same", "inconclusive", 4.0, False),
        ("same", "inconclusive", None, False),
        ("same", "new", 50.0, False),
    ],
)
def test_more_pairs_are_wanted_for_an_open_total_and_for_suspects(
    total: Status, row: Status, difference: float | None, wanted: bool
) -> None:
    meta = make_profile().meta
    layer = Difference("same", None, None, row, "", difference=difference, threshold=5.0)
    whole = Difference("total", None, None, total, "")
    assert more_needed(Comparison("paired", meta, meta, whole, (layer,), None, 0.01, 0.01)) == wanted


def width(found: PairedResult, row: int) -> float:
    assert found.rows[row].lo is not None
    assert found.rows[row].hi is not None
    return found.rows[row].hi - found.rows[row].lo


def drifting(*, share: float, slower: float = 1.0, tainted: bool = False) -> Profile:
    """Ten processes of ten plain rounds of four inferences; each round is slower than the last by a share."""
    base = make_profile(processes=1, blocks=1, inferences=1)
    writer = SampleWriter()
    for process in range(10):
        for turn in range(10):
            value = int(5e6 * slower * (1 + share * turn) * (1 + 0.1 * process))
            writer.add_block(
                BlockSamples(
                    process=process,
                    block=turn,
                    round=turn,
                    phase="steady",
                    variant="plain",
                    counter="ns",
                    t=turn,
                    khz=None,
                    values=[value, value, value, value * 3],
                    cores=[1] * 4,
                    tainted=[False, tainted, False, tainted],
                )
            )
    writer.add_block(BlockSamples(0, 99, 99, "steady", "profiled", "ns", 99, None, [9], [1], [0], [[1] * 7]))
    return Profile(base.meta, writer.table())
