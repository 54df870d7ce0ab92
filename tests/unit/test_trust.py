"""Findings: each appears when it should, and not otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof import trust
from tflprof.profile.meta import ClockInfo, Pairing, ProfileMeta
from tflprof.profile.profile import Profile

QUIET = {"stolen_share": 0.0, "other_busy": 0.05, "switches_per_second": 0.5, "unread_events": 0}


def codes(meta: ProfileMeta, profile: Profile) -> set[str]:
    return {finding.code for finding in trust.assess(meta, Profile(meta, profile.table).summary)}


def with_conditions(profile: Profile, **conditions: Any) -> ProfileMeta:
    return replace(profile.meta, conditions={**QUIET, **conditions})


def test_every_finding_has_a_remedy_and_a_severity() -> None:
    for code, rule in trust.REGISTRY.items():
        assert rule.code == code
        assert rule.severity in {"note", "doubt", "taint"}
        assert rule.remedy


def test_the_verdict_is_that_of_the_gravest() -> None:
    note, doubt = trust.finding("overhead-high", "x"), trust.finding("host-busy", "x")
    taint = replace(note, severity="taint")
    assert trust.verdict([]) == "ok"
    assert trust.verdict([note]) == "ok"
    assert trust.verdict([note, doubt]) == "doubtful"
    assert trust.verdict([note, taint, doubt]) == "tainted"


def test_a_note_becomes_a_doubt_when_it_is_grave() -> None:
    assert trust.finding("overhead-high", "x").severity == "note"
    assert trust.finding("overhead-high", "x", grave=True).severity == "doubt"
    assert trust.finding("pin-failed", "x", grave=True).severity == "taint"


def test_numbers_of_another_core_are_tainted() -> None:
    profile = make_profile()
    meta = with_conditions(profile, affinity_error="CPU 7 not allowed by the system")
    assert trust.verdict(trust.assess(meta, Profile(meta, profile.table).summary)) == "tainted"


def test_a_host_run_without_a_core_says_so() -> None:
    profile = make_profile()
    pinned = replace(with_conditions(profile), options=replace(profile.meta.options, cpus=(1,)))
    assert "not-pinned" in codes(with_conditions(profile), profile)
    assert "not-pinned" not in codes(pinned, profile)


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError):
        trust.finding("no-such-code", "x")


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ({"stolen_share": 0.2}, "host-busy"),
        ({"other_busy": 1.5}, "host-busy"),
        ({"switches_per_second": 200.0}, "host-busy"),
        ({"affinity_error": "cpu 7 does not exist"}, "pin-failed"),
        ({"unread_events": 3}, "events-unread"),
        ({"unsteady_processes": 9}, "not-steady"),
    ],
)
def test_conditions(conditions: dict[str, Any], code: str) -> None:
    profile = make_profile()
    assert code in codes(with_conditions(profile, **conditions), profile)
    assert code not in codes(with_conditions(profile), profile)


def test_partial_run_names_what_ended_it() -> None:
    profile = make_profile(complete=False)
    meta = with_conditions(profile, ended_by="Ctrl-C")
    found = trust.assess(meta, Profile(meta, profile.table).summary)
    assert "Ctrl-C" in next(f.message for f in found if f.code == "partial-run")


def test_few_samples() -> None:
    profile = make_profile(processes=1, blocks=1, inferences=3)
    assert {"too-few-samples", "interval-unknown"} <= codes(with_conditions(profile), profile)


def test_of_a_pair_no_interval_of_its_own_is_asked() -> None:
    profile = make_profile(processes=3)
    assert "interval-unknown" in codes(profile.meta, profile)
    paired = replace(profile.meta, pairing=Pairing("p", "a", (3,)))
    assert "interval-unknown" not in codes(paired, profile)


def test_too_few_processes_at_a_low_rate_tell_the_budget_they_need() -> None:
    profile = make_profile(processes=2)
    meta = with_conditions(profile, seconds_needed=230)
    meta = replace(meta, options=replace(meta.options, rate=1.0))
    assert "at 1 Hz it takes --max-seconds 230 or more" in messages(profile, meta)["interval-unknown"]
    assert "--max-seconds" not in messages(profile, with_conditions(profile))["interval-unknown"]


@pytest.mark.parametrize("reached", [True, False, None])
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_total_that_is_not_known_as_well_as_was_wanted(reached: bool | None, factor: float) -> None:
    """The interval of the result decides, not what was thought on the way to it."""
    profile = make_profile()
    total = profile.summary.total
    assert total.typical
    assert total.lo is not None
    assert total.hi is not None
    wanted = factor * (total.hi - total.lo) / 2 / total.typical
    schedule = replace(profile.meta.schedule, reached=reached, precision=wanted)
    meta = replace(with_conditions(profile), schedule=schedule)
    assert ("interval-not-reached" in codes(meta, profile)) is (factor < 1)


def test_unattributed_beyond_one_percent_and_a_microsecond() -> None:
    profile = make_profile()  # made with 3 % unattributed
    assert "unattributed-high" in codes(with_conditions(profile), profile)


def test_emulated_counts_are_not_blamed_for_a_busy_host() -> None:
    profile = make_profile(unit="instructions")
    assert "host-busy" not in codes(with_conditions(profile, other_busy=2.0), profile)


def test_emulated_counts_that_never_agreed() -> None:
    profile = make_profile(unit="instructions")
    schedule = replace(profile.meta.schedule, reached=False)
    assert "not-repeatable" in codes(replace(with_conditions(profile), schedule=schedule), profile)


def test_a_coarse_clock() -> None:
    profile = make_profile()
    assert "timer-coarse" in codes(replace(with_conditions(profile), clock=ClockInfo(1000, 30)), profile)
    assert "timer-coarse" not in codes(with_conditions(profile), profile)


def test_a_runtime_that_tells_no_layers() -> None:
    profile = make_profile()
    assert "layers-untold" not in codes(profile.meta, profile)
    silent = tuple(replace(one, events=()) for one in profile.meta.alignment.structures)
    assert silent
    alignment = replace(profile.meta.alignment, structures=silent)
    assert "layers-untold" in severities(profile, replace(profile.meta, alignment=alignment))


def test_findings_come_gravest_first() -> None:
    profile = make_profile(complete=False)
    meta = with_conditions(profile, other_busy=2.0)
    severities = [f.severity for f in trust.assess(meta, Profile(meta, profile.table).summary)]
    assert severities == sorted(severities, key=["taint", "doubt", "note"].index)


def severities(profile: Profile, meta: ProfileMeta) -> dict[str, str]:
    return {finding.code: finding.severity for finding in trust.assess(meta, profile.summary)}


def messages(profile: Profile, meta: ProfileMeta) -> dict[str, str]:
    return {finding.code: finding.message for finding in trust.assess(meta, profile.summary)}


@pytest.mark.parametrize(
    ("inferences", "used", "severity"), [(3, False, "note"), (30, False, "doubt"), (100, True, "taint")]
)
def test_inferences_on_another_core(inferences: int, used: bool, severity: str) -> None:
    profile = make_profile()
    left = {"inferences": inferences, "of": 100, "cores": [2], "used": used}
    assert severities(profile, with_conditions(profile, other_cores=left))["core-migrated"] == severity


FREQUENCY = {
    "measured": True,
    "lowest_khz": 1_000_000,
    "usual_khz": 2_000_000,
    "highest_khz": 2_100_000,
    "changed_share": 0.3,
    "left_out": True,
    "end_to_start": 0.7,
}
HEAT = {"start_celsius": 40.0, "end_celsius": 55.0, "highest_celsius": 56.0}


@pytest.mark.parametrize(
    ("change", "severity"),
    [({}, "note"), ({"left_out": False, "changed_share": 0.6}, "doubt"), ({"changed_share": 0.01}, None)],
)
def test_the_frequency_changed(change: dict[str, Any], severity: str | None) -> None:
    profile = make_profile()
    meta = with_conditions(profile, frequency=FREQUENCY | change)
    assert severities(profile, meta).get("frequency-changed") == severity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"either_share": 0.3}, "as measured; 30% of the blocks differ from the usual, they are left out"),
        ({"left_out": False, "either_share": 0.6}, "30% of the blocks differ from the usual, all are used"),
        (
            {"either_share": 0.4},
            "30% of the blocks differ from the usual, with those of another clock, 40%, ",
        ),
        ({"measured": False}, "at 1.00 to 2.10 GHz, as the system tells it; 30%"),
        ({"changed_share": 0.04, "either_share": 0.07}, "4% of the blocks differ"),
    ],
)
def test_a_change_of_the_frequency_in_words(change: dict[str, Any], message: str) -> None:
    profile = make_profile()
    meta = with_conditions(profile, frequency=FREQUENCY | change)
    assert message in messages(profile, meta)["frequency-changed"]


def device(key: str, before: object, after: object) -> dict[str, Any]:
    return {"device": {"start": {key: before}, "end": {key: after}}}


@pytest.mark.parametrize(
    ("conditions", "severity"),
    [
        ({"frequency": FREQUENCY, "temperature": HEAT}, "doubt"),
        ({"frequency": FREQUENCY | {"end_to_start": 0.99}, "temperature": HEAT}, None),
        ({"frequency": FREQUENCY, "temperature": HEAT | {"end_celsius": 41.0}}, None),
        ({"frequency": FREQUENCY}, None),
        ({"temperature": HEAT}, None),
        (device("thermal_status", 0, 0), None),
        (device("thermal_status", 0, 1), "note"),
        (device("thermal_status", 0, 3), "doubt"),
        (device("thermal_status", 1, 1), "note"),
        (device("thermal_status", 2, 2), "doubt"),
        (device("thermal_status", 3, 0), "doubt"),
        (device("thermal_status", None, None), None),
        (device("thermal_status", None, 3), "doubt"),
        ({"device": {"start": {"thermal_status": 1}, "end": {}}}, "note"),
    ],
)
def test_throttling(conditions: dict[str, Any], severity: str | None) -> None:
    profile = make_profile()
    told = severities(profile, with_conditions(profile, **conditions))
    assert told.get("thermal-throttled") == severity


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (3, 3, "the device was already throttling (severe) at the start and until the end"),
        (1, 4, "the device was already throttling (light) at the start, at the end the status was critical"),
        (2, 0, "the device was already throttling (moderate) at the start, at the end the status was none"),
        (5, None, "the device was already throttling (emergency) at the start"),
        (0, 6, "the device's thermal status rose from none to shutdown"),
        (None, 9, "the device was throttling (9) at the end"),
    ],
)
def test_heat_in_words(start: int | None, end: int | None, message: str) -> None:
    profile = make_profile()
    meta = with_conditions(profile, **device("thermal_status", start, end))
    assert messages(profile, meta)["thermal-throttled"] == message


@pytest.mark.parametrize(
    ("usual", "cpus", "message"),
    [
        (1_500_000, (0,), "the core usually ran at 1.50 GHz, its maximum is 2.46 GHz"),
        (1_500_000, (0, 1), "the core usually ran at 1.50 GHz, its maximum is 2.46 GHz"),
        (2_300_000, (0,), None),
        (1_500_000, None, None),
        (1_500_000, (9,), None),
        (None, (0,), None),
    ],
)
def test_a_core_below_its_maximum(usual: int | None, cpus: tuple[int, ...] | None, message: str) -> None:
    profile = make_profile()
    meta = with_conditions(profile, frequency=FREQUENCY | {"told_usual_khz": usual})
    meta = replace(meta, options=replace(meta.options, cpus=cpus))
    assert messages(profile, meta).get("below-maximum") == message
    assert severities(profile, meta).get("below-maximum") == (message and "note")


def test_cores_of_several_kinds_have_no_one_maximum() -> None:
    profile = make_profile()
    meta = with_conditions(profile, frequency=FREQUENCY | {"told_usual_khz": 1_500_000})
    first, *rest = meta.target.cpus
    target = replace(meta.target, cpus=(replace(first, max_khz=1_900_000), *rest))
    meta = replace(meta, target=target, options=replace(meta.options, cpus=(0, 1)))
    assert "below-maximum" not in severities(profile, meta)


def test_an_endurance_run_has_its_findings_as_notes_and_needs_no_interval() -> None:
    profile = make_profile(processes=1)
    meta = with_conditions(profile, frequency=FREQUENCY, temperature=HEAT, unsteady_processes=1)
    assert severities(profile, meta) | {"interval-unknown": "doubt", "not-steady": "doubt"} == severities(
        profile, meta
    )
    sustained = replace(meta, schedule=replace(meta.schedule, sustain_seconds=60.0))
    told = severities(profile, sustained)
    assert told["thermal-throttled"] == "note"
    assert not told.keys() & {"frequency-changed", "interval-unknown", "not-steady", "interval-not-reached"}


@pytest.mark.parametrize(("missed", "severity"), [(0, None), (5, "note"), (50, "doubt")])
def test_missed_deadlines(missed: int, severity: str | None) -> None:
    profile = make_profile()
    meta = with_conditions(profile, deadlines=100, missed_deadlines=missed)
    meta = replace(meta, options=replace(meta.options, rate=30.0))
    assert severities(profile, meta).get("deadline-missed") == severity


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("usb", "none", "unplugged-in-run"),
        ("none", "none", "on-battery"),
        (None, "none", "on-battery"),
        ("none", "usb", "power-changed"),
        ("usb", "ac", "power-changed"),
        (None, "usb", None),
        ("usb", "usb", None),
        ("usb", None, None),
    ],
)
def test_power(before: str | None, after: str | None, code: str | None) -> None:
    profile = make_profile()
    told = severities(
        profile, with_conditions(profile, **device("battery", {"plugged": before}, {"plugged": after}))
    )
    assert told.keys() & {"unplugged-in-run", "on-battery", "power-changed"} == ({code} if code else set())


def test_counters_that_cannot_be_read() -> None:
    profile = make_profile()
    meta = with_conditions(profile, pmu_error="perf_event_open: Permission denied")
    found = next(one for one in trust.assess(meta, profile.summary) if one.code == "pmu-unavailable")
    assert found.severity == "note"
    assert "security.perf_harden" in found.remedy


def with_details(profile: Profile, core: str | None = None, **details: Any) -> ProfileMeta:
    target = replace(profile.meta.target, details=details)
    return replace(profile.meta, target=target, options=replace(profile.meta.options, core=core))


def test_an_emulator_is_no_phone() -> None:
    profile = make_profile()
    assert "device-is-emulator" in codes(with_details(profile, android_emulator=True), profile)
    assert "device-is-emulator" not in codes(with_details(profile), profile)


@pytest.mark.parametrize(
    ("core", "found"), [(None, True), ("big", True), ("little", True), ("4", False), ("0xf0", False)]
)
def test_a_kind_of_cores_that_is_not_known(core: str | None, found: bool) -> None:
    profile = make_profile()
    meta = with_details(profile, core, cpus_of_unknown_kind="8-9")
    assert ("kind-of-cores-unknown" in codes(meta, profile)) is found


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ({"done": ["a"], "refused": []}, {"done": ["a"], "refused": []}, None),
        (
            {"done": [], "refused": ["wake lock: x"]},
            {"done": [], "refused": ["wake lock: x"]},
            "wake lock: x",
        ),
        ({"done": [], "refused": ["a", "b"]}, None, "a; b"),
        (None, None, None),
    ],
)
def test_what_a_phone_refused(start: object, end: object, told: str | None) -> None:
    profile = make_profile()
    meta = with_conditions(profile, **device("quiet", start, end))
    found = [one.message for one in trust.assess(meta, profile.summary) if one.code == "quiet-incomplete"]
    assert found == ([] if told is None else [f"could not be done: {told}"])
