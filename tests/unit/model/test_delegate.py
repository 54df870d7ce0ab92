"""What the delegate is said to refuse, and in which words (that it is true: tests/integration/test_delegate.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.model.build import build_micro, build_network
from tflprof.model.delegate import refusal, refusals
from tflprof.model.graph import Model
from tflprof.model.read import read_model


def micro(folder: Path, name: str, dtype: str = "float32") -> Model:
    path = folder / "m.tflite"
    path.write_bytes(build_micro(name, dtype))
    return read_model(path)


@pytest.mark.parametrize(
    ("name", "dtype", "reason"),
    [
        ("softmax", "float32", None),
        ("softmax", "int8", "its input is int8, the kernel takes float32 or float16"),
        ("strided_slice", "float32", "it has strides"),
        ("squeeze", "float32", "it has no kernel in the delegate"),
        ("conv_2d", "dynamic", None),
        ("depthwise_conv_2d", "dynamic", "it has int8 weights for float32 activations"),
        ("detection", "float32", "it has no kernel in the delegate"),
    ],
)
def test_reasons(tmp_path: Path, name: str, dtype: str, reason: str | None) -> None:
    model = micro(tmp_path, name, dtype)
    assert refusal(model, model.ops()[-1]) == reason


def test_what_runs_once_is_kept_from_the_delegate(tmp_path: Path) -> None:
    model = micro(tmp_path, "call_once")
    called = next(op for op in model.ops() if op.code == "ASSIGN_VARIABLE")
    assert refusal(model, called) == "the runtime keeps delegates out of the subgraph"


def test_unpacked_weights_are_the_delegates(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.25, dtype="float16"))
    assert refusals(read_model(path)) == {}
