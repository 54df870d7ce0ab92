"""The runner with a scripted library that has TensorFlow Lite's C interface, with sanitizers."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from android_runner import build
from android_runner.tests.harness import Finished, Record, Runner, compile_sanitized, compile_tflite
from tflprof.model.build import build_micro

PHASE, OPERATOR, KERNEL = 1, 2, 4


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_sanitized(tmp_path_factory.mktemp("runner"))[0]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_tflite(tmp_path_factory.mktemp("tflite"))


@pytest.fixture(scope="module")
def old_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_tflite(tmp_path_factory.mktemp("old"), "-DFAKE_OLD")


@pytest.fixture
def runner(program: Path, library: Path, tmp_path: Path) -> Runner:
    return Runner(program, library, tmp_path)


@pytest.fixture
def old(runner: Runner, old_library: Path) -> Runner:
    return replace(runner, library=old_library)


def ok(done: Finished) -> Finished:
    assert done.status == 0, done.stderr
    assert done.records[-1] == {"r": "end", "status": "ok", "records": len(done.records) - 1}
    return done


def events(done: Finished) -> list[list[object]]:
    (structure,) = done.of("structure")
    return [[kind, m1, m2, tag] for kind, _, m1, m2, tag in structure["events"]]


def traced(runner: Runner, *lines: str, script: str = "", **settings: object) -> tuple[Finished, list[str]]:
    trace = runner.folder / "trace"
    trace.unlink(missing_ok=True)
    done = runner.run(*lines, script=f"trace={trace};{script}", blocks=1, **settings)
    return done, trace.read_text().splitlines() if trace.exists() else []


# --- what it says of the library and the model ---


def test_the_library_says_what_it_is(runner: Runner) -> None:
    (record,) = ok(runner.run(blocks=1)).of("library")
    path = str(runner.library)
    assert record == {"r": "library", "path": path, "api": "tflite", "version": "2.99.0", "build": None}


def test_a_signature_of_several(runner: Runner) -> None:
    done, calls = traced(runner, signature="two")
    (model,) = ok(done).of("model")
    assert (model["signature"], model["signature_index"], model["subgraph"]) == ("two", 1, None)
    assert model["inputs"] == [
        {"name": "image", "dtype": "float32", "shape": [1, 4], "bytes": 16, "source": "random"}
    ]
    assert model["outputs"] == [{"name": "scores", "dtype": "float32", "shape": [1, 3], "bytes": 12}]
    assert "signature two" in calls


@pytest.mark.parametrize(("count", "key"), [(1, "one"), (0, None)])
def test_the_main_subgraph(runner: Runner, count: int, key: str | None) -> None:
    (model,) = ok(runner.run(script=f"signatures={count}", blocks=1)).of("model")
    assert (model["signature"], model["subgraph"]) == (key, 0)
    assert model["inputs"][0]["name"] == ("image" if key else "image:0")


@pytest.mark.parametrize(
    ("count", "message"), [(2, "has no signature three"), (0, "signature three cannot be found")]
)
def test_a_signature_there_is_not(runner: Runner, count: int, message: str) -> None:
    done = runner.run(script=f"signatures={count}", signature="three")
    assert (done.status, done.error()["where"]) == (3, "signature")
    assert message in done.error()["message"]


@pytest.mark.parametrize("signatures", [0, 2])
def test_an_input_is_resized(runner: Runner, signatures: int) -> None:
    name = "image" if signatures else "image:0"
    done, calls = traced(runner, f"shape={name}=3,4", script=f"signatures={signatures}")
    (model,) = ok(done).of("model")
    assert [model[side][0]["shape"] for side in ("inputs", "outputs")] == [[3, 4], [3, 3]]
    assert calls.count("resize") == 2  # of the plain model and of the profiled


def test_the_shape_of_the_file_needs_no_resizing(runner: Runner) -> None:
    done, calls = traced(runner, "shape=image=1,4")
    ok(done)
    assert "resize" not in calls


def test_too_many_dimensions(runner: Runner) -> None:
    error = runner.run(script="rank=9").error()
    assert (error["where"], error["message"]) == ("tensor", "image has 9 dimensions, more than 8")


def test_an_input_that_cannot_be_filled(runner: Runner) -> None:
    error = runner.run(script="type=5").error()
    assert (error["where"], error["message"]) == (
        "input",
        "input image is of type string (5), which the runner cannot fill",
    )


# --- kernels ---


def test_xnnpack_with_one_thread_takes_the_library_s_own_options(runner: Runner) -> None:
    done, calls = traced(runner)
    ok(done)
    assert "xnnpack 0 defaults" in calls
    assert "create xnnpack=1 telemetry=0" in calls
    assert "create xnnpack=1 telemetry=1" in calls


def test_xnnpack_with_threads_changes_nothing_but_their_number(runner: Runner) -> None:
    done, calls = traced(runner, threads=3)
    ok(done)
    assert "xnnpack 3 rest" in calls
    assert "threads 3" in calls


@pytest.mark.parametrize("script", ["", "xnnpack=own"])
def test_builtin_kernels_stay_builtin(runner: Runner, script: str) -> None:
    done, calls = traced(runner, script=script, kernels="builtin")
    ok(done)
    assert {call for call in calls if call.startswith("run")} == {
        "run xnnpack=0 telemetry=0",
        "run xnnpack=0 telemetry=1",
    }
    assert [event[3] for event in events(done)] == ["Invoke", "CONV_2D", "SOFTMAX"]


@pytest.mark.parametrize(
    ("setting", "value"), [("kernels", "reference"), ("weight_cache", "/tmp/w"), ("xnnpack_flags", 1)]
)
def test_what_the_interface_cannot_do_is_refused_by_name(runner: Runner, setting: str, value: object) -> None:
    done = runner.run(**{setting: value})
    assert (done.status, done.error()["where"]) == (3, "compile")
    assert setting in done.error()["message"]


# --- events ---


def test_kernels_stand_for_their_delegate(runner: Runner) -> None:
    done = ok(runner.run(script="kernels=3"))
    assert events(done) == [
        [PHASE, 0, 0, "Invoke"],
        *([KERNEL, i, 0, f"Kernel {i} of 3"] for i in range(3)),
        [OPERATOR, 2, 0, "SOFTMAX"],
    ]
    for block in done.blocks(v="profiled"):
        for value, (invoke, *kernels, softmax) in zip(block["value"], block["events"], strict=True):
            assert invoke == value
            assert kernels == [10, 20, 30]
            assert 10_000 <= softmax < value


def test_a_silent_delegate_is_one_kernel(runner: Runner) -> None:
    done = ok(runner.run(script="kernels=0"))
    assert events(done) == [
        [PHASE, 0, 0, "Invoke"],
        [KERNEL, 0, 0, "TfLiteXNNPackDelegate"],
        [OPERATOR, 2, 0, "SOFTMAX"],
    ]


def test_kernels_that_begin_in_a_delegate_are_its_kernels(runner: Runner) -> None:
    done = ok(runner.run(script="kernels=0;begun=2"))
    assert events(done) == [
        [PHASE, 0, 0, "Invoke"],
        *([KERNEL, i, 0, f"TfLiteDelegate kernel {i}"] for i in range(2)),
        [OPERATOR, 2, 0, "SOFTMAX"],
    ]
    for block in done.blocks(v="profiled"):
        for invoke, *inside in block["events"]:
            assert all(10_000 <= elapsed < invoke for elapsed in inside)
            assert sum(inside) <= invoke


def test_a_kernel_that_has_kernels_stands_for_them(runner: Runner) -> None:
    done = ok(runner.run(script="kernels=1;begun=2;nested=1"))
    assert events(done) == [
        [PHASE, 0, 0, "Invoke"],
        [KERNEL, 0, 0, "Kernel 0 of 1"],
        [KERNEL, 0, 0, "part"],
        [KERNEL, 1, 0, "part"],
        [OPERATOR, 2, 0, "SOFTMAX"],
    ]


def test_events_without_a_name(runner: Runner) -> None:
    told = events(ok(runner.run(script="unnamed=1", kernels="builtin")))
    assert told[2:4] == [[OPERATOR, 3, 0, "unnamed"], [OPERATOR, 4, 0, "unnamed"]]


def test_subgraphs_are_called_inside_their_operator(runner: Runner) -> None:
    done = ok(runner.run(script="loop=1", kernels="builtin"))
    condition = [[PHASE, 0, 1, "Invoke"], [OPERATOR, 0, 1, "LESS"]]
    body = [[PHASE, 0, 2, "Invoke"], [OPERATOR, 0, 2, "ADD"], [OPERATOR, 1, 2, "MUL"]]
    assert events(done) == [
        [PHASE, 0, 0, "Invoke"],
        [OPERATOR, 0, 0, "CONV_2D"],
        [OPERATOR, 1, 0, "WHILE"],
        *(2 * (condition + body)),
        *condition,
        [OPERATOR, 2, 0, "SOFTMAX"],
    ]
    for block in done.blocks(v="profiled"):
        for times in block["events"]:
            loop, calls = times[2], [times[3], times[5], times[8], times[10], times[13]]
            inside = [times[i] for i in (4, 6, 7, 9, 11, 12, 14)]
            assert sum(inside) <= sum(calls) <= loop <= times[0]


def test_starts_follow_each_other(runner: Runner) -> None:
    (structure,) = ok(runner.run(script="loop=1", kernels="builtin")).of("structure")
    starts = structure["start"]
    assert starts[0] == 0
    assert starts == sorted(starts)
    for start, elapsed in zip(starts, structure["elapsed"], strict=True):
        assert start + elapsed <= structure["elapsed"][0]


def test_more_events_than_there_is_room_for(runner: Runner) -> None:
    done = runner.run(script="kernels=40000")
    assert (done.status, done.error()["where"]) == (3, "events")
    assert "more than 32768 events" in done.error()["message"]


def test_events_fit_to_the_last(runner: Runner) -> None:
    done = ok(runner.run(script="kernels=32766", blocks=2, variants="profiled"))
    assert len(events(done)) == 32766 + 2


# --- old libraries ---


def test_an_old_library_has_totals_and_no_events(old: Runner) -> None:
    done = ok(old.run(blocks=2))
    assert events(done) == []
    assert all(elapsed == [] for block in done.blocks(v="profiled") for elapsed in block["events"])
    assert all(value > 0 for block in done.blocks() for value in block["value"])
    (model,) = done.of("model")
    assert (model["signature"], model["subgraph"], model["inputs"][0]["name"]) == (None, 0, "image:0")


def test_an_old_library_takes_one_thread_only(old: Runner) -> None:
    error = old.run(threads=2).error()
    assert (error["where"], "too old for XNNPACK with several threads" in error["message"]) == (
        "compile",
        True,
    )
    ok(old.run(threads=2, kernels="builtin", blocks=1))


# --- failures ---


@pytest.mark.parametrize(
    ("function", "status", "where"),
    [
        ("TfLiteModelCreateFromFile", None, "load"),
        ("TfLiteXNNPackDelegateCreate", None, "compile"),
        ("TfLiteInterpreterCreate", None, "compile"),
        ("TfLiteInterpreterGetSignatureRunner", None, "signature"),
        ("TfLiteTensorData", None, "input"),
        ("TfLiteSignatureRunnerInvoke", 1, "run"),
    ],
)
def test_every_call_can_fail(runner: Runner, function: str, status: int | None, where: str) -> None:
    done = runner.run(script=f"fail={function}:1:1;report=the reason")
    error: Record = done.error()
    assert (done.status, error["where"], error["status"], error["model"]) == (3, where, status, 0)
    assert error["message"].startswith(f"{function} failed")


def test_what_is_reported_is_told(runner: Runner) -> None:
    error = runner.run(script="fail=TfLiteSignatureRunnerInvoke:7:2;report=op FOO is missing").error()
    assert error["message"] == "TfLiteSignatureRunnerInvoke failed: UnresolvedOps: op FOO is missing"


def test_the_first_allocation_may_fail_and_the_second_not(runner: Runner) -> None:
    failing = "fail=TfLiteInterpreterAllocateTensors:1"
    ok(runner.run(script=f"{failing}:1;report=not yet", blocks=1))
    error = runner.run(script=f"{failing}:2;report=no room").error()
    assert (error["where"], error["status"]) == ("allocate", 1)
    assert error["message"].endswith(": no room")


def test_what_is_no_model(runner: Runner) -> None:
    done = runner.run(models=[runner.folder / "none.tflite"])
    assert (done.status, done.error()["where"]) == (3, "load")


# --- with the sessions of the host ---


def test_two_models(runner: Runner) -> None:
    done = ok(runner.run(models=[runner.model("a"), runner.model("b")], blocks=2))
    assert {(block["m"], block["v"]) for block in done.blocks(phase="steady")} == {
        (0, "plain"),
        (1, "plain"),
        (0, "profiled"),
        (1, "profiled"),
    }


# --- a real library ---


@pytest.mark.skipif(
    "TFLITE_LIBRARY" not in os.environ,
    reason="no library of TensorFlow Lite: set TFLITE_LIBRARY to a libtensorflowlite_c.so for this machine",
)
@pytest.mark.parametrize("kernels", ["xnnpack", "builtin"])
@pytest.mark.parametrize("name", ["conv_2d", "while_loop", "dynamic_batch", "two_signatures"])
def test_a_real_library(tmp_path: Path, name: str, kernels: str) -> None:
    build.build()
    program = build.DEFAULT_OUT / f"tflprof-runner-linux-{platform.machine()}"
    runner = Runner(program, Path(os.environ["TFLITE_LIBRARY"]), tmp_path)
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro(name))
    done = ok(runner.run(models=[path], kernels=kernels, blocks=2))
    assert done.of("library", api="tflite")
    assert done.of("model")[0]["inputs"]
    told = [event[3] for event in events(done)]
    assert not told or told[0] == "Invoke"
    assert not (kernels == "builtin" and any("Delegate" in str(tag) for tag in told))
