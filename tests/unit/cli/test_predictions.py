"""``--cost`` and ``--anchors``: how they reach the workflow, and what the configuration says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.predictions import predicted
from tests.unit.cli.conftest import Run, Workflow
from tflprof.model.build import build_micro
from tflprof.profile.store import write_profile


@pytest.fixture(autouse=True)
def model(folder: Path) -> Path:
    path = folder / "m.tflite"
    path.write_bytes(build_micro("add"))
    return path


@pytest.mark.parametrize("verb", ["profile", "gate"])
def test_options_reach_the_workflow(run: Run, workflow: Workflow, verb: str) -> None:
    workflow.profile = predicted()
    budget = ["--budget", "10s"] if verb == "gate" else []
    assert run(verb, "m.tflite", *budget).exit_code == 0
    assert run(verb, "m.tflite", *budget, "--cost", "cycles", "--anchors", "none").exit_code == 0
    first, second = workflow.calls
    assert (first.get("cost"), first.get("anchors")) == (None, None)
    assert (second["cost"], second["anchors"]) == ("cycles", "none")


@pytest.mark.parametrize("verb", ["profile", "gate"])
def test_a_cost_model_that_there_is_not_is_a_usage_error(run: Run, workflow: Workflow, verb: str) -> None:
    result = run(verb, "m.tflite", "--cost", "magic")
    assert result.exit_code == 2
    assert workflow.calls == []


@pytest.mark.parametrize("verb", ["profile", "gate"])
def test_a_configured_cost_model_is_no_wish_for_other_targets(
    run: Run, workflow: Workflow, folder: Path, verb: str
) -> None:
    text = f'[{verb}]\ncost = "instructions"\nanchors = "own/anchors.toml"\n'
    (folder / "sub").mkdir()
    (folder / "sub" / "t.toml").write_text(text)
    budget = ["--budget", "10s" if verb == "gate" else ""][: 2 if verb == "gate" else 0]
    config = ["--config", "sub/t.toml"]
    assert run(*config, verb, "m.tflite", "--target", "host", *budget).exit_code == 0
    (call,) = workflow.calls
    assert (call.get("cost"), call.get("anchors")) == (None, None)
    run(*config, verb, "m.tflite", "--target", "emulated:pixel2", "--cost", "caches", *budget)
    call = workflow.calls[-1]
    assert (call["cost"], call["anchors"]) == ("caches", "sub/own/anchors.toml")


def test_a_case_of_the_gate_may_have_its_own(run: Run, workflow: Workflow, folder: Path) -> None:
    workflow.profile = predicted()
    (folder / "tflprof.toml").write_text(
        '[gate]\ncost = "cycles"\n'
        '[[gate.case]]\nname = "a"\nmodel = "m.tflite"\nbudget = ["10s"]\n'
        '[[gate.case]]\nname = "b"\nmodel = "m.tflite"\nbudget = ["10G"]\ncost = "instructions"\n'
        '[[gate.case]]\nname = "c"\nmodel = "m.tflite"\nbudget = ["10s"]\ntarget = "host"\n'
    )
    assert run("gate").exit_code in (0, 4)
    assert [call.get("cost") for call in workflow.calls] == ["cycles", "instructions", None]


def test_options_of_prediction_are_not_for_the_official_tool(run: Run) -> None:
    result = run("profile", "m.tflite", "--runner", "benchmark_model", "--binary", "tool", "--cost", "cycles")
    assert result.exit_code == 2
    assert "--cost" in result.stderr


def test_a_stored_prediction_is_shown_and_judged(run: Run) -> None:
    write_profile(predicted(), Path("p.parquet"))
    shown = run("show", "p.parquet")
    assert "predicted for pixel2, Cortex-A73 at 2.46 GHz, with caches, unanchored: ±18 %" in shown.stdout
    document = json.loads(run("show", "p.parquet", "--json").stdout)
    assert (document["unit"], document["total"]["instructions"]) == ("ns", 3_301_158)
    result = run("gate", "p.parquet", "--budget", "800us", "--budget", "3302kinst", "--json")
    assert result.exit_code == 4
    case = json.loads(result.stdout)["cases"][0]
    assert [one["verdict"] for one in case["budgets"]] == ["inconclusive", "pass"]
    assert [one["unit"] for one in case["budgets"]] == ["ns", "instructions"]
    assert "calibrate" in case["hint"]
    assert case["profile"]["provenance"] == "predicted"
