from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tests.predictions import UNANCHORED
from tests.unit.cli.conftest import Run
from tflprof.model.build import build_network
from tflprof.model.configs import LayerConfig, layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import LatencyRow, Overheads, StoredTable, meta_of, write_table
from tflprof.report.document import profile_document

ROW_NS = 10_000


@pytest.fixture
def model(folder: Path) -> Path:
    path = folder / "net.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    return path


@pytest.fixture
def layers(model: Path) -> tuple[LayerConfig, ...]:
    return layer_configs(read_model(model))


def make_table(folder: Path, layers: tuple[LayerConfig, ...], *, predicted: bool = False) -> Path:
    """A table in which all of these layers cost the same."""
    meta = replace(meta_of(make_profile().meta), overheads=Overheads(model=1000.0, models=3))
    if predicted:
        meta = replace(meta, prediction=UNANCHORED, provenance="predicted")
    rows = {
        (layer.config.key, layer.first): LatencyRow(
            layer.config, ROW_NS, ROW_NS * 0.98, ROW_NS * 1.02, 1, 20_000, "chain", layer.first, "test"
        )
        for layer in layers
    }
    return write_table(folder / "t.parquet", StoredTable(meta, tuple(rows.values())))


def document(run: Run, *args: object) -> dict[str, Any]:
    result = run("table", "predict", *args, "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_json_has_the_shape_of_a_profile(
    run: Run, folder: Path, model: Path, layers: tuple[LayerConfig, ...]
) -> None:
    found = document(run, make_table(folder, layers), model)
    profile = profile_document(make_profile())
    assert set(profile) - set(found) == {
        *("schedule", "clock", "conditions", "overhead", "peak_memory_bytes", "counters", "sustained"),
        "noise_floor",
    }
    assert set(profile["total"]) == set(found["total"])
    assert set(profile["layers"][0]) == set(found["layers"][0]) - {"reason"}
    assert set(profile["ops"][0]) == set(found["ops"][0])
    assert set(profile["unattributed"]) == set(found["unattributed"])
    assert found["provenance"] == "predicted"
    assert found["total"]["typical"] == len(layers) * ROW_NS + 1000
    assert found["total"]["ci95"][0] < found["total"]["typical"] < found["total"]["ci95"][1]
    assert [layer["note"] for layer in found["layers"]] == ["exact"] * len(layers)
    shares = sum(layer["share"] for layer in found["layers"]) + found["unattributed"]["share"]
    assert shares == pytest.approx(1.0)
    assert found["trust"]["verdict"] == "ok"


def test_predicted_rows_add_the_error_of_the_model_to_the_interval(
    run: Run, folder: Path, model: Path, layers: tuple[LayerConfig, ...]
) -> None:
    found = document(run, make_table(folder, layers, predicted=True), model)
    total = found["total"]
    assert total["ci95"][1] / total["typical"] > 1.18
    assert found["table"]["ci95"][1] < total["ci95"][1]
    assert found["prediction"]["error"] == UNANCHORED.error


def test_the_table_for_people(run: Run, folder: Path, model: Path, layers: tuple[LayerConfig, ...]) -> None:
    result = run("table", "predict", make_table(folder, layers), model, "--top", "3")
    assert result.exit_code == 0
    assert "[predicted]" in result.stdout
    assert f"{len(layers)} exact" in result.stdout
    assert result.stdout.count("CONV_2D") == 3


def test_a_missing_layer_has_no_total_and_ends_with_4(
    run: Run, folder: Path, model: Path, layers: tuple[LayerConfig, ...]
) -> None:
    known = tuple(layer for layer in layers if layer.config.op != "MEAN")
    table = make_table(folder, known)
    result = run("table", "predict", table, model)
    assert result.exit_code == 4
    assert "1 layer is missing from the table" in result.stdout
    assert "no row of its family" in result.stderr
    assert "table build --from" in result.stderr
    found = document(run, table, model)
    assert found["total"]["typical"] is None
    assert found["total"]["ci95"] is None
    assert found["trust"]["verdict"] == "tainted"
    assert found["table"]["missing"] == [layer.id for layer in layers if layer.config.op == "MEAN"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (
            ("--target", "emulated:pixel2"),
            "target: host:Test CPU 3000 in the table, emulated:pixel2 asked for",
        ),
        (("--threads", "4"), "threads: 1 in the table, 4 asked for"),
        (("--kernels", "builtin"), "kernels: xnnpack in the table, builtin asked for"),
    ],
)
def test_a_table_of_other_conditions_is_refused_by_name(
    run: Run, folder: Path, model: Path, layers: tuple[LayerConfig, ...], options: tuple[str, ...], key: str
) -> None:
    result = run("table", "predict", make_table(folder, layers), model, *options)
    assert (result.exit_code, result.stdout) == (4, "")
    assert key in result.stderr


def test_what_is_no_table(run: Run, model: Path, folder: Path) -> None:
    assert run("table", "predict", folder / "none.parquet", model).exit_code == 2
    assert run("table", "predict", model, model).exit_code == 2
