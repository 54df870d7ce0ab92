"""The gate where time is measured: budgets so wide or so narrow that no noise matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tflprof.model.build import build_network
from tflprof.profile.store import read_profile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("m.tflite", "same.tflite"):
        (tmp_path / name).write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tflprof", "gate", *arguments, "--target", "host"]


def gate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.slow
def test_a_failure_is_measured_twice_before_it_is_one(folder: Path) -> None:
    done = gate(
        folder, "m.tflite", "--budget", "layer:*=10s", "--budget", "1ns", "--max-seconds", "15", "--json"
    )
    (case,) = json.loads(done.stdout)["cases"]
    assert (done.returncode, case["measured"]) == (1, 2), done.stdout
    assert {one["verdict"] for one in case["budgets"] if one["budget"] == "layer:*=10s"} == {"pass"}
    total = next(one for one in case["budgets"] if one["budget"] == "1ns")
    assert total["reason"].endswith("(measurements: fail, fail)")


@pytest.mark.slow
def test_two_models_are_measured_in_the_same_processes(folder: Path) -> None:
    done = gate(
        folder,
        "m.tflite",
        "--baseline",
        "same.tflite",
        "--budget",
        "+300%",
        "--max-seconds",
        "20",
        "-o",
        "kept",
        "--json",
    )
    (case,) = json.loads(done.stdout)["cases"]
    assert (done.returncode, case["measured"]) == (0, 1), done.stdout
    assert case["comparison"]["method"] == "paired"
    pairings = [read_profile(path).meta.pairing for path in sorted((folder / "kept").iterdir())]
    assert len({pairing.id for pairing in pairings if pairing}) == 1
    assert len(pairings) == 2


def test_ctrl_c_shows_the_cases_so_far_and_keeps_what_was_collected(folder: Path) -> None:
    (folder / "cases.toml").write_text(
        '[gate]\nbudget = ["size=5MB"]\nmax-seconds = 60\nprecision = 0.0025\n'
        '[[gate.case]]\nname = "first"\nmodel = "m.tflite"\n'
        '[[gate.case]]\nname = "second"\nmodel = "same.tflite"\n'
    )
    temporary = folder / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        command("--config", "cases.toml", "-o", "kept", "--junit", "j.xml", "--json"),
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    while len(seen) < 3:
        assert time.monotonic() < deadline
        seen |= {path.name for path in temporary.iterdir()}
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    (case,) = json.loads(out)["cases"]
    assert (case["name"], case["error"]["message"]) == ("first", "it was interrupted")
    assert "interrupted" in err
    assert not read_profile(folder / "kept" / "first.parquet").meta.schedule.complete
    assert 'errors="1"' in (folder / "j.xml").read_text()
