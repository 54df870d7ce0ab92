"""The gate with scripted measurements: what is measured how often, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import MIXED, Part, make_profile
from tflprof.analysis.budget import parse_limits
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.verdicts import GateCase
from tflprof.errors import ProfileError, RunnerError, TargetError, UsageError
from tflprof.model.build import build_micro
from tflprof.profile.meta import Finding
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile, write_profile
from tflprof.workflow.compare import ComparisonInterrupted, LiveComparison
from tflprof.workflow.gate import GateInterrupted, run_gate
from tflprof.workflow.gate_case import CaseSpec
from tflprof.workflow.profile import Interrupted

Step = Profile | BaseException


def scaled(factor: float) -> tuple[Part, ...]:
    return tuple(replace(item, cost=item.cost * factor) for item in MIXED)


TIMED, SLOW = make_profile(), make_profile(scaled(1.5))
COUNTED, MORE = make_profile(unit="instructions"), make_profile(scaled(1.5), unit="instructions")
SHORT = make_profile(processes=2, blocks=1)
PARTIAL = make_profile(complete=False, processes=2, blocks=1)
TAINTED = make_profile(
    findings=[Finding("pin-failed", "taint", "it was not pinned", "allow it")],
    verdict="tainted",
    processes=10,
)


class Measurements:
    """Stands for a function that measures: gives one step after the other, and keeps how it was called."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.calls: list[dict[str, Any]] = []

    def __call__(self, model: Path, **options: Any) -> Profile:
        self.calls.append({"model": model, **options})
        step = self.steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measurements:
    fake = Measurements()
    monkeypatch.setattr("tflprof.workflow.profile.profile_model", fake)
    return fake


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro("add"))
    return path


def spec(model: Path, *budgets: str, **values: Any) -> CaseSpec:
    return CaseSpec(model, parse_limits(budgets), **{"target": "host", **values})


def gate(model: Path, *budgets: str, **values: Any) -> GateCase:
    (case,) = run_gate([spec(model, *budgets, **values)]).cases
    return case


@pytest.mark.parametrize(
    ("steps", "budget", "verdict", "times"),
    [
        ([TIMED], "1s", "pass", 1),
        ([SLOW, SLOW], "3500us", "fail", 2),
        ([SLOW, TIMED], "3500us", "inconclusive", 2),
        ([SHORT, TIMED], "3500us", "pass", 2),
        ([SHORT, SHORT], "3500us", "inconclusive", 2),
        ([SHORT, SLOW, SLOW], "3500us", "fail", 3),
        ([SLOW, SHORT, SHORT], "3500us", "inconclusive", 3),
    ],
)
def test_a_suspect_is_measured_again(
    model: Path, measured: Measurements, steps: Sequence[Profile], budget: str, verdict: str, times: int
) -> None:
    measured.steps = list(steps)
    case = gate(model, budget)
    assert (case.verdict, case.measured, measured.steps) == (verdict, times, [])
    assert len(measured.calls) == times


def test_counts_that_repeat_are_measured_once(model: Path, measured: Measurements) -> None:
    measured.steps = [MORE]
    case = gate(model, "3500k", target="emulated:pixel2")
    assert (case.verdict, case.measured) == ("fail", 1)


def test_a_stored_profile_is_judged_as_it_is(tmp_path: Path, measured: Measurements) -> None:
    path = write_profile(SLOW, tmp_path / "stored.parquet")
    case = gate(path, "3500us")
    assert (case.verdict, case.measured, case.name, measured.calls) == ("fail", 0, "stored", [])


def test_options_reach_the_measurement(model: Path, measured: Measurements) -> None:
    measured.steps = [TIMED]
    gate(model, "1s", options={"threads": 2, "max_seconds": 5.0, "rate": 30.0})
    (call,) = measured.calls
    assert (call["target"], call["threads"], call["max_seconds"], call["rate"]) == ("host", 2, 5.0, 30.0)


def test_relative_budgets_are_judged_against_the_baseline(
    model: Path, tmp_path: Path, measured: Measurements
) -> None:
    baseline = write_profile(COUNTED, tmp_path / "b.parquet")
    measured.steps = [MORE]
    case = gate(model, "+3%", "size=20MB", baseline=baseline, target="emulated:pixel2")
    assert [one.verdict for one in case.results] == ["fail", "pass"]
    assert case.comparison is not None
    assert case.notes[0].startswith("slower: layer 0/4")
    assert len(case.notes) == 5


def test_an_incomparable_baseline_names_every_key_and_absolute_budgets_are_judged_all_the_same(
    model: Path, tmp_path: Path, measured: Measurements
) -> None:
    other = replace(COUNTED.meta, options=replace(COUNTED.meta.options, threads=4, kernels="builtin"))
    baseline = write_profile(Profile(other, COUNTED.table), tmp_path / "b.parquet")
    measured.steps = [COUNTED, COUNTED]
    case = gate(model, "+3%", "9M", baseline=baseline, target="emulated:pixel2")
    assert [(one.limit_text, one.verdict) for one in case.results] == [
        ("9M", "pass"),
        ("+3%", "incomparable"),
    ]
    assert case.verdict == "incomparable"
    assert {"threads: 4 in the baseline, 1 now", "kernels: builtin in the baseline, xnnpack now"} <= set(
        case.notes
    )
    assert gate(model, "+3%", "1M", baseline=baseline, target="emulated:pixel2").verdict == "fail"


