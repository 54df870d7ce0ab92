"""Compression for a phone: planned, applied and verified over adb."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.phone import VirtualPhone
from tflprof.compress.calibration import random_calibration
from tflprof.compress.planning.plan import read_plan
from tflprof.model.build.layers import Network
from tflprof.model.read import read_model


def network() -> bytes:
    """Two convolutions and a classifier; of 16 channels 8 may go, so that little has to be measured."""
    net = Network("tiny")
    x = net.conv2d(net.input("input", (1, 32, 32, 3)), "first", 16, 3)
    x = net.conv2d(x, "second", 16, 3)
    return net.finish(net.softmax(net.reshape(net.mean(x, "pool"), "flat", (1, 16)), "probabilities"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "m.tflite"
    model.write_bytes(network())
    (name,) = random_calibration(read_model(model), 1).samples[0]
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", **{name: images})
    return tmp_path


def tflprof(phone: VirtualPhone, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tflprof", "compress", *map(str, args)],
        env={**os.environ, **phone.environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_planned_applied_and_verified_on_a_phone(phone: VirtualPhone, folder: Path) -> None:
    fast = ("--target", "adb", "--max-seconds", 0.1, "--calibration", folder / "samples.npz")
    few = ("--methods", "prune", "--rounds", 1, "--trials", 1, "--no-memory")
    planned = tflprof(
        phone, "plan", folder / "m.tflite", "--budget", "1us", *fast, *few, "-o", folder / "p.json"
    )
    assert planned.returncode == 1, planned.stderr  # nothing is that fast
    plan = read_plan(folder / "p.json")
    assert (plan.target, plan.unit, plan.provenance) == ("adb", "ns", "measured")
    assert plan.changes
    assert plan.rounds[0].obtained is not None
    checked = ("--verify", "--max-seconds", 0.3, "--json")
    verified = tflprof(phone, "apply", folder / "p.json", "-o", folder / "new.tflite", *checked)
    assert verified.returncode == 1, verified.stderr
    document = json.loads(verified.stdout)
    assert 0 < document["after"]["value"] < document["before"]["value"]
    assert document["fidelity"]["divergence"] == pytest.approx(plan.loss, rel=1e-3, abs=1e-9)
