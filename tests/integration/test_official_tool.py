"""``profile --runner benchmark_model`` with a tool that answers from a script: on this machine and on a phone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import printed_logs, printed_messages
from tests.log_samples import run_of
from tests.phone import VirtualPhone
from tests.printed_logs import Printed, kernel, operator
from tflprof.model.build import build_micro
from tflprof.profile.store import read_profile

HELP = (
    "num_runs num_threads graph max_secs use_xnnpack enable_op_profiling use_gpu max_profiling_buffer_entries"
)
PROTO_HELP = f"{HELP} op_profiling_output_mode op_profiling_output_file export_model_runtime_info"
NODES = (
    kernel("Convolution (NHWC, F32) IGEMM", 0, 400),
    kernel("Convolution (NHWC, F32) DWConv", 1, 100),
    operator("CUMSUM", "between", 2, 30),
    kernel("Fully Connected (NC, F32) GEMM", 0, 900),
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "it's a model.tflite"
    path.write_bytes(build_micro("two_partitions", "float32"))
    return path


def tool(folder: Path, flags: str, answer: str, *, profile: bytes = b"", status: int = 0) -> Path:
    """A program that has the tool's help, notes its arguments in its output, and answers."""
    usage = "".join(f"\t--{flag}=x\tsome\toptional\n" for flag in flags.split())
    octal = "".join(f"\\{byte:03o}" for byte in profile)
    script = f"""#!/bin/sh
case "$*" in
*--help*) cat >&2 <<'END'
usage: benchmark_model <flags>
{usage}END
    exit 1 ;;
esac
echo "INFO: Given: [$*]"
for argument in "$@"; do
    case "$argument" in
    --graph=*) [ -s "${{argument#*=}}" ] || {{ echo "no model at $argument"; exit 3; }} ;;
    --op_profiling_output_file=*) [ -z '{octal[:1]}' ] || printf '{octal}' >"${{argument#*=}}" ;;
    esac
done
cat <<'END'
{answer}END
exit {status}
"""
    path = folder / "benchmark_model"
    path.write_text(script)
    path.chmod(0o755)
    return path


def profile(*arguments: object, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflprof", "profile", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=120)


def given(document: dict[str, object]) -> str:
    conditions = document["conditions"]
    assert isinstance(conditions, dict)
    return str(conditions["tool_options"]["Given"])


def test_a_tool_that_prints(tmp_path: Path, model: Path) -> None:
    answer = printed_logs.benchmark_model(run_of(NODES), "tf2.12")
    program = tool(tmp_path, HELP, answer)
    cpu = min(os.sched_getaffinity(0))
    options = [
        "--target",
        "host",
        "--core",
        cpu,
        "--runner",
        "benchmark_model",
        "--binary",
        program,
        "--json",
    ]
    done = profile(model, *options, "--threads", 1, "--", "--num_runs=7", "--use_gpu=true")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["kind"], document["source"], document["provenance"]) == (
        "aggregate",
        "benchmark_model",
        "measured",
    )
    flags = given(document).split()
    assert flags[:2] == ["--num_runs=7", "--use_gpu=true"]
    assert {"--num_threads=1", "--enable_op_profiling=true", "--max_secs=60"} <= set(flags)
    assert not any(
        flag.startswith(("--use_xnnpack", "--op_profiling_output", "--num_runs=5")) for flag in flags
    )
    assert "affinity_error" not in document["conditions"]
    assert document["options"]["cpus"] == [cpu]
    assert document["total"] == {"typical": 5100480, "median": None, "ci95": None, "n": 50} | {
        "instructions": None
    }
    by_id = {layer["id"]: layer["typical"] for layer in document["layers"]}
    assert by_id["0/2"] == pytest.approx(30_000, abs=1000)
    assert {finding["code"] for finding in document["trust"]["findings"]} >= {"averages-only"}


def test_a_tool_that_writes_a_message(tmp_path: Path, model: Path) -> None:
    run = run_of(NODES)
    total = printed_logs.benchmark_model(Printed((), run.steady, run.warmup, run.init), "tf2.17")
    program = tool(tmp_path, PROTO_HELP, total, profile=printed_messages.profile_message(run))
    saved = tmp_path / "p.parquet"
    options = ["--target", "host", "--runner", "benchmark_model", "--binary", program, "-o", saved]
    done = profile(model, *options, "--kernels", "builtin", "--tool-flag=--verbose=true")
    assert done.returncode == 0, done.stderr
    assert "averages only" in done.stdout
    kept = read_profile(saved)
    flags = kept.meta.conditions["tool_flags"]
    assert flags[0] == "--verbose=true"
    assert {"--use_xnnpack=false", "--op_profiling_output_mode=proto"} <= set(flags)
    assert kept.meta.options.kernels == "builtin"
    # Half a microsecond shows: the message has sums, the text has three decimals.
    layer = next(layer for layer in kept.summary.layers if layer.info.id == "0/2")
    assert layer.estimate.typical == pytest.approx(NODES[2].total / NODES[2].calls * 1000)
    assert kept.summary.total.n == 50


