"""Running an official tool: its flags, its outputs, its ends, on a device that plays them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.log_samples import XNNPACK, run_of
from tests.printed_litert import benchmark_litert_model
from tests.printed_logs import benchmark_model
from tests.printed_messages import profile_message
from tflprof.errors import DeviceLost, EnvironmentFault, RunnerError, UsageError
from tflprof.runner.benchmark_model import ToolRequest, run_tool

TENSORFLOW = ("graph", "num_threads", "max_secs", "use_xnnpack", "enable_op_profiling", "use_gpu")
NEWER = (
    *TENSORFLOW,
    "op_profiling_output_mode",
    "op_profiling_output_file",
    "model_runtime_info_output_file",
)
LITERT = ("graph", "num_threads", "use_profiler", "use_gpu", "model_runtime_info_output_file")
LOG = benchmark_model(run_of(XNNPACK), "tf2.17")


class PlayedProcess:
    def __init__(self, said: str, status: int | None) -> None:
        self.said, self.status = said, status

    def lines(self) -> Iterator[bytes]:
        yield from self.said.encode().splitlines(keepends=True)

    def wait(self) -> int | None:
        return self.status

    def stderr_tail(self) -> str:
        return ""

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


class PlayedDevice:
    """A device with one workspace; a tool has ``flags``, says ``log``, ends with ``status`` and leaves ``files``."""

    def __init__(
        self, flags: Sequence[str], log: str, status: int | None = 0, files: Mapping[str, bytes] | None = None
    ) -> None:
        self.usage = "".join(f"\t--{flag}=1\tint32\toptional\n" for flag in flags)
        self.log, self.status, self.files = log, status, files or {}
        self.spawned: list[list[str]] = []
        self.closed = 0

    def workspace(self) -> Any:
        return self

    def push(self, local: Path, name: str, executable: bool = False) -> str:
        return f"/w/{name}"

    def path(self, name: str) -> str:
        return f"/w/{name}"

    def pull(self, name: str, local: Path) -> None:
        if name not in self.files:
            raise EnvironmentFault(f"no {name}")
        local.write_bytes(self.files[name])

    def spawn(self, argv: Sequence[str]) -> PlayedProcess:
        assert argv[:2] == ["sh", "-c"]
        self.spawned.append(list(argv[4:]))
        if argv[-1] == "--help":
            return PlayedProcess(self.usage, 1)
        return PlayedProcess(self.log, self.status)

    def close(self) -> None:
        self.closed += 1

    @property
    def given(self) -> list[str]:
        return self.spawned[-1]


@pytest.fixture
def request_of(tmp_path: Path) -> Any:
    binary = tmp_path / "tool"
    binary.write_bytes(b"tool")

    def make(**options: Any) -> ToolRequest:
        return ToolRequest(tmp_path / "m.tflite", binary, **options)

    return make


def run(device: PlayedDevice, request: ToolRequest) -> Any:
    output = run_tool(device, request)
    assert device.closed == 1
    return output


def test_ours_are_the_flags_that_the_tool_has(request_of: Any) -> None:
    device = PlayedDevice(TENSORFLOW, LOG)
    output = run(device, request_of(threads=2, kernels="builtin", cpus=(2, 3), seconds=12.5))
    mask, program, *flags = device.given
    assert (mask, program) == ("c", "/w/benchmark_model")
    assert flags == [
        "--graph=/w/model.tflite",
        "--num_threads=2",
        "--max_secs=12.5",
        "--use_xnnpack=false",
        "--enable_op_profiling=true",
    ]
    assert output.affinity_error == "the device has no taskset"
    assert len(output.report.runs[0].profiled()[0].rows) == 6


def test_the_users_come_first_and_replace_ours(request_of: Any) -> None:
    device = PlayedDevice(NEWER, "tflprof: pinned 80\n" + LOG)
    flags = ("--use_gpu=true", "--num_threads=4", "--op_profiling_output_mode=csv")
    output = run(device, request_of(kernels="xnnpack", cpus=(7,), flags=flags))
    given = device.given[2:]
    assert tuple(given[:3]) == flags
    names = [flag.partition("=")[0] for flag in given]
    assert len(names) == len(set(names))
    assert "--use_xnnpack" not in names, "a delegate was chosen"
    assert output.affinity_error is None


def test_a_delegate_that_is_switched_off_is_no_choice(request_of: Any) -> None:
    device = PlayedDevice(TENSORFLOW, LOG)
    run(device, request_of(kernels="builtin", flags=("--use_gpu=false",)))
    assert "--use_xnnpack=false" in device.given


def test_what_it_wrote_is_more_precise_than_what_it_printed(request_of: Any) -> None:
    device = PlayedDevice(NEWER, LOG, files={"profile.pb": profile_message(run_of(XNNPACK))})
    (report,) = run(device, request_of()).report.runs
    assert report.profiled()[0].layout == "proto"
    assert report.steady is not None


def test_litert_has_flags_of_its_own(request_of: Any) -> None:
    device = PlayedDevice(LITERT, benchmark_litert_model(run_of(XNNPACK)))
    output = run(device, request_of(kernels="xnnpack"))
    assert device.given[2:] == [
        "--graph=/w/model.tflite",
        "--num_threads=1",
        "--use_profiler=true",
        "--model_runtime_info_output_file=/w/runtime.pb",
    ]
    assert output.report.runs[0].tool == "benchmark_litert_model"


OLDEST = ("graph", "num_threads")


@pytest.mark.parametrize(
    ("flags", "kernels"), [(TENSORFLOW, "reference"), (LITERT, "builtin"), (OLDEST, "xnnpack")]
)
def test_kernels_that_the_tool_lacks_are_refused(request_of: Any, flags: Sequence[str], kernels: str) -> None:
    device = PlayedDevice(flags, LOG)
    with pytest.raises(UsageError):
        run_tool(device, request_of(kernels=kernels))
    assert device.closed == 1


@pytest.mark.parametrize(
    ("log", "status", "error", "said"),
    [
        ("ERROR: no such file\n", 1, RunnerError, "its last words: ERROR: no such file"),
        (LOG, -9, RunnerError, "status -9"),
        (LOG[:300], None, DeviceLost, "link broke"),
        ("nothing of use\n", 0, RunnerError, "printed no times; its last words: nothing of use"),
    ],
)
def test_ends(request_of: Any, log: str, status: int | None, error: type[Exception], said: str) -> None:
    device = PlayedDevice(TENSORFLOW, log, status)
    with pytest.raises(error, match=said):
        run_tool(device, request_of())
    assert device.closed == 1


def test_a_tool_that_does_not_end_is_ended(tmp_path: Path) -> None:
    from tflprof.targets.host import HostDevice

    tool = tmp_path / "tool"
    tool.write_text(
        "#!/bin/sh\ncase $1 in --help) echo --graph=x; exit 1;; esac\necho begun\nexec sleep 600\n"
    )
    tool.chmod(0o755)
    (tmp_path / "m.tflite").write_bytes(b"")
    request = ToolRequest(tmp_path / "m.tflite", tool, limit=0.3)
    with pytest.raises(RunnerError, match=r"had not ended after 0\.3 s"):
        run_tool(HostDevice(), request)
