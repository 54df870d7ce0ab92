"""A measured profile, exported as benchmark_model's message and imported with its model: the same means of layers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tflprof.model.build import build_micro, build_network
from tflprof.profile.profile import Profile
from tflprof.report.export.formats import export_profile
from tflprof.workflow.import_log import import_log
from tflprof.workflow.profile import profile_model

MODELS = {
    "mobilenet_v2": lambda: build_network("mobilenet_v2", size=64, width=0.35),
    "while": lambda: build_micro("while_loop"),
    "if": lambda: build_micro("if_else"),
    "a group": lambda: build_micro("pad_conv"),
    "custom operators": lambda: build_micro("detection"),
}


def by_layer(profile: Profile) -> dict[str, float]:
    """Cost of every layer with its own, the others of its group named with it."""
    return {
        layer.info.id: layer.estimate.typical
        for layer in profile.summary.layers
        if layer.estimate.typical is not None
    }


@pytest.mark.parametrize("name", MODELS)
def test_means_survive_the_tools_own_format(tmp_path: Path, name: str) -> None:
    path, message = tmp_path / "model.tflite", tmp_path / "p.pb"
    path.write_bytes(MODELS[name]())
    profile = profile_model(path, target="host", max_seconds=0.5)
    message.write_bytes(export_profile(profile, "benchmark-proto"))
    back = import_log(message, model=path)
    own = by_layer(profile)
    assert by_layer(back).keys() == own.keys()
    # ns: sums over all these inferences are whole microseconds; from a loop's time that of its layers is subtracted.
    inferences = back.summary.total.n
    assert inferences > 0
    assert by_layer(back) == pytest.approx(own, abs=10_000 / inferences)
    assert [layer.group for layer in back.summary.layers] == [layer.group for layer in profile.summary.layers]
    graphs = json.loads(export_profile(back, "model-explorer"))
    assert set(graphs) == set(json.loads(export_profile(profile, "model-explorer")))