def test_two_models_are_measured_together_and_again(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "before.tflite"
    before.write_bytes(model.read_bytes())
    calls: list[dict[str, Any]] = []

    def compare_models(a: Path, b: Path, **options: Any) -> LiveComparison:
        calls.append({"a": a, "b": b, **options})
        return LiveComparison(compare_profiles(TIMED, SLOW), TIMED, SLOW)

    monkeypatch.setattr("tflprof.workflow.compare.compare_models", compare_models)
    kept: list[str] = []
    result = run_gate([spec(model, "+20%", baseline=before)], on_profile=lambda name, _: kept.append(name))
    assert (result.verdict, result.cases[0].measured) == ("fail", 2)
    assert (calls[0]["a"], calls[0]["b"], calls[0]["target"]) == (before, model, "host")
    assert kept == ["m on host baseline", "m on host"] * 2
    with pytest.raises(UsageError, match="--rate is not for two models"):
        gate(model, "+20%", baseline=before, options={"rate": 30.0})


def test_an_interrupted_comparison_keeps_what_it_measured(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "before.tflite"
    before.write_bytes(model.read_bytes())
    stop = ComparisonInterrupted(PARTIAL, None, None, RunnerError("it died", "look"))
    monkeypatch.setattr("tflprof.workflow.compare.compare_models", Measurements(stop))
    monkeypatch.setattr(
        "tflprof.workflow.compare.compare_models", lambda *_args, **_options: (_ for _ in ()).throw(stop)
    )
    kept: list[str] = []
    result = run_gate([spec(model, "+20%", baseline=before)], on_profile=lambda name, _: kept.append(name))
    assert (result.exit_code, kept) == (3, ["m on host baseline"])


def test_the_other_cases_go_on_after_an_error(model: Path, measured: Measurements) -> None:
    measured.steps = [
        TargetError("no phone is there", "plug it in"),
        SLOW,
        SLOW,
        Interrupted(PARTIAL, RunnerError("died")),
    ]
    cases = [spec(model, "3500us", name=name) for name in ("first", "second", "third")]
    kept: list[tuple[str, bool]] = []
    result = run_gate(cases, on_profile=lambda name, one: kept.append((name, one.meta.schedule.complete)))
    assert [case.error for case in result.cases] == ["no phone is there", None, "died"]
    assert [case.verdict for case in result.cases] == ["inconclusive", "fail", "inconclusive"]
    assert result.exit_code == 1
    assert kept == [("second", True), ("second", True), ("third", False)]


def test_an_error_while_confirming_keeps_what_was_found_but_no_failure(
    model: Path, measured: Measurements
) -> None:
    measured.steps = [SLOW, TargetError("the phone is gone")]
    result = run_gate([spec(model, "3500us", "init=1s")], inconclusive_as="pass")
    (case,) = result.cases
    assert [one.verdict for one in case.results] == ["inconclusive", "pass"]
    assert (case.error, result.exit_code) == ("the phone is gone", 3)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Interrupted(PARTIAL, KeyboardInterrupt())])
def test_ctrl_c_keeps_the_cases_so_far_and_ends(
    model: Path, measured: Measurements, stop: BaseException
) -> None:
    measured.steps = [TIMED, stop, TIMED]
    with pytest.raises(GateInterrupted) as caught:
        run_gate([spec(model, "1s", name=name) for name in ("first", "second", "third")])
    assert [(case.name, case.verdict) for case in caught.value.result.cases] == [
        ("first", "pass"),
        ("second", "inconclusive"),
    ]
    assert measured.steps == [TIMED]


def test_trust_is_said_and_can_be_required(model: Path, measured: Measurements) -> None:
    measured.steps = [TAINTED, TAINTED]
    case = gate(model, "1s")
    assert case.verdict == "pass"
    assert case.notes == ("the profile is tainted: pin-failed, it was not pinned",)
    result = run_gate([spec(model, "1s")], require_trust=True, inconclusive_as="pass")
    assert result.exit_code == 4
    assert "pin-failed (it was not pinned)" in (result.cases[0].error or "")


