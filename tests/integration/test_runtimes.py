"""The libraries the catalogue speaks of, fetched for real (from the user's cache when they are there)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.runtimes.elves import TFLITE, elf
from tflprof.errors import RunnerError, RuntimeMissing
from tflprof.runner.interface import RunRequest
from tflprof.runner.open import open_runner
from tflprof.runtimes.acquire import add_runtime
from tflprof.runtimes.elf import elf_platform
from tflprof.runtimes.library import find_runtime, host_platform
from tflprof.runtimes.store import remove


def test_the_arm_library_is_found_and_verified() -> None:
    runtime = find_runtime("linux-aarch64")
    assert elf_platform(runtime.path) == "linux-aarch64"
    assert (runtime.name, runtime.version) == ("LiteRT", "2.3.0")


def test_it_is_found_again_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_runtime("linux-aarch64")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert find_runtime("linux-aarch64") == first


def test_a_network_that_is_needed_and_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(
        RuntimeMissing, match=r"cannot fetch LiteRT 2\.3\.0 for linux-aarch64: pip said"
    ) as caught:
        find_runtime("linux-aarch64")
    assert caught.value.hint


def test_a_runtime_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "mine.so"
    shutil.copyfile(find_runtime(host_platform()).path, own)
    for target in ("host", "interpreter"):
        runner = open_runner(target, own)
        assert runner.runtime["version"] == "2.3.0"
        runner.close()


def test_a_library_that_fails_is_told_with_its_origin_and_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    broken = tmp_path / "libLiteRt.so"
    broken.write_bytes(elf("x86_64" if host_platform().endswith("x86_64") else "aarch64", ["libc.so.6"]))
    add_runtime(str(broken))
    model = tmp_path / "empty.tflite"
    model.write_bytes(b"")
    runner = open_runner("host")
    session = runner.start(RunRequest((model,)))
    with pytest.raises(RunnerError) as caught:
        list(session.records())
    session.close()
    runner.close()
    assert f"added from {broken}; to take it out: tflprof runtimes remove " in (caught.value.hint or "")
    remove("LiteRT")
    assert find_runtime(host_platform()).version == "2.3.0"


def test_the_interpreter_is_given_no_library_it_cannot_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    other = tmp_path / "libtensorflowlite_c.so"
    machine = "x86_64" if host_platform().endswith("x86_64") else "aarch64"
    other.write_bytes(elf(machine, ["libc.so.6"], symbol=TFLITE))
    add_runtime(str(other))
    for target, name in (("host", "TensorFlow Lite"), ("interpreter", "LiteRT")):
        runner = open_runner(target)
        assert runner.runtime["name"] == name
        runner.close()


@pytest.mark.emulated
def test_a_runtime_of_the_wrong_machine() -> None:
    with pytest.raises(RuntimeMissing, match="the target needs linux-aarch64"):
        open_runner("emulated:pixel2", find_runtime(host_platform()).path)
