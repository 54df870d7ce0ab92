from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tflprof.errors import UsageError
from tflprof.runtimes.execute import Executor
from tflprof.runtimes.execute_child import read_frame, write_frame
from tflprof.runtimes.execute_values import Port, as_input, quantised, real

REAL = Port("image", 0, "float32", (1, 2))
INTEGER = Port("image", 0, "int8", (1, 2), 0.5, 3)
TYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool", "complex64", "float16")


@settings(max_examples=30)
@given(
    st.sampled_from(TYPES).flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_side=0))),
    st.dictionaries(st.text(), st.integers()),
)
def test_frames_come_back_as_they_went(array: np.ndarray, header: dict[str, int]) -> None:
    stream = io.BytesIO()
    header.pop("arrays", None)
    write_frame(stream, header, [array, array])
    stream.seek(0)
    found = read_frame(stream)
    assert found is not None
    assert found[0] == header
    for other in found[1]:
        assert (other.dtype, other.shape) == (array.dtype, array.shape)
        assert other.tobytes() == array.tobytes()
    assert read_frame(stream) is None


def test_a_frame_that_breaks_off_anywhere_is_the_end() -> None:
    stream = io.BytesIO()
    write_frame(stream, {"error": "none"}, [np.arange(4)])
    whole = stream.getvalue()
    assert read_frame(io.BytesIO(whole)) is not None
    assert all(read_frame(io.BytesIO(whole[:size])) is None for size in range(len(whole)))


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=9), max_size=5))
def test_texts_come_back(texts: list[bytes]) -> None:
    array = np.empty(len(texts), object)
    array[:] = texts
    stream = io.BytesIO()
    write_frame(stream, {}, [array])
    stream.seek(0)
    found = read_frame(stream)
    assert found is not None
    assert found[1][0].tolist() == texts


def test_a_broken_off_frame_is_none() -> None:
    stream = io.BytesIO()
    write_frame(stream, {"a": 1}, [np.zeros(9)])
    whole = stream.getvalue()
    assert read_frame(io.BytesIO(whole[:-1])) is None
    assert read_frame(io.BytesIO(whole[:5])) is None


def test_real_values_are_quantised_and_saturated() -> None:
    given_values = np.array([[1.0, 1e6]], np.float32)
    found = as_input(INTEGER, {"image": given_values}, 0)
    assert found.dtype == np.int8
    assert found.tolist() == [[5, 127]]
    assert real(INTEGER, found).tolist() == [[1.0, 62.0]]


@settings(max_examples=30)
@given(arrays.arrays("int8", (1, 2)))
def test_integers_survive_the_way_there_and_back(values: np.ndarray) -> None:
    assert np.array_equal(quantised(INTEGER, real(INTEGER, values)), values)


@pytest.mark.parametrize(
    ("port", "sample", "told"),
    [
        (REAL, {"other": np.zeros((1, 2), np.float32)}, "`image`; it has other"),
        (REAL, {}, "it has none"),
        (REAL, {"image": np.zeros((2, 2), np.float32)}, r"shape \[2, 2\]"),
        (REAL, {"image": np.zeros((1, 2), np.int8)}, "type int8"),
        (REAL, {"image": np.zeros((1, 2))}, "float64"),
        (INTEGER, {"image": np.zeros((1, 2), np.uint8)}, "takes int8"),
    ],
)
def test_samples_that_do_not_fit_are_refused(port: Port, sample: dict[str, np.ndarray], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        as_input(port, sample, 0)


def test_tensor_names_do_as_well() -> None:
    port = Port("image", 0, "float32", (1, -1), tensor="serving_default_image:0")
    assert as_input(port, {"serving_default_image:0": np.zeros((1, 7), np.float32)}, 0).shape == (1, 7)


def test_unknown_kernels_are_refused() -> None:
    with pytest.raises(UsageError, match="`fast`"):
        Executor("fast")
