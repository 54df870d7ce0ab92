"""Which profiles may be compared: refusals, what is shown in spite of them, two devices, trust."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import make_profile
from tests.unit.analysis.sides import COUNTS, costing, counts, quiet, with_meta, with_options
from tflprof.analysis.compare import compare_profiles
from tflprof.errors import EXIT_INCONCLUSIVE, Untrusted, UsageError
from tflprof.profile.meta import Finding, Pairing
from tflprof.profile.profile import Profile


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


def test_what_neither_profile_knows_is_not_said_to_differ() -> None:
    a = with_options(make_profile(), threads=None)
    with pytest.raises(Untrusted, match="they may differ in what"):
        compare_profiles(a, a)
    with pytest.raises(Untrusted, match="they differ, or may differ, in what"):
        compare_profiles(a, with_options(a, kernels="builtin"))


def test_forced_counts_are_counts_all_the_same() -> None:
    found = compare_profiles(counts(), with_options(counts(), threads=2), force=True)
    assert (found.method, found.forced, found.total.status) == ("exact", True, "incomparable")
    assert (found.total.difference, found.total.ratio, found.total.lo) == (0, 1, None)


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


def of_unit(profile: Profile, unit: str | None) -> Profile:
    target = replace(profile.meta.target, kind="adb", name="pixel2")
    return with_meta(profile, target=target, conditions={"device": {"start": {"unit": unit}}})


def test_two_phones_of_one_model_are_two_devices() -> None:
    found = compare_profiles(of_unit(quiet(), "4593"), of_unit(quiet(2.0, seed=1), "77aa"))
    assert (found.method, found.total.status) == ("devices", "incomparable")
    assert [(one.key, one.a, one.b) for one in found.mismatches] == [("target.unit", "4593", "77aa")]
    for known in ("4593", None):
        assert compare_profiles(of_unit(quiet(), "4593"), of_unit(quiet(seed=1), known)).method == "stored"


def test_clocks_that_were_set_are_a_condition() -> None:
    def clocked(*done: str) -> Profile:
        start = {"quiet": {"done": ["stays awake while plugged in", *done], "refused": []}}
        return with_meta(quiet(), conditions={"device": {"start": start}})

    slow = clocked("frequency 1000000 kHz of CPU 2 3")
    with pytest.raises(Untrusted, match="clocks: A none, B frequency 1000000 kHz of CPU 2 3"):
        compare_profiles(quiet(), slow)
    same = clocked("frequency 1000000 kHz of CPU 2 3: it was already")
    assert compare_profiles(slow, same).mismatches == ()
    assert compare_profiles(quiet(), clocked()).mismatches == ()


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


def test_profiles_of_other_pairs_are_told() -> None:
    alone, first, other = (
        with_meta(quiet(seed=seed), pairing=pairing)
        for seed, pairing in enumerate((None, Pairing("p", "a", (20,)), Pairing("q", "b", (20,))))
    )
    told = "ran in turn with another model"
    for a, b, sides in ((alone, first, "B"), (first, other, "A and B")):
        found = compare_profiles(a, b)
        assert found.method == "stored"
        assert any(note.startswith(f"{sides} {told}") for note in found.notes)
    both = compare_profiles(first, with_meta(other, pairing=Pairing("p", "b", (20,))))
    assert (both.method, [note for note in both.notes if told in note]) == ("paired", [])
