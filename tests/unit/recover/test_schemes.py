"""What kind of file a recovered model becomes unless told."""

from __future__ import annotations

import pytest

from tflprof.model.build import build_network
from tflprof.model.read import read_model
from tflprof.recover.rebuild import Rebuilt


@pytest.mark.parametrize(
    ("dtype", "scheme"),
    [("float32", "float32"), ("float16", "float32"), ("dynamic", "dynamic"), ("int8", "int8")],
)
def test_a_file_stays_of_its_kind(dtype: str, scheme: str) -> None:
    graph = read_model(build_network("mobilenet_v1", size=32, width=0.25, dtype=dtype))
    assert Rebuilt(None, {}, None, graph).scheme == scheme
