"""What goes into a file and comes out again: elements, sparse weights, options of every operator."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.unit.model.tables import read_bytes, refusal
from tflprof.errors import ModelError
from tflprof.model.build import build_micro
from tflprof.model.custom import custom_options, encode_custom_options
from tflprof.model.dtypes import BITS, byte_size, decode, encode
from tflprof.model.graph import Op
from tflprof.model.options import make_options, subgraphs_run
from tflprof.model.schema import enum_text, enum_value, generated, snake
from tflprof.model.sparsity import Level, Sparsity, densify
from tflprof.model.write import ModelWriter

BUILTINS = [name for name, value in vars(generated().BuiltinOperator).items() if isinstance(value, int)]


@given(st.sampled_from(["int2", "int4", "uint4"]), st.data())
def test_packed_integers(dtype: str, data: st.DataObject) -> None:
    low, high = (0, 15) if dtype == "uint4" else (-(1 << (BITS[dtype] - 1)), (1 << (BITS[dtype] - 1)) - 1)
    values = np.array(data.draw(st.lists(st.integers(low, high), max_size=33)), np.int8)
    raw = encode(dtype, values)
    assert len(raw) == byte_size(dtype, values.shape)
    np.testing.assert_array_equal(decode(dtype, raw, values.size), values)


@given(npst.arrays(npst.boolean_dtypes() | npst.integer_dtypes(endianness="<"), npst.array_shapes()))
def test_plain_elements(values: npt.NDArray[Any]) -> None:
    dtype = str(values.dtype)
    raw = encode(dtype, values)
    assert len(raw) == byte_size(dtype, values.shape)
    np.testing.assert_array_equal(decode(dtype, raw, values.size), values.reshape(-1))


def test_element_types_that_need_care() -> None:
    one_and_half = np.array([0x3FC0, 0xBF80], np.uint16).view(np.uint8)
    np.testing.assert_array_equal(decode("bfloat16", one_and_half, 2), [1.5, -1.0])
    text = np.frombuffer(np.array([2, 12, 14, 17], np.int32).tobytes() + b"abcde", np.uint8) + 0
    text[4:16] = np.array([16, 18, 21], np.int32).view(np.uint8)
    assert decode("string", text, 2).tolist() == [b"ab", b"cde"]
    for dtype in ("float8_e5m2", "resource", "unknown_99"):
        with pytest.raises(ModelError, match=dtype):
            decode(dtype, np.zeros(4, np.uint8), 1)
    with pytest.raises(ModelError, match="string constant is damaged"):
        decode("string", np.array([9, 0, 0, 0], np.uint8), 1)


def test_sizes_that_are_not_known() -> None:
    assert byte_size("string", (2,)) is None
    assert byte_size("float32", (-1, 2)) is None
    assert byte_size("int4", (3,)) == 2
    assert byte_size("int2", (5,)) == 2
    assert byte_size("float32", ()) == 4


@st.composite
def sparse_tensors(draw: st.DrawFn) -> tuple[npt.NDArray[Any], Sparsity, npt.NDArray[Any]]:
    """A dense array, a storage order for it (with blocks or without), and the stored elements."""
    blocks = draw(st.lists(st.integers(1, 3), min_size=2, max_size=2))
    outer = draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
    shape = tuple(size * block for size, block in zip(outer, blocks, strict=True))
    dense = draw(npst.arrays(np.int8, shape, elements=st.sampled_from([0, 0, 0, 1, 2, 3])))
    blocked = dense.reshape(outer[0], blocks[0], outer[1], blocks[1]).transpose(0, 2, 1, 3)
    order = draw(st.permutations([0, 1]))
    blocked = blocked.transpose(*order, 2, 3)
    rows, columns = blocked.shape[:2]
    kept = [[j for j in range(columns) if blocked[i, j].any()] for i in range(rows)]
    segments = np.array([0, *itertools.accumulate(len(row) for row in kept)], np.int64)
    indices = np.array(list(itertools.chain(*kept)), np.int64)
    values = [blocked[i, j] for i in range(rows) for j in kept[i]]
    levels = (Level(rows), Level(0, segments, indices), Level(blocks[0]), Level(blocks[1]))
    stored = np.array(values, np.int8).reshape(-1)
    return dense, Sparsity((*order, 2, 3), (0, 1), levels), stored


@given(sparse_tensors())
def test_sparse_tensors(case: tuple[npt.NDArray[Any], Sparsity, npt.NDArray[Any]]) -> None:
    dense, sparsity, stored = case
    np.testing.assert_array_equal(densify(stored, sparsity, dense.shape), dense)


@pytest.mark.parametrize(
    "level",
    [
        Level(0, np.array([0, 9]), np.array([1])),
        Level(0, np.array([0, 1]), np.array([99])),
        Level(0, np.array([3, 1]), np.array([1, 1, 1])),
        Level(0, np.array([]), np.array([])),
        Level(-3),
        Level(1 << 50),
    ],
)
def test_damaged_sparse_tensors(level: Level) -> None:
    with pytest.raises(ModelError, match="sparse constant"):
        densify(np.ones(1, np.int8), Sparsity((0,), (), (level,)), (4,))


@pytest.mark.parametrize("code", BUILTINS)
def test_options_of_every_builtin_operator(
    tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every field set to something unlike its default survives writing and reading."""
    # Operators without inputs and outputs are no model that could run.
    monkeypatch.setattr("tflprof.model.read.check_graphs", lambda _: None)
    found = make_options(code, {})
    fields = {} if found is None else {snake(name): value for name, value in vars(found[2]).items()}
    options = {name: sample(code, name, value) for name, value in fields.items()}
    writer = ModelWriter()
    graph = writer.subgraph()
    graph.op(code, [], [], options)
    for _ in range(3):
        writer.subgraph()
    (op,) = read_bytes(tmp_path, writer.to_bytes()).ops()
    assert op.code == code
    assert op.options == options


