"""What the delegate is predicted to refuse against what the real one leaves to the runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.delegate_variants import VARIANTS
from tflprof.model.build import MICRO_MODELS, build_micro, build_network
from tflprof.model.build.layers import Network
from tflprof.model.delegate import refusals
from tflprof.model.read import read_model
from tflprof.profile.events import OPERATOR
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import LoadedModel, Structure

UNSUPPORTED = {"stateful", "input_complex128", "input_string"}
"""The library refuses variable tensors and complex128 when it loads a model; nothing fills inputs of strings."""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    opened = open_runner("host")
    yield opened
    opened.close()


def left_alone(runner: Runner, path: Path) -> tuple[set[str], set[int]]:
    """Operators that had events of their own, and the subgraphs that ran."""
    request = RunRequest(
        (path,), variants=("profiled",), warmup_ms=1, block_ms=1, seconds=0.001, max_inferences=2
    )
    session = runner.start(request)
    records = list(session.records())
    session.close()
    events = [event for each in records if isinstance(each, Structure) for event in each.events]
    own = {(event.m2, event.m1) for event in events if event.type == OPERATOR}
    entered = {each.subgraph or 0 for each in records if isinstance(each, LoadedModel)}
    return {f"{subgraph}/{index}" for subgraph, index in own}, {subgraph for subgraph, _ in own} | entered


def check(runner: Runner, path: Path) -> int:
    """How many operators were left alone, after the comparison."""
    own, ran = left_alone(runner, path)
    predicted = {op for op in refusals(read_model(path)) if int(op.partition("/")[0]) in ran}
    assert predicted == own
    return len(own)


@pytest.mark.parametrize("name", VARIANTS)
def test_operators_at_the_edge(runner: Runner, tmp_path: Path, name: str) -> None:
    dtype, build = VARIANTS[name]
    net = Network(name, dtype)
    path = tmp_path / "m.tflite"
    path.write_bytes(net.finish(*build(net)))
    check(runner, path)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (name, dtype)
        for name, micro in MICRO_MODELS.items()
        for dtype in micro.dtypes
        if name not in UNSUPPORTED
    ],
)
def test_micro_models(runner: Runner, tmp_path: Path, name: str, dtype: str) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro(name, dtype))
    check(runner, path)


@pytest.mark.parametrize(
    ("name", "dtype", "refused"),
    [
        ("mobilenet_v1", "float32", 0),
        ("mobilenet_v1", "float16", 0),
        ("mobilenet_v1", "int8", 1),
        ("mobilenet_v1", "dynamic", 13),
        ("mobilenet_v2", "int4", 53),
        ("mobilenet_v3_small", "int8", 20),
    ],
)
def test_networks(runner: Runner, tmp_path: Path, name: str, dtype: str, refused: int) -> None:
    """The counts are known: a softmax, depthwise layers with int8 weights, int4 convolutions, hard-swishes."""
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network(name, size=64, dtype=dtype))
    assert check(runner, path) == refused
