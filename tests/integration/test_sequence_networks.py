"""BERT-Tiny and the streaming keyword spotter in the real runtime, against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.integration import model_reference as reference
from tests.integration.model_reference import Array
from tests.unit.model.tables import read_bytes
from tflprof.model.build import build_network
from tflprof.model.build.mixednet import BLOCKS, REMEMBERED
from tflprof.model.graph import Model

STEPS = 60


def answers(model: Model, inputs: list[Array]) -> list[Array]:
    """Outputs, as real values, of one inference after another."""
    runtime = Interpreter(model.path, num_threads=1)
    runtime.allocate_tensors()
    graph, found = model.subgraphs[0], []
    for values in inputs:
        runtime.set_tensor(runtime.get_input_details()[0]["index"], values)
        runtime.invoke()
        stored = runtime.get_tensor(runtime.get_output_details()[0]["index"])
        found.append(reference.dequantise(graph.tensors[graph.outputs[0]], stored))
    return found


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-4), ("float16", 1e-4), ("dynamic", 0.03), ("int4", 0.05)]
)
def test_bert_tiny_computes_what_numpy_computes(tmp_path: Path, dtype: str, tolerance: float) -> None:
    model = read_bytes(tmp_path, build_network("bert_tiny", 24, dtype=dtype, classes=5))
    ids = np.random.default_rng(0).integers(0, 30522, (1, 24)).astype(np.int32)
    (out,) = answers(model, [ids])
    np.testing.assert_allclose(out, reference.run(model, [ids])[0], atol=tolerance)
    assert out.sum() == pytest.approx(1, abs=1e-3)


def test_bert_tiny_in_int8_stays_near_its_float_twin(tmp_path: Path) -> None:
    ids = [np.random.default_rng(seed).integers(0, 30522, (1, 24)).astype(np.int32) for seed in range(6)]
    found = {}
    for dtype in ("float32", "int8"):
        found[dtype] = answers(
            read_bytes(tmp_path, build_network("bert_tiny", 24, dtype=dtype, classes=5)), ids
        )
    twins = np.concatenate(found["float32"]).ravel(), np.concatenate(found["int8"]).ravel()
    assert np.corrcoef(*twins)[0, 1] > 0.9


def whole_clip(model: Model, frames: Array) -> Array:
    """MixedNet over a whole clip at once: every layer on all steps, silence before the first."""
    constants = {
        tensor.name: model.data(0, tensor.index)
        for tensor in model.subgraphs[0].tensors
        if tensor.is_constant
    }

    def in_time(x: Array, name: str) -> Array:
        weights, bias = constants[f"{name}/weights"][0, :, 0], constants[f"{name}/bias"]
        steps = len(x) - len(weights) + 1
        return np.stack([(x[t : t + len(weights)] * weights).sum(0) for t in range(steps)]) + bias

    def silence_before(x: Array, steps: int) -> Array:
        return np.concatenate([np.zeros((steps, x.shape[1]), np.float32), x])

    x = silence_before(frames, 2)
    weights = constants["conv/weights"][:, :, 0]
    x = np.stack([np.tensordot(weights, x[t : t + 5], ([1, 2], [0, 1])) for t in range(0, len(x) - 4, 3)])
    x = np.maximum(x + constants["conv/bias"], 0)
    for number, (_, kernels) in enumerate(BLOCKS, 1):
        name, share = f"block_{number}", x.shape[1] // len(kernels)
        parts = [x[:, i * share : (i + 1) * share] for i in range(len(kernels))]
        ends = [f"_{kernel}" for kernel in kernels] if len(kernels) > 1 else [""]
        x = np.concatenate(
            [
                in_time(silence_before(part, kernel - 1), f"{name}_depthwise{end}")
                for part, kernel, end in zip(parts, kernels, ends, strict=True)
            ],
            axis=1,
        )
        pointwise = constants[f"{name}_pointwise/weights"][:, 0, 0]
        x = np.maximum(x @ pointwise.T + constants[f"{name}_pointwise/bias"], 0)
    last = silence_before(x, REMEMBERED)[-REMEMBERED:].reshape(-1)
    return 1 / (1 + np.exp(-(constants["dense/weights"] @ last + constants["dense/bias"])))


def sound(seed: int) -> Array:
    return np.random.default_rng(seed).uniform(-1, 1, (STEPS * 3, 40)).astype(np.float32)


def chunks(frames: Array) -> list[Array]:
    return [frames[3 * step : 3 * step + 3][np.newaxis] for step in range(STEPS)]


@pytest.mark.parametrize("heard", [1, 7, STEPS])
def test_streaming_gives_what_the_whole_clip_gives(tmp_path: Path, heard: int) -> None:
    """Ring buffers carry just what the layers need, from silence on and after they overflowed."""
    model = read_bytes(tmp_path, build_network("mixednet_kws"))
    frames = sound(0)
    streamed = answers(model, chunks(frames)[:heard])[-1]
    np.testing.assert_allclose(streamed[0], whole_clip(model, frames[: 3 * heard]), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "dynamic", "int4", "int8"])
def test_mixednet_stays_near_its_float_twin(tmp_path: Path, dtype: str) -> None:
    found = {}
    for form in ("float32", dtype):
        model = read_bytes(tmp_path, build_network("mixednet_kws", dtype=form))
        source = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
        found[form] = answers(model, [reference.quantise(source, x) for x in chunks(sound(1))])
    twins = [np.concatenate(values).ravel() for values in found.values()]
    np.testing.assert_allclose(twins[1], twins[0], atol=0.1 if dtype == "int4" else 0.03)
