"""When a model has its profile already, and why it is measured anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.workflow.batches import LIBRARY, profile_as_asked, write_models
from tflprof.errors import RuntimeMissing, TargetError, UsageError
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.profile.store import write_profile
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.workflow.batch_resume import ProfileOptions, stored_profile, wanted_phone

PLACE = Path("a.parquet")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    library = SimpleNamespace(sha256=LIBRARY)
    monkeypatch.setattr("tflprof.workflow.batch_resume.find_runtime", lambda *_: library)
    write_models(tmp_path, "a.tflite")
    return tmp_path


def asked(**options: Any) -> dict[str, Any]:
    return ProfileOptions(**{"target": "host", **options}).keywords_for(read_model("a.tflite"))


def keep(profile: Profile) -> None:
    write_profile(profile, PLACE, overwrite=True)


def why(**options: Any) -> str | None:
    """Why the model is measured anew with these options; None if its profile stands."""
    phone = wanted_phone(options.get("target", "host"))
    profile, reason = stored_profile(PLACE, read_model("a.tflite"), asked(**options), phone)
    assert (profile is None) == (reason is not None)
    return reason


def changed(profile: Profile, **meta: Any) -> Profile:
    return Profile(replace(profile.meta, **meta), profile.table)


def test_without_a_file_there_is_none() -> None:
    assert stored_profile(PLACE, read_model("a.tflite"), asked(), None) == (None, None)


EVERYTHING: dict[str, Any] = {
    "core": "1",
    "threads": 2,
    "kernels": "builtin",
    "inputs": {"a": "x.raw"},
    "input_shapes": {"b": (1, 4)},
    "seed": 3,
    "max_seconds": 5.0,
    "precision": 0.05,
    "xnnpack_flags": 4,
    "weight_cache": True,
    "rate": 30.0,
}


@pytest.mark.parametrize("options", [{}, EVERYTHING, {"sustain": 1.5}])
def test_a_profile_of_the_same_model_and_options_stands(options: dict[str, Any]) -> None:
    keep(profile_as_asked(Path("a.tflite"), **asked(**options)))
    assert why(**options) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "interpreter"}, "its profile is of host: Test CPU"),
        ({"target": "emulated:pixel2"}, "its profile is of host"),
        ({"core": "1"}, "--core was not given, and is 1"),
        ({"threads": 2}, "--threads was 1, and is 2"),
        ({"kernels": "builtin"}, "--kernels was xnnpack, and is builtin"),
        ({"inputs": {"a": "x.raw"}}, "--input was not given, and is a=x.raw"),
        ({"input_shapes": {"b": (1, 4)}}, "--input-shape was"),
        ({"seed": 3}, "--seed was 0"),
        ({"max_seconds": 5.0}, "--max-seconds was 60.0, and is 5.0"),
        ({"precision": 0.05}, "--precision"),
        ({"xnnpack_flags": 4}, "--xnnpack-flags"),
        ({"weight_cache": True}, "--weight-cache was not given, and is given"),
        ({"rate": 30.0}, "--rate"),
        ({"sustain": 1.0}, "--sustain"),
        ({"pmu": True}, "--pmu"),
    ],
)
def test_what_differs_is_measured_anew_and_said(options: dict[str, Any], said: str) -> None:
    keep(profile_as_asked(Path("a.tflite"), **asked()))
    assert said in (why(**options) or "")


def test_a_model_that_changed_is_measured_anew() -> None:
    keep(profile_as_asked(Path("a.tflite"), **asked()))
    Path("a.tflite").write_bytes(build_micro("sub"))
    assert why() == "the model has changed"


def test_exact_counts_need_no_time_to_agree() -> None:
    base = profile_as_asked(Path("a.tflite"), **asked(target="emulated:pixel2"))
    target = replace(base.meta.target, name="pixel2")
    keep(changed(base, deterministic=True, target=target))
    assert why(target="emulated:pixel2", cost="instructions", max_seconds=1.0) is None
    assert "emulated: pixel2" in (why(target="emulated:pixel") or "")


def test_another_library_is_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(profile_as_asked(Path("a.tflite"), **asked()))
    monkeypatch.setattr(
        "tflprof.workflow.batch_resume.find_runtime", lambda *_: SimpleNamespace(sha256="c" * 64)
    )
    assert why() == "the inference library is another"

    def missing(*_: object) -> None:
        raise RuntimeMissing("there is none")

    monkeypatch.setattr("tflprof.workflow.batch_resume.find_runtime", missing)
    assert why() is None, "without a library nothing can be measured either"


def test_data_that_changed_since_are_measured_anew() -> None:
    options = {"inputs": {"a": "x.raw"}}
    Path("x.raw").write_bytes(b"12")
    keep(profile_as_asked(Path("a.tflite"), **asked(**options)))
    os.utime("x.raw", (1, 1))
    assert why(**options) is None
    later = PLACE.stat().st_mtime + 10
    os.utime("x.raw", (later, later))
    assert why(**options) == "the data of its input a have changed"


def test_profiles_of_other_tools_do_not_stand() -> None:
    keep(changed(profile_as_asked(Path("a.tflite"), **asked()), source="benchmark_model", kind="aggregate"))
    assert why() == "its profile comes from benchmark_model"


def of_phone(unit: str, quiet: dict[str, Any] | None = None, **options: Any) -> Profile:
    base = profile_as_asked(Path("a.tflite"), **asked(target="adb", **options))
    start = {"unit": unit, **({"quiet": quiet} if quiet else {})}
    return changed(base, conditions={"device": {"start": start}})


def test_another_phone_of_the_same_model_is_measured_anew() -> None:
    from tflprof.targets.adb.device import unit_of

    keep(of_phone(unit_of("ONE")))
    assert why(target="adb:ONE") is None
    assert "another one" in (why(target="adb:TWO") or "")


def test_without_a_phone_its_profiles_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: object) -> None:
        raise TargetError("the adb server does not run")

    monkeypatch.setattr("tflprof.targets.adb.client.AdbServer.phones", none)
    keep(of_phone("0123456789ab"))
    assert why(target="adb") is None


def test_what_was_done_to_a_phone_counts() -> None:
    from tflprof.targets.adb.device import unit_of

    keep(of_phone(unit_of("ONE")))
    assert why(target="adb:ONE", setup=PhoneSetup(quiet=True)) == "other things were done to the phone before"
    keep(of_phone(unit_of("ONE"), {"done": ["governor performance", "awake"], "refused": []}))
    assert why(target="adb:ONE", setup=PhoneSetup(governor="performance")) is None
    assert (
        why(target="adb:ONE", setup=PhoneSetup(governor="powersave"))
        == "the phone's clocks were set otherwise"
    )
    assert why(target="adb:ONE", setup=PhoneSetup(quiet=True)) == "the phone's clocks were set otherwise"


@pytest.mark.parametrize("length", [0, 4, 100])
def test_a_truncated_profile_is_measured_anew(length: int) -> None:
    keep(profile_as_asked(Path("a.tflite"), **asked()))
    PLACE.write_bytes(PLACE.read_bytes()[:length])
    assert why() == "its profile was damaged"


def test_what_is_no_profile_is_not_replaced() -> None:
    PLACE.write_text("precious")
    with pytest.raises(UsageError, match="is no profile"):
        why()


def test_a_profile_of_a_newer_version_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("tflprof.profile.store.SCHEMA_VERSION", 10_000)
        keep(profile_as_asked(Path("a.tflite"), **asked()))
    with pytest.raises(UsageError, match="no profile that this tflprof reads"):
        why()
