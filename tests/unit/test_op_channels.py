"""Configurations: their keys, other channels, other element types."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.latency_tables import conv, depthwise
from tflprof.model.build import build_micro, build_network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_channels import SCHEMES, macs, scheme_of, with_channels, with_dtype
from tflprof.op_config import ABSENT, OpConfig, TensorConfig


def _configs(name: str, dtype: str = "float32", width: float = 0.1) -> list[OpConfig]:
    content = build_network(name, size=64, width=width, dtype=dtype)
    return [layer.config for layer in layer_configs(read_model(content)) if layer.uncosted is None]


def test_a_key_is_the_same_everywhere_and_survives_json() -> None:
    config = conv()
    assert config.key == "27dbc59de86e3b53"
    assert OpConfig.from_json(config.to_json()) == config
    assert OpConfig.from_json(config.to_json()).key == config.key
    assert replace(config, op="OTHER").key != config.key


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("mobilenet_v3_small", "int8"), ("resnet_50", "dynamic"), ("mobilenet_v1", "float16")],
)
def test_another_form_is_what_a_network_built_in_it_has(name: str, scheme: str) -> None:
    for plain, built in zip(_configs(name), _configs(name, scheme), strict=True):
        assert with_dtype(plain, scheme) == built
        assert with_dtype(built, "float32") == plain
        assert scheme_of(built) in (scheme, "float32")


def test_other_channels_are_what_a_wider_network_has() -> None:
    for narrow, wide in zip(_configs("mobilenet_v1"), _configs("mobilenet_v1", width=0.5), strict=True):
        inputs, outputs = wide.inputs[0].shape[-1], wide.outputs[0].shape[-1]
        assert with_channels(narrow, inputs, outputs) == wide


def test_what_there_is_already_stays_the_same_object_of_values() -> None:
    for config in _configs("mobilenet_v3_small", "int8"):
        assert with_channels(config, None, config.outputs[0].shape[-1]) == config
        assert with_dtype(config, "int8") == config


def test_parts_of_a_concatenation_have_channels_of_their_own() -> None:
    part = TensorConfig((1, 4, 4, 8), "float32")
    joined = TensorConfig((1, 4, 4, 16), "float32")
    config = OpConfig("CONCATENATION", (part, part), (joined,), (("axis", -1),))
    wider = with_channels(config, (8, 24))
    assert [tensor.shape[-1] for tensor in wider.inputs] == [8, 24]
    assert wider.outputs[0].shape == (1, 4, 4, 32)
    with pytest.raises(ValueError, match="1 numbers for 2 parts"):
        with_channels(config, (8,))


def test_a_flattened_input_keeps_its_pixels() -> None:
    x, y = TensorConfig((1, 7, 7, 8), "float32"), TensorConfig((1, 392), "float32")
    assert with_channels(OpConfig("RESHAPE", (x,), (y,)), 16).outputs[0].shape == (1, 784)
    weights = TensorConfig((10, 392), "float32", "constant")
    dense = OpConfig("FULLY_CONNECTED", (y, weights, ABSENT), (TensorConfig((1, 10), "float32"),))
    wider = with_channels(dense, 784)
    assert (wider.inputs[0].shape, wider.inputs[1].shape) == ((1, 784), (10, 784))


@pytest.mark.parametrize(
    ("config", "inputs", "outputs", "why"),
    [
        (depthwise(inputs=16), 16, 24, "makes 16 channels"),
        (OpConfig("SLICE", (), ()), 8, None, "cannot be told"),
        (conv(), (8, 8), None, "one number"),
        (OpConfig("RELU", (), ()), 8, 16, "keeps its channels"),
    ],
)
def test_what_contradicts_itself_is_refused(
    config: OpConfig, inputs: int | tuple[int, ...], outputs: int | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        with_channels(config, inputs, outputs)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match=SCHEMES[0]):
        with_dtype(conv(), "int3")


def test_multiply_accumulates() -> None:
    assert macs(conv(size=12, inputs=16, outputs=32)) == 12 * 12 * 16 * 32
    assert macs(depthwise(size=12, inputs=16, kernel=3)) == 12 * 12 * 16 * 9
    assert macs(OpConfig("RELU", (), ())) == 0
    assert macs(OpConfig("UNIDIRECTIONAL_SEQUENCE_LSTM", (), ())) is None
    micro = layer_configs(read_model(build_micro("transpose_conv")))[0].config
    assert macs(micro) == 8 * 8 * 4 * 3 * 2 * 2
