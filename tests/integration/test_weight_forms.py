"""Every network in every form of weights: LiteRT takes it, and it answers as its float twin does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.integration import model_reference as reference
from tflprof.model.build import NETWORKS, build_network
from tflprof.model.read import read_model

DETECTORS = ("efficientdet_lite0", "ssd_mobilenet_v1", "ssdlite_mobilenet_v2")
ONE_OF_A_FAMILY = [name for name in NETWORKS if "_lite" not in name or name.endswith("lite0")]


def answer(folder: Path, name: str, dtype: str) -> np.ndarray:
    info = NETWORKS[name]
    size = {"mixednet_kws": None, "bert_tiny": 8}.get(name, max(32, info.smallest))
    path = folder / f"{dtype}.tflite"
    path.write_bytes(build_network(name, size, 0.5, dtype))
    graph = read_model(path).subgraphs[0]
    # Boxes change places where scores differ a little; the scores themselves are sorted.
    which = 2 if name in DETECTORS else 0
    source, target = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[which]]
    rng = np.random.default_rng(0)
    real = (
        rng.integers(0, 1000, source.shape) if source.dtype == "int32" else rng.uniform(-1, 1, source.shape)
    )
    runtime = Interpreter(str(path), num_threads=1)
    runtime.allocate_tensors()
    stored = reference.quantise(source, real.astype(np.int32 if source.dtype == "int32" else np.float32))
    runtime.set_tensor(runtime.get_input_details()[0]["index"], stored)
    runtime.invoke()
    out = runtime.get_tensor(runtime.get_output_details()[which]["index"])
    return np.asarray(reference.dequantise(target, out), np.float64)


@pytest.mark.parametrize("name", ONE_OF_A_FAMILY)
def test_every_network_runs_in_every_form(tmp_path: Path, name: str) -> None:
    twin = answer(tmp_path, name, "float32")
    assert np.isfinite(twin).all()
    for dtype, likeness, tolerance in (
        ("float16", 0.999, 0.005),
        ("dynamic", 0.99, 0.05),
        ("int4", 0.8, 0.3),
    ):
        out = answer(tmp_path, name, dtype)
        assert out.shape == twin.shape
        # Of a thousand classes none has much: how alike all are says more than how far apart one is.
        if out.size > 100:
            assert np.corrcoef(out.ravel(), twin.ravel())[0, 1] > likeness, dtype
        else:
            np.testing.assert_allclose(out, twin, atol=tolerance, err_msg=dtype)
