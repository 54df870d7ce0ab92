"""Layers of models as configurations."""

from __future__ import annotations

import numpy as np
import pytest

from tflprof.errors import UsageError
from tflprof.model.build import build_micro, build_network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.model.write import ModelWriter


def test_equal_layers_have_one_key() -> None:
    layers = layer_configs(read_model(build_network("mobilenet_v1", size=64, width=0.25)))
    keys = [layer.config.key for layer in layers]
    assert len(keys) == 31
    assert len(set(keys)) == 23
    assert [layer.id for layer in layers if layer.first] == ["0/0"]
    assert all(layer.delegated and layer.uncosted is None for layer in layers)


def test_a_folded_pad_costs_nothing_of_its_own() -> None:
    pad, conv, *_ = layer_configs(read_model(build_network("resnet_50", size=64, width=0.25)))
    assert pad.uncosted == "done in 0/1"
    assert [inner.op for inner in conv.config.fused] == ["PAD"]
    assert conv.config.inputs[0].shape == (1, 64, 64, 3)
    assert conv.first
    assert not pad.first


def test_weights_that_are_widened_at_init_are_constants() -> None:
    layers = layer_configs(read_model(build_micro("conv_2d", "float16")))
    assert [layer.uncosted for layer in layers] == ["done when the model is loaded"] * 2 + [None]
    weights = layers[-1].config.inputs[1]
    assert (weights.dtype, weights.role) == ("float16", "constant")
    assert layers[-1].first


def test_without_the_delegate_weights_are_widened_every_time() -> None:
    layers = layer_configs(read_model(build_micro("conv_2d", "float16")), "builtin")
    assert [layer.uncosted for layer in layers] == [None] * 3
    assert layers[-1].config.inputs[1].dtype == "float32"
    assert not any(layer.delegated or layer.first for layer in layers)


def test_every_partition_has_its_first_kernel() -> None:
    layers = layer_configs(read_model(build_network("mobilenet_v3_small", size=64, width=0.25, dtype="int8")))
    firsts = [layer.id for layer in layers if layer.first]
    assert len(firsts) == 20
    assert all(layer.delegated for layer in layers if layer.first)


def test_axes_are_part_of_a_configuration() -> None:
    (mean,) = layer_configs(read_model(build_micro("mean")))
    assert mean.config.inputs[1].values == (1, 2)


@pytest.mark.parametrize(("name", "why"), [("if_else", "0/1"), ("while_loop", "runs other subgraphs")])
def test_control_flow_is_refused_by_name(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        layer_configs(read_model(build_micro(name)))


@pytest.mark.parametrize("unpacking", [("DENSIFY",), ("DENSIFY", "DEQUANTIZE"), ("DEQUANTIZE",)])
def test_sparse_weights_make_another_layer_of_it(unpacking: tuple[str, ...]) -> None:
    """Kernels skip what is zero in them, however they are unpacked."""
    writer = ModelWriter()
    graph = writer.subgraph()
    x = graph.input("x", (1, 16))
    weights = graph.constant("weights", np.zeros((8, 16), np.float16))
    for code in unpacking:
        dtype = "float32" if code == "DEQUANTIZE" else "float16"
        made = graph.tensor(f"weights/{code}", (8, 16), dtype)
        graph.op(code, [weights], [made])
        weights = made
    y = graph.tensor("y", (1, 8))
    graph.op("FULLY_CONNECTED", [x, weights, -1], [y])
    graph.output(y)
    layer = layer_configs(read_model(writer.to_bytes()))[-1]
    assert layer.config.option("sparse", False) == ("DENSIFY" in unpacking)
