"""Edited MobileNets on an emulated core: what changed is found in its layer, and nothing else is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.unit.analysis import networks
from tests.unit.analysis.networks import mobilenet
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.model.build import build_network
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile, write_profile
from tflprof.workflow.profile import profile_model

pytestmark = pytest.mark.emulated

WHERE = "conv_8_pointwise"
MODELS = {
    "base": lambda: mobilenet(size=64),
    "renamed": lambda: mobilenet(size=64, prefix="other/"),
    "low_rank": lambda: mobilenet({WHERE: networks.low_rank}, size=64),
    "activation": lambda: mobilenet({WHERE: networks.activation_apart}, size=64, prefix="other/"),
    "one_more": lambda: mobilenet({WHERE: networks.one_more}, size=64, prefix="other/"),
    "int8": lambda: build_network("mobilenet_v1", 64, 0.25, "int8"),
}


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Profile]:
    """Profiles by the name of the model, as they come from their files."""
    folder = tmp_path_factory.mktemp("compared")
    found = {}
    for name, build in MODELS.items():
        model = folder / f"{name}.tflite"
        model.write_bytes(build())
        found[name] = read_profile(_written(model, folder / f"{name}.parquet"))
    return found


def _written(model: Path, path: Path) -> Path:
    return write_profile(profile_model(model, target="emulated:pixel2", cost="instructions"), path)


def changed(comparison: Comparison) -> list[Difference]:
    return [row for row in comparison.layers if row.status != "same"]


def names(row: Difference) -> tuple[str | None, str | None]:
    return (None if row.a is None else row.a.name, None if row.b is None else row.b.name)


def test_names_cost_nothing(profiles: dict[str, Profile]) -> None:
    found = compare_profiles(profiles["base"], profiles["renamed"])
    assert (found.method, found.matching, found.total.status) == ("exact", "identity", "same")
    assert changed(found) == []
    assert {row.match for row in found.layers} == {"renamed"}


def test_a_layer_more_is_named_and_is_the_difference(profiles: dict[str, Profile]) -> None:
    found = compare_profiles(profiles["base"], profiles["one_more"])
    (new,) = changed(found)
    assert (new.status, new.match) == ("new", "inserted")
    assert new.b is not None
    assert new.b.name == f"other/{WHERE}_more"
    assert found.total.status == "slower"
    assert found.total.difference == pytest.approx(new.difference, abs=1000)
    turned = compare_profiles(profiles["one_more"], profiles["base"])
    assert [row.status for row in changed(turned)] == ["gone"]


def test_a_layer_in_two_is_compared_with_both(profiles: dict[str, Profile]) -> None:
    found = compare_profiles(profiles["base"], profiles["low_rank"])
    (split,) = changed(found)
    assert (split.match, split.status) == ("split", "faster")
    assert names(split) == (WHERE, f"{WHERE}_down")
    assert split.b is not None
    assert len(split.b.layers) == 2
    assert found.total.difference == pytest.approx(split.difference, abs=1000)


def test_an_activation_apart_that_the_runtime_fuses_again_costs_nothing(profiles: dict[str, Profile]) -> None:
    found = compare_profiles(profiles["base"], profiles["activation"])
    assert (found.total.status, changed(found)) == ("same", [])
    assert Counter(row.match for row in found.layers) == {"renamed": 30, "split": 1}


def test_another_type_is_the_same_layers(profiles: dict[str, Profile]) -> None:
    found = compare_profiles(profiles["base"], profiles["int8"])
    assert {row.match for row in found.layers} <= {"changed", "regrouped"}
    assert all(row.a is not None and row.b is not None for row in found.layers)
    assert {row.a.layers for row in found.layers if row.a} == {row.b.layers for row in found.layers if row.b}


def test_rows_differ_by_what_the_total_does(profiles: dict[str, Profile]) -> None:
    """Nothing is lost on the way: the rows' differences and the unattributed one add up to the total's."""
    for name in ("renamed", "low_rank", "activation", "one_more", "int8"):
        found = compare_profiles(profiles["base"], profiles[name])
        assert found.unattributed is not None
        parts = sum(row.difference or 0 for row in (*found.layers, found.unattributed))
        assert parts == pytest.approx(found.total.difference, abs=1), name