def test_a_tool_that_fails_says_its_last_words(tmp_path: Path, model: Path) -> None:
    program = tool(
        tmp_path, HELP, "ERROR: Didn't find op for builtin opcode 'X'\nBenchmarking failed.\n", status=1
    )
    done = profile(model, "--target", "host", "--runner", "benchmark_model", "--binary", program)
    assert done.returncode == 3
    assert "status 1" in done.stderr
    assert "Didn't find op for builtin opcode 'X' | Benchmarking failed." in done.stderr


def test_a_tool_that_prints_nothing_of_use(tmp_path: Path, model: Path) -> None:
    done = profile(
        model, "--target", "host", "--runner", "benchmark_model", "--binary", tool(tmp_path, HELP, "hello\n")
    )
    assert done.returncode == 3
    assert "printed no times" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--runner", "benchmark_model"], "needs the tool"),
        (["--binary", "x"], "need --runner benchmark_model"),
        (["--", "--use_gpu=true"], "need --runner benchmark_model"),
        (["--runner", "benchmark_model", "--binary", "nowhere"], "does not exist"),
        (["--runner", "benchmark_model", "--binary", "x", "--", "gpu"], "is no flag"),
        (["--runner", "benchmark_model", "--binary", "x", "--pmu"], "does not go with"),
    ],
)
def test_what_does_not_go_together(model: Path, options: list[str], said: str) -> None:
    done = profile(model, "--target", "host", *options)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_program_that_is_no_such_tool(tmp_path: Path, model: Path) -> None:
    done = profile(model, "--target", "host", "--runner", "benchmark_model", "--binary", "/bin/true")
    assert done.returncode == 3
    assert "names none of the tool's flags" in done.stderr


@pytest.mark.parametrize("kind", ["phone", "phone_v1"])
def test_on_a_phone(kind: str, request: pytest.FixtureRequest, tmp_path: Path, model: Path) -> None:
    phone: VirtualPhone = request.getfixturevalue(kind)
    answer = printed_logs.benchmark_model(run_of(NODES), "tf2.12")
    program = tool(tmp_path, PROTO_HELP, answer, profile=printed_messages.profile_message(run_of(NODES)))
    saved = tmp_path / "p.parquet"
    env = {**os.environ, **phone.environment}
    options = [
        "--target",
        f"adb:{phone.serial}",
        "--runner",
        "benchmark_model",
        "--binary",
        program,
        "-o",
        saved,
    ]
    done = profile(model, *options, "--", "--use_nnapi=false", env=env)
    assert done.returncode == 0, done.stderr
    kept = read_profile(saved)
    assert kept.meta.target.kind == "adb"
    assert kept.meta.options.cpus, "the big core of a phone is the default"
    assert "affinity_error" not in kept.meta.conditions
    assert kept.meta.conditions["device"]["start"]
    assert next(layer for layer in kept.summary.layers if layer.info.id == "0/2").estimate.typical is not None
    assert "run-" not in phone.shell("ls /data/local/tmp/tflprof")


def wait_until(holds: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_tool_and_removes_what_was_made_for_it(
    tmp_path: Path, model: Path, number: signal.Signals
) -> None:
    noted, scratch = tmp_path / "pid", tmp_path / "scratch"
    scratch.mkdir()
    program = tmp_path / "benchmark_model"
    program.write_text(
        f"#!/bin/sh\ncase \"$*\" in *--help*) echo ' --graph=x' >&2; exit 1;; esac\n"
        f"echo $$ >'{noted}.part'; mv '{noted}.part' '{noted}'; exec sleep 600\n"
    )
    program.chmod(0o755)
    command = [sys.executable, "-m", "tflprof", "profile", model, "--target", "host"]
    with subprocess.Popen(
        [*command, "--runner", "benchmark_model", "--binary", program],
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        wait_until(noted.exists, "the tool does not run")
        pid = int(noted.read_text())
        try:
            running.send_signal(number)
            _, said = running.communicate(timeout=60)
            assert (running.returncode, said.splitlines()[-1]) == (130, "interrupted")
            wait_until(lambda: not is_alive(pid), "the tool still runs")
        finally:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
    assert list(scratch.iterdir()) == []
