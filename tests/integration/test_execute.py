"""Models on given samples in the child process: values, kernels, crashes, what LiteRT does not take."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tflprof.compress.activations import activations, channel_ranges, covariances, histograms
from tflprof.compress.calibration import random_calibration
from tflprof.errors import ModelError, RunnerError, UsageError
from tflprof.model.build import build_micro, build_network
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as found:
        yield found


@pytest.fixture(scope="module")
def network() -> bytes:
    return build_network("mobilenet_v1", size=32, width=0.25)


def test_values_by_name_and_by_index(executor: Executor) -> None:
    content = build_micro("add")
    a, b = (np.random.default_rng(seed).random((1, 8, 8, 4)).astype(np.float32) for seed in (0, 1))
    (found,) = executor.run(content, [{"a": a, "b": b}])
    (name,) = found
    graph = read_model(content).subgraphs[0]
    (inner,) = executor.run(content, [{"a": a, "b": b}], [graph.outputs[0]])
    assert np.array_equal(found[name], inner[graph.outputs[0]])
    assert np.allclose(found[name], np.clip(a + b, 0, 6)) or np.allclose(found[name], a + b)


@pytest.mark.parametrize("kernels", ["xnnpack", "builtin", "reference"])
def test_kernels_agree(kernels: str, network: bytes, executor: Executor) -> None:
    samples = random_calibration(read_model(network), 2).samples
    with Executor(kernels) as other:
        for one, same in zip(executor.run(network, samples), other.run(network, samples), strict=True):
            assert np.allclose(one["probabilities"], same["probabilities"], atol=1e-5)


def test_integers_are_dequantised_on_request(executor: Executor) -> None:
    content = build_network("mobilenet_v1", size=32, width=0.25, dtype="int8", classes=4)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    raw = executor.run(content, [{"input": image}])[0]["probabilities"]
    found = executor.run(content, [{"input": image}], dequantised=True)[0]["probabilities"]
    assert (raw.dtype, found.dtype) == (np.int8, np.float32)
    assert found.sum() == pytest.approx(1, abs=0.02)
    assert np.allclose(found, (raw.astype(np.float32) + 128) / 256)


def test_files_do_as_bytes_do(tmp_path: Path, network: bytes, executor: Executor) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(network)
    samples = random_calibration(read_model(path), 1).samples
    (one,), (other,) = executor.run(path, samples), executor.run(network, samples)
    assert np.array_equal(one["probabilities"], other["probabilities"])
    with pytest.raises(ModelError, match=r"absent\.tflite"):
        executor.run(tmp_path / "absent.tflite", samples)


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\x1c\x00\x00\x00TFL3" + bytes(64)])
def test_what_is_no_model_is_refused_and_the_next_one_runs(
    content: bytes, network: bytes, executor: Executor
) -> None:
    samples = random_calibration(read_model(network), 1).samples
    with pytest.raises((ModelError, RunnerError), match=r"odd\.tflite"):
        executor.run(content, samples, name="odd.tflite")
    assert executor.run(network, samples)


def test_a_crash_names_the_model_and_costs_one_run(network: bytes) -> None:
    samples = random_calibration(read_model(network), 1).samples
    with Executor() as executor:
        executor.run(network, samples)
        assert executor._child is not None
        os.kill(executor._child.pid, signal.SIGSEGV)
        with pytest.raises(RunnerError, match=r"crashed \(SIGSEGV\) with net\.tflite"):
            executor.run(network, samples, name="net.tflite")
        assert executor.run(network, samples)


def test_a_run_that_takes_too_long_is_ended(network: bytes) -> None:
    samples = random_calibration(read_model(network), 1).samples
    with (
        Executor(seconds=1e-4) as executor,
        pytest.raises(RunnerError, match=r"more than 0\.0001 s with net\.tflite"),
    ):
        executor.run(network, samples, name="net.tflite")


def test_models_may_take_turns(network: bytes, executor: Executor) -> None:
    models = [network, *(build_network("mobilenet_v1", size=32, width=0.25, seed=seed) for seed in (1, 2))]
    samples = random_calibration(read_model(network), 2).samples
    alone = [executor.run(model, samples) for model in models]
    together = zip(*(executor.stream(model, samples) for model in models), strict=True)
    for number, found in enumerate(together):
        for one, other in zip(found, alone, strict=True):
            assert np.array_equal(one["probabilities"], other[number]["probabilities"])


def test_samples_of_another_shape_are_refused(network: bytes, executor: Executor) -> None:
    with pytest.raises(UsageError, match="sample 0 has shape"):
        executor.run(network, [{"input": np.zeros((1, 16, 16, 3), np.float32)}])


def test_statistics_of_tensors(tmp_path: Path, executor: Executor, network: bytes) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(network)
    model = read_model(path)
    calibration = random_calibration(model, 3)
    index = next(op.outputs[0] for op in model.ops() if op.code == "CONV_2D")
    rows = np.concatenate(
        [values[index].reshape(-1, 8) for values in activations(executor, model, calibration, [index])]
    ).astype(np.float64)
    seen = channel_ranges(executor, model, calibration, [index])[index]
    assert np.allclose(seen.high, rows.max(axis=0))
    moments = covariances(executor, model, calibration, [index])[index]
    assert moments.count == len(rows)
    assert np.allclose(moments.moments, rows.T @ rows / len(rows))
    counted = histograms(executor, model, calibration, [index])[index]
    assert counted.counts.sum() == rows.size
    assert counted.zeros == (rows == 0).sum()
    assert np.interp(0.5, np.cumsum(counted.counts) / rows.size, counted.centres) == pytest.approx(
        np.median(rows), abs=0.05
    )
