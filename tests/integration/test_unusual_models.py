"""Models that are no chain of layers, on every kind of target: profiled, or refused by name with exit 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tflprof.cli.main import app
from tflprof.errors import ModelError
from tflprof.measure.assemble import assemble
from tflprof.measure.pipeline import measure
from tflprof.measure.schedule import Plan
from tflprof.model.build import MICRO_MODELS, build_micro, build_network
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.workflow.watched import WatchedRunner

REFUSED = {
    "input_string": "input 'input' holds strings",
    "input_complex128": "tensor 'input' is of type complex128",
    "stateful": "tensor 'state' is kept between inferences",
}
INPUTS = [name for name in MICRO_MODELS if name.startswith("input_") and name not in REFUSED]
CONTROL = [
    "if_else",
    "while_loop",
    "nested_control",
    "call_once",
    "shared_weights",
    "dynamic_batch",
    "dynamic_size",
]


@pytest.fixture(
    scope="module",
    params=["host", "interpreter", pytest.param("emulated:pixel2", marks=pytest.mark.emulated)],
)
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    opened = open_runner(request.param)
    yield opened
    opened.close()


def profiled(runner: Runner, path: Path, **options: object) -> Profile:
    request = RunRequest((path,), warmup_ms=1, block_ms=1, **options)
    plan = Plan(max_seconds=0.2, process_seconds=0.02)
    model = read_model(path)
    outcome = measure(WatchedRunner(runner, [model]), request, plan, lambda _: None)
    return assemble(model, runner, request, plan, outcome)


@pytest.mark.parametrize("name", [*INPUTS, *CONTROL])
def test_every_layer_of_the_entry_point_has_a_row(runner: Runner, tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro(name))
    profile = profiled(runner, path)
    assert profile.meta.conditions["unread_events"] == 0
    served = {layer for row in profile.meta.alignment.rows for layer in row.layers}
    entry = f"{profile.meta.model.subgraph}/"
    assert {layer.id for layer in profile.meta.model.layers if layer.id.startswith(entry)} <= served
    assert any(layer.estimate.typical is not None for layer in profile.summary.layers)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_the_runtime_cannot_take_is_named(runner: Runner, tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro(name))
    with pytest.raises(ModelError, match=REFUSED[name]) as caught:
        profiled(runner, path)
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.parametrize("network", ["mixednet_kws", "bert_tiny"])
def test_networks_over_sequences(runner: Runner, tmp_path: Path, network: str) -> None:
    path = tmp_path / "m.tflite"
    size = 8 if network == "bert_tiny" else None
    path.write_bytes(build_network(network, size, 0.5, "int8"))
    profile = profiled(runner, path)
    assert profile.meta.conditions["unread_events"] == 0
    codes = {layer.id: layer.op for layer in profile.meta.model.layers}
    rows = [({codes[layer] for layer in row.layers}, row.note) for row in profile.meta.alignment.rows]
    work = {"CONV_2D", "DEPTHWISE_CONV_2D", "BATCH_MATMUL", "CONCATENATION", "SPLIT_V", "GATHER"}
    found = [(ops, note) for ops, note in rows if ops & work]
    assert found
    assert {note for _, note in found} == {"exact"}, "reading and writing variables hides no layer's work"


def test_the_command_ends_with_a_message_and_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "words.tflite"
    path.write_bytes(build_micro("input_string"))
    result = CliRunner().invoke(app, ["profile", str(path), "--target", "host", "--max-seconds", "0.2"])
    assert result.exit_code == 2
    assert "input 'input' holds strings, for which the runtime has no buffers" in " ".join(
        result.stderr.split()
    )
