"""``tflprof calibrate``: its forms, its refusals, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.workflow.test_calibrate import Emulation
from tests.unit.workflow.test_calibrate import emulation as emulation
from tests.unit.workflow.test_calibrate import models as models
from tflprof.cli.calibrate import parse_measured
from tflprof.errors import UsageError


@pytest.mark.parametrize(
    ("text", "name", "ns"),
    [
        ("m.tflite=86ms", "m.tflite", 86e6),
        ("a=b.tflite=0.5s", "a=b.tflite", 5e8),
        ("m=120us", "m", 120e3),
        ("m=120µs", "m", 120e3),
        ("m=1.5e2 ms", "m", 150e6),
        ("m=.5ms", "m", 5e5),
    ],
)
def test_times_have_units(text: str, name: str, ns: float) -> None:
    assert parse_measured(text) == (Path(name), pytest.approx(ns))


@pytest.mark.parametrize(
    "text", ["m", "m=", "m=86", "=86ms", "m=ms", "m=-3ms", "m=5min", "m=nanms", "m=0ms", "m=1,5ms"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="--measured"):
        parse_measured(text)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ([], "no measured time is given"),
        (["pixel2"], "no measured time is given"),
        (["--measured", "m.tflite=8ms"], "no phone is given"),
        (["pixel2", "--show", "--forget"], "--show and --forget do not go together"),
        (["pixel2", "--profile", "p.parquet"], "--profile needs the model"),
        (["pixel2", "m.tflite", "--measured", "m.tflite=8ms"], "m.tflite has no time"),
        (["pixel2", "--measured", "m.tflite=8"], "expected MODEL=TIME with a unit"),
    ],
)
def test_refusals(run: Run, args: list[str], why: str) -> None:
    done = run("calibrate", *args)
    assert done.exit_code == 2
    assert why in done.stderr


def test_a_phone_that_is_not_known(run: Run) -> None:
    done = run("calibrate", "pixle2", "--show")
    assert done.exit_code == 3
    assert "did you mean pixel2?" in done.stderr


def test_the_table_and_where_it_is_kept(run: Run, models: list[Path], tmp_path: Path) -> None:
    done = run("calibrate", "pixel2", "--measured", f"{models[0]}=84ms", "--source", "bench log 7")
    assert done.exit_code == 0, done.stderr
    assert "pixel2, cortex-a73 at 2.46 GHz: predictions × 1.050" in done.stdout
    assert "84.0 ms" in done.stdout
    assert "bench log 7" in done.stdout
    assert f"kept in {tmp_path / 'data/tflprof/anchors/pixel2.toml'}" in done.stdout.replace("\n", "")
    shown = run("calibrate", "--show")
    assert "× 1.050" in shown.stdout
    assert "kept in" not in shown.stdout


def test_json(run: Run, models: list[Path]) -> None:
    pair = [f"{models[0]}=84ms", f"{models[1]}=230ms"]
    done = run("calibrate", "pixel2", "--json", "--measured", pair[0], "--measured", pair[1])
    (found,) = json.loads(done.stdout)["calibrations"]
    assert found["phone"] == "pixel2"
    assert [anchor["measured_ns"] for anchor in found["anchors"]] == [84_000_000, 230_000_000]
    assert found["error"] < found["error_unanchored"]
    assert found["doubts"]
    assert all(f"doubt: {doubt}" in done.stderr for doubt in found["doubts"])


def test_forgetting(run: Run, models: list[Path]) -> None:
    assert "nothing was kept" in run("calibrate", "pixel2", "--forget").stdout
    assert "nothing is kept" in run("calibrate", "--show").stdout
    run("calibrate", "pixel2", "--measured", f"{models[0]}=84ms")
    done = run("calibrate", "pixel2", str(models[1]), "--forget")
    assert done.exit_code == 2
    assert "it has conv_2d" in done.stderr
    left = run("calibrate", "pixel2", "conv_2d", "--forget", "--json")
    assert json.loads(left.stdout) == {"schema_version": 1, "forgotten": True, "left": []}
    assert "forgotten: all anchors" in run("calibrate", "pixel2", "--forget").stdout


def test_ctrl_c_is_130_and_keeps_nothing(run: Run, models: list[Path], emulation: Emulation) -> None:
    emulation.error = KeyboardInterrupt()
    done = run("calibrate", "pixel2", "--measured", f"{models[0]}=84ms")
    assert done.exit_code == 130
    assert "nothing is kept" in run("calibrate", "--show").stdout
