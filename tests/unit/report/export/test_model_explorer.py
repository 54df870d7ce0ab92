from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile, mobilenet, part
from tests.unit.report.export.nested import loop_profile
from tflprof.errors import UsageError
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.profile.meta import LayerInfo
from tflprof.profile.profile import Profile
from tflprof.report.export.model_explorer import graph_ids, model_explorer


def with_model(profile: Profile, **changes: Any) -> Profile:
    return Profile(replace(profile.meta, model=replace(profile.meta.model, **changes)), profile.table)


def exported(profile: Profile) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(model_explorer(profile), parse_constant=pytest.fail)
    return document


def test_values_are_microseconds_by_node() -> None:
    data = exported(with_model(make_profile(), subgraphs=("net",)))
    assert list(data) == ["net"]
    results = data["net"]["results"]
    layers = make_profile().summary.layers
    assert results["0"] == {"value": round((layers[0].estimate.typical or 0) / 1000, 3)}
    assert results["2"]["value"] == pytest.approx(640, rel=0.05)
    assert results["3"]["value"] == "in 0/2"
    assert results["6"]["value"] == "nothing to run"
    assert data["net"]["name"] == "µs per inference (measured on host)"


def test_counts_keep_their_unit() -> None:
    data = exported(with_model(mobilenet(unit="instructions"), subgraphs=("net",)))["net"]
    assert data["name"] == "instructions per inference (emulated instructions: not time)"
    assert data["results"]["0"] == {"value": 1_100_000}


def test_a_doubtful_profile_says_so() -> None:
    profile = with_model(make_profile(verdict="doubtful"), subgraphs=("net",))
    assert exported(profile)["net"]["name"] == "µs per inference (measured on host, doubtful)"


def test_colours_are_by_share_and_the_same_in_every_graph() -> None:
    data = exported(loop_profile())
    assert list(data) == ["main", "cond", "body"]
    assert data["main"]["thresholds"] == data["cond"]["thresholds"]
    bounds = [each["value"] for each in data["main"]["thresholds"]]
    assert bounds == sorted(bounds)
    values = [result["value"] for graph in data.values() for result in graph["results"].values()]
    assert max(values) <= bounds[-1]
    assert len({each["bgColor"] for each in data["main"]["thresholds"]}) == len(bounds)


def test_graphs_of_the_same_name_are_numbered_as_the_program_does() -> None:
    assert graph_ids(["main", "main", "", "main", ""]) == (
        "main",
        "main (2)",
        "subgraph_2",
        "main (3)",
        "subgraph_4",
    )
    assert graph_ids([""]) == ("main",)


def test_a_tensor_named_like_a_node_does_not_take_its_value() -> None:
    profile = make_profile([part("ADD", "1", 10.0), part("MUL", "b", 20.0), part("SUB", "7", 30.0)])
    results = exported(with_model(profile, subgraphs=("main",)))["main"]["results"]
    assert list(results) == ["0", "b", "2"]


def test_without_names_one_graph_needs_none(tmp_path: Path) -> None:
    assert set(exported(make_profile())) == {"name", "results", "thresholds"}
    with pytest.raises(UsageError, match="names of its model's subgraphs") as caught:
        model_explorer(with_model(loop_profile(), subgraphs=()))
    assert "--model" in (caught.value.hint or "")
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro("while_loop"))
    model = read_model(path)
    with pytest.raises(UsageError, match="not the model of this profile"):
        model_explorer(with_model(loop_profile(), subgraphs=()), model)
    data = json.loads(model_explorer(with_model(loop_profile(), subgraphs=(), sha256=model.sha256), model))
    assert list(data) == ["main", "condition", "body"]


def test_what_it_cannot_show_is_refused_by_name(aggregate: Profile) -> None:
    with pytest.raises(UsageError, match="rows of a log"):
        model_explorer(aggregate)
    with pytest.raises(UsageError, match="costs of layers"):
        model_explorer(with_model(make_profile(profiled=False), subgraphs=("main",)))


def test_a_layer_that_did_not_run_has_no_value() -> None:
    profile = loop_profile()
    layers = (*profile.meta.model.layers, LayerInfo("2/1", 4, "SUB", "never"))
    assert set(exported(with_model(profile, layers=layers))["body"]["results"]) == {"0"}
