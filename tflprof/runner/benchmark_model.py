"""Running the official tools on a device: ``benchmark_model`` and ``benchmark_litert_model``.

The tool's own help says which flags it has; the richest output it can write is asked for. What it printed and
wrote is read by :mod:`tflprof.logs`.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from tflprof.errors import DeviceLost, EnvironmentFault, RunnerError, TflprofError, UsageError
from tflprof.logs.detect import read_log
from tflprof.logs.join import join_reports
from tflprof.logs.lines import decode
from tflprof.logs.report import LogReport
from tflprof.targets.interface import Device, Process, Workspace

_PROGRAM, _MODEL = "benchmark_model", "model.tflite"
_OUTPUTS = ("profile.pb", "profile.csv", "runtime.pb")
_PINNED = "tflprof: pinned "
# The first argument is a mask of CPUs, or empty; what the tools say on standard error belongs to their log.
_SCRIPT = f"""
mask=$1
shift
if [ -n "$mask" ] && command -v taskset >/dev/null 2>&1; then
    echo "{_PINNED}$mask"
    exec taskset "$mask" "$@" 2>&1
fi
exec "$@" 2>&1
"""
_FLAG = re.compile(r"--([A-Za-z][\w-]*)=")
_GIVEN = re.compile(r"^--([A-Za-z][\w-]*)(?:=|$)")
_DELEGATES = ("use_gpu", "use_nnapi", "use_hexagon", "use_npu", "use_coreml", "external_delegate_path")
_HELP_SECONDS = 60.0
_LAST_LINES = 5
_MOST_EVENTS = 65536
_MOST_LOG_BYTES = 64 << 20


@dataclass(frozen=True)
class ToolRequest:
    """One run of a tool.

    Attributes:
        binary: the tool, built for the device.
        kernels: ``xnnpack``, ``builtin`` or None: the tool's default.
        cpus: CPUs to pin it to, None for none.
        flags: the tool's own flags, passed as they are; they come before ours.
        seconds: about how long the counted inferences may take.
        limit: seconds after which a tool that has not ended is ended.
    """

    model: Path
    binary: Path
    kernels: str | None = None
    threads: int = 1
    cpus: tuple[int, ...] | None = None
    flags: tuple[str, ...] = ()
    seconds: float = 60.0
    limit: float = 900.0


@dataclass(frozen=True)
class ToolOutput:
    """What a tool said.

    Attributes:
        report: everything that was read of it, one run.
        command: flags it was given.
        affinity_error: why it was not pinned as wanted, None if it was or was not to be.
        sha256: of the tool.
    """

    report: LogReport
    command: tuple[str, ...]
    affinity_error: str | None
    sha256: str


def run_tool(device: Device, request: ToolRequest) -> ToolOutput:
    """Push a tool and a model to a device, run it, and read what it prints and writes.

    Raises:
        UsageError: the tool has no such kernels.
        EnvironmentFault: a file cannot be used.
        DeviceLost: the link broke.
        RunnerError: the tool cannot run there, failed, or printed nothing that could be read.
    """
    workspace = device.workspace()
    try:
        program = workspace.push(request.binary, _PROGRAM, executable=True)
        model = workspace.push(request.model, _MODEL)
        known = _known_flags(workspace, program)
        flags = _flags(request, known, workspace, model)
        mask = f"{sum(1 << cpu for cpu in request.cpus):x}" if request.cpus else ""
        log = _run(workspace, [mask, program, *flags], request.limit)
        report = _read(workspace, log)
    finally:
        workspace.close()
    pinned = not mask or decode(log).startswith(_PINNED)
    return ToolOutput(
        report=report,
        command=tuple(flags),
        affinity_error=None if pinned else "the device has no taskset",
        sha256=hashlib.sha256(request.binary.read_bytes()).hexdigest(),
    )


def _known_flags(workspace: Workspace, program: str) -> frozenset[str]:
    """Flags that the tool's help names. The tools end with a failure after their help."""
    status, said = _output(workspace, ["", program, "--help"], _HELP_SECONDS)
    known = frozenset(_FLAG.findall(decode(said)))
    if not known & {"graph", "num_threads"}:
        raise RunnerError(
            f"{_PROGRAM} --help names none of the tool's flags (status {status}){_last_words(said)}",
            "give a benchmark_model or benchmark_litert_model built for this device with --binary PATH",
        )
    return known


def _flags(request: ToolRequest, known: frozenset[str], workspace: Workspace, model: str) -> list[str]:
    """The tool's flags: the user's, then ours as far as the tool has them and the user gave none."""
    given = {found[1] for flag in request.flags if (found := _GIVEN.match(flag))}
    wanted = {
        "graph": model,
        "num_threads": str(request.threads),
        "max_secs": f"{max(request.seconds, 1.0):g}",
        **_kernel_flags(request, known),
        **_profile_flags(known, workspace),
    }
    ours = [f"--{name}={value}" for name, value in wanted.items() if name in known and name not in given]
    return [*request.flags, *ours]


