"""``tflprof profile`` of several models, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run, Workflow
from tests.unit.workflow.batches import Measuring, measuring, write_models
from tflprof.errors import RunnerError, TargetError
from tflprof.profile.store import read_profile

__all__ = ["measuring"]


@pytest.fixture(autouse=True)
def models(folder: Path) -> None:
    write_models(folder, "models/a.tflite", "models/x/b.tflite")


def test_a_folder_of_models_is_profiled_into_a_folder(run: Run, measuring: Measuring) -> None:
    result = run("profile", "models", "-o", "out", "--html", "out", "--target", "host")
    assert result.exit_code == 0, result.stderr
    assert read_profile("out/x/b.parquet").meta.model.path == "models/x/b.tflite"
    assert Path("out/a.html").exists()
    assert "2 models: 2 measured" in result.stdout
    assert "1/2 measured: models/a.tflite, 3.30 ms" in result.stderr


def test_options_of_the_command_line_reach_the_models(run: Run, measuring: Measuring) -> None:
    options = [
        "--target",
        "host",
        "--threads",
        "2",
        "--kernels",
        "builtin",
        "--max-seconds",
        "5",
        "--cores",
        "0x3",
        "--input-shape",
        "a=1,4",
    ]
    assert run("profile", "models", "-o", "out", *options).exit_code == 0
    asked = measuring.asked[0]
    assert (asked["target"], asked["threads"], asked["kernels"], asked["core"]) == (
        "host",
        2,
        "builtin",
        "0x3",
    )
    assert asked["input_shapes"] == {"a": (1, 4)}


def test_files_folders_and_patterns_may_be_mixed(run: Run, measuring: Measuring) -> None:
    write_models(Path(), "more/c.tflite")
    result = run(
        "profile", "models/x", "mor*/*.tflite", "models/a.tflite", "-o", "out", "--target", "host", "--json"
    )
    document = json.loads(result.stdout)
    assert [model["profile"] for model in document["models"]] == [
        "models/x/b.parquet",
        "more/c.parquet",
        "models/a.parquet",
    ]
    assert document == json.loads(Path("out/summary.json").read_text())


def test_options_may_stand_between_the_models(run: Run, measuring: Measuring) -> None:
    assert (
        run("profile", "models/a.tflite", "-o", "out", "models/x/b.tflite", "--target", "host").exit_code == 0
    )
    assert measuring.measured == ["a.tflite", "b.tflite"]


@pytest.mark.parametrize("output", ["out/", "there"])
def test_one_file_into_a_folder_is_a_batch_of_one(run: Run, measuring: Measuring, output: str) -> None:
    Path("there").mkdir()
    result = run("profile", "models/a.tflite", "-o", output, "--target", "host")
    assert result.exit_code == 0, result.stderr
    assert Path(output, "a.parquet").exists()
    assert "1 model: 1 measured" in result.stdout


def test_one_file_into_a_file_is_what_it_was(run: Run, workflow: Workflow) -> None:
    result = run("profile", "models/a.tflite", "-o", "p.parquet", "--target", "host")
    assert result.exit_code == 0
    assert "profile saved as p.parquet" in result.stderr
    assert not Path("summary.json").exists()


def test_the_worst_is_the_exit_status_and_a_second_call_goes_on(run: Run, measuring: Measuring) -> None:
    measuring.fails("a", RunnerError("the runner died", "free memory"))
    (Path("models") / "bad.tflite").write_text("not really")
    first = run("profile", "models", "-o", "out", "--target", "host")
    assert first.exit_code == 3
    assert "the runner died\n  → free memory" in first.stdout
    assert "3 models: 1 measured, 2 failed" in first.stdout
    measuring.answers.clear()
    second = run("profile", "models", "-o", "out", "--target", "host")
    assert second.exit_code == 2
    assert "3 models: 1 measured, 1 up to date, 1 failed" in second.stdout
    third = run("profile", "models", "-o", "out", "--target", "host", "--threads", 2)
    assert "measured anew, since --threads was 1, and is 2" in third.stderr


def test_ctrl_c_shows_what_there_is_and_ends_with_130(run: Run, measuring: Measuring) -> None:
    measuring.signals("a")
    result = run("profile", "models", "-o", "out", "--target", "host")
    assert result.exit_code == 130
    assert "2 models: 1 measured, 1 not begun" in result.stdout
    assert "the same command goes on" in result.stderr


def test_a_lost_target_is_said(run: Run, measuring: Measuring) -> None:
    measuring.fails("a", TargetError("no phone is connected", "connect one"))
    result = run("profile", "models", "-o", "out", "--target", "host")
    assert result.exit_code == 3
    assert "ended early: no phone is connected; 1 model not begun" in result.stdout


def test_commands_of_adb_are_told_as_they_are_typed_here(
    run: Run, measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tflprof.targets.adb.client.adb_command", lambda: "/opt/adb")
    measuring.fails("a", TargetError("no phone is connected", "`adb connect IP:PORT`"))
    result = run("profile", "models", "-o", "out", "--target", "host")
    assert "→ `/opt/adb connect IP:PORT`" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["models"], "several models need a folder for their profiles"),
        (["models/a.tflite", "models/x/b.tflite"], "several models need a folder"),
        (["models", "none.tflite", "-o", "out"], "none.tflite does not exist"),
        (["none*.tflite", "-o", "out"], "nothing matches none*.tflite"),
        (["models", "-o", "m.tflite"], "a file is in its place"),
        (["models", "-o", "out", "--top", "3"], "--top is for one model"),
        (["models", "-o", "out", "--in-order"], "--in-order is for one model"),
        (
            ["models", "-o", "out", "--input", "nonsense=m.tflite"],
            "none of the models has an input 'nonsense'",
        ),
        (["models", "-o", "out", "--", "--use_gpu=true"], "need --runner benchmark_model"),
        (
            ["models", "-o", "out", "--runner", "benchmark_model", "--binary", "tool"],
            "--runner benchmark_model takes one model at a time",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_measured(
    run: Run, measuring: Measuring, arguments: list[str], said: str
) -> None:
    result = run("profile", *arguments, "--target", "host")
    assert result.exit_code == 2
    assert said in result.stderr
    assert measuring.measured == []


def test_what_the_configuration_says_of_tables_is_left_out(run: Run, measuring: Measuring) -> None:
    Path("tflprof.toml").write_text('[profile]\ntop = 3\ntarget = "host"\n')
    assert run("profile", "models", "-o", "out").exit_code == 0
