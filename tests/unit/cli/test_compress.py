"""``tflprof compress``: options, exit status and what is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.compress.test_plan_file import PLAN
from tflprof.compress.planning.plan import Plan, read_plan, write_plan
from tflprof.workflow import compress as workflow

Planning = Callable[[Plan], list[Any]]


@pytest.fixture
def planning(monkeypatch: pytest.MonkeyPatch) -> Planning:
    """Let planning give a plan; the calls are kept."""

    def give(plan: Plan) -> list[Any]:
        calls: list[Any] = []

        def planned(model: Path, budget: str, options: Any, **_: Any) -> Any:
            calls.append((model, budget, options))
            return SimpleNamespace(plan=plan, obstacles=["0/3 still takes 90%"], bench=None, stopped=None)

        monkeypatch.setattr(workflow, "plan_compression", planned)
        return calls

    return give


def test_a_plan_is_shown_and_saved(run: Run, planning: Planning, folder: Path) -> None:
    calls = planning(PLAN)
    shown = run(
        "compress",
        "plan",
        "m.tflite",
        "--budget",
        "30ms",
        "--methods",
        "prune",
        "--methods",
        "nms,low_rank=plain",
        "-o",
        "p.json",
    )
    assert shown.exit_code == 0
    for told in (
        "within 30ms",
        "40.0 → 29.0 ms",
        "rank 16",
        "low_rank",
        "0/3",
        "accuracy 0.9 → 0.89",
        "a note",
        "round 1",
    ):
        assert told in shown.stdout
    assert read_plan(folder / "p.json") == PLAN
    options = calls[0][2]
    assert tuple(options.methods) == ("prune", "nms", "low_rank=plain")
    assert options.how["target"] == "emulated:pixel2"


def test_an_infeasible_budget_ends_with_1(run: Run, planning: Planning) -> None:
    planning(replace(PLAN, feasible=False))
    shown = run("compress", "plan", "m.tflite", "--budget", "30ms")
    assert shown.exit_code == 1
    assert "out of reach; the best is 29.0 ms" in shown.stdout
    assert "0/3 still takes 90%" in shown.stdout


def test_json_is_the_plan(run: Run, planning: Planning) -> None:
    planning(PLAN)
    document = json.loads(run("compress", "plan", "m.tflite", "--budget", "30ms", "--json").stdout)
    assert document.pop("obstacles") == ["0/3 still takes 90%"]
    assert document == json.loads(json.dumps(PLAN.document()))


def test_the_front_is_drawn(run: Run, planning: Planning, folder: Path) -> None:
    planning(PLAN)
    assert run("compress", "plan", "m.tflite", "--budget", "30ms", "--plot", "f.svg").exit_code == 0
    drawn = (folder / "f.svg").read_text()
    assert "this plan" in drawn
    assert "emulated:pixel2" in drawn
    shown = run("compress", "plan", "m.tflite", "--budget", "30ms", "--plot", "f.bmp")
    assert shown.exit_code == 2
    assert ".svg" in shown.stderr


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("30kB", "30kB"),
        ("+3%", "no latency"),
        ("0ms", "0ms"),
        ("layer:0/3=1ms", "no latency"),
        ("fast", "fast"),
    ],
)
def test_what_is_no_budget_is_refused(run: Run, budget: str, told: str) -> None:
    shown = run("compress", "plan", "m.tflite", "--budget", budget)
    assert shown.exit_code == 2
    assert told in shown.stderr


def test_outputs_are_checked_first(run: Run, planning: Planning, folder: Path) -> None:
    calls = planning(PLAN)
    (folder / "p.json").write_text("mine")
    shown = run("compress", "plan", "m.tflite", "--budget", "30ms", "-o", "p.json")
    assert shown.exit_code == 2
    assert "exists" in shown.stderr
    assert calls == []
    assert (folder / "p.json").read_text() == "mine"


def test_apply_wants_the_plans_model(run: Run, folder: Path) -> None:
    write_plan(PLAN, folder / "p.json")
    assert run("compress", "apply", "p.json", "-o", "m.tflite").exit_code == 2
    shown = run("compress", "apply", "p.json", "-o", "new.tflite")
    assert shown.exit_code == 2
    assert "m.tflite" in shown.stderr
    assert run("compress", "verify", "none.json", "m.tflite").exit_code == 2
    assert not (folder / "new.tflite").exists()