def kernel_choice(flags: Sequence[str]) -> str | None:
    """The first of a tool's flags that chooses kernels or a delegate, None if none does."""
    for flag in flags:
        name, _, value = flag.removeprefix("--").partition("=")
        if name == "use_xnnpack" or (name in _DELEGATES and value not in ("false", "0")):
            return flag
    return None


def _kernel_flags(request: ToolRequest, known: frozenset[str]) -> dict[str, str]:
    if request.kernels is None or kernel_choice(request.flags):
        return {}
    if request.kernels not in ("xnnpack", "builtin"):
        raise UsageError(
            f"the tool has no {request.kernels} kernels",
            "choose xnnpack or builtin, or pass its own flags after --",
        )
    if "use_xnnpack" not in known and request.kernels == "builtin" and "use_profiler" in known:
        raise UsageError(
            "this tool cannot run builtin kernels: it has no --use_xnnpack", "use benchmark_model"
        )
    if request.kernels == "xnnpack" and not known & {"use_xnnpack", "use_profiler"}:
        raise UsageError("this tool is older than XNNPACK: it has no --use_xnnpack", "use a newer one")
    return {"use_xnnpack": "true" if request.kernels == "xnnpack" else "false"}


def _profile_flags(known: frozenset[str], workspace: Workspace) -> dict[str, str]:
    """What makes the tool profile operators, in the most precise form it has."""
    flags = {
        "enable_op_profiling": "true",
        "use_profiler": "true",
        "max_profiling_buffer_entries": str(_MOST_EVENTS),
        "export_model_runtime_info": "true",
        "model_runtime_info_output_file": workspace.path("runtime.pb"),
    }
    if "op_profiling_output_mode" in known:
        flags["op_profiling_output_mode"] = "proto"
        flags["op_profiling_output_file"] = workspace.path("profile.pb")
    else:
        flags["profiling_output_csv_file"] = workspace.path("profile.csv")
    return flags


def _run(workspace: Workspace, arguments: Sequence[str], limit: float) -> bytes:
    status, log = _output(workspace, arguments, limit)
    if status is None:
        raise DeviceLost("the link broke while the tool was at work", "check the cable or the network")
    if status != 0:
        raise RunnerError(
            f"{_PROGRAM} ended with status {status}{_last_words(log)}",
            "run it by hand with the same flags; they come after -- or with --tool-flag",
        )
    return log


def _output(workspace: Workspace, arguments: Sequence[str], limit: float) -> tuple[int | None, bytes]:
    """Status of a program and all it said; one that takes longer than ``limit`` seconds is ended."""
    process = workspace.spawn(["sh", "-c", _SCRIPT, _PROGRAM, *arguments])
    expired: list[float] = []
    timer = Timer(limit, _expire, (process, expired, limit))
    timer.start()
    said: list[bytes] = []
    status: int | None = None
    try:
        _collect(process, said)
        status = process.wait()
    except (ValueError, OSError):
        # Ending it closes its pipes under our hands.
        if not expired:
            raise
    finally:
        timer.cancel()
        process.kill()
    if expired:
        raise RunnerError(
            f"{_PROGRAM} had not ended after {limit:g} s{_last_words(b''.join(said))}",
            "give it fewer runs: --num_runs=N",
        )
    return status, b"".join(said)


def _collect(process: Process, said: list[bytes]) -> None:
    """Add the lines of a program to ``said`` as they come."""
    size = 0
    for line in process.lines():
        size += len(line)
        if size > _MOST_LOG_BYTES:
            raise RunnerError(
                f"{_PROGRAM} printed more than {_MOST_LOG_BYTES >> 20} MiB", "leave --verbose out"
            )
        said.append(line)


def _expire(process: Process, expired: list[float], limit: float) -> None:
    expired.append(limit)
    process.kill()


def _read(workspace: Workspace, log: bytes) -> LogReport:
    """What the tool printed, with what it wrote into files."""
    reports: list[LogReport] = []
    with contextlib.suppress(UsageError):
        reports.append(read_log(log, "the tool's output"))
    for name, data in _files(workspace):
        with contextlib.suppress(UsageError):
            reports.append(read_log(data, name))
    timed = [report for report in reports if report.runs]
    if not timed:
        raise RunnerError(f"{_PROGRAM} printed no times{_last_words(log)}")
    runs = [report.runs[-1] for report in timed]
    return join_reports([*timed, *(report for report in reports if not report.runs)], runs)


def _files(workspace: Workspace) -> Iterator[tuple[str, bytes]]:
    """The files the tool was asked to write, as far as there are any."""
    with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
        for name in _OUTPUTS:
            local = Path(folder) / name
            try:
                workspace.pull(name, local)
                yield name, local.read_bytes()
            except DeviceLost:
                raise
            except (EnvironmentFault, OSError) as error:
                # An older tool does not write it; its text is enough.
                if isinstance(error, TflprofError):
                    continue
                raise EnvironmentFault(f"cannot read {local}: {error}") from error


def _last_words(log: bytes) -> str:
    lines = [line.strip() for line in decode(log).splitlines() if line.strip()][-_LAST_LINES:]
    return "; its last words: " + " | ".join(lines) if lines else ""
