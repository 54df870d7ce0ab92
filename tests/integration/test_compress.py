"""From a model and a budget to a file that meets it, on the emulated core."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tflprof.cli.main import app
from tflprof.compress.apply import apply_changes
from tflprof.compress.calibration import random_calibration
from tflprof.compress.interface import Subject
from tflprof.compress.methods import open_methods
from tflprof.compress.planning.candidates import Candidates
from tflprof.compress.planning.plan import read_plan
from tflprof.compress.planning.variants import changes_of
from tflprof.model.build.layers import Network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import read_table
from tflprof.runtimes.execute import Executor
from tflprof.workflow.compress_bench import LiveBench

pytestmark = pytest.mark.emulated

HOW = {"target": "emulated:pixel2", "cost": "instructions"}


def network() -> bytes:
    """Four convolutions and a classifier."""
    net = Network("small")
    x = net.conv2d(net.input("input", (1, 16, 16, 3)), "first", 32, 3)
    for number in range(3):
        x = net.conv2d(x, f"inner {number}", 32, 1)
    rows = net.mean(x, "pool")
    return net.finish(net.softmax(net.reshape(rows, "flat", (1, 32)), "probabilities"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network, samples, and a table of its layers as they are and with half of their channels."""
    place = tmp_path_factory.mktemp("compress")
    model = place / "m.tflite"
    model.write_bytes(network())
    graph = read_model(model)
    (name,) = random_calibration(graph, 1).samples[0]
    images = np.random.default_rng(0).uniform(-1, 1, (8, 16, 16, 3)).astype(np.float32)
    np.savez(place / "samples.npz", **{name: images})
    bench = LiveBench(graph, None, dict(HOW), lambda _: None, keep=place / "kept.parquet")
    bench.measure_before()
    assert read_table(place / "kept.parquet").rows == bench.stored.rows
    with Executor() as executor:
        subject = Subject(graph, layer_configs(graph), random_calibration(graph, 4), executor)
        methods = open_methods(["prune"])
        space = Candidates(subject, methods).space()
        halves = changes_of(space.changes([len(knob.options) // 2 for knob in space.knobs]))
        bench.measure(apply_changes(subject, halves, methods).content)
    # Rows are kept as soon as they are measured.
    (place / "kept.parquet").rename(place / "t.parquet")
    assert read_table(place / "t.parquet").rows == bench.stored.rows
    return place


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["compress", *map(str, args)])


def plan(folder: Path, budget: str, *more: object) -> Result:
    data = ("--table", folder / "t.parquet", "--calibration", folder / "samples.npz", "--methods", "prune")
    fixed = ("--cost", "instructions", "--rounds", 0, "--trials", 2, "--no-memory")
    return run("plan", folder / "m.tflite", "--budget", budget, *data, *fixed, *more)


def test_planned_applied_and_verified(folder: Path) -> None:
    shown = plan(folder, "300k", "-o", folder / "p.json")
    assert shown.exit_code == 0, shown.output
    made = read_plan(folder / "p.json")
    assert made.changes
    assert made.after.value <= 300e3 < made.before.value
    applied = run("apply", folder / "p.json", "-o", folder / "new.tflite")
    assert applied.exit_code == 0, applied.output
    assert len(read_model(folder / "new.tflite").ops()) == len(read_model(folder / "m.tflite").ops())
    verified = run("verify", folder / "p.json", folder / "new.tflite", "--json")
    document = json.loads(verified.stdout)
    # Nothing was measured for the plan: the table knows two widths of each layer.
    assert abs(document["error"]) < 0.1
    assert document["holds"] == (abs(document["error"]) <= 0.03)
    assert document["after"]["value"] < document["before"]["value"]
    assert document["fidelity"]["divergence"] == pytest.approx(made.loss, rel=1e-3, abs=1e-9)
    assert document["notes"] == []
    changed = [layer for layer in document["layers"] if layer["changed"]]
    assert changed
    for layer in changed:
        assert layer["after_obtained"] == pytest.approx(layer["after_predicted"], rel=0.2)


def test_the_greedy_way_alone_is_no_better(folder: Path) -> None:
    for solver in ("milp", "netadapt"):
        shown = plan(folder, "250k", "--solver", solver, "-o", folder / f"{solver}.json")
        assert shown.exit_code == 0, shown.output
    best, greedy = (read_plan(folder / f"{solver}.json") for solver in ("milp", "netadapt"))
    assert greedy.after.value <= 250e3
    assert best.loss <= greedy.loss


def test_what_cannot_be_reached_is_told(folder: Path) -> None:
    shown = plan(folder, "1k")
    assert shown.exit_code == 1
    assert "out of reach" in shown.stdout
    assert "still takes" in shown.stdout


def test_what_is_met_needs_nothing(folder: Path) -> None:
    shown = plan(folder, "1G", "-o", folder / "empty.json")
    assert shown.exit_code == 0
    assert read_plan(folder / "empty.json").changes == ()
    assert run("apply", folder / "empty.json", "-o", folder / "same.tflite").exit_code == 0
    assert (folder / "same.tflite").read_bytes() == (folder / "m.tflite").read_bytes()


def test_a_table_of_another_phone_is_refused(folder: Path) -> None:
    shown = plan(folder, "300k", "--target", "emulated:rpi4")
    assert shown.exit_code == 4
    assert "pixel2" in shown.stderr
    assert "rpi4" in shown.stderr


def test_candidates_are_listed(folder: Path) -> None:
    shown = run(
        "list", folder / "m.tflite", "--table", folder / "t.parquet", "--cost", "instructions", "--json"
    )
    assert shown.exit_code == 0, shown.output
    document = json.loads(shown.stdout)
    assert any(one["method"] == "prune" and one["saved"] > 0 for one in document["candidates"])
    assert all(one["reason"] for one in document["refusals"])