def test_what_cannot_be_meant_is_refused_before_anything_is_measured(
    model: Path, tmp_path: Path, measured: Measurements
) -> None:
    baseline = write_profile(TIMED, tmp_path / "b.parquet")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    refused = [
        (spec(model), "there is nothing to judge it by"),
        (spec(model, "195Minst"), "this target measures time"),
        (
            spec(model, "30ms", target="emulated:pixel2", options={"cost": "instructions"}),
            "counts instructions",
        ),
        (spec(model, "+3%"), "there is no baseline"),
        (spec(model, "+3%", baseline=tmp_path / "none.parquet"), "does not exist"),
        (spec(model, "layer:nothing=1ms"), "no layer 'nothing'"),
        (spec(model, "1s", options={"kernels": "fast"}), "no kernels 'fast'"),
        (spec(model, "1s", options={"max_seconds": -1.0}), "--max-seconds must be above 0"),
        (spec(baseline, "+3%", baseline=model), "is a model, and .* is a profile"),
    ]
    for wrong, cause in refused:
        with pytest.raises(UsageError, match=cause):
            run_gate([spec(model, "1s", name="good"), wrong])
    with pytest.raises(ProfileError):
        run_gate([spec(model, "+3%", baseline=broken)])
    assert measured.calls == []


def test_a_baseline_is_made_and_then_replaced(model: Path, tmp_path: Path, measured: Measurements) -> None:
    place = tmp_path / "b.parquet"
    measured.steps = [COUNTED, MORE, COUNTED]
    case = spec(model, "+3%", "5M", baseline=place, target="emulated:pixel2")
    first = run_gate([case], update_baselines=True)
    assert first.verdict == "pass"
    assert first.cases[0].notes == (f"the baseline {place} is new: total 3.30 M instructions",)
    assert [one.limit_text for one in first.cases[0].results] == ["5M"]
    second = run_gate([case], update_baselines=True).cases[0]
    assert second.notes[0] == f"the baseline {place} was replaced"
    assert second.notes[1] == "total, 3.30 M instructions before, 4.95 M instructions now (+50.0 %)"
    assert any("slower: layer 0/4" in note for note in second.notes)
    assert read_profile(place).summary.total.typical == MORE.summary.total.typical
    assert run_gate([case]).verdict == "pass"


def test_a_baseline_from_other_conditions_is_replaced_and_they_are_named(
    model: Path, tmp_path: Path, measured: Measurements
) -> None:
    other = replace(COUNTED.meta, options=replace(COUNTED.meta.options, threads=4))
    place = write_profile(Profile(other, COUNTED.table), tmp_path / "b.parquet")
    measured.steps = [COUNTED]
    case = run_gate([spec(model, baseline=place, target="emulated:pixel2")], update_baselines=True).cases[0]
    assert "threads: 4 before, 1 now" in case.notes


@pytest.mark.parametrize("bad", [TAINTED, PARTIAL, Interrupted(PARTIAL, RunnerError("died"))])
def test_a_tainted_or_partial_profile_is_no_baseline(
    model: Path, tmp_path: Path, measured: Measurements, bad: Step
) -> None:
    place = write_profile(TIMED, tmp_path / "b.parquet")
    before = place.read_bytes()
    measured.steps = [bad]
    result = run_gate([spec(model, baseline=place)], update_baselines=True, inconclusive_as="pass")
    assert result.exit_code in (3, 4)
    assert place.read_bytes() == before


def test_a_doubtful_baseline_is_said_to_be_so_and_refused_if_trust_is_required(
    model: Path, tmp_path: Path, measured: Measurements
) -> None:
    place = tmp_path / "b.parquet"
    doubtful = Profile(
        replace(
            TIMED.meta, verdict="doubtful", findings=(Finding("host-busy", "doubt", "it was busy", "wait"),)
        ),
        TIMED.table,
    )
    measured.steps = [doubtful, doubtful]
    refused = run_gate([spec(model, baseline=place)], update_baselines=True, require_trust=True)
    assert (refused.exit_code, place.exists()) == (4, False)
    made = run_gate([spec(model, baseline=place)], update_baselines=True)
    assert made.cases[0].notes[-1] == "the profile is doubtful: host-busy, it was busy"
    assert place.exists()


def test_what_has_no_baseline_to_update_is_refused(
    model: Path, tmp_path: Path, measured: Measurements
) -> None:
    stored = write_profile(TIMED, tmp_path / "s.parquet")
    for wrong, cause in [
        (spec(model, "1s"), "no baseline to update"),
        (spec(stored, "+3%", baseline=tmp_path / "b.parquet"), "is a profile"),
        (spec(model, "+3%", baseline=model), "is a model and is not replaced"),
        (spec(model, "+3%", baseline=tmp_path / "none" / "b.parquet"), "the folder .* does not exist"),
    ]:
        with pytest.raises(UsageError, match=cause):
            run_gate([wrong], update_baselines=True)
    assert measured.calls == []


def test_progress_names_the_case_where_there_are_several(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflprof.measure.pipeline import Progress

    def profile_model(_model: Path, **options: Any) -> Profile:
        options["on_progress"](Progress("measuring", 0.5, "10 processes"))
        return TIMED

    monkeypatch.setattr("tflprof.workflow.profile.profile_model", profile_model)
    told: list[str] = []
    run_gate([spec(model, "1s", name=name) for name in "ab"], on_progress=lambda one: told.append(one.detail))
    assert told == ["a: 10 processes", "b: 10 processes"]
