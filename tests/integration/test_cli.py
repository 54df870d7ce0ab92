"""The command line as a user runs it: processes, pipes, signals, exit statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.factories import make_profile
from tflprof.model.build import build_network
from tflprof.profile.store import read_profile, write_profile

HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "jinja2", "rich", "matplotlib", "flatbuffers", "asyncio")


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "tflprof", *map(str, args)]


def tflprof(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*args), cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("network") / "small.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    return path


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["profile", "--help"], ["prfile"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import atexit, sys; from tflprof.cli.main import run\n"
        f"atexit.register(lambda: print(*[m for m in {HEAVY} if m in sys.modules], file=sys.stderr))\n"
        f"sys.argv = ['tflprof', *{arguments}]; run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not set(done.stderr.split()) & set(HEAVY)


def test_version(tmp_path: Path) -> None:
    assert tflprof("--version", cwd=tmp_path).stdout.startswith("tflprof ")


def into_a_closed_pipe(*args: object, cwd: Path) -> tuple[int, bytes]:
    """Exit status and standard error of a command whose reader went away before it wrote."""
    with subprocess.Popen(command(*args), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        return process.wait(), process.stderr.read()


@pytest.mark.parametrize("arguments", [["show"], ["show", "--json"], ["show", "--in-order"]])
def test_a_closed_pipe_ends_quietly_with_141(tmp_path: Path, arguments: list[str]) -> None:
    write_profile(make_profile(), tmp_path / "p.parquet")
    assert into_a_closed_pipe(*arguments, "p.parquet", cwd=tmp_path) == (141, b"")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_into_a_closed_pipe_does_not_look_like_a_failed_gate(tmp_path: Path, option: str) -> None:
    assert into_a_closed_pipe(option, cwd=tmp_path) == (141, b"")


def test_a_terminal_without_unicode_is_served(tmp_path: Path) -> None:
    write_profile(make_profile(), tmp_path / "p.parquet")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        command("show", "p.parquet"), cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_first_mistakes(tmp_path: Path, network: Path) -> None:
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "text.tflite").write_text("version https://git-lfs.github.com/spec/v1\n" * 10)
    (tmp_path / "taken.parquet").write_text("precious")
    cases: list[tuple[list[object], int, str]] = [
        (["profile", "none.tflite"], 2, "none.tflite"),
        (["profile", "."], 2, "."),
        (["profile", "empty.tflite"], 2, "empty"),
        (["profile", "text.tflite"], 2, "text.tflite"),
        (["profile", network, "-o", "taken.parquet"], 2, "--force"),
        (["profile", network, "-o", "no/such/folder.parquet"], 2, "folder"),
        (["profile", network, "--target", "nokia3310"], 3, "nokia3310"),
        (["profile", network, "--target", "emulated:nokia"], 3, "nokia"),
        (["profile", network, "--target", "host", "--runtime", "none.so"], 3, "none.so"),
        (["profile", network, "--target", "host", "--core", "foo"], 2, "foo"),
        (["profile", network, "--target", "host", "--core", "9999"], 3, "9999"),
        (["show", network], 2, "Parquet"),
    ]
    for arguments, status, said in cases:
        done = tflprof(*arguments, cwd=tmp_path)
        context = f"{arguments}: {done.returncode} {done.stderr}"
        assert done.returncode == status, context
        assert said in done.stderr, context
        assert done.stdout == "", context
        assert "Traceback" not in done.stderr, context
        assert "internal error" not in done.stderr, context
        assert len(done.stderr.splitlines()) <= 3, context
    assert (tmp_path / "taken.parquet").read_text() == "precious"


def test_profile_on_the_host(tmp_path: Path, network: Path) -> None:
    options = ["--target", "host", "--max-seconds", 2, "-o", "p.parquet", "--html", "p.html", "--json"]
    done = tflprof("profile", network, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["unit"], document["provenance"]) == ("ns", "measured")
    assert len(document["layers"]) == len(read_profile(tmp_path / "p.parquet").meta.model.layers)
    shown = tflprof("show", "p.parquet", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout) == document
    assert (tmp_path / "p.html").stat().st_size > 10_000


@pytest.mark.emulated
def test_profile_on_an_emulated_core(tmp_path: Path, network: Path) -> None:
    done = tflprof("profile", network, "--json", "-o", "p.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["unit"], document["provenance"]) == ("ns", "predicted")
    assert document["deterministic"] is True
    assert (document["prediction"]["mode"], document["prediction"]["core"]) == ("caches", "cortex-a73")
    total, layers = document["total"], document["layers"]
    assert total["ci95"][0] < total["typical"] < total["ci95"][1]
    for key in ("typical", "instructions"):
        rows = sum(layer[key] or 0 for layer in layers) + document["unattributed"][key]
        assert rows == pytest.approx(total[key], abs=1)
    ran = [layer for layer in layers if layer["typical"]]
    assert all(layer["instructions"] > 0 and layer["ci95"] for layer in ran)
    shown = tflprof("show", "p.parquet", cwd=tmp_path)
    assert "predicted for pixel2, Cortex-A73 at 2.46 GHz, with caches, unanchored" in shown.stdout


@pytest.mark.emulated
def test_counts_alone_are_those_beside_predicted_times(tmp_path: Path, network: Path) -> None:
    found = {}
    for cost in ("instructions", "cycles", "caches"):
        done = tflprof("profile", network, "--json", "--cost", cost, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        found[cost] = json.loads(done.stdout)
    counted = found["instructions"]
    assert (counted["unit"], counted["provenance"], counted["prediction"]) == (
        "instructions",
        "emulated",
        None,
    )
    assert found["cycles"]["total"]["typical"] <= found["caches"]["total"]["typical"]
    for one in (found["cycles"], found["caches"]):
        assert one["total"]["instructions"] == counted["total"]["typical"]
        assert [layer["instructions"] for layer in one["layers"]] == [
            layer["typical"] for layer in counted["layers"]
        ]


def wait_for_sessions(folder: Path, count: int) -> None:
    """Wait until so many sessions have begun: each has its own folder in this one."""
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    while len(seen) < count:
        assert time.monotonic() < deadline, f"only {len(seen)} sessions began"
        seen |= {path.name for path in folder.iterdir()}
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("signals", "options"),
    [
        ([signal.SIGINT], []),
        ([signal.SIGINT], ["--json"]),
        ([signal.SIGTERM], []),
        ([signal.SIGINT, signal.SIGINT], []),
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], []),
    ],
)
def test_signals_in_mid_run_keep_what_was_collected(
    tmp_path: Path, network: Path, signals: list[signal.Signals], options: list[str]
) -> None:
    arguments = ["--target", "host", "--max-seconds", "60", "--precision", "0.0025", "-o", "p.parquet"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        command("profile", network, *arguments, *options),
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_sessions(temporary, 3)
    for number in signals:
        # As a terminal does: the signal goes to the whole foreground group.
        os.killpg(process.pid, number)
        time.sleep(0.15)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    profile = read_profile(tmp_path / "p.parquet")
    assert profile.meta.schedule.complete is False
    assert "partial-run" in [finding.code for finding in profile.meta.findings]
    assert profile.summary.total.n > 0
    assert "interrupted" in stderr
    assert "p.parquet" in stderr
    assert "partial-run" in stdout
    assert list(temporary.iterdir()) == []


def test_ctrl_c_while_the_interpreter_closes_changes_nothing(tmp_path: Path) -> None:
    program = (
        "import atexit, os, signal, sys\n"
        "from tflprof.cli.main import run\n"
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n"
        "sys.argv = ['tflprof', '--version']\n"
        "run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No adb server is to be started for it.
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "none")
    done = tflprof("targets", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [target["name"] for target in json.loads(done.stdout)["targets"]]
    assert "host" in names
    assert "emulated:pixel2" in names
