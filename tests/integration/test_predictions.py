"""Predicted times as a user has them: calibrated, compared, judged, resumed; on an emulated phone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tflprof.model.build import build_network
from tflprof.profile.store import read_profile

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, and ``plain.parquet``: a prediction of the first without anchors."""
    path: Path = tmp_path_factory.mktemp("predicted")
    for name, dtype in (("a", "float32"), ("b", "int8")):
        (path / f"{name}.tflite").write_bytes(build_network("mobilenet_v1", 32, 0.25, dtype))
    done = tflprof(path, "profile", "a.tflite", "-o", "plain.parquet")
    assert done.returncode == 0, done.stderr
    return path


def tflprof(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run in a folder that has the user's data, too."""
    return subprocess.run(
        [sys.executable, "-m", "tflprof", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "XDG_DATA_HOME": str(folder / "data"), "COLUMNS": "150"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def document(folder: Path, *arguments: object) -> dict[str, Any]:
    done = tflprof(folder, *arguments, "--json")
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_prediction_is_the_same_each_time_and_so_are_its_cycles(folder: Path) -> None:
    first = read_profile(folder / "plain.parquet").samples()
    done = tflprof(folder, "profile", "a.tflite", "-o", "again.parquet")
    assert done.returncode == 0, done.stderr
    second = read_profile(folder / "again.parquet").samples()
    columns = ["kind", "phase", "variant", "inference", "event", "counter", "value"]
    assert first[columns].equals(second[columns])
    assert {"ns", "cycles", "instructions", "dram_lines"} <= set(first["counter"])


def test_another_core_another_time(folder: Path) -> None:
    little = document(folder, "profile", "a.tflite", "--core", "little")
    big = document(folder, "show", "plain.parquet")
    assert (big["prediction"]["core"], little["prediction"]["core"]) == ("cortex-a73", "cortex-a53")
    assert little["total"]["typical"] > big["total"]["typical"]


def test_two_models_are_compared_by_what_is_predicted(folder: Path) -> None:
    found = document(folder, "compare", "a.tflite", "b.tflite")
    assert (found["method"], found["unit"]) == ("exact", "ns")
    total = found["total"]
    assert total["interval"] == [total["difference"]] * 2
    low, high = found["prediction"]["ratio_interval"]
    assert low < total["ratio"] < high
    parts = sum(row["difference"] or 0 for row in (*found["layers"], found["unattributed"]))
    assert parts == pytest.approx(total["difference"], abs=1)


def test_several_threads_are_predicted_from_one_or_refused(folder: Path) -> None:
    one = document(folder, "show", "plain.parquet")
    four = document(folder, "profile", "a.tflite", "--threads", "4")
    assert (four["options"]["threads"], four["prediction"]["threads"]) == (4, 4)
    assert four["total"]["instructions"] == one["total"]["instructions"]
    assert four["prediction"]["error"] > one["prediction"]["error"]
    for options in (("--threads", 3), ("--threads", 2, "--cost", "cycles")):
        refused = tflprof(folder, "profile", "a.tflite", *options)
        assert refused.returncode in (2, 3)
        assert "cannot be predicted" in refused.stderr
        assert "→" in refused.stderr


def test_an_anchor_scales_narrows_and_is_a_condition(folder: Path) -> None:
    before = document(folder, "show", "plain.parquet")
    measured = before["total"]["typical"] * 1.25
    done = tflprof(
        folder, "calibrate", "pixel2", "--measured", f"a.tflite={measured / 1000:.3f}us", "--source", "me"
    )
    assert done.returncode == 0, done.stderr
    after = document(folder, "profile", "a.tflite", "-o", "anchored.parquet")
    assert after["total"]["typical"] == pytest.approx(measured, rel=1e-4)
    assert after["total"]["instructions"] == before["total"]["instructions"]
    assert after["prediction"]["scale"] == pytest.approx(1.25, rel=1e-4)
    assert after["prediction"]["error"] < before["prediction"]["error"]
    assert "unanchored" not in {finding["code"] for finding in after["trust"]["findings"]}
    shown = tflprof(folder, "show", "anchored.parquet").stdout
    assert "anchored to 1 measured time (× 1.25)" in shown

    refused = tflprof(folder, "compare", "plain.parquet", "anchored.parquet")
    assert refused.returncode == 4
    assert "prediction.scale: A 1.0, B 1.2" in refused.stderr
    likewise = document(folder, "compare", "plain.parquet", "a.tflite")
    assert likewise["total"]["status"] == "same"
    budgets = ("--budget", "+1%", "--budget", "total=+1%,1kinst")
    gate = tflprof(folder, "gate", "a.tflite", "--baseline", "plain.parquet", *budgets, "--json")
    assert gate.returncode == 4
    (case,) = json.loads(gate.stdout)["cases"]
    assert [one["verdict"] for one in case["budgets"]] == ["pass", "incomparable"]
    assert tflprof(folder, "calibrate", "pixel2", "--forget").returncode == 0


def test_a_batch_is_predicted_anew_when_the_cost_model_is_another(folder: Path) -> None:
    first = document(folder, "profile", "a.tflite", "b.tflite", "-o", "out")
    assert [one["status"] for one in first["models"]] == ["measured", "measured"]
    assert {one["result"]["provenance"] for one in first["models"]} == {"predicted"}
    assert all(one["result"]["total"]["instructions"] > 0 for one in first["models"])
    again = document(folder, "profile", "a.tflite", "b.tflite", "-o", "out")
    assert [one["status"] for one in again["models"]] == ["up to date", "up to date"]
    counted = document(folder, "profile", "a.tflite", "-o", "out/", "--cost", "instructions")
    (one,) = counted["models"]
    assert (one["status"], one["reason"]) == ("measured", "--cost was caches, and is instructions")
