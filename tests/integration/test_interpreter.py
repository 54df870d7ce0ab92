"""The interpreter target: sessions in Python processes of their own, what ends them, and systems that tell less."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from android_runner.tests.harness import FLAGS, SOURCES
from tflprof.errors import RunnerError, TargetError
from tflprof.model.build import build_network
from tflprof.runner import inprocess
from tflprof.runner.inprocess import InProcessRunner
from tflprof.runner.interface import RunRequest
from tflprof.runner.records import Block, End, Hello, LoadedModel, Record
from tflprof.runtimes.library import find_runtime, host_platform
from tflprof.workflow.profile import Interrupted, profile_model

ROOT = Path(__file__).resolve().parents[2]
CORE = str(max(os.sched_getaffinity(0)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "größe.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    return path


@pytest.fixture(scope="module")
def moody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real library in one that does what $MOOD says (android_runner/tests/disturbed/moody.c)."""
    real, library = find_runtime(host_platform()).path, tmp_path_factory.mktemp("library") / "libLiteRt.so"
    source = str(SOURCES / "tests" / "disturbed" / "moody.c")
    linked = ("-Wl,--no-as-needed,-soname,libmoody.so", f"-Wl,-rpath,{real.parent}", str(real), "-ldl")
    subprocess.run(["gcc", *FLAGS, "-shared", "-fPIC", source, "-o", str(library), *linked], check=True)
    return library


def short(*models: Path) -> RunRequest:
    return RunRequest(models, seconds=0.01, warmup_ms=2, block_ms=2, block_max=50)


def run(runner: InProcessRunner, request: RunRequest) -> list[Record]:
    session = runner.start(request)
    try:
        return list(session.records())
    finally:
        session.close()


def interpreter(library: Path | None = None) -> InProcessRunner:
    return InProcessRunner(find_runtime(host_platform(), library, api="litert"))


def blocks(records: list[Record]) -> list[Block]:
    return [record for record in records if isinstance(record, Block)]


def test_it_is_another_process(model: Path) -> None:
    hello = run(interpreter(), short(model))[0]
    assert isinstance(hello, Hello)
    assert hello.pid != os.getpid()


# A library that fails


def test_a_crash_ends_the_session_alone(moody: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOD", f"run=30;signal={signal.SIGSEGV.value}")
    session = interpreter(moody).start(replace(short(model), warmup_ms=100, seconds=60))
    records: list[Record] = []
    with pytest.raises(RunnerError, match=r"crashed \(SIGSEGV\) as it ran .*größe") as caught:
        records.extend(session.records())
    session.close()
    assert caught.value.exit_code == 3
    assert blocks(records)


def test_a_crash_in_the_first_inference(moody: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOD", f"run=1;signal={signal.SIGABRT.value}")
    with pytest.raises(RunnerError, match="SIGABRT"):
        run(interpreter(moody), short(model))


def test_a_crash_later_keeps_what_was_measured(
    moody: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOOD", "")
    processes = iter(range(100))
    start = InProcessRunner.start

    def start_and_crash(self: InProcessRunner, request: RunRequest) -> inprocess.InProcessSession:
        if next(processes) == 2:
            os.environ["MOOD"] = f"run=5;signal={signal.SIGSEGV.value}"
        return start(self, request)

    monkeypatch.setattr(InProcessRunner, "start", start_and_crash)
    with pytest.raises(Interrupted) as caught:
        profile_model(model, target="interpreter", runtime=moody, max_seconds=20)
    found = {finding.code: finding.message for finding in caught.value.profile.meta.findings}
    assert "the inference library crashed (SIGSEGV)" in found["partial-run"]
    assert caught.value.profile.summary.total.n > 20


def test_a_library_that_hangs_can_be_ended(moody: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOD", "run=1;hang=1")
    session = interpreter(moody).start(short(model))
    pid = None
    for record in session.records():
        pid = record.pid if isinstance(record, Hello) else pid
        if isinstance(record, LoadedModel):
            break
    session.stop()
    threading.Timer(0.2, session.close).start()
    with pytest.raises(RunnerError, match="SIGKILL"):
        list(session.records())
    session.close()
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()


def test_a_library_that_hangs_at_the_end_is_not_waited_for(
    moody: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOOD", "destroy=1")
    assert run(interpreter(moody), short(model))[-1].status == "ok"


def test_what_the_library_prints_disturbs_nobody(
    moody: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOOD", "print=1")
    assert run(interpreter(moody), short(model))[-1].status == "ok"
    assert capfd.readouterr() == ("", "")


def test_a_file_of_the_folder_one_is_in_is_no_module(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "numpy.py"):
        (tmp_path / name).write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(run(interpreter(), short(model))[-1], End)


# What it reports


def test_temperatures_and_frequencies_around_blocks(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = [tmp_path / name for name in ("a", "b", "off", "absent")]
    for zone, heat in zip(zones, (41_000, 52_000, 900_000), strict=False):
        zone.write_text(f"{heat}\n")
    monkeypatch.setattr(inprocess, "thermal_zones", lambda: zones)
    assert {(block.mc_before, block.mc) for block in blocks(run(interpreter(), short(model)))} == {
        (52_000, 52_000)
    }


def test_an_endurance_run(model: Path) -> None:
    profile = profile_model(model, target="interpreter", core=CORE, sustain=0.03)
    assert profile.meta.schedule.sustain_seconds == pytest.approx(1.8)
    assert profile.summary.total.n > 20


# Systems that tell less


HIDING = """
import os, sys
sys.path.insert(0, os.environ["TFLPROF_ROOT"])
from tests.foreign_system import lack
lack(os.environ["LACKS"])
"""


def environment(folder: Path, system: str) -> dict[str, str]:
    """One in which every Python program begins by taking away what a system does not have."""
    (folder / "sitecustomize.py").write_text(HIDING)
    return {**os.environ, "PYTHONPATH": str(folder), "TFLPROF_ROOT": str(ROOT), "LACKS": system}


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_without_what_other_systems_lack(model: Path, tmp_path: Path, system: str) -> None:
    """Affinity, /proc, /sys, and for Windows fcntl, resource and more, are hidden from both processes."""
    words = ["profile", str(model), "--target", "interpreter", "--max-seconds", "3", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tflprof", *words],
        cwd=ROOT,
        env=environment(tmp_path, system),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    document = json.loads(done.stdout)
    assert document["total"]["typical"] > 0
    assert "not-pinned" in {finding["code"] for finding in document["trust"]["findings"]}
    # Without `resource` nothing tells; on macOS the peak is known.
    assert (document["peak_memory_bytes"] is not None) == (system == "darwin")


def test_a_core_where_no_program_can_choose_one(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity")
    with pytest.raises(TargetError, match="--core big: Linux lets no program choose its core") as caught:
        interpreter().start(replace(short(model), core="big"))
    assert "leave --core out" in caught.value.hint
