"""Search spaces as data: what they list, and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflprof.errors import UsageError
from tflprof.op_config import OpConfig
from tflprof.workflow.space import read_space, space_configs

EXAMPLE = """
[[network]]
name = "mobilenet_v3_small"
size = [32, 40]
width = 0.35
dtype = ["float32", "int8"]

[[layer]]
op = "CONV_2D"
size = [4, 8]
inputs = { from = 8, to = 24, step = 8 }
outputs = [16, 32]
kernel = 3
stride = 2
activation = "RELU6"
"""


def test_all_combinations_are_listed_once(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text(EXAMPLE)
    found = read_space(path)
    assert len({config.key for config in found}) == len(found)
    listed = [
        config for config in found if config.option("stride_h") == 2 and config.inputs[1].shape[1:3] == (3, 3)
    ]
    shapes = {
        (config.inputs[0].shape[1], config.inputs[0].shape[3], config.outputs[0].shape[3])
        for config in listed
    }
    assert shapes >= {
        (size, inputs, outputs) for size in (4, 8) for inputs in (8, 16, 24) for outputs in (16, 32)
    }
    assert {tensor.dtype for config in found for tensor in config.outputs} == {"float32", "int8"}


@pytest.fixture(scope="module")
def of_a_network() -> dict[str, OpConfig]:
    tables = [{"name": "mobilenet_v3_small", "size": 96, "dtype": ["float32", "int8"]}]
    return {config.key: config for config in space_configs({"network": tables})}


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(
    "layer",
    [
        {"op": "CONV_2D", "size": 12, "inputs": 24, "outputs": 88, "activation": "RELU"},
        {"op": "DEPTHWISE_CONV_2D", "size": 12, "inputs": 88, "kernel": 3, "activation": "RELU"},
        {"op": "ADD", "size": 12, "inputs": 24},
        {"op": "MEAN", "size": 24, "inputs": 16},
        {"op": "HARD_SWISH", "size": 48, "inputs": 16},
        {"op": "SOFTMAX", "inputs": 1001},
    ],
    ids=lambda layer: layer["op"],
)
def test_a_layer_is_the_same_as_in_a_network(
    layer: dict[str, Any], dtype: str, of_a_network: dict[str, OpConfig]
) -> None:
    (found,) = space_configs({"layer": [{**layer, "dtype": dtype}]})
    assert found.key in of_a_network


@settings(max_examples=50, deadline=None)
@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 4),
    padding=st.sampled_from(["SAME", "VALID"]),
)
def test_windows_make_what_fits(size: int, kernel: int, stride: int, padding: str) -> None:
    layer = {
        "op": "MAX_POOL_2D",
        "size": size,
        "inputs": 4,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
    }
    if padding == "VALID" and kernel > size:
        with pytest.raises(UsageError, match="does not fit"):
            space_configs({"layer": [layer]})
        return
    (found,) = space_configs({"layer": [layer]})
    steps = found.outputs[0].shape[1]
    last = (steps - 1) * stride
    assert last < size if padding == "SAME" else last + kernel <= size < last + kernel + stride


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "neither a \\[\\[network\\]\\] nor"),
        ({"layers": []}, "no key 'layers'"),
        ({"network": {"name": "mobilenet_v1"}}, "must be tables"),
        ({"network": [{"name": "mobilnet_v1"}]}, "no name 'mobilnet_v1'"),
        ({"network": [{"name": "mobilenet_v1", "sizes": [96]}]}, "no key 'sizes'"),
        ({"network": [{"name": "mobilenet_v1", "dtype": "int9"}]}, "dtype = 'int9'"),
        ({"network": [{"name": "mobilenet_v1", "width": -1}]}, "width = -1"),
        ({"network": [{"name": "mobilenet_v1", "size": {"from": 1, "to": 8000}}]}, "8000 networks"),
        ({"layer": [{"op": "CONV_2D", "inputs": 8}]}, "has no outputs"),
        ({"layer": [{"op": "CONV_3D", "inputs": 8}]}, "no op 'CONV_3D'"),
        ({"layer": [{"op": "ADD", "inputs": 8, "outputs": 8}]}, "ADD takes no outputs"),
        ({"layer": [{"op": "ADD", "inputs": []}]}, "is not what it can be"),
        ({"layer": [{"op": "ADD", "inputs": {"from": 8, "to": 4}}]}, "is no range"),
        ({"layer": [{"op": "ADD", "inputs": {"from": 1, "to": 10**7}}]}, "more than 100000"),
        ({"layer": [{"op": "ADD", "inputs": True}]}, "is not what it can be"),
    ],
)
def test_what_is_wrong_is_named(data: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        space_configs(data)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    with pytest.raises(UsageError, match="cannot be read"):
        read_space(path)
    path.write_text("[[layer")
    with pytest.raises(UsageError, match="no TOML"):
        read_space(path)
