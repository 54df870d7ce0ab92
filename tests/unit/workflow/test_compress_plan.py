"""What is left of a plan that was cut short, and what a plan never overwrites."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.compress.test_plan_file import PLAN
from tflprof.cli.main import app
from tflprof.compress.planning.plan import read_plan, write_plan
from tflprof.errors import RunnerError, TargetError
from tflprof.model.read import read_model
from tflprof.workflow import compress as workflow
from tflprof.workflow import compress_bench
from tflprof.workflow.compress import Planned
from tflprof.workflow.compress_bench import LiveBench
from tflprof.workflow.profile import Interrupted

MODEL = "compress plan {folder}/m.tflite --budget 30ms"


def run(text: str, folder: Path, *more: object) -> Result:
    return CliRunner().invoke(app, [*text.format(folder=folder).split(), *map(str, more)])


@pytest.mark.parametrize(("stopped", "status"), [(KeyboardInterrupt(), 130), (TargetError("gone"), 3)])
def test_a_plan_that_was_stopped_is_saved(
    stopped: BaseException, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.tflite").touch()
    bench: Any = SimpleNamespace()
    plan = replace(PLAN, front=(), notes=("planning was stopped early",))
    monkeypatch.setattr(workflow, "plan_compression", lambda *_, **__: Planned(plan, (), bench, stopped))
    outputs = ("-o", tmp_path / "p.json", "--plot", tmp_path / "p.svg")
    result = run(MODEL, tmp_path, *outputs)
    assert result.exit_code == status
    assert "stopped early" in result.output
    assert read_plan(tmp_path / "p.json") == plan
    assert not (tmp_path / "p.svg").exists()


@pytest.mark.parametrize("cause", [KeyboardInterrupt(), RunnerError("it died")])
def test_half_a_measurement_ends_as_what_cut_it(
    cause: BaseException, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise Interrupted(profile, cause)

    profile: Any = SimpleNamespace()
    monkeypatch.setattr(compress_bench, "profile_model", cut)
    with pytest.raises(type(cause)):
        LiveBench(read_model(network), None, {}, lambda _: None).measure_before()


@pytest.mark.parametrize("name", ["m.tflite", "t.parquet", "samples.npz", "data/plan.json"])
def test_what_is_read_is_not_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for each in ("m.tflite", "t.parquet", "samples.npz", "data/plan.json"):
        (tmp_path / each).write_text("mine")
    data = tmp_path / ("data" if name.startswith("data") else "samples.npz")
    read = ("--table", tmp_path / "t.parquet", "--calibration", data)
    result = run(MODEL, tmp_path, *read, "-o", tmp_path / name, "--force")
    assert result.exit_code == 2
    assert "output" in result.output
    assert (tmp_path / name).read_text() == "mine"


def test_samples_of_a_plan_are_not_overwritten_by_its_model(tmp_path: Path) -> None:
    samples = tmp_path / "x.npz"
    samples.write_text("mine")
    write_plan(replace(PLAN, calibration={**PLAN.calibration, "place": str(samples)}), tmp_path / "p.json")
    result = run("compress apply {folder}/p.json", tmp_path, "-o", samples, "--force")
    assert result.exit_code == 2
    assert "also another file" in result.output
    assert samples.read_text() == "mine"


def test_a_solver_that_there_is_not_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    result = run(MODEL, tmp_path, "--solver", "simplex")
    assert result.exit_code == 2
    assert "simplex" in result.output
