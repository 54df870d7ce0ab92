"""The native session against a device whose programs are shell scripts: everything a runner may do wrong."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tflprof.errors import EnvironmentFault, ModelError, RunnerError, UsageError
from tflprof.facts import DeviceFacts
from tflprof.runner.binary import Binary
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import End, Failure, Hello, Record
from tflprof.runtimes.library import Runtime
from tflprof.targets.local import LocalProcess, LocalWorkspace, make_private_directory

HELLO = '{"r":"hello","protocol":1,"build":"b","platform":"p","pid":1,"t":0}'


class ScriptDevice:
    """Runs a shell script whatever it is told to run."""

    facts = DeviceFacts("script", "host", "Linux", "linux-x86_64")
    platform = "linux-x86_64"
    provenance = "measured"
    counters: tuple[str, ...] = ("ns",)
    deterministic = False

    def __init__(self, script: str) -> None:
        self.script = script
        self.workspaces: list[LocalWorkspace] = []

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        return None

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        return [("mode", "time")]

    def workspace(self) -> LocalWorkspace:
        self.workspaces.append(LocalWorkspace(make_private_directory("script-"), "", ".", self.command))
        return self.workspaces[-1]

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["/bin/sh", "-c", self.script, *argv]

    def conditions(self) -> dict[str, object]:
        return {}

    def recover(self) -> None:
        raise AssertionError("nothing was lost")

    def close(self) -> None:
        pass


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    model = tmp_path / "mine.tflite"
    model.write_bytes(b"TFL3")
    return RunRequest((model,))


def make_runner(device: ScriptDevice, tmp_path: Path) -> NativeRunner:
    for name in ("runner", "library"):
        (tmp_path / name).write_bytes(b"")
    runtime = Runtime("LiteRT", "2.3.0", "linux-x86_64", tmp_path / "library", "0" * 64, "ADVICE")
    return NativeRunner(device, runtime, Binary(tmp_path / "runner", "0" * 64, "build", ""))


def outcome(script: str, request: RunRequest, tmp_path: Path) -> tuple[list[Record], RunnerError | None]:
    device = ScriptDevice(script)
    session = make_runner(device, tmp_path).start(request)
    records: list[Record] = []
    try:
        records.extend(session.records())
    except RunnerError as error:
        return records, error
    finally:
        session.close()
        assert not device.workspaces[0].directory.exists()
    return records, None


def says(*lines: str) -> str:
    return "".join(f"echo '{text}'; " for text in lines)


def test_a_good_session(request_: RunRequest, tmp_path: Path) -> None:
    records, error = outcome(says(HELLO, '{"r":"end","status":"ok","records":1}'), request_, tmp_path)
    assert [type(record) for record in records] == [Hello, End]
    assert error is None


def test_a_failure_names_the_local_file_and_gives_a_hint(request_: RunRequest, tmp_path: Path) -> None:
    failure = '{"r":"error","where":"load","model":0,"status":500,"message":"cannot read ./model0.tflite"}'
    script = says(HELLO, failure, '{"r":"end","status":"error","records":2}') + "exit 3"
    records, error = outcome(script, request_, tmp_path)
    assert error is not None
    assert isinstance(records[1], Failure)
    assert f"load, model 0: cannot read {request_.models[0]} (status 500)" in error.what
    assert error.hint


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (says(HELLO, '{"r":"error","where":"library","model":null,"status":null,"message":"bad"}'), True),
        (says(HELLO, '{"r":"error","where":"compile","model":0,"status":1,"message":"bad"}'), True),
        (says(HELLO, '{"r":"error","where":"input","model":0,"status":1,"message":"bad"}'), False),
        ("kill -SEGV $$", True),
    ],
)
def test_a_library_that_may_be_at_fault_is_told_of(
    request_: RunRequest, tmp_path: Path, script: str, told: bool
) -> None:
    _, error = outcome(script, request_, tmp_path)
    assert error is not None
    assert ("ADVICE" in (error.hint or "")) is told


def test_death_by_a_signal_is_named_with_the_last_words(request_: RunRequest, tmp_path: Path) -> None:
    script = says(HELLO) + "echo it hurts >&2; kill -SEGV $$"
    records, error = outcome(script, request_, tmp_path)
    assert len(records) == 1
    assert error is not None
    assert "was killed by SIGSEGV before its end; its last words: it hurts" in error.what


def test_an_early_end(request_: RunRequest, tmp_path: Path) -> None:
    records, error = outcome(says(HELLO) + 'printf \'{"r":"end"\'; exit 5', request_, tmp_path)
    assert len(records) == 1
    assert error is not None
    assert "ended with status 5 before its end" in error.what


def test_prose_among_the_records(request_: RunRequest, tmp_path: Path) -> None:
    records, error = outcome(says(HELLO, "INFO: hello") + "sleep 60", request_, tmp_path)
    assert len(records) == 1
    assert error is not None
    assert "INFO: hello" in error.what


def test_a_banner_before_the_first_record_is_passed_over_and_told(
    request_: RunRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    end = '{"r":"end","status":"ok","records":1}'
    with caplog.at_level("INFO", "tflprof"):
        records, error = outcome(says("* welcome *", "", HELLO, end), request_, tmp_path)
    assert [type(record) for record in records] == [Hello, End]
    assert error is None
    assert "'* welcome *'" in caplog.text


def test_what_a_shell_says_instead_of_the_runner_is_shown(request_: RunRequest, tmp_path: Path) -> None:
    script = says("sh: ./runner: not executable: 64-bit ELF file") + "exit 126"
    _, error = outcome(script, request_, tmp_path)
    assert error is not None
    assert error.what.endswith(
        "ended with status 126 before its end; its last words: sh: ./runner: not executable: 64-bit ELF file"
    )
    assert "ABI" in (error.hint or "")


def test_a_killed_runner_may_have_run_out_of_memory(request_: RunRequest, tmp_path: Path) -> None:
    _, error = outcome(says(HELLO) + "kill -KILL $$", request_, tmp_path)
    assert error is not None
    assert "was killed by SIGKILL" in error.what
    assert "memory" in (error.hint or "")


def test_a_megabyte_of_stderr_does_not_block(request_: RunRequest, tmp_path: Path) -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; " + says(HELLO) + "echo last >&2; exit 1"
    _, error = outcome(script, request_, tmp_path)
    assert error is not None
    assert error.what.endswith("last")
    assert len(error.what) < 2000


def test_stop_is_the_end_of_standard_input(request_: RunRequest, tmp_path: Path) -> None:
    script = says(HELLO) + "cat; " + says('{"r":"end","status":"stopped","records":1}')
    session = make_runner(ScriptDevice(script), tmp_path).start(request_)
    records = session.records()
    assert isinstance(next(records), Hello)
    session.stop()
    session.stop()
    assert list(records) == [End("stopped", 1)]
    session.close()


def test_an_interrupted_reader_can_go_on(request_: RunRequest, tmp_path: Path) -> None:
    script = "trap '' INT; " + says(HELLO) + "cat; " + says('{"r":"end","status":"stopped","records":1}')
    session = make_runner(ScriptDevice(script), tmp_path).start(request_)
    records = session.records()
    next(records)
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(KeyboardInterrupt):
        next(records)
    session.stop()
    assert list(session.records()) == [End("stopped", 1)]
    session.close()


def interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def test_close_ends_grandchildren_too(request_: RunRequest, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    script = f"sleep 100 & echo $! > {marker}; " + says(HELLO) + "wait"
    session = make_runner(ScriptDevice(script), tmp_path).start(request_)
    next(session.records())
    session.close()
    assert is_gone(int(marker.read_text()))


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


# What is pushed


@pytest.fixture
def pushed(request_: RunRequest, tmp_path: Path) -> tuple[NativeRunner, ScriptDevice]:
    device = ScriptDevice(says(HELLO) + "cat")
    runner = make_runner(device, tmp_path)
    return runner, device


def test_the_options_file(
    request_: RunRequest, tmp_path: Path, pushed: tuple[NativeRunner, ScriptDevice]
) -> None:
    (tmp_path / "image.bin").write_bytes(b"")
    runner, device = pushed
    request = replace(
        request_,
        signature="serve",
        inputs={"a=b": tmp_path / "image.bin"},
        shapes={"a=b": (1, 3)},
        weight_cache=True,
        xnnpack_flags=3,
        seconds=0.25,
    )
    session = runner.start(request)
    lines = (device.workspaces[0].directory / "options").read_text().splitlines()
    session.close()
    assert {
        "watch_stdin=1",
        "library=./libLiteRt.so",
        "model=./model0.tflite",
        "input=a=b=./input0.bin",
        "shape=a=b=1,3",
        "signature=serve",
        "weight_cache=./weight.cache",
        "xnnpack_flags=3",
        "seconds=0.25",
        "mode=time",
        "kernels=xnnpack",
    } <= set(lines)


@pytest.mark.parametrize("counters", [("instructions",), ("instructions", "cycles")])
def test_of_several_counters_few_inferences_are_run(
    request_: RunRequest, tmp_path: Path, counters: tuple[str, ...]
) -> None:
    device = ScriptDevice(says(HELLO) + "cat")
    device.counters = counters
    session = make_runner(device, tmp_path).start(replace(request_, plain_max=123_000_000))
    lines = (device.workspaces[0].directory / "options").read_text().splitlines()
    session.close()
    keys = {line.partition("=")[0] for line in lines}
    assert keys & {"agree_ppm", "plain_max"} == ({"agree_ppm", "plain_max"} if len(counters) > 1 else set())
    assert ("plain_max=123000000" in lines) == (len(counters) > 1)


def test_an_unreadable_runtime(request_: RunRequest, tmp_path: Path) -> None:
    device = ScriptDevice("")
    runner = make_runner(device, tmp_path)
    (tmp_path / "library").unlink()
    with pytest.raises(EnvironmentFault, match=r"cannot use .*library"):
        runner.start(request_)
    assert not device.workspaces[0].directory.exists()


def test_a_full_disk(request_: RunRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    device = ScriptDevice("")
    library = Runtime("LiteRT", None, "p", request_.models[0], "0")
    runner = NativeRunner(device, library, Binary(request_.models[0], "0", "build", ""))
    with pytest.raises(EnvironmentFault, match="No space left on device") as caught:
        runner.start(request_)
    assert caught.value.hint
    assert not device.workspaces[0].directory.exists()


def test_missing_files_are_found_early(
    request_: RunRequest, tmp_path: Path, pushed: tuple[NativeRunner, ScriptDevice]
) -> None:
    runner, device = pushed
    with pytest.raises(ModelError, match=r"no model file .*gone\.tflite"):
        runner.start(replace(request_, models=(tmp_path / "gone.tflite",)))
    with pytest.raises(UsageError, match=r"no file .*gone\.bin for input 'x'"):
        runner.start(replace(request_, inputs={"x": tmp_path / "gone.bin"}))
    assert device.workspaces == []


@pytest.mark.parametrize(
    ("change", "least"),
    [({}, 300), ({"block_ms": 400_000, "rate": 0.01}, 2 * (400 + 100)), ({"seconds": 600.0}, 2 * 600)],
)
def test_a_runner_may_be_silent_for_as_long_as_it_was_told_to_wait(
    request_: RunRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, float],
    least: float,
) -> None:
    allowed: list[float | None] = []
    spawn = LocalWorkspace.spawn

    def told(self: LocalWorkspace, argv: Sequence[str], silence: float | None = None) -> LocalProcess:
        allowed.append(silence)
        return spawn(self, argv, silence)

    monkeypatch.setattr(LocalWorkspace, "spawn", told)
    make_runner(ScriptDevice("true"), tmp_path).start(replace(request_, **change)).close()
    (silence,) = allowed
    assert silence is not None
    assert least <= silence <= 2 * least + 300


def test_a_library_that_is_replaced_or_gone_is_told(tmp_path: Path) -> None:
    runner = make_runner(ScriptDevice(""), tmp_path)
    assert runner.conditions() == {}
    (tmp_path / "library").write_bytes(b"another")
    assert runner.conditions() == {"library_changed": True}
    (tmp_path / "library").unlink()
    assert runner.conditions() == {"library_changed": True}
