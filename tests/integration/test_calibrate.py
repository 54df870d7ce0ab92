"""Predictions of a real emulation: scaled to anchors, for several threads, through the command line and Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tflprof import Measured, Profile, calibrate, profile_model
from tflprof.errors import TargetError, UsageError
from tflprof.model.build import build_network
from tflprof.profile.blocks import read_blocks

TARGET = "emulated:pixel2"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.5))
    return path


@pytest.fixture(scope="module")
def alone(model: Path) -> Profile:
    return profile_model(model, target=TARGET, anchors="none")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def total(profile: Profile) -> float:
    assert profile.summary.total.typical is not None
    return profile.summary.total.typical


def tflprof(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflprof", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


@pytest.mark.emulated
def test_a_prediction_has_an_interval_and_adds_up(alone: Profile) -> None:
    prediction, summary = alone.meta.prediction, alone.summary
    assert prediction is not None
    assert (prediction.core, prediction.mode, prediction.scale) == ("cortex-a73", "caches", 1.0)
    assert (alone.meta.unit, alone.meta.provenance) == ("ns", "predicted")
    assert 0.1e6 < total(alone) < 20e6
    assert summary.total.lo is not None
    assert summary.total.hi is not None
    assert summary.total.lo < total(alone) < summary.total.hi
    rows = [layer.estimate.typical for layer in summary.layers if layer.estimate.typical is not None]
    assert sum(rows) + (summary.unattributed.typical or 0) == pytest.approx(total(alone), abs=1e-3)
    assert all(row >= 0 for row in rows)
    for block in read_blocks(alone.table, "ns"):
        for value, events in zip(block.values, block.events, strict=False):
            assert all(0 <= event <= value for event in events)


@pytest.mark.emulated
def test_an_anchor_scales_every_time_and_nothing_else(model: Path, alone: Profile) -> None:
    measured = total(alone) * 1.1
    found = calibrate("pixel2", [Measured(model, measured, "a test")])
    assert found.scale == pytest.approx(1.1, abs=1e-5)
    scaled = profile_model(model, target=TARGET)
    assert total(scaled) == pytest.approx(measured, rel=1e-5)
    assert scaled.meta.prediction is not None
    assert alone.meta.prediction is not None
    assert scaled.meta.prediction.anchors
    assert scaled.meta.prediction.error < alone.meta.prediction.error
    assert scaled.layer_counts == alone.layer_counts
    for one, other in zip(scaled.summary.layers, alone.summary.layers, strict=True):
        if one.estimate.typical:
            assert one.estimate.typical == pytest.approx((other.estimate.typical or 0) * 1.1, rel=1e-4, abs=2)
    little = profile_model(model, target=TARGET, core="little")
    assert little.meta.prediction is not None
    assert little.meta.prediction.scale == 1.0
    assert "no anchor is of cortex-a53" in little.meta.conditions["prediction_notes"][0]


@pytest.mark.emulated
def test_threads_take_less_time_for_the_same_counts(model: Path, alone: Profile) -> None:
    times = {1: total(alone)}
    for threads in (2, 4):
        shared = profile_model(model, target=TARGET, threads=threads, anchors="none")
        assert shared.meta.prediction is not None
        assert alone.meta.prediction is not None
        assert shared.meta.prediction.threads == shared.meta.options.threads == threads
        assert shared.meta.prediction.error > alone.meta.prediction.error
        assert shared.layer_counts == alone.layer_counts
        times[threads] = total(shared)
        assert times[threads] > times[1] / threads
    assert times[4] < times[2] < times[1]


@pytest.mark.emulated
@pytest.mark.parametrize(
    ("options", "kind", "why"),
    [
        ({"threads": 3}, UsageError, "3 threads cannot be predicted"),
        ({"threads": 2, "cost": "cycles"}, UsageError, "without caches"),
        ({"threads": 2, "kernels": "builtin"}, UsageError, "builtin kernels"),
        ({"threads": 8}, UsageError, "8 threads"),
        ({"anchors": "gone.toml"}, UsageError, "no file of anchors"),
    ],
)
def test_what_cannot_be_predicted_is_refused_at_once(
    model: Path, options: dict[str, Any], kind: type[Exception], why: str
) -> None:
    began = time.monotonic()
    with pytest.raises(kind, match=why):
        profile_model(model, target=TARGET, **options)
    assert time.monotonic() - began < 5


@pytest.mark.emulated
def test_more_threads_than_cores(model: Path) -> None:
    with pytest.raises(TargetError, match="2 CPU"):
        profile_model(model, target="emulated:pixel", threads=4)


@pytest.mark.emulated
def test_the_command_and_what_follows(model: Path, data: Path) -> None:
    done = tflprof("calibrate", "pixel2", "--measured", f"{model}=100ms")
    assert done.returncode == 2
    assert "times the predicted" in done.stderr
    bare = json.loads(tflprof("profile", model, "--anchors", "none", "--json").stdout)
    ns = bare["total"]["typical"] * 1.05
    place = data / "lab.toml"
    done = tflprof(
        "calibrate", "pixel2", "--measured", f"{model}={ns / 1e3:.3f}us", "-o", place, "--source", "the lab"
    )
    assert done.returncode == 0, done.stderr
    assert "predictions × 1.050" in done.stdout
    scaled = json.loads(tflprof("profile", model, "--anchors", place, "--json").stdout)
    assert scaled["total"]["typical"] == pytest.approx(ns, rel=1e-5)
    assert "the lab" in json.dumps(scaled["prediction"]["anchors"])
    unscaled = json.loads(tflprof("profile", model, "--json").stdout)
    assert unscaled["total"]["typical"] == bare["total"]["typical"]


@pytest.mark.emulated
def test_ctrl_c_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "large.tflite"
    path.write_bytes(build_network("mobilenet_v1"))
    command = [sys.executable, "-m", "tflprof", "-v", "calibrate", "pixel2", "--measured", f"{path}=86ms"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert not (tmp_path / "data").exists()
