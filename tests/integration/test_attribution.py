"""Attribution on real runs: every layer of every micro-model, every kind of kernels, sums exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tflprof.measure.assemble import assemble
from tflprof.measure.pipeline import measure
from tflprof.measure.schedule import Plan
from tflprof.model.build import MICRO_MODELS, build_micro, build_network
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.profile.summary import invoke_samples, row_samples
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner

UNSUPPORTED = {"stateful", "input_string", "input_complex128"}
"""The library's C API refuses variable tensors and complex128 when it loads the model; it has no strings."""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    opened = open_runner("host")
    yield opened
    opened.close()


def profiled(runner: Runner, path: Path, kernels: str = "xnnpack", **options: object) -> Profile:
    """One short session and what comes of it."""
    request = RunRequest((path,), kernels=kernels, warmup_ms=1, block_ms=1, **options)
    plan = Plan(max_seconds=0.3, process_seconds=0.02)
    outcome = measure(runner, request, plan, lambda _: None)
    return assemble(read_model(path), runner, request, plan, outcome)


def check_sums(profile: Profile) -> None:
    rows = row_samples(profile.meta, profile.table)
    invoke = invoke_samples(profile.meta, profile.table)
    assert len(rows) > 0
    assert rows.sum() > 0
    assert (invoke - rows.sum(axis=1) >= -len(rows[0])).all(), "rows exceed their call by more than rounding"


def unread(profile: Profile) -> object:
    return profile.meta.conditions["unread_events"]


@pytest.mark.parametrize("kernels", ["xnnpack", "builtin"])
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (name, dtype)
        for name, model in MICRO_MODELS.items()
        for dtype in model.dtypes
        if name not in UNSUPPORTED
    ],
)
def test_every_event_has_a_row_and_every_layer_that_ran_a_kernel(
    runner: Runner, tmp_path: Path, name: str, dtype: str, kernels: str
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro(name, dtype))
    profile = profiled(runner, path, kernels)
    assert unread(profile) == 0
    check_sums(profile)
    assert "ambiguous" not in {row.note for row in profile.meta.alignment.rows}
    served = {layer for row in profile.meta.alignment.rows for layer in row.layers}
    entry = f"{profile.meta.model.subgraph}/"
    ran = {layer.id for layer in profile.meta.model.layers if layer.id.startswith(entry)}
    assert ran <= served


@pytest.mark.parametrize("kernels", ["xnnpack", "builtin", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("network", ["mobilenet_v1", "mobilenet_v2"])
def test_networks_align_one_to_one(
    runner: Runner, tmp_path: Path, network: str, dtype: str, kernels: str
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network(network, size=32, width=0.25, dtype=dtype))
    profile = profiled(runner, path, kernels)
    assert unread(profile) == 0
    check_sums(profile)
    shares = row_samples(profile.meta, profile.table).sum(axis=1) / invoke_samples(
        profile.meta, profile.table
    )
    assert np.median(shares) > 0.5
    assert {(len(row.layers), row.note) for row in profile.meta.alignment.rows} == {(1, "exact")}
    assert len(profile.meta.alignment.rows) == len(profile.meta.model.layers)


def test_a_signature_of_another_subgraph(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro("two_signatures"))
    for signature in read_model(path).signatures:
        profile = profiled(runner, path, signature=signature.key)
        timed = {layer.info.id for layer in profile.summary.layers if layer.estimate.typical is not None}
        assert timed
        assert {layer.partition("/")[0] for layer in timed} == {str(signature.subgraph)}


@pytest.mark.emulated
def test_equal_layers_cost_the_same(tmp_path: Path) -> None:
    """Exact counts: blocks of the same shape cost the same, to the instruction; more work costs more."""
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.25))
    emulated = open_runner("emulated:pixel2", cost="instructions")
    try:
        frame = profiled(emulated, path).layers()
    finally:
        emulated.close()
    repeated = frame[frame["id"].isin([f"0/{op}" for op in range(13, 23)])]
    for op, layers in repeated.groupby("op"):
        assert layers["typical"].nunique() == 1, f"five {op} of the same shape cost the same"
    first, last = frame.iloc[2], frame.iloc[22]
    assert last["macs"] == 2 * first["macs"]
    assert last["typical"] > first["typical"]
