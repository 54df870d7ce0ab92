"""What operators and networks touch of the memory."""

from __future__ import annotations

from dataclasses import replace

from tests.latency_tables import conv, depthwise, layer
from tflprof.op_channels import with_dtype
from tflprof.op_config import OpConfig, TensorConfig
from tflprof.op_memory import (
    activation_bytes,
    is_vector_product,
    network_bytes,
    read_bytes,
    reads_image,
    weight_bytes,
)


def test_bytes_of_a_layer_by_its_types() -> None:
    config = conv(size=4, inputs=8, outputs=16)
    assert weight_bytes(config) == 4 * (8 * 16 + 16)
    assert activation_bytes(config) == 4 * 16 * (8 + 16)
    quantised = with_dtype(config, "int8")
    assert weight_bytes(quantised) == 8 * 16 + 4 * 16
    assert activation_bytes(quantised) == 16 * (8 + 16)
    # Widened when the model is loaded.
    assert weight_bytes(with_dtype(config, "float16")) == weight_bytes(config)


def test_of_a_large_table_is_read_what_is_copied() -> None:
    words = TensorConfig((1, 3), "int32")
    lookup = OpConfig(
        "GATHER",
        (TensorConfig((30_000, 64), "float32", "constant"), words),
        (TensorConfig((1, 3, 64), "float32"),),
    )
    assert weight_bytes(lookup) == 4 * 30_000 * 64
    assert read_bytes(lookup) == 4 * 3 * 64


def test_activations_of_a_network_use_the_same_memory() -> None:
    layers = [conv(size=4), depthwise(size=8), conv(size=4)]
    assert network_bytes(layers) == sum(map(weight_bytes, layers)) + activation_bytes(layers[1])
    assert network_bytes([]) == 0


def test_products_with_one_vector() -> None:
    assert is_vector_product(conv(size=1))
    assert not is_vector_product(conv(size=2))
    assert is_vector_product(layer("FULLY_CONNECTED", inputs=8, outputs=4))
    assert not is_vector_product(depthwise(size=1, kernel=1))
    assert not is_vector_product(replace(conv(size=1), outputs=()))


def test_what_reads_a_models_input() -> None:
    assert reads_image(conv(inputs=3, kernel=3))
    assert not reads_image(conv(inputs=8))
    assert not reads_image(layer("FULLY_CONNECTED", inputs=3, outputs=4))
