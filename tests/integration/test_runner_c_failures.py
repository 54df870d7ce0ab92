"""The runner when things go wrong: failing calls, crashes, requests to stop, an output nobody reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from android_runner.tests.harness import Finished, Runner, compile_sanitized, finished


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return compile_sanitized(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def runner(binaries: tuple[Path, Path], tmp_path: Path) -> Runner:
    return Runner(*binaries, tmp_path)


FAILING_CALLS = {
    "LiteRtCreateEnvironment": "library",
    "LiteRtCreateModelFromFile": "load",
    "LiteRtCreateOptions": "compile",
    "LiteRtSetOptionsHardwareAccelerators": "compile",
    "LiteRtCreateOpaqueOptions": "compile",
    "LiteRtAddOpaqueOptions": "compile",
    "LiteRtGetNumModelSignatures": "signature",
    "LiteRtGetModelSignature": "signature",
    "LiteRtGetSignatureKey": "signature",
    "LiteRtGetSignatureSubgraph": "signature",
    "LiteRtGetModelSubgraph": "signature",
    "LiteRtGetNumSignatureInputs": "signature",
    "LiteRtGetNumSignatureOutputs": "signature",
    "LiteRtGetSignatureInputName": "tensor",
    "LiteRtGetSignatureOutputName": "tensor",
    "LiteRtGetSignatureInputTensorByIndex": "tensor",
    "LiteRtGetSignatureOutputTensorByIndex": "tensor",
    "LiteRtGetTensorTypeId": "tensor",
    "LiteRtGetRankedTensorType": "tensor",
    "LiteRtCompiledModelResizeInputTensor": "shape",
    "LiteRtGetCompiledModelInputTensorLayout": "shape",
    "LiteRtGetCompiledModelOutputTensorLayouts": "allocate",
    "LiteRtGetCompiledModelInputBufferRequirements": "buffers",
    "LiteRtGetCompiledModelOutputBufferRequirements": "buffers",
    "LiteRtCreateManagedTensorBufferFromRequirements": "buffers",
    "LiteRtGetTensorBufferPackedSize": "buffers",
    "LiteRtLockTensorBuffer": "input",
    "LiteRtUnlockTensorBuffer": "input",
    "LiteRtRunCompiledModel": "run",
    "LiteRtResetProfiler": "profiler",
    "LiteRtStartProfiler": "profiler",
    "LiteRtGetNumProfilerEvents": "events",
    "LiteRtGetProfilerEvents": "events",
}


@pytest.mark.parametrize("call", FAILING_CALLS)
def test_a_failing_call_is_named(runner: Runner, call: str) -> None:
    done = runner.run(script=f"dims=-1,4;fail={call}:504:1")
    error = done.error()
    assert done.status == 3
    assert (error["where"], error["status"]) == (FAILING_CALLS[call], 504)
    assert error["message"] == f"{call} failed: Compilation"
    assert error["model"] == (None if call == "LiteRtCreateEnvironment" else 0)


def test_a_failure_in_the_middle_keeps_what_was_recorded(runner: Runner) -> None:
    script = "fail=LiteRtRunCompiledModel:3:40;messages=out of juice\n\n"
    done = runner.run(script=script, block_max=5, seconds=60)
    assert done.status == 3
    assert done.error()["message"] == "LiteRtRunCompiledModel failed: RuntimeFailure: out of juice"
    assert sum(len(b["value"]) for b in done.blocks()) >= 30


def test_the_second_model_is_the_one_that_fails(runner: Runner) -> None:
    done = runner.run(models=[runner.model("a"), runner.folder / "missing.tflite"])
    error = done.error()
    assert (done.status, error["model"], error["status"]) == (3, 1, 500)
    assert error["message"] == "LiteRtCreateModelFromFile failed: FileIO"


def test_compiling_once_more_tells_the_reason_on_standard_error(runner: Runner) -> None:
    trace = runner.folder / "trace"
    again = runner.run(script=f"fail=LiteRtCreateCompiledModel:504:1;trace={trace}", blocks=1)
    assert again.status == 0
    assert "error_reporter_mode = 1" in trace.read_text().splitlines()


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("/nonexistent.so", "cannot open shared object file"),
        ("libm.so.6", "libm.so.6 is no inference library"),
    ],
)
def test_a_library_that_is_none(runner: Runner, library: str, message: str) -> None:
    done = runner.run(library=library)
    assert (done.status, done.error()["where"]) == (3, "library")
    assert message in done.error()["message"]


# --- crashes ---

CRASHES = [signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT]


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_is_recorded_and_still_a_crash(runner: Runner, crash: signal.Signals) -> None:
    done = runner.run(script=f"crash={crash.value}:30")
    error = done.error()
    assert done.status == -crash
    assert (error["where"], error["model"], error["status"]) == ("signal", 0, crash)
    assert error["message"] == f"signal {crash.value} in run"
    assert done.blocks(phase="warmup")


# --- stopping ---


def running(runner: Runner, script: str = "run_us=1000", **settings: object) -> subprocess.Popen[bytes]:
    """A runner that has written its first steady block and would go on for a minute."""
    process = runner.start(script=script, seconds=60, **settings)
    assert process.stdout
    for line in process.stdout:
        if json.loads(line).get("phase") == "steady":
            return process
    raise AssertionError("it ended before its first steady block")


def rest(process: subprocess.Popen[bytes]) -> Finished:
    out, err = process.communicate(timeout=20)
    return finished(process.returncode, out, err)


@pytest.mark.parametrize("request_to_stop", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_asked_to(runner: Runner, request_to_stop: signal.Signals) -> None:
    process = running(runner)
    process.send_signal(request_to_stop)
    done = rest(process)
    assert done.status == 0
    assert [r["r"] for r in done.records[-2:]] == ["memory", "end"]
    assert done.records[-1]["status"] == "stopped"


def test_a_stopped_block_is_written(runner: Runner) -> None:
    # A block would take 100 s: what it has when the request comes is all there can be.
    process = runner.start(
        script="run_us=1000", block_min=100000, block_max=100000, warmup_ms=5, block_ms=5, seconds=60
    )
    assert process.stdout
    for line in process.stdout:
        if json.loads(line).get("v") == "profiled" and b"warmup" in line:
            break
    time.sleep(0.3)
    process.terminate()
    done = rest(process)
    (block,) = done.blocks(phase="steady")
    assert 1 <= len(block["value"]) < 100000
    assert done.records[-1]["status"] == "stopped"


def test_a_request_during_opening_stops_it(runner: Runner) -> None:
    process = runner.start(script="run_us=500000", seconds=60, warmup_ms=0)
    assert process.stdout
    for line in process.stdout:
        if json.loads(line)["r"] == "model":
            break
    process.terminate()
    done = rest(process)
    assert (done.status, done.records[-1]["status"]) == (0, "stopped")
    assert not done.blocks(phase="steady")


def test_a_second_request_ends_a_library_that_hangs(runner: Runner) -> None:
    process = runner.start(script="hang=3")
    assert process.stderr
    while b"hanging" not in process.stderr.readline():
        pass
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.terminate()
    assert process.wait(20) == -signal.SIGTERM
    process.communicate()


def test_end_of_standard_input_stops_it_only_when_watched(runner: Runner) -> None:
    watched = running(runner, watch_stdin=1)
    assert watched.stdin
    watched.stdin.write(b"a word is no end")
    watched.stdin.flush()
    time.sleep(0.1)
    assert watched.poll() is None
    done = rest(watched)  # closes standard input
    assert (done.status, done.records[-1]["status"]) == (0, "stopped")
    assert runner.run(blocks=2).records[-1]["status"] == "ok"  # /dev/null, not watched


# --- an output nobody reads ---


def test_a_broken_pipe_ends_it_at_once(runner: Runner) -> None:
    with running(runner) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.wait(20) == 5
        assert b"cannot write records: Broken pipe" in process.stderr.read()


def test_a_full_disk_ends_it(runner: Runner) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            runner.command(runner.options()), stdout=full, stderr=subprocess.PIPE, env=runner.environment("")
        )
    assert done.returncode == 5
    assert b"No space left on device" in done.stderr


def test_a_slow_reader_gets_every_byte(runner: Runner) -> None:
    """A pipe that takes a part at a time and does not block the writer: short writes and EAGAIN."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    process = subprocess.Popen(
        runner.command(runner.options(blocks=3, block_ms=1000, block_max=4000)),
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=runner.environment("events=40;run_us=0"),
    )
    os.close(write_end)
    received = bytearray()
    while piece := os.read(read_end, 3000):
        received += piece
        if len(received) < 100_000:
            time.sleep(0.001)
    os.close(read_end)
    _, err = process.communicate(timeout=60)
    done = finished(process.returncode, bytes(received), err)
    assert done.status == 0
    assert done.records[-1] == {"r": "end", "status": "ok", "records": len(done.records) - 1}
    assert len(received) > 1_000_000
