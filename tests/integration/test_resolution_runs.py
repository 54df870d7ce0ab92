"""Networks at other input sizes, in LiteRT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.prunable import subject
from tflprof.compress.fidelity import Reference
from tflprof.compress.resolution.method import Resolution, at_size
from tflprof.model.build import build_network
from tflprof.runtimes.execute import Executor


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", ["mobilenet_v1", "resnet_50"])
def test_a_resized_network_gives_what_one_built_at_the_size_gives(
    name: str, dtype: str, tmp_path: Path
) -> None:
    with Executor() as executor:
        one = subject(tmp_path / "m.tflite", build_network(name, 64, 0.125, dtype), executor, samples=2)
        small = build_network(name, 32, 0.125, dtype)
        samples = subject(tmp_path / "small.tflite", small, executor, samples=2).calibration.samples
        resized = executor.run(at_size(one.model, (32, 32)), samples)
        method = Resolution()
        (knob,), _ = method.knobs(one)
        loss = method.loss(one, knob.options[1])
        if dtype == "float32":  # ranges of integers belong to the size they were found at
            built = executor.run(small, samples)
            pairs = zip(resized, built, strict=True)
            assert all(np.allclose(a["probabilities"], b["probabilities"], atol=1e-5) for a, b in pairs)
        found = Reference(executor, one.model, one.calibration).fidelity(at_size(one.model, (32, 32)))
    assert loss == pytest.approx(found.divergence)
