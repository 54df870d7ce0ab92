"""What profile_model refuses and keeps by itself, without a command line around it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tests.unit.measure.scripted import ScriptedRunner, whole
from tflprof import stats
from tflprof.errors import UsageError
from tflprof.model.build import MICRO_MODELS, build_micro
from tflprof.workflow import profile as workflow


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

    def assembled(*_: object) -> object:
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
    ("options", "option"),
    [({"rate": 30.0}, "--rate"), ({"sustain": 1.0}, "--sustain"), ({"pmu": True}, "--pmu")],
)
@pytest.mark.parametrize(
    ("kind", "why"),
    [({"deterministic": True}, "counts instructions"), ({"source": "inprocess"}, "native runner")],
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
