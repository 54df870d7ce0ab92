"""Chains: models made of rows by their configurations alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.latency_tables import conv, depthwise
from tflprof.model.build import build_micro, build_network
from tflprof.model.build.row_kinds import unbuildable
from tflprof.model.build.rows import chain_model
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig, TensorConfig
from tflprof.op_memory import reads_image


def _distinct(content: bytes) -> list[OpConfig]:
    layers = layer_configs(read_model(content))
    return list({layer.config.key: layer.config for layer in layers if layer.uncosted is None}.values())


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("mobilenet_v3_small", "int8"),
        ("resnet_50", "float32"),
        ("mobilenet_v1", "dynamic"),
        ("mobilenet_v1", "float16"),
    ],
)
def test_every_row_stands_in_the_chain_as_it_is_asked_for(name: str, dtype: str) -> None:
    asked = _distinct(build_network(name, size=64, width=0.1, dtype=dtype))
    assert not [config for config in asked if unbuildable(config)]
    chain = chain_model(asked[::-1], flush_bytes=1 << 20)
    found = {layer.id: layer for layer in layer_configs(read_model(chain.content))}
    kept = {number: found[layer].config for layer, number in chain.rows.items() if not found[layer].uncosted}
    assert [kept[number] for number in range(len(asked))] == asked[::-1]


@pytest.mark.parametrize(
    "name",
    ["add", "concatenation", "split", "transpose_conv", "mean", "strided_slice", "resize_bilinear"],
)
def test_rows_of_many_kinds(name: str) -> None:
    (config,) = _distinct(build_micro(name))
    chain = chain_model([config, conv()])
    found = layer_configs(read_model(chain.content))
    assert next(layer.config for layer in found if layer.id in chain.rows) == config


def test_the_first_kernel_is_none_of_the_rows() -> None:
    chain = chain_model([conv()])
    firsts = [layer.id for layer in layer_configs(read_model(chain.content)) if layer.first]
    assert firsts == ["0/0"]
    assert "0/0" not in chain.rows


def test_what_reads_an_image_reads_an_input_of_the_chain() -> None:
    image, other = conv(size=16, inputs=3, kernel=3), conv(size=16, inputs=8)
    assert [reads_image(config) for config in (image, other)] == [True, False]
    for rows in ([image, other], [other, image]):
        chain = chain_model(rows, as_network=True)
        graph = read_model(chain.content).subgraphs[0]
        fed = {
            rows[number].inputs[0].shape[3]: graph.ops[int(layer.split("/")[1])].inputs[0] in graph.inputs
            for layer, number in chain.rows.items()
        }
        assert fed == {3: True, 8: False}
        assert [layer.id for layer in layer_configs(read_model(chain.content)) if layer.first] == ["0/0"]
        assert "0/0" not in chain.rows


def test_a_residual_is_older_than_the_layer_before_it() -> None:
    tensor = TensorConfig((1, 12, 12, 32), "float32")
    add = OpConfig("ADD", (tensor, tensor), (tensor,), (("fused_activation_function", "NONE"),))
    rows = [conv(outputs=size) for size in (8, 16, 24, 32)]
    chain = chain_model([*rows, add])
    ops = read_model(chain.content).ops()
    found = next(op for op in ops if op.type == "ADD")
    made = [next(op.index for op in ops if tensor in op.outputs) for tensor in found.inputs]
    assert len(set(found.inputs)) == 2
    assert max(made) - min(made) > 3


def test_a_residual_of_a_network_is_what_an_earlier_layer_made() -> None:
    tensor = TensorConfig((1, 12, 12, 32), "float32")
    add = OpConfig("ADD", (tensor, tensor), (tensor,), (("fused_activation_function", "NONE"),))
    rows = [conv(outputs=32), depthwise(inputs=32), depthwise(inputs=32), conv(inputs=32, outputs=32), add]
    for as_network, types in ((True, {"CONV_2D"}), (False, {"CONV_2D", "SLICE"})):
        chain = chain_model(rows, as_network=as_network)
        ops = read_model(chain.content).ops()
        found = next(op for op in ops if op.type == "ADD")
        made = {op.type for op in ops if set(op.outputs) & set(found.inputs)}
        assert made == types


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (OpConfig("TFLite_Detection_PostProcess", (), ()), "custom"),
        (replace(conv(), options=(("sparse", True),)), "sparse"),
        (OpConfig("GATHER", (TensorConfig((4,), "int32"),), ()), "int32"),
        (OpConfig("RELU", (), ()), "depends on data"),
        (conv(size=1 << 20), "larger than 1024 MiB"),
    ],
)
def test_what_cannot_be_built_says_why(config: OpConfig, why: str) -> None:
    assert why in (unbuildable(config) or "")
