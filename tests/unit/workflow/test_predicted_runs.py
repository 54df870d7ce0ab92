"""What is asked of an emulated phone: which cost model, which anchors, how many threads, and what is judged then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import MIXED, make_profile
from tests.predictions import ANCHORED, UNANCHORED, predicted
from tests.unit.measure.scripted import ScriptedRunner, whole
from tests.unit.workflow.batches import LIBRARY, profile_as_asked
from tests.unit.workflow.test_compare import Measuring
from tests.unit.workflow.test_run_gate import Measurements
from tflprof import compare, profile_model, run_gate, write_profile
from tflprof.analysis.budget import parse_limits
from tflprof.errors import Untrusted, UsageError
from tflprof.facts import DeviceFacts
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.targets.anchors import Anchor, anchor_file, change_anchors
from tflprof.workflow import compare as comparing
from tflprof.workflow import profile as workflow
from tflprof.workflow.batch_resume import ProfileOptions, stored_profile
from tflprof.workflow.gate_case import CaseSpec

PHONE = "emulated:pixel2"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro("add"))
    return path


# Which cost model


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cost": "guess"}, "there is no cost model 'guess'"),
        ({"cost": "caches", "target": "host"}, "--cost is for emulated phones"),
        ({"anchors": "none", "target": "host"}, "--anchors is for emulated phones"),
        ({"cost": "instructions", "anchors": "x.toml"}, "--cost instructions counts"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_the_model_is_read(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        profile_model("missing.tflite", **options)
    assert said in caught.value.what


class Opened:
    """Stands for opening a runner and assembling: keeps what they were asked."""

    def __init__(self, cost: str | None) -> None:
        self.runner = ScriptedRunner(whole, cost=cost)
        self.costs: list[str] = []
        self.assembled: list[tuple[int, str]] = []
        self.checked: list[tuple[int, str]] = []

    def open(self, *arguments: Any) -> ScriptedRunner:
        self.costs.append(arguments[-1])
        return self.runner

    def assemble(self, _model: Any, _runner: Any, request: Any, *_: Any, anchors: str) -> Profile:
        self.assembled.append((request.threads, anchors))
        return make_profile()

    def check(self, _runner: Any, request: Any, anchors: str) -> None:
        self.checked.append((request.threads, anchors))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    fake = Opened("caches")
    monkeypatch.setattr(workflow, "open_runner", fake.open)
    monkeypatch.setattr(workflow, "assemble", fake.assemble)
    monkeypatch.setattr(workflow, "check_predictable", fake.check)
    return fake


def test_caches_are_the_default_and_anchors_are_looked_for(opened: Opened, model: Path) -> None:
    profile_model(model)
    assert opened.costs == ["caches"]
    assert opened.assembled == opened.checked == [(1, "auto")]


def test_what_was_chosen_reaches_the_runner_and_the_prediction(opened: Opened, model: Path) -> None:
    profile_model(model, cost="cycles", anchors="none")
    assert (opened.costs, opened.assembled) == (["cycles"], [(1, "none")])


def test_one_thread_is_emulated_and_several_are_predicted(opened: Opened, model: Path) -> None:
    profile_model(model, threads=4)
    assert {request.threads for request in opened.runner.requests} == {1}
    assert opened.checked == opened.assembled == [(4, "auto")]


def test_counts_are_of_the_threads_that_were_asked_for(opened: Opened, model: Path) -> None:
    opened.runner.cost = "instructions"
    profile_model(model, threads=2, cost="instructions")
    assert {request.threads for request in opened.runner.requests} == {2}


def test_what_cannot_be_predicted_is_said_before_anything_runs(
    opened: Opened, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise UsageError("8 threads cannot be predicted")

    monkeypatch.setattr(workflow, "check_predictable", refuse)
    with pytest.raises(UsageError, match="8 threads"):
        profile_model(model, threads=8)
    assert opened.runner.requests == []


# As a profile was measured


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    fake = Measuring(predicted())
    monkeypatch.setattr(comparing, "profile_model", fake)
    return fake


@pytest.mark.parametrize(
    ("profile", "cost", "anchors"),
    [
        (predicted(), "caches", "none"),
        (predicted(prediction=ANCHORED), "caches", "auto"),
        (predicted(prediction=replace(UNANCHORED, mode="cycles")), "cycles", "none"),
        (make_profile(unit="instructions"), "instructions", None),
    ],
)
def test_a_model_is_predicted_as_the_profile_was(
    measuring: Measuring, model: Path, profile: Profile, cost: str, anchors: str | None
) -> None:
    measuring.profile = profile
    assert compare(profile, model).comparison.total.status == "same"
    (call,) = measuring.calls
    assert (call["target"], call["cost"], call["anchors"]) == (PHONE, cost, anchors)


def test_another_cost_model_than_the_profiles_is_refused_before_measuring(
    measuring: Measuring, model: Path
) -> None:
    with pytest.raises(Untrusted, match="cost: A caches, B instructions"):
        compare(predicted(), model, cost="instructions")
    assert measuring.calls == []


# Batches


def stored(profile: Profile, model: Path, **changes: Any) -> Profile:
    """The profile as if it had been made of this model, as asked by default."""
    asked = profile_as_asked(model, **ProfileOptions(PHONE, **changes).keywords_for(read_model(model)))
    meta = replace(
        profile.meta,
        model=asked.meta.model,
        options=asked.meta.options,
        target=DeviceFacts("pixel2", "emulated", "Linux", "linux-aarch64"),
        runtime=asked.meta.runtime,
    )
    return Profile(meta, profile.table)


def anchor(**changes: Any) -> Anchor:
    found = Anchor(
        model="m",
        sha256="a" * 64,
        core=UNANCHORED.core,
        hertz=UNANCHORED.hertz,
        threads=1,
        mode=UNANCHORED.mode,
        measured_ns=107,
        predicted_ns=100,
        costs_sha256=UNANCHORED.costs_sha256,
        source="my phone",
        date="2026-11-21",
    )
    return replace(found, **changes)


@pytest.mark.parametrize(
    ("profile", "options", "why"),
    [
        (predicted(), {}, None),
        (predicted(), {"cost": "caches"}, None),
        (predicted(), {"cost": "instructions"}, "--cost was caches, and is instructions"),
        (make_profile(unit="instructions"), {}, "--cost was instructions, and is caches"),
        (make_profile(unit="instructions"), {"cost": "instructions"}, None),
        (predicted(prediction=ANCHORED), {}, "scaled by 1.07, and would be by 1"),
    ],
)
def test_a_profile_of_a_batch_stands_if_it_was_predicted_likewise(
    model: Path, monkeypatch: pytest.MonkeyPatch, profile: Profile, options: dict[str, Any], why: str | None
) -> None:
    monkeypatch.setattr(
        "tflprof.workflow.batch_resume.find_runtime", lambda *_: type("L", (), {"sha256": LIBRARY})
    )
    place = write_profile(stored(profile, model), model.with_suffix(".parquet"))
    asked = ProfileOptions(PHONE, **options).keywords_for(read_model(model))
    _, reason = stored_profile(place, read_model(model), asked, None)
    assert (reason is None) == (why is None)
    assert (why or "") in (reason or "")


def test_a_profile_of_a_batch_is_made_anew_after_calibrating(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tflprof.workflow.batch_resume.find_runtime", lambda *_: type("L", (), {"sha256": LIBRARY})
    )
    place = write_profile(stored(predicted(), model), model.with_suffix(".parquet"))
    change_anchors(anchor_file("pixel2"), "pixel2", lambda _: [anchor()])

    def why(**options: Any) -> str | None:
        asked = ProfileOptions(PHONE, **options).keywords_for(read_model(model))
        return stored_profile(place, read_model(model), asked, None)[1]

    assert why() == "its times were scaled by 1, and would be by 1.07"
    assert why(anchors="none") is None


# The gate


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measurements:
    fake = Measurements()
    monkeypatch.setattr("tflprof.workflow.profile.profile_model", fake)
    return fake


@pytest.mark.parametrize(
    ("budget", "verdict"),
    [("2ms", "pass"), ("100us", "fail"), ("800us", "inconclusive"), ("3302kinst", "pass"), ("3M", "fail")],
)
def test_predictions_are_judged_once(model: Path, measured: Measurements, budget: str, verdict: str) -> None:
    measured.steps = [predicted()]
    (case,) = run_gate([CaseSpec(model, parse_limits([budget]))]).cases
    assert (case.verdict, case.measured) == (verdict, 1)
    assert ("calibrate" in (case.hint or "")) == (verdict == "inconclusive")


@pytest.mark.parametrize(
    ("budget", "options", "said"),
    [
        ("30ms", {"cost": "instructions"}, "--cost caches"),
        ("5Mcycles", {}, "predicts time and counts instructions"),
        ("memory=1GB", {}, "tells nothing of a model's memory"),
    ],
)
def test_budgets_that_do_not_fit_are_refused_before_measuring(
    model: Path, measured: Measurements, budget: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run_gate([CaseSpec(model, parse_limits([budget]), options=options)])
    assert said in f"{caught.value.what} {caught.value.hint}"
    assert measured.calls == []


def test_a_baseline_of_counts_is_another_condition_than_predicted_times(
    tmp_path: Path, model: Path, measured: Measurements
) -> None:
    baseline = write_profile(make_profile(unit="instructions"), tmp_path / "b.parquet")
    measured.steps = [predicted()]
    (case,) = run_gate([CaseSpec(model, parse_limits(["+1%", "5M"]), baseline=baseline)]).cases
    assert [one.verdict for one in case.results] == ["pass", "incomparable"]
    assert any("unit: instructions in the baseline, ns now" in note for note in case.notes)


def test_a_baseline_from_before_calibrating_is_another_condition(
    tmp_path: Path, model: Path, measured: Measurements
) -> None:
    baseline = write_profile(predicted(), tmp_path / "b.parquet")
    measured.steps = [predicted(prediction=ANCHORED)]
    (case,) = run_gate([CaseSpec(model, parse_limits(["+1%"]), baseline=baseline)]).cases
    assert case.verdict == "incomparable"
    assert any(note.startswith("prediction.scale: 1.0 in the baseline, 1.07 now") for note in case.notes)


def test_growth_of_counts_is_judged_although_the_times_were_scaled_otherwise(
    tmp_path: Path, model: Path, measured: Measurements
) -> None:
    baseline = write_profile(predicted(), tmp_path / "b.parquet")
    grown = [replace(one, cost=one.cost * 1.1) for one in MIXED]
    measured.steps = [predicted(grown, prediction=ANCHORED)]
    limits = parse_limits(["+1%", "total=+20%,1kinst", "layer:0/4=+5%,1k", "4ms"])
    (case,) = run_gate([CaseSpec(model, limits, baseline=baseline)]).cases
    found = {one.limit_text: (one.verdict, one.unit) for one in case.results}
    assert found == {
        "4ms": ("pass", "ns"),
        "total=+20%,1kinst": ("pass", "instructions"),
        "layer:0/4=+5%,1k": ("fail", "instructions"),
        "+1%": ("incomparable", "ns"),
    }


def test_an_updated_baseline_says_what_changed_in_predicted_times(
    tmp_path: Path, model: Path, measured: Measurements
) -> None:
    baseline = write_profile(predicted(), tmp_path / "b.parquet")
    slower = [replace(one, cost=one.cost * 1.5) for one in MIXED]
    measured.steps = [predicted(slower)]
    (case,) = run_gate([CaseSpec(model, baseline=baseline)], update_baselines=True).cases
    assert any("806 µs before, 1.21 ms now (+50.0 %)" in note for note in case.notes)
