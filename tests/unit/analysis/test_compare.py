"""What two profiles say of each other: statuses with reasons, refusals, and what must never be concluded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.factories import MIXED, Part, group, make_profile, part, static
from tflprof import stats
from tflprof.analysis.compare import DRIFT, compare_profiles
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.analysis.stored import noise_floors
from tflprof.errors import EXIT_INCONCLUSIVE, Untrusted, UsageError
from tflprof.profile.meta import Finding, NoiseFloor, Pairing, ProfileMeta
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter

COUNTS = (part("CONV_2D", "net/a", 5_000_000), part("CONV_2D", "net/b", 90_000), part("ADD", "net/c", 2_000))


def with_meta(profile: Profile, **changes: Any) -> Profile:
    return Profile(replace(profile.meta, **changes), profile.table)


def with_options(profile: Profile, **changes: Any) -> Profile:
    return with_meta(profile, options=replace(profile.meta.options, **changes))


def counts(parts: Sequence[Part] = COUNTS, **changes: Any) -> Profile:
    return with_meta(make_profile(parts, unit="instructions"), **changes)


def costing(parts: Sequence[Part], name: str, cost: float) -> tuple[Part, ...]:
    """The same with another cost of one layer."""
    return tuple(replace(one, cost=cost) if one.layers[0][1] == name else one for one in parts)


def alike(profile: Profile, fingerprint: str) -> Profile:
    """The same of a model of another structure, whose layers have as many weights each."""
    layers = tuple(replace(layer, parameters=10, weight_bytes=40) for layer in profile.meta.model.layers)
    return with_meta(profile, model=replace(profile.meta.model, layers=layers, fingerprint=fingerprint))


def row(comparison: Comparison, name: str) -> Difference:
    """The row with a layer of this name on either side."""
    return next(
        one for one in comparison.layers if name in {side.name for side in (one.a, one.b) if side is not None}
    )


def quiet(factor: float = 1.0, *, seed: int = 0, processes: int = 20, parts: int = 3) -> Profile:
    """Measured on a quiet machine: layers of 1 ms, processes that differ by 0.05 %; the second takes ``factor`` ms."""
    rng = np.random.default_rng(seed)
    base = make_profile(
        [part("CONV_2D", f"net/{i}", 1e6) for i in range(parts)], processes=1, blocks=1, inferences=1
    )
    writer = SampleWriter()
    for process in range(processes):
        level = rng.normal(1, 0.0005)
        for number, variant in enumerate(("plain", "profiled")):
            rows = np.full((60, parts), 1e6) * level * rng.normal(1, 0.001, (60, parts))
            rows[:, min(1, parts - 1)] *= factor
            invoke = rows.sum(axis=1)
            events = [[int(sum(row)), *map(int, row)] for row in rows] if variant == "profiled" else ()
            writer.add_block(
                BlockSamples(
                    process=process, block=number, round=0, phase="steady", variant=variant, counter="ns",
                    t=process * 10**10 + number * 10**9, khz=None, values=[int(v) for v in invoke], cores=[1] * 60,
                    structures=[0] * 60 if events else (), events=events,
                )
            )  # fmt: skip
    return Profile(base.meta, writer.table())


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
    assert slower.lo < slower.difference < slower.hi  # type: ignore[operator]
    assert slower.lo > slower.threshold  # type: ignore[operator]
    assert "+20.0 %" in slower.reason
    turned = compare_profiles(quiet(1.2, seed=1), quiet(), threshold=0.02)
    assert [one.status for one in turned.layers] == ["same", "faster", "same"]


def test_a_real_difference_below_the_threshold_is_the_same() -> None:
    found = compare_profiles(quiet(), quiet(1.03, seed=1), threshold=0.2)
    assert {one.status for one in found.layers} == {"same"}


def test_floors_hold_for_all_rows_together() -> None:
    """More rows, wider floors: the error is shared between them."""
    few, many = quiet(parts=2), quiet(parts=20)
    one = compare_profiles(few, few).layers[0]
    other = compare_profiles(many, many).layers[0]
    level = 1 - 0.01 / 21
    floor = noise_floors(many, [(0,)], level).rows[0]
    assert np.log(other.ratio_hi) == pytest.approx(floor)  # type: ignore[arg-type]
    assert floor > noise_floors(many, [(0,)], stats.NOISE_LEVEL).rows[0]
    assert other.ratio_hi > 1
    assert one.ratio_hi > 1  # type: ignore[operator]


def test_a_stored_floor_is_never_undercut() -> None:
    noisy = quiet()
    noisy = with_meta(noisy, noise_floor=NoiseFloor(0.5, {"0/0": 0.7}))
    found = compare_profiles(noisy, noisy)
    assert np.log(found.total.ratio_hi) == pytest.approx(0.5)  # type: ignore[arg-type]
    assert np.log(found.layers[0].ratio_hi) == pytest.approx(0.7)  # type: ignore[arg-type]
    assert found.layers[1].ratio_hi < 1.1  # type: ignore[operator]


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
    assert found.layers[0].a.share == found.layers[0].a.typical / found.total.a.typical  # type: ignore[operator]
    assert found.unattributed is not None
    assert found.unattributed.status == "inconclusive"


# Refusals


def test_what_differs_in_conditions_is_refused_naming_every_key() -> None:
    b = with_options(make_profile(), threads=4, kernels="builtin")
    b = with_meta(b, runtime={**b.meta.runtime, "version": "2.2.0"})
    with pytest.raises(Untrusted) as refused:
        compare_profiles(make_profile(), b)
    assert refused.value.exit_code == EXIT_INCONCLUSIVE
    for text in ("threads: A 1, B 4", "kernels: A xnnpack, B builtin", "runtime.version: A 2.3.0, B 2.2.0"):
        assert text in refused.value.what
    assert "--force-incomparable" in (refused.value.hint or "")


def test_unknown_conditions_are_named() -> None:
    a = with_options(make_profile(), threads=None)
    with pytest.raises(Untrusted, match="threads: A unknown, B unknown"):
        compare_profiles(a, a)


def test_forced_shows_numbers_and_judges_nothing() -> None:
    b = with_options(quiet(2.0, seed=1), threads=4)
    found = compare_profiles(quiet(), b, force=True)
    assert found.forced
    assert [one.key for one in found.mismatches] == ["threads"]
    everything = (found.total, *found.layers, found.unattributed)
    assert {one.status for one in everything if one is not None} == {"incomparable"}
    assert found.layers[1].ratio == pytest.approx(2.0, rel=0.01)
    assert found.layers[1].lo is None


def test_forced_counts_and_times_have_no_ratio() -> None:
    found = compare_profiles(make_profile(), make_profile(unit="instructions"), force=True)
    assert (found.total.ratio, found.total.difference) == (None, None)
    assert found.total.a is not None
    assert found.total.a.typical is not None


def test_forced_where_nothing_differs_judges_all_the_same() -> None:
    found = compare_profiles(counts(), counts(), force=True)
    assert (found.forced, found.total.status) == (False, "same")


def on_device(profile: Profile, name: str, kind: str = "emulated") -> Profile:
    target = replace(profile.meta.target, name=name, kind=kind, soc=name)
    return with_meta(profile, target=target, runtime={**profile.meta.runtime, "sha256": name})


def test_one_model_on_two_devices_is_shown_and_never_judged() -> None:
    a, b = on_device(counts(), "pixel2"), on_device(counts(costing(COUNTS, "net/a", 9e6)), "rpi4")
    found = compare_profiles(a, b)
    assert (found.method, found.forced) == ("devices", False)
    assert {one.status for one in (found.total, *found.layers)} == {"incomparable"}
    assert found.layers[0].ratio == pytest.approx(9 / 5)
    assert found.layers[0].b is not None
    assert found.layers[0].b.share == pytest.approx(9e6 / (9_092_000 * 1.031), rel=1e-3)
    assert {one.key for one in found.mismatches} == {"target", "runtime.sha256"}


@pytest.mark.parametrize(
    "change",
    [
        lambda one: with_options(one, threads=4),
        lambda one: with_meta(one, model=replace(one.meta.model, fingerprint="another")),
        lambda one: with_meta(one, target=replace(one.meta.target, kind="host")),
        lambda one: with_meta(one, runtime={**one.meta.runtime, "version": "1"}),
    ],
)
def test_two_devices_with_another_difference_are_refused(change: Any) -> None:
    with pytest.raises(Untrusted):
        compare_profiles(on_device(counts(), "pixel2"), change(on_device(counts(), "rpi4")))


def test_two_cores_of_one_device_are_refused() -> None:
    a, b = (with_options(counts(), core=core, cpus=cpus) for core, cpus in (("big", (7,)), ("little", (0,))))
    with pytest.raises(Untrusted, match="cpus: A 7, B 0"):
        compare_profiles(a, b)


def test_trust_is_required_if_asked_for() -> None:
    finding = Finding("thermal-throttled", "doubt", "the core slowed down to 60 %", "cool it")
    doubted = make_profile(findings=[finding], verdict="doubtful")
    assert compare_profiles(make_profile(), doubted).doubted == ("B",)
    with pytest.raises(Untrusted, match="doubtful: thermal-throttled \\(the core slowed down to 60 %\\)"):
        compare_profiles(make_profile(), doubted, require_trust=True)
    compare_profiles(make_profile(), make_profile(), require_trust=True)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.0, float("nan")])
def test_a_threshold_that_is_none(threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold"):
        compare_profiles(make_profile(), make_profile(), threshold=threshold)


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
    assert slower.ratio_lo < 1.05 < slower.ratio_hi  # type: ignore[operator]
    assert slower.difference == pytest.approx(slower.a.typical * (slower.ratio - 1))  # type: ignore[operator, union-attr]
    assert found.notes == ()


def test_too_few_pairs_conclude_nothing() -> None:
    found = compare_profiles(*together(quiet(processes=4), quiet(2.0, processes=4), (4,)))
    assert {one.status for one in (found.total, *found.layers)} == {"inconclusive"}
    assert "4 process pairs" in found.total.reason
    assert found.layers[1].ratio == pytest.approx(2.0, rel=0.02)


def test_a_profile_with_itself_is_no_pair() -> None:
    a, _ = together(quiet(), quiet())
    assert compare_profiles(a, a).method == "stored"


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
