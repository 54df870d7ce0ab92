"""compare of files, and of a model with a profile: what is measured, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof import Interrupted, Profile, compare, write_profile
from tflprof.errors import ModelError, ProfileError, RunnerError, Untrusted, UsageError
from tflprof.profile.meta import Options
from tflprof.workflow import compare as workflow
from tflprof.workflow.compare import ComparisonInterrupted, is_profile


class Measuring:
    """Stands for ``profile_model``: keeps how it was called, returns or raises."""

    def __init__(self, profile: Profile) -> None:
        self.calls: list[dict[str, Any]] = []
        self.profile = profile
        self.error: BaseException | None = None

    def __call__(self, model: Path, **options: Any) -> Profile:
        self.calls.append({"model": model, **options})
        if self.error is not None:
            raise self.error
        return self.profile


def stored(**changes: Any) -> Profile:
    """A profile that was measured on the emulated core, unless changes to its metadata say otherwise."""
    profile = make_profile(unit="instructions")
    return Profile(replace(profile.meta, **changes), profile.table)


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    fake = Measuring(stored())
    monkeypatch.setattr(workflow, "profile_model", fake)
    return fake


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3")
    return path


def test_files_of_profiles_are_compared_without_measuring(measuring: Measuring, tmp_path: Path) -> None:
    a, b = (write_profile(stored(), tmp_path / name) for name in ("a.parquet", "b.parquet"))
    found = compare(a, b)
    assert found.comparison.method == "exact"
    assert found.a.meta == stored().meta
    assert measuring.calls == []


@pytest.mark.parametrize("given", [{"target": "host"}, {"threads": 2}, {"setup": None}])
def test_options_of_measuring_need_a_model(measuring: Measuring, given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))):
        compare(stored(), stored(), **given)


OPTIONS = Options(kernels="builtin", threads=2, core="little", cpus=(0, 1), seed=9, weight_cache=True)
AS_MEASURED: Mapping[str, Any] = {
    "target": "emulated:pixel2",
    "kernels": "builtin",
    "threads": 2,
    "core": "little",
    "seed": 9,
    "weight_cache": True,
    "xnnpack_flags": None,
    "signature": None,
    "rate": None,
    "sustain": None,
}


@pytest.mark.parametrize("turned", [False, True])
def test_a_model_is_measured_as_the_profile_was(measuring: Measuring, model: Path, turned: bool) -> None:
    profile = stored(options=OPTIONS)
    measuring.profile = profile
    sides = (model, profile) if turned else (profile, model)
    found = compare(*sides, max_seconds=7.0)
    (call,) = measuring.calls
    assert {key: call[key] for key in AS_MEASURED} == AS_MEASURED
    assert (call["model"], call["max_seconds"], call["precision"]) == (
        model,
        7.0,
        profile.meta.schedule.precision,
    )
    assert (found.b if turned else found.a) is profile


def test_what_is_given_goes_before_what_the_profile_says(measuring: Measuring, model: Path) -> None:
    compare(stored(), model, seed=4, runtime="lib.so", target="emulated:other")
    call = measuring.calls[0]
    assert (call["seed"], call["runtime"], call["target"]) == (4, "lib.so", "emulated:other")
    assert call["kernels"] == "xnnpack"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"threads": 4}, "threads: A 1, B 4"),
        ({"kernels": "builtin"}, "kernels: A xnnpack, B builtin"),
        ({"target": "host"}, "target: A emulated:pixel2, B host"),
    ],
)
def test_what_cannot_be_compared_afterwards_is_not_measured(
    measuring: Measuring, model: Path, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(Untrusted, match=told):
        compare(stored(), model, **given)
    with pytest.raises(Untrusted, match=given.get("target", "A ")):
        compare(model, stored(), **given)
    assert measuring.calls == []
    compare(stored(), model, force=True, **given)
    assert len(measuring.calls) == 1


def test_a_profile_in_doubt_is_refused_before_measuring(measuring: Measuring, model: Path) -> None:
    with pytest.raises(Untrusted, match="tainted"):
        compare(stored(verdict="tainted"), model, require_trust=True)
    assert measuring.calls == []


def test_a_periodic_endurance_run_is_repeated_as_such(measuring: Measuring, model: Path) -> None:
    made = stored()
    profile = stored(
        options=replace(made.meta.options, rate=30.0),
        schedule=replace(made.meta.schedule, sustain_seconds=120.0),
    )
    measuring.profile = profile
    compare(profile, model)
    assert (measuring.calls[0]["rate"], measuring.calls[0]["sustain"]) == (30.0, 2.0)


def test_an_input_that_is_not_there_any_more(measuring: Measuring, model: Path, tmp_path: Path) -> None:
    gone = stored(options=replace(stored().meta.options, inputs={"x": str(tmp_path / "x.raw")}))
    with pytest.raises(UsageError, match=r"x\.raw") as refused:
        compare(gone, model)
    assert "--input x=FILE" in (refused.value.hint or "")
    assert measuring.calls == []
    measuring.profile = gone
    compare(gone, model, inputs={"x": "elsewhere.raw"})
    assert measuring.calls[0]["inputs"] == {"x": "elsewhere.raw"}


@pytest.mark.parametrize("source", ["import", "benchmark_model"])
def test_a_profile_of_another_tool_cannot_be_repeated(measuring: Measuring, model: Path, source: str) -> None:
    with pytest.raises(UsageError, match=source):
        compare(stored(source=source), model)


def test_a_measurement_cut_short_keeps_what_there_is(measuring: Measuring, model: Path) -> None:
    partial = stored()
    measuring.error = Interrupted(partial, KeyboardInterrupt())
    profile = stored()
    with pytest.raises(ComparisonInterrupted) as cut:
        compare(profile, model)
    assert (cut.value.a, cut.value.b, cut.value.comparison) == (profile, partial, None)
    assert isinstance(cut.value.cause, KeyboardInterrupt)


@pytest.mark.parametrize("error", [RunnerError("it died"), KeyboardInterrupt()])
def test_an_end_before_anything_was_measured_is_raised(
    measuring: Measuring, model: Path, error: BaseException
) -> None:
    measuring.error = error
    for sides in ((model, stored()), (stored(), model)):
        with pytest.raises(type(error)):
            compare(*sides)


def test_what_may_not_be_compared_is_kept_all_the_same(measuring: Measuring, model: Path) -> None:
    measuring.profile = stored(options=replace(stored().meta.options, threads=4))
    with pytest.raises(ComparisonInterrupted) as refused:
        compare(stored(), model)
    assert isinstance(refused.value.cause, Untrusted)
    assert "threads" in refused.value.cause.what
    assert refused.value.b is measuring.profile


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, float("nan")])
def test_thresholds_that_are_none(threshold: float) -> None:
    with pytest.raises(UsageError, match="--threshold"):
        compare(stored(), stored(), threshold=threshold)


def test_what_a_file_is(tmp_path: Path, model: Path) -> None:
    renamed = write_profile(stored(), tmp_path / "profile.bin")
    assert is_profile(renamed)
    assert is_profile(tmp_path / "missing.parquet")
    assert not is_profile(model)
    assert not is_profile(tmp_path / "missing.tflite")
    with pytest.raises(ProfileError, match=r"missing\.parquet"):
        compare(tmp_path / "missing.parquet", renamed)
    with pytest.raises(ModelError, match=r"missing\.tflite"):
        compare(tmp_path / "missing.tflite", model, target="host")
