"""What two profiles say of each other: statuses with reasons, refusals, and what must never be concluded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.factories import MIXED, group, make_profile, part, static
from tests.unit.analysis.sides import COUNTS, alike, costing, counts, quiet, row, with_meta, with_options
from tflprof import stats
from tflprof.analysis.compare import DRIFT, ITSELF, compare_profiles
from tflprof.analysis.comparison import Comparison
from tflprof.analysis.stored import noise_floors
from tflprof.profile.meta import NoiseFloor, Pairing, ProfileMeta
from tflprof.profile.profile import Profile

# Counts


def test_equal_counts_are_the_same() -> None:
    found = compare_profiles(counts(), counts())
    assert found.method == "exact"
    assert {one.status for one in (found.total, *found.layers)} == {"same"}
    assert row(found, "net/a").reason == "the counts are equal"
    assert (found.total.lo, found.total.hi, found.total.ratio) == (0, 0, 1)


@pytest.mark.parametrize(
    ("name", "cost", "status"),
    [
        ("net/a", 5_004_900, "same"),
        ("net/a", 5_005_100, "slower"),
        ("net/a", 4_994_900, "faster"),
        ("net/b", 90_900, "same"),
        ("net/b", 91_100, "slower"),
        ("net/c", 1_100, "same"),
        ("net/c", 900, "faster"),
    ],
)
def test_counts_change_beyond_a_thousandth_and_a_thousand(name: str, cost: float, status: str) -> None:
    found = compare_profiles(counts(), counts(costing(COUNTS, name, cost)))
    changed = row(found, name)
    assert changed.status == status
    assert changed.difference == cost - (changed.a.typical if changed.a and changed.a.typical else 0)
    assert (
        changed.threshold == max(0.001 * changed.a.typical, 1000)
        if changed.a and changed.a.typical
        else False
    )
    assert {one.status for one in found.layers if one is not changed} == {"same"}


def test_reasons_have_the_numbers() -> None:
    found = compare_profiles(counts(), counts(costing(COUNTS, "net/b", 99_000)))
    assert row(found, "net/b").reason == (
        "9.00 k more instructions (+10.0 %): beyond the 1.00 k up to which counts are the same"
    )


def test_counts_that_did_not_repeat_conclude_nothing() -> None:
    unsure = counts(costing(COUNTS, "net/a", 9e6))
    unsure = with_meta(unsure, schedule=replace(unsure.meta.schedule, reached=False))
    found = compare_profiles(counts(), unsure)
    assert {one.status for one in (found.total, *found.layers)} == {"inconclusive"}
    assert found.total.reason == "the counts of B did not repeat"
    assert found.total.ratio is not None
    assert found.total.lo is None


def test_a_threshold_of_time_does_not_soften_counts() -> None:
    found = compare_profiles(counts(), counts(costing(COUNTS, "net/a", 5_010_000)), threshold=0.5)
    assert row(found, "net/a").status == "slower"


# Two files


def test_noise_is_no_difference() -> None:
    found = compare_profiles(quiet(), quiet(seed=1), threshold=0.05)
    assert (found.method, found.matching, found.notes) == ("stored", "identity", (DRIFT,))
    assert {one.status for one in (found.total, *found.layers)} == {"same"}


def test_what_lies_within_the_noise_floor_is_inconclusive() -> None:
    found = compare_profiles(quiet(), quiet(seed=1), threshold=0.0001)
    assert {one.status for one in (found.total, *found.layers)} == {"inconclusive"}
    assert "reaches beyond" in found.total.reason or "includes 0" in found.total.reason


def test_a_large_difference_is_found_in_its_layer() -> None:
    found = compare_profiles(quiet(), quiet(1.2, seed=1), threshold=0.02)
    assert [one.status for one in found.layers] == ["same", "slower", "same"]
    assert found.total.status == "slower"
    slower = found.layers[1]
    assert slower.ratio == pytest.approx(1.2, rel=0.01)
    assert slower.lo is not None
    assert slower.lo < slower.difference < slower.hi
    assert slower.lo > slower.threshold
    assert "+20.0 %" in slower.reason
    turned = compare_profiles(quiet(1.2, seed=1), quiet(), threshold=0.02)
    assert [one.status for one in turned.layers] == ["same", "faster", "same"]


def test_a_real_difference_below_the_threshold_is_the_same() -> None:
    found = compare_profiles(quiet(), quiet(1.03, seed=1), threshold=0.2)
    assert {one.status for one in found.layers} == {"same"}


def test_floors_hold_for_all_rows_together() -> None:
    """More rows, wider floors: the error is shared between them."""
    few, many = quiet(parts=2), quiet(parts=20)
    one, other = (compare_profiles(side, side).layers[0] for side in (few, many))
    levels = (1 - 0.01 / 2, 1 - 0.01 / 2 / 20)
    floors = noise_floors(many, [(0,)], levels)
    assert np.log(compare_profiles(many, many).total.ratio_hi) == pytest.approx(floors.total)
    assert np.log(other.ratio_hi) == pytest.approx(floors.rows[0])
    assert floors.rows[0] > noise_floors(many, [(0,)], (levels[0], stats.NOISE_LEVEL)).rows[0]
    assert other.ratio_hi > one.ratio_hi > 1


def test_a_stored_floor_is_never_undercut() -> None:
    noisy = quiet()
    noisy = with_meta(noisy, noise_floor=NoiseFloor(0.5, {"0/0": 0.7}))
    found = compare_profiles(noisy, noisy)
    assert np.log(found.total.ratio_hi) == pytest.approx(0.5)
    assert np.log(found.layers[0].ratio_hi) == pytest.approx(0.7)
    assert found.layers[1].ratio_hi < 1.1


def test_too_few_processes_conclude_nothing() -> None:
    """A statistic that cannot be computed is no evidence, however large the difference."""
    found = compare_profiles(quiet(), quiet(3.0, processes=5))
    assert {one.status for one in (found.total, *found.layers)} == {"inconclusive"}
    assert found.total.reason == "the noise of B is not known: too few processes were measured"
    assert found.total.ratio == pytest.approx(5 / 3, rel=0.01)


def test_averages_conclude_nothing() -> None:
    a, b = (with_meta(make_profile(seed=seed), kind="aggregate") for seed in (0, 1))
    for one in (a, b):
        one.__dict__["summary"] = make_profile(seed=0).summary
    found = compare_profiles(a, b)
    assert {one.status for one in (found.total, *found.layers)} == {"inconclusive"}
    assert "averages" in found.total.reason
    assert found.total.ratio == 1
    assert found.total.lo is None


def test_a_profile_without_layers_is_compared_by_its_total() -> None:
    found = compare_profiles(make_profile(profiled=False), make_profile(profiled=False))
    assert {one.status for one in found.layers if one.a and one.a.op != "RESHAPE"} == {"inconclusive"}
    assert row(found, "net/Conv2d_0/Relu6").reason == "its cost is not known in A and B"
    assert row(found, "net/Conv2d_0/Relu6").difference is None
    assert found.total.ratio == 1


# Rows that only one side has


def test_layers_that_are_missing_are_new_or_gone_never_dropped() -> None:
    more = (*COUNTS[:1], part("MUL", "net/more", 70_000), *COUNTS[1:])
    a, b = alike(counts(), "one"), alike(counts(more), "other")
    found = compare_profiles(a, b)
    assert found.matching == "structure"
    assert [(one.match, one.status) for one in found.layers] == [
        ("same", "same"), ("inserted", "new"), ("same", "same"), ("same", "same"),
    ]  # fmt: skip
    new = row(found, "net/more")
    assert (new.a, new.difference, new.ratio) == (None, 70_000, None)
    gone = row(compare_profiles(b, a), "net/more")
    assert (gone.match, gone.status, gone.b, gone.difference) == ("removed", "gone", None, -70_000)


def test_what_runs_nothing_on_both_sides_is_the_same() -> None:
    found = row(compare_profiles(make_profile(), make_profile(seed=1)), "net/Logits/Squeeze")
    assert (found.status, found.difference) == ("same", None)
    assert found.reason == "nothing runs for it at inference, neither in A nor in B"


@pytest.mark.parametrize(("cost", "status"), [(50_000, "slower"), (900, "same")])
def test_what_runs_on_one_side_only(cost: float, status: str) -> None:
    """A layer that the delegate used to leave out has no cost to take a ratio of; its cost now is known."""
    before = (*COUNTS, static("RESHAPE", "net/r"))
    after = (*COUNTS, part("RESHAPE", "net/r", cost, macs=None))
    found = row(compare_profiles(counts(before), counts(after)), "net/r")
    assert (found.status, found.difference, found.ratio) == (status, cost, None)
    assert "runs in B only" in found.reason
    assert ("that do not matter" in found.reason) == (status == "same")
    unsure = counts(after, schedule=replace(counts().meta.schedule, reached=False))
    assert row(compare_profiles(counts(before), unsure), "net/r").status == "inconclusive"


def test_a_group_is_compared_as_a_whole() -> None:
    apart = (
        *MIXED[:2],
        part("PAD", "net/pad", 40_000),
        part("CONV_2D", "net/Conv2d_2/Relu6", 600_000),
        *MIXED[3:],
    )
    a, b = make_profile(MIXED, unit="instructions"), make_profile(apart, unit="instructions")
    found = row(compare_profiles(a, b), "net/pad")
    assert (found.match, found.status) == ("regrouped", "same")
    assert found.a is not None
    assert found.b is not None
    assert found.a.layers == found.b.layers == ("0/2", "0/3")
    assert found.a.op == "PAD + CONV_2D"
    assert found.a.typical == found.b.typical == 640_000


def test_a_group_with_an_unknown_part_has_no_cost() -> None:
    """What is not known is not nothing: a sum with a gap is no sum."""
    whole = make_profile((group(600_000, ("PAD", "p"), ("CONV_2D", "c")),), unit="instructions")
    apart = make_profile((part("PAD", "p", 40_000), part("CONV_2D", "c", 500_000)), unit="instructions")
    layers = list(apart.summary.layers)
    layers[0] = replace(layers[0], estimate=replace(layers[0].estimate, typical=None))
    apart.__dict__["summary"] = replace(apart.summary, layers=tuple(layers))
    found = compare_profiles(whole, apart).layers[0]
    assert found.b is not None
    assert (found.b.typical, found.status) == (None, "inconclusive")
    assert found.reason == "its cost is not known in B"


def test_shares_are_of_the_total() -> None:
    found = compare_profiles(counts(), counts())
    assert found.layers[0].a is not None
    assert found.total.a is not None
    assert found.layers[0].a.share == found.layers[0].a.typical / found.total.a.typical


def test_what_no_layer_explains_is_the_same_where_counts_say_so_and_else_open() -> None:
    def gap(a: Profile, b: Profile) -> str:
        found = compare_profiles(a, b).unattributed
        assert found is not None
        return found.status

    assert gap(counts(), counts()) == "same"
    unsettled = with_meta(counts(), schedule=replace(counts().meta.schedule, reached=False))
    assert gap(counts(), unsettled) == "inconclusive"
    assert gap(quiet(), quiet()) == "inconclusive"


# Measured together


def together(a: Profile, b: Profile, looks: tuple[int, ...] = (10, 20)) -> tuple[Profile, Profile]:
    return (
        with_meta(a, pairing=Pairing("p", "a", looks)),
        with_meta(b, pairing=Pairing("p", "b", looks)),
    )


def test_profiles_of_the_same_processes_are_compared_pair_by_pair() -> None:
    found = compare_profiles(*together(quiet(), quiet(1.05, seed=1)))
    assert (found.method, found.pairs, found.looks) == ("paired", 20, 2)
    assert [one.status for one in found.layers] == ["same", "slower", "same"]
    slower = found.layers[1]
    assert slower.p is not None
    assert slower.p < 0.01
    assert slower.ratio_lo < 1.05 < slower.ratio_hi
    assert slower.difference == pytest.approx(slower.a.typical * (slower.ratio - 1))
    assert found.notes == ()


def test_too_few_pairs_conclude_nothing() -> None:
    found = compare_profiles(*together(quiet(processes=4), quiet(2.0, processes=4), (4,)))
    assert {one.status for one in (found.total, *found.layers)} == {"inconclusive"}
    assert "4 process pairs" in found.total.reason
    assert found.layers[1].ratio == pytest.approx(2.0, rel=0.02)


def test_a_profile_with_itself_is_no_pair_and_told() -> None:
    a, b = together(quiet(), quiet())
    found = compare_profiles(a, with_meta(a))
    assert found.method == "stored"
    assert ITSELF in found.notes
    assert ITSELF not in compare_profiles(a, b).notes
    assert ITSELF not in compare_profiles(quiet(), quiet(seed=1)).notes


def test_layers_that_never_ran_are_told() -> None:
    """A branch that was not taken has no row; it is not passed over in silence."""
    a = counts()
    rows = a.meta.alignment.rows[:2]
    half = with_meta(a, alignment=replace(a.meta.alignment, rows=rows))
    found = compare_profiles(a, half)
    assert found.notes == ("1 layer of B did not run and is not compared: 0/2",)
    assert [one.match for one in found.layers] == ["same", "same", "removed"]


def test_other_input_data_are_told() -> None:
    found = compare_profiles(quiet(), with_options(quiet(seed=1), seed=9))
    assert any("data of the inputs differ" in note for note in found.notes)


def test_every_row_has_a_status_and_a_reason() -> None:
    pairs: list[tuple[ProfileMeta, Comparison]] = []
    for a, b in (
        (counts(), counts()),
        (make_profile(), make_profile(seed=1)),
        together(quiet(), quiet(seed=1)),
    ):
        pairs.append((b.meta, compare_profiles(a, b)))
    for meta, found in pairs:
        assert Counter(layer for one in found.layers if one.b for layer in one.b.layers) == Counter(
            layer.id for layer in meta.model.layers
        )
        assert all(one.reason for one in (found.total, *found.layers))