VECTORS = {"custom_attributes", "backend_config", "composite_attributes", "quant_spec"}
TEXTS = {"call_target_name", "container", "shared_name", "name", "backend_config"}
ENUMS = {
    "padding": "VALID", "fused_activation_function": "RELU6", "quantized_bias_type": "int32",
    "in_data_type": "int8", "out_data_type": "int4", "output_type": "int64", "out_type": "int64",
    "idx_out_type": "int64", "key_dtype": "string", "value_dtype": "int64", "mode": "SYMMETRIC",
    "weights_format": "SHUFFLED4x16INT8", "kernel_type": "BASIC", "combiner": "SQRTN", "type": "DENSE",
    "algorithm": "THREEFRY", "comparison_direction": "STABLEHLO_COMPARISON_DIRECTION_LT",
    "compare_type": "STABLEHLO_COMPARISON_TYPE_FLOAT", "precision_config": ("HIGH",),
    "reduce_function": "ADD", "composite_attributes_format": "FLEXBUFFERS",
}  # fmt: skip


def sample(code: str, name: str, default: Any) -> Any:
    if name in TEXTS:
        return "text"
    if name in VECTORS:
        return b"\x01\x02"
    if name == "window_reversal":
        return (True, False)
    if default is None and name != "precision_config":
        return (1.5, 2.5) if name == "boundaries" and code == "BUCKETIZE" else (1, 2)
    if name in ENUMS:
        return ENUMS[name]
    return {bool: not default, int: 2, float: 0.5}.get(type(default))


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="CONV_2D has no option 'strides'"):
        make_options("CONV_2D", {"strides": 2})
    with pytest.raises(ValueError, match="RELU takes no options"):
        make_options("RELU", {"alpha": 1})
    with pytest.raises(ValueError, match="Padding has no member 'FULL'"):
        make_options("CONV_2D", {"padding": "FULL"})


def test_subgraphs_named_by_options() -> None:
    assert subgraphs_run({"then_subgraph_index": 1, "else_subgraph_index": 2}) == (1, 2)
    assert subgraphs_run({"branch_subgraph_indices": (3, 4)}) == (3, 4)
    assert subgraphs_run({"subgraph": 1, "axis": 7}) == (1,)
    assert subgraphs_run({"decomposition_subgraph_index": -1}) == ()


def test_enums_as_text() -> None:
    assert enum_text("TensorType", 9) == "int8"
    assert enum_text("Padding", 1) == "VALID"
    assert enum_value("Padding", enum_text("Padding", 77)) == 77
    assert enum_value("TensorType", enum_text("TensorType", 99)) == 99


FLAT = st.dictionaries(
    st.text("abcxyz_", min_size=1, max_size=12),
    st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.floats(-1e6, 1e6, width=32)
    | st.text("abc", max_size=8),
    min_size=1,
    max_size=8,
)


def _custom(raw: bytes) -> Op:
    return Op("0/0", 0, 0, "CUSTOM", "Mine", 1, (), (), options={"custom_options": raw} if raw else {})


@given(FLAT)
def test_custom_options(values: dict[str, Any]) -> None:
    assert custom_options(_custom(encode_custom_options(values))) == values


@given(st.binary(max_size=64))
def test_damaged_custom_options(raw: bytes) -> None:
    assert "op 0/0 (Mine)" in refusal(lambda: custom_options(_custom(raw)), "op 0/0 (Mine)")


def test_detection_threshold_can_be_read(tmp_path: Path) -> None:
    (op,) = read_bytes(tmp_path, build_micro("detection")).ops()
    options = custom_options(op)
    assert math.isclose(options["nms_iou_threshold"], 0.5)
    assert options["use_regular_nms"] is False
