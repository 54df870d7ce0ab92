"""The runner as it is shipped, with the real inference library of this machine."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from statistics import median

import pytest

from android_runner import build as script
from android_runner.tests.harness import Finished, Runner
from tflprof.model.build import build_micro, build_network

KERNEL, OPERATOR = 8, 2


def library() -> Path:
    for file in metadata.files("ai-edge-litert") or []:
        if file.name == "libLiteRt.so":
            return Path(str(file.locate()))
    raise AssertionError("ai-edge-litert has no libLiteRt.so")


@pytest.fixture(scope="module")
def program() -> Path:
    script.build()
    return script.DEFAULT_OUT / f"tflprof-runner-linux-{platform.machine()}"


@pytest.fixture
def runner(program: Path, tmp_path: Path) -> Runner:
    return Runner(program, library(), tmp_path)


def run(runner: Runner, model: bytes, *lines: str, **settings: object) -> Finished:
    path = runner.folder / "m.tflite"
    path.write_bytes(model)
    done = runner.run(*lines, models=[path], **settings)
    assert done.status == 0, done.stderr
    assert done.records[-1]["status"] == "ok"
    return done


def test_kernels_are_timed_in_nanoseconds(runner: Runner) -> None:
    done = run(runner, build_network("mobilenet_v1", size=96, width=0.25), blocks=2)
    (structure,) = done.of("structure")
    kernels = [i for i, event in enumerate(structure["events"]) if event[0] == KERNEL]
    (invoke,) = [i for i, event in enumerate(structure["events"]) if event[4] == "Invoke"]
    assert len(kernels) >= 28
    times = [[events[i] for i in kernels] for b in done.blocks(v="profiled") for events in b["events"]]
    assert sum(time % 1000 == 0 for inference in times for time in inference) < len(times)
    shares = []
    for block in done.blocks(v="profiled"):
        for value, events in zip(block["value"], block["events"], strict=True):
            assert sum(events[i] for i in kernels) <= events[invoke] <= value
            shares.append(events[invoke] / value)
    # Not of each: any of them may be held up outside of its Invoke.
    assert median(shares) > 0.5


def test_the_profiler_asks_for_no_memory_usage(runner: Runner) -> None:
    """Its questions take longer than the smallest models: a phase without them takes a few microseconds."""
    done = run(runner, build_micro("add"), seconds=0.3)
    (structure,) = done.of("structure")
    phases = [i for i, event in enumerate(structure["events"]) if event[4].startswith("LiteRT::")]
    assert phases
    spent = [
        events[i] for b in done.blocks(phase="steady", v="profiled") for events in b["events"] for i in phases
    ]
    assert median(spent) < 20_000


def test_builtin_kernels_are_operators(runner: Runner) -> None:
    done = run(runner, build_micro("softmax"), kernels="builtin")
    types = {event[0] for r in done.of("structure") for event in r["events"]}
    assert OPERATOR in types
    assert KERNEL not in types


def test_a_dynamic_batch(runner: Runner) -> None:
    (model,) = run(runner, build_micro("dynamic_batch")).of("model")
    assert [model[side][0]["shape"][0] for side in ("inputs", "outputs")] == [1, 1]
    name = model["inputs"][0]["name"]
    (model,) = run(runner, build_micro("dynamic_batch"), f"shape={name}=3,16").of("model")
    assert [model[side][0]["shape"][0] for side in ("inputs", "outputs")] == [3, 3]


def test_control_flow_and_its_subgraphs(runner: Runner) -> None:
    done = run(runner, build_micro("while_loop"))
    invokes = [e for r in done.of("structure") for e in r["events"] if e[4] == "Invoke"]
    assert len(invokes) > len(done.of("structure"))


@pytest.mark.parametrize(("key", "shape"), [("double", [1, 4]), ("serving_default", [1, 8, 8, 4])])
def test_signatures(runner: Runner, key: str, shape: list[int]) -> None:
    done = run(runner, build_micro("two_signatures"), signature=key)
    (model,) = done.of("model")
    assert (model["signature"], model["inputs"][0]["shape"]) == (key, shape)
    tags = {event[4] for r in done.of("structure") for event in r["events"]}
    assert any("Convolution" in tag for tag in tags) == (key == "serving_default")


def test_a_weight_cache(runner: Runner) -> None:
    cache = runner.folder / "weights"
    done = run(runner, build_network("mobilenet_v1", size=96, width=0.25), weight_cache=cache)
    assert [(r["v"], r["cache"]) for r in done.of("init")] == [
        ("plain", "cold"),
        ("plain", "warm"),
        ("profiled", "warm"),
    ]
    assert cache.stat().st_size > 0


def test_two_models_in_one_process(runner: Runner) -> None:
    paths = [runner.folder / "one.tflite", runner.folder / "two.tflite"]
    for path, name in zip(paths, ("conv_2d", "softmax"), strict=True):
        path.write_bytes(build_micro(name))
    done = runner.run(models=paths, blocks=2, threads=2)
    assert done.status == 0
    assert [r["path"] for r in done.of("model")] == [str(path) for path in paths]
    assert {(b["m"], b["v"]) for b in done.blocks(phase="steady")} == {
        (0, "plain"),
        (1, "plain"),
        (0, "profiled"),
        (1, "profiled"),
    }


def test_what_is_no_model(runner: Runner) -> None:
    path = runner.folder / "m.tflite"
    path.write_bytes(b"TFL3 it is not")
    done = runner.run(models=[path])
    error = done.error()
    assert (done.status, error["where"], error["model"]) == (3, "load", 0)
    assert error["message"].startswith("LiteRtCreateModelFromFile failed: ")
