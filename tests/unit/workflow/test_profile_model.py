"""What profile_model refuses and keeps by itself, without a command line around it."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tests.unit.measure.scripted import SECOND, ScriptedRunner, block, opening, whole
from tflprof import stats
from tflprof.errors import UsageError
from tflprof.model.build import MICRO_MODELS, build_micro
from tflprof.profile.mismatch import mismatches
from tflprof.runner.records import End, Record
from tflprof.workflow import profile as workflow
from tflprof.workflow.progress import Progress


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": 0.002}, "0.0025"),
        ({"precision": 1.0}, "below 1"),
        ({"precision": float("nan")}, "nan"),
        ({"max_seconds": 0.0}, "--max-seconds"),
        ({"threads": 0}, "--threads"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**63}, "--seed"),
        ({"xnnpack_flags": -1}, "--xnnpack-flags"),
        ({"xnnpack_flags": 2**32}, "--xnnpack-flags"),
        ({"rate": 0.0}, "--rate"),
        ({"rate": 20_000.0}, "--rate"),
        ({"rate": float("nan")}, "--rate"),
        (
            {"rate": 0.01},
            "--max-seconds 60 has no room for one process at --rate 0.01, which lasts 2200 s",
        ),
        ({"rate": 10.0, "max_seconds": 2.1}, "--max-seconds 2.1 has no room"),
        ({"rate": 0.1, "sustain": 8.0}, "--sustain 8 has no room for one process at --rate 0.1"),
        ({"sustain": 0.0}, "--sustain"),
        ({"sustain": float("inf")}, "--sustain"),
    ],
)
def test_values_no_run_can_serve_are_usage_errors(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        workflow.profile_model("m.tflite", **options)
    assert said in caught.value.what


def test_the_command_line_knows_the_least_precision() -> None:
    """Written there as a number: to import it would make help slow."""
    assert stats.FLOOR == 0.0025


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_layers_are_attributed_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    profile = make_profile()

    def assembled(*_: object, **__: object) -> object:
        signal.raise_signal(number)
        signal.raise_signal(number)
        return profile

    (tmp_path / "n.tflite").write_bytes(build_micro(next(iter(MICRO_MODELS))))
    monkeypatch.setattr(workflow, "open_runner", lambda *_, **__: ScriptedRunner(whole))
    monkeypatch.setattr(workflow, "assemble", assembled)
    with pytest.raises(workflow.Interrupted) as caught:
        workflow.profile_model(tmp_path / "n.tflite")
    assert caught.value.profile is profile
    assert isinstance(caught.value.cause, KeyboardInterrupt)


@pytest.mark.parametrize(
    ("options", "option", "kind", "why"),
    [
        ({"rate": 30.0}, "--rate", {"deterministic": True}, "counts instructions"),
        ({"sustain": 1.0}, "--sustain", {"deterministic": True}, "counts instructions"),
        ({"pmu": True}, "--pmu", {"deterministic": True}, "counts instructions"),
    ],
)
def test_what_a_target_cannot_do_is_a_usage_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    option: str,
    kind: dict[str, Any],
    why: str,
) -> None:
    (tmp_path / "n.tflite").write_bytes(build_micro(next(iter(MICRO_MODELS))))
    monkeypatch.setattr(workflow, "open_runner", lambda *_, **__: ScriptedRunner(whole, **kind))
    with pytest.raises(UsageError) as caught:
        workflow.profile_model(tmp_path / "n.tflite", **options)
    assert option in caught.value.what
    assert why in caught.value.what


def slowing(_: int) -> list[Record | BaseException]:
    """One long session whose device is slower, at a lower frequency, from its 40th round on."""
    records: list[Record | BaseException] = [*opening()]
    for number in range(100):
        factor = 1 if number < 40 else 2
        values = [factor * (5_000_000 + number * 7919 % 5 * 10_000)] * 4
        for variant in ("plain", "profiled"):
            found = block(variant, number, values, t=number * SECOND)
            records.append(replace(found, chain_khz=2_000_000 // factor, mc=30_000 + 300 * number))
    return [*records, End("ok", len(records))]


def test_an_endurance_run_finds_when_it_slowed_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "n.tflite").write_bytes(build_micro(next(iter(MICRO_MODELS))))
    runner = ScriptedRunner(slowing)
    monkeypatch.setattr(workflow, "open_runner", lambda *_, **__: runner)
    told: list[Progress] = []
    profile = workflow.profile_model(tmp_path / "n.tflite", sustain=1e-6, on_progress=told.append)
    assert profile.meta.schedule.sustain_seconds == pytest.approx(6e-5)
    assert profile.meta.schedule.reached is None
    assert profile.sustained is not None
    point = profile.sustained.throttling
    assert point is not None
    assert point.seconds == 40.0
    assert point.slowdown == pytest.approx(1.0, abs=0.01)
    assert (point.khz_before, point.khz_after) == (2_000_000, 1_000_000)
    assert {finding.code for finding in profile.meta.findings} >= {"thermal-throttled"}
    assert not profile.samples().tainted.any()
    assert any("1.00 GHz, 59 °C" in progress.detail for progress in told)


def test_a_periodic_run_asks_for_its_rate_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "n.tflite").write_bytes(build_micro(next(iter(MICRO_MODELS))))
    runner = ScriptedRunner(whole)
    monkeypatch.setattr(workflow, "open_runner", lambda *_, **__: runner)
    profile = workflow.profile_model(tmp_path / "n.tflite", rate=10.0, max_seconds=2.3)
    request = runner.requests[0]
    assert (request.rate, request.fill, request.block_ms) == (10.0, False, 400)
    assert profile.meta.options.rate == 10.0
    other = workflow.profile_model(tmp_path / "n.tflite", max_seconds=1e-3)
    assert [(one.key, one.a, one.b) for one in mismatches(profile.meta, other.meta)] == [("rate", 10.0, None)]
