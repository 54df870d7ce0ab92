"""What a model computes in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.element_type import element_type
from tflprof.model.read import read_model


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_networks_are_of_the_type_they_were_built_with(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network("mobilenet_v2", dtype=dtype))
    assert element_type(read_model(path)) == dtype


def test_weights_and_results_may_differ(tmp_path: Path) -> None:
    net = Network("dynamic", "dynamic")
    x = net.input("input", (1, 4, 4, 8))
    (tmp_path / "m.tflite").write_bytes(net.finish(net.conv2d(x, "conv", 8, 1)))
    assert element_type(read_model(tmp_path / "m.tflite")) == "float32/int8"


def test_without_weights_results_tell(tmp_path: Path) -> None:
    net = Network("plain", "float32")
    x = net.input("input", (1, 4, 4, 8))
    (tmp_path / "m.tflite").write_bytes(net.finish(net.add(x, x, "add")))
    assert element_type(read_model(tmp_path / "m.tflite")) == "float32"
