"""Forms of weights: packing, rounding, and the operators and versions each form is written with."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.unit.model.tables import read_bytes
from tflprof.errors import UsageError
from tflprof.model import dtypes
from tflprof.model.build import build_micro, build_network
from tflprof.model.build.versions import operator_version
from tflprof.model.build.weights import DTYPES, quantised
from tflprof.model.write import ModelWriter


@given(st.sampled_from(["int2", "int4", "uint4"]), st.data())
def test_packed_integers_come_back(dtype: str, data: st.DataObject) -> None:
    bits = dtypes.BITS[dtype]
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    values = np.array(data.draw(st.lists(st.integers(low, high), max_size=33)), np.int8)
    raw = dtypes.encode(dtype, values)
    assert len(raw) == dtypes.byte_size(dtype, values.shape)
    assert dtypes.decode(dtype, raw, len(values)).tolist() == values.tolist()


def test_int4_puts_the_first_element_into_the_low_bits() -> None:
    assert dtypes.encode("int4", np.array([1, -2, 7])).tolist() == [0xE1, 0x07]
    assert dtypes.encode("int2", np.array([1, -1, -2, 0, 1])).tolist() == [0b00_10_11_01, 0b01]


WEIGHTS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=4, max_side=5),
    elements=st.floats(-100, 100, width=32, allow_subnormal=False),
)


@settings(deadline=None)
@given(WEIGHTS, st.sampled_from(["int8", "int4"]), st.booleans())
def test_rounded_weights_are_at_most_half_a_step_away(weights: np.ndarray, dtype: str, last: bool) -> None:
    axis = weights.ndim - 1 if last else 0
    writer = ModelWriter()
    graph = writer.subgraph()
    index, scale = quantised(graph, "w", weights, axis, dtype)
    assert graph.dtypes[index] == dtype
    assert scale.shape == (weights.shape[axis],)
    with tempfile.TemporaryDirectory() as folder:
        model = read_bytes(Path(folder), writer.to_bytes())
        integers = np.array(model.data(0, index))
    limit = {"int8": 127, "int4": 7}[dtype]
    assert np.abs(integers.astype(int)).max() <= limit
    steps = scale.reshape([-1 if i == axis else 1 for i in range(weights.ndim)])
    assert (np.abs(integers * steps - weights) <= steps * 0.5001).all()


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        ("conv_2d", "float32", [("CONV_2D", 1)]),
        ("conv_2d", "float16", [("DEQUANTIZE", 3), ("DEQUANTIZE", 3), ("CONV_2D", 1)]),
        ("conv_2d", "dynamic", [("CONV_2D", 5)]),
        ("depthwise_conv_2d", "dynamic", [("DEPTHWISE_CONV_2D", 6)]),
        ("fully_connected", "dynamic", [("FULLY_CONNECTED", 12)]),
        ("fully_connected", "int8", [("FULLY_CONNECTED", 4)]),
        ("transpose_conv", "int8", [("TRANSPOSE_CONV", 3)]),
    ],
)
def test_versions_of_operators(
    tmp_path: Path, name: str, dtype: str, expected: list[tuple[str, int]]
) -> None:
    model = read_bytes(tmp_path, build_micro(name, dtype))
    assert [(op.code, op.version) for op in model.ops()] == expected


@pytest.mark.parametrize(
    ("code", "types", "options", "version"),
    [
        ("FULLY_CONNECTED", ["float32", "float32"], {}, 6),
        ("FULLY_CONNECTED", ["int8", "int8", None], {}, 6),
        ("FULLY_CONNECTED", ["float32", "float32", "float32"], {"keep_num_dims": True}, 5),
        ("SPLIT", ["int32", "int8"], {}, 2),
        ("SPLIT", ["int32", "float32"], {}, 1),
        ("GATHER", ["float32", "int32"], {"batch_dims": 1}, 5),
        ("VAR_HANDLE", [], {}, 1),
    ],
)
def test_versions_follow_types_and_options(
    code: str, types: list[str | None], options: dict[str, object], version: int
) -> None:
    assert operator_version(code, types, options) == version


@pytest.mark.parametrize("dtype", DTYPES)
def test_types_of_weights_and_activations(tmp_path: Path, dtype: str) -> None:
    model = read_bytes(tmp_path, build_network("mobilenet_v2", 32, 0.35, dtype))
    tensors = model.subgraphs[0].tensors
    weights = {tensors[i].dtype for op in model.ops() for i in op.inputs if tensors[i].is_constant}
    activations = {tensors[i].dtype for op in model.ops() for i in op.outputs}
    assert (
        weights - {"int32"}
        == {
            "float32": {"float32"},
            "float16": {"float16"},
            "dynamic": {"int8", "float32"},
            "int4": {"int4", "int8", "float32"},
            "int8": {"int8"},
        }[dtype]
    )
    assert activations == ({"int8"} if dtype == "int8" else {"float32"})


def test_an_unknown_form_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as error:
        build_network("mobilenet_v1", 32, dtype="int2")
    assert "int2" in str(error.value)
    assert all(form in str(error.value.hint) for form in DTYPES)
