"""A model of more than 2 GB, most of it a hole in the file: written, read, run and profiled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tflprof.measure.assemble import assemble
from tflprof.measure.pipeline import measure
from tflprof.measure.schedule import Plan
from tflprof.model.build.layers import Network, Value
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.runner.interface import RunRequest
from tflprof.runner.open import open_runner

ROWS, WIDTH = 1_150_000, 512
LAST = np.arange(WIDTH, dtype=np.float32)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """An embedding table of zeros but for its last row, and a layer behind it."""
    path = tmp_path_factory.mktemp("large") / "large.tflite"
    net = Network("more than 2 GB")
    ids = net.input("ids", (1, 8), "int32")
    table = np.zeros((ROWS, WIDTH), np.float32)
    table[-1] = LAST
    rows = net.graph.constant("table", table)
    like = Value(-1, (), "float32", None, 1.0)
    x = net.apply("GATHER", [rows, ids], "embedding", (1, 8, WIDTH), {"axis": 0}, like=like)
    net.close(x, net.fully_connected(x, "hidden", 4))
    net.writer.signature(net.graph)
    net.writer.save(path)
    yield read_model(path)
    path.unlink()


def test_it_is_large_and_takes_little_room(large: Model) -> None:
    assert large.size_bytes > 2**31
    assert Path(large.path).stat().st_blocks * 512 < 1 << 24
    assert [op.code for op in large.ops()] == ["GATHER", "FULLY_CONNECTED"]


def test_constants_beyond_2_gb_are_read(large: Model) -> None:
    table = large.subgraphs[0].ops[0].inputs[0]
    values = large.data(0, table)
    assert values.shape == (ROWS, WIDTH)
    np.testing.assert_array_equal(values[-1], LAST)
    assert not values[0].any()


def test_the_runtime_finds_them(large: Model) -> None:
    runtime = Interpreter(large.path, num_threads=1)
    runtime.allocate_tensors()
    ids = np.full((1, 8), ROWS - 1, np.int32)
    ids[0, 0] = 0
    runtime.set_tensor(runtime.get_input_details()[0]["index"], ids)
    runtime.invoke()
    rows = runtime.get_tensor(runtime.get_output_details()[0]["index"])
    np.testing.assert_array_equal(rows[0, 1:], np.tile(LAST, (7, 1)))
    assert not rows[0, 0].any()


@pytest.mark.parametrize(
    "target", ["host", "interpreter", pytest.param("emulated:pixel2", marks=pytest.mark.emulated)]
)
def test_it_is_profiled(large: Model, target: str) -> None:
    runner = open_runner(target)
    try:
        request = RunRequest((Path(large.path),), warmup_ms=1, block_ms=1)
        plan = Plan(max_seconds=0.2, process_seconds=0.02)
        profile = assemble(large, runner, request, plan, measure(runner, request, plan, lambda _: None))
    finally:
        runner.close()
    timed = {layer.info.op for layer in profile.summary.layers if layer.estimate.typical is not None}
    assert timed == {"GATHER", "FULLY_CONNECTED"}
