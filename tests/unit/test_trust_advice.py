"""What is found in the course of a measurement, around it and against its library; advice that suits what was done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import make_profile, part
from tests.unit.test_trust import FREQUENCY, HEAT, codes, device, messages, severities, with_conditions
from tflprof import trust
from tflprof.profile.meta import ClockInfo, Pairing, ProfileMeta
from tflprof.profile.profile import Profile


def remedies(profile: Profile, meta: ProfileMeta) -> dict[str, str]:
    return {finding.code: finding.remedy for finding in trust.assess(meta, profile.summary)}


LEVELS = {"low": 1e6, "high": 1.06e6, "share": 0.4, "distance": 9.0, "of": "processes", "turns": 7}


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        ({}, "note", "processes took either 1 or 1.06 ms (+6.0%), 40% of them the longer"),
        ({"high": 1.2e6}, "doubt", "+20.0%"),
        ({"of": "blocks"}, "note", "blocks took either"),
        ({"turns": 1}, "doubt", "; the level changed once"),
        ({"turns": 2}, "doubt", "; the level changed 2 times"),
    ],
)
def test_two_levels(change: dict[str, Any], severity: str, words: str) -> None:
    profile = make_profile()
    meta = with_conditions(profile, modes=LEVELS | change)
    assert severities(profile, meta)["bimodal"] == severity
    assert words in messages(profile, meta)["bimodal"]


def test_of_a_pair_neither_drift_nor_levels_are_told() -> None:
    profile = make_profile()
    meta = with_conditions(profile, modes=LEVELS, drift={"change": -0.12, "chance": 0.001})
    assert messages(profile, meta)["drift"] == "processes became faster by 12% from the first to the last"
    assert not codes(replace(meta, pairing=Pairing("p", "a", (3,))), profile) & {"drift", "bimodal"}


def test_processes_that_do_not_settle_though_none_can_be_judged_alone() -> None:
    profile = make_profile()
    meta = with_conditions(profile, change_within=0.08)
    assert "slower by 8% from their first steady block" in messages(profile, meta)["not-steady"]


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"throttled_share": 0.3}, "a limit on CPU time (cgroup) was in force 30% of the time"),
        ({"other_here": 0.5}, "other processes took 50% of the measured core"),
        ({"paused_share": 0.2}, "inferences were held up for 20% of the measured time"),
        ({"other_busy": 0.6, "of_cpus": 4}, "other processes kept 0.6 cores busy"),
        ({"other_busy": 0.6, "of_cpus": 64}, None),
        ({"other_busy": 7.0, "of_cpus": 64}, "other processes kept 7.0 cores busy"),
    ],
)
def test_what_makes_a_host_busy(conditions: dict[str, Any], words: str | None) -> None:
    profile = make_profile()
    assert messages(profile, with_conditions(profile, **conditions)).get("host-busy") == words


@pytest.mark.parametrize(
    ("conditions", "cpus", "remedy"),
    [
        ({"other_here": 0.5}, None, "pin to a quieter core with --core N"),
        ({"other_here": 0.5}, (1, 2), "choose another core than 1, 2 with --core N"),
        ({"stolen_share": 0.5, "other_here": 0.5}, (1,), "neighbours of this virtual machine"),
        ({"throttled_share": 0.5}, (1,), "lift the limit"),
    ],
)
def test_advice_against_a_busy_host_suits_what_was_done(
    conditions: dict[str, Any], cpus: tuple[int, ...] | None, remedy: str
) -> None:
    profile = make_profile()
    meta = with_conditions(profile, **conditions)
    meta = replace(meta, options=replace(meta.options, cpus=cpus))
    assert remedy in remedies(profile, meta)["host-busy"]


def test_advice_suits_the_target() -> None:
    profile = make_profile()
    coarse = replace(with_conditions(profile), clock=ClockInfo(1000, 30))
    assert "current_clocksource" in remedies(profile, coarse)["timer-coarse"]
    assert "target host" in remedies(profile, replace(coarse, source="inprocess"))["timer-coarse"]
    assert "target host" not in remedies(profile, coarse)["not-pinned"]
    elsewhere = replace(coarse, target=replace(coarse.target, kind="interpreter"))
    assert "target host" in remedies(profile, elsewhere)["not-pinned"]
    apple = replace(elsewhere, target=replace(elsewhere.target, os="Darwin 24.1.0"))
    assert "this system pins no program" in remedies(profile, apple)["not-pinned"]


@pytest.mark.parametrize(
    ("slower", "source", "code"),
    [
        (1.05, "inprocess", "stock-overhead"),
        (1.05, "native", None),
        (1.005, "inprocess", None),
        (1.3, "inprocess", "overhead-high"),
        (1.3, "native", "overhead-high"),
    ],
)
def test_what_profiling_adds(slower: float, source: str, code: str | None) -> None:
    profile = make_profile()
    total = profile.summary.total.typical
    assert total is not None
    summary = replace(profile.summary, overhead=(slower - 1) * total, overhead_share=slower - 1)
    meta = replace(with_conditions(profile), source=source)
    found = {one.code: one.remedy for one in trust.assess(meta, summary)}
    assert found.keys() & {"stock-overhead", "overhead-high"} == ({code} if code else set())
    assert code is None or ("native runner" in found[code]) == (source == "inprocess")


def test_a_layer_that_took_no_step_of_a_coarse_clock() -> None:
    profile = make_profile((part("CONV_2D", "a", 500_000), part("ADD", "b", 0.0)))
    meta = replace(with_conditions(profile), clock=ClockInfo(1000, 30))
    assert "the shortest layer takes 0 ns" in messages(profile, meta)["timer-coarse"]


@pytest.mark.parametrize(
    ("runtime", "conditions", "code", "severity", "words"),
    [
        ({"built": "is built with x"}, {}, "runtime-debug", "doubt", "the inference library is built with x"),
        ({"checks": "checks y"}, {}, "runtime-debug", "note", "the inference library checks y"),
        ({"built": "is x", "checks": "does y"}, {}, "runtime-debug", "doubt", "library is x and does y"),
        ({"unfit": "is LiteRT 9"}, {}, "runtime-mismatched", "note", "library is LiteRT 9"),
        ({}, {"library_versions": ["2.1", "2.3.0"]}, "runtime-mismatched", "doubt", "versions: 2.1, 2.3.0"),
        ({}, {"library_versions": ["2.1"]}, "runtime-mismatched", "doubt", "2.3.0 and calls itself 2.1"),
        ({"version": None}, {"library_versions": ["2.1"]}, "runtime-mismatched", None, ""),
        ({}, {"library_versions": ["2.3.0"]}, "runtime-mismatched", None, ""),
        (
            {},
            {"device": {"start": {}, "end": {"library_changed": True}}},
            "runtime-mismatched",
            "doubt",
            "changed while it was measured",
        ),
    ],
)
def test_a_library_that_is_not_what_it_should_be(
    runtime: dict[str, str | None], conditions: dict[str, Any], code: str, severity: str | None, words: str
) -> None:
    profile = make_profile()
    meta = with_conditions(profile, **conditions)
    meta = replace(meta, runtime={**meta.runtime, **runtime})
    assert severities(profile, meta).get(code) == severity
    assert words in messages(profile, meta).get(code, "")


def test_advice_after_a_run_that_was_cut_short() -> None:
    profile = make_profile(processes=1, blocks=1, inferences=3, complete=False)
    cut = remedies(profile, with_conditions(profile, ended_by="Ctrl-C"))
    assert (
        cut["partial-run"] == cut["too-few-samples"] == cut["interval-unknown"] == "run it again to the end"
    )
    died = remedies(profile, with_conditions(profile, ended_by="the runner was killed by SIGSEGV"))
    assert "mend what the message tells of" in died["partial-run"]


def test_advice_of_an_endurance_run() -> None:
    profile = make_profile(processes=1, blocks=1, inferences=3)
    meta = with_conditions(profile, frequency=FREQUENCY, temperature=HEAT)
    told = remedies(profile, replace(meta, schedule=replace(meta.schedule, sustain_seconds=60.0)))
    assert "--sustain" in told["too-few-samples"]
    assert "see its course" in told["thermal-throttled"]
    assert "see its course" not in remedies(profile, meta)["thermal-throttled"]


@pytest.mark.parametrize(
    ("kind", "measured", "done", "remedy"),
    [
        ("host", True, [], "the system hides the frequency"),
        ("host", False, [], "fix the frequency where root allows it"),
        ("adb", True, [], "with root: --frequency KHZ"),
        ("adb", False, ["wake lock"], "with root: --frequency KHZ"),
        ("adb", False, ["frequency 1500000 of cpu4"], "did not keep the frequency"),
    ],
)
def test_advice_against_a_frequency_that_changes(
    kind: str, measured: bool, done: list[str], remedy: str
) -> None:
    profile = make_profile()
    quiet = {"done": done, "refused": []}
    meta = with_conditions(
        profile, frequency=FREQUENCY | {"measured": measured}, **device("quiet", quiet, quiet)
    )
    meta = replace(meta, target=replace(meta.target, kind=kind))
    assert remedy in remedies(profile, meta)["frequency-changed"]
