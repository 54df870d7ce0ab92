"""The Android runners as they are shipped, at work: there is no Android here, so bionic is stood in for.

With ``BIONIC=DIR``, the root of an Android system for arm64 (``DIR/system/bin/linker64``), they run
under its own linker and C library, too.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from android_runner.tests import bionic
from android_runner.tests.bionic import MACHINES, AndroidRunner, Machine
from android_runner.tests.harness import QUICK, Finished, Runner, finished
from tests.integration.test_runner_real import library as official_library
from tflprof.model.build import build_micro
from tflprof.runtimes.library import find_runtime
from tflprof.targets.guest_root import build_guest_root
from tflprof.targets.phone import load_phone

WIDE = ["android-x86_64", "android-aarch64"]

Make = Callable[[str], AndroidRunner]


@pytest.fixture(scope="module")
def shims(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Machine], Path]:
    known: dict[str, Path] = {}

    def shim(machine: Machine) -> Path:
        if machine.platform not in known:
            folder = tmp_path_factory.mktemp(machine.platform)
            bionic.compile_shim(machine, folder / "bionic")
            bionic.compile_litert(machine, folder)
            bionic.compile_tflite(machine, folder)
            known[machine.platform] = folder
        return known[machine.platform]

    return shim


@pytest.fixture
def make(shims: Callable[[Machine], Path], tmp_path: Path) -> Make:
    """Makes a runner with the scripted library of TensorFlow Lite."""

    def made(platform: str) -> AndroidRunner:
        machine = MACHINES[platform]
        missing = machine.missing()
        assert missing is None, missing
        folder = shims(machine)
        library = folder / "libtensorflowlite_c.so"
        return AndroidRunner(bionic.program(machine), library, tmp_path, machine, folder / "bionic")

    return made


def with_litert(runner: AndroidRunner) -> AndroidRunner:
    return replace(runner, library=runner.library.with_name("libLiteRt.so"))


def ok(done: Finished) -> Finished:
    assert done.status == 0, done.stderr
    assert done.records[-1] == {"r": "end", "status": "ok", "records": len(done.records) - 1}
    return done


def tags(done: Finished) -> list[str]:
    return [event[4] for event in done.of("structure")[0]["events"]]


@pytest.mark.parametrize("platform", MACHINES)
def test_tensorflow_lite(make: Make, platform: str) -> None:
    done = ok(make(platform).run(blocks=2))
    assert done.of("hello", platform=platform)
    assert done.of("library", api="tflite", version="2.99.0")
    assert tags(done) == ["Invoke", "Kernel 0 of 2", "Kernel 1 of 2", "SOFTMAX"]
    for block in done.blocks(v="profiled"):
        for value, events in zip(block["value"], block["events"], strict=True):
            assert events[0] == value
            assert events[1:3] == [10, 20]


@pytest.mark.parametrize("platform", WIDE)
def test_litert(make: Make, platform: str) -> None:
    done = ok(with_litert(make(platform)).run(blocks=2))
    assert done.of("library", api="litert", version=None)
    assert tags(done) == ["Invoke", "Conv", 'Conv, "odd"', "Conv", "node"]
    assert done.blocks(v="profiled")[-1]["events"][-1] == [1000, 10, 20, 30, 7]


def test_litert_of_32_bit_is_refused(make: Make) -> None:
    error = with_litert(make("android-armv7")).run().error()
    assert error["where"] == "library"
    assert "libtensorflowlite_c.so" in error["message"]


@pytest.mark.parametrize("platform", MACHINES)
def test_the_library_is_served_a_fine_clock(make: Make, platform: str) -> None:
    done = ok(make(platform).run(blocks=2, script="measured=1;run_us=2000;kernels=1"))
    for block in done.blocks(v="profiled"):
        for events in block["events"]:
            assert events[0] > events[1] >= 2_000_000


@pytest.mark.parametrize("platform", MACHINES)
def test_numbers_and_texts_of_the_options(make: Make, platform: str) -> None:
    """What goes through bionic's strtod, strtoll, strtok and vsnprintf."""
    runner = make(platform)
    done = ok(runner.run("shape=image=1,7", seconds=0.25, seed=12345678901, warmup_ms=0, block_ms=5))
    assert done.of("model")[0]["inputs"][0]["shape"] == [1, 7]
    steady = done.blocks(phase="steady")
    assert steady[-1]["t"] - steady[0]["t"] > 200_000_000
    assert runner.run(seconds="1e999").error()["message"].endswith("`1e999` is no number of seconds")
    assert "No such file or directory" in runner.run("input=image=/nonexistent").error()["message"]


@pytest.mark.parametrize("platform", MACHINES)
def test_a_crash_is_told(make: Make, platform: str) -> None:
    done = make(platform).run(script=f"crash={int(signal.SIGSEGV)}:3")
    assert done.status == -signal.SIGSEGV
    assert (done.error()["where"], done.error()["status"]) == ("signal", int(signal.SIGSEGV))


@pytest.mark.parametrize("platform", MACHINES)
def test_it_can_be_asked_to_stop(make: Make, platform: str) -> None:
    process = make(platform).start(seconds=60)
    assert process.stdout is not None
    while b'"steady"' not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    rest, stderr = process.communicate(timeout=60)
    done = finished(process.returncode, rest, stderr)
    assert (done.status, done.records[-1]["status"]) == (0, "stopped")


@pytest.mark.parametrize("platform", MACHINES)
def test_a_probe(make: Make, platform: str) -> None:
    runner = make(platform)

    def probe(library: Path) -> Finished:
        done = subprocess.run(runner.started("--probe", library), capture_output=True, timeout=60)
        return finished(done.returncode, done.stdout, done.stderr)

    assert [record["r"] for record in ok(probe(runner.library)).records] == ["hello", "library", "end"]
    assert probe(Path("/nonexistent.so")).error()["where"] == "library"


@pytest.mark.parametrize("platform", MACHINES)
def test_a_processor_cannot_be_made_up(make: Make, platform: str) -> None:
    done = make(platform).run(guest_cpu=1)
    assert (done.status, done.error()["where"]) == (2, "options")


def on_a_phone(runner: AndroidRunner) -> AndroidRunner:
    """On a machine with the processors of a phone, as far as files of the system tell of them."""
    phone, root = load_phone("pixel2"), runner.folder / "root"
    root.mkdir()
    build_guest_root(root, phone, {})
    emulator = ("qemu-aarch64", "-cpu", phone.emulated_cpu, "-L", str(root))
    library = find_runtime("linux-aarch64").path
    return replace(runner, machine=replace(runner.machine, emulator=emulator), library=library)


@pytest.mark.parametrize("platform", WIDE)
def test_the_official_library(make: Make, platform: str) -> None:
    """Built for another C library, it finds in the stand-in's what it needs."""
    runner = replace(make(platform), library=official_library())
    if platform == "android-aarch64":
        runner = on_a_phone(runner)
    path = runner.folder / "m.tflite"
    path.write_bytes(build_micro("conv_2d"))
    done = ok(runner.run(models=[path], blocks=2))
    assert "Invoke" in tags(done)
    assert any("Convolution" in tag for tag in tags(done))


# --- a real bionic ---


class BionicRunner(Runner):
    """A runner in the emulator, with the linker and the libraries of a root of Android."""

    def command(self, options: Path) -> list[str]:
        root = os.environ["BIONIC"]
        return ["qemu-aarch64", "-L", root, str(self.program), str(options)]


@pytest.mark.skipif(
    "BIONIC" not in os.environ,
    reason="no Android system: set BIONIC to the root of one for arm64, with system/bin/linker64 in it",
)
def test_a_real_bionic(tmp_path: Path) -> None:
    """``BIONIC_LIBRARY`` names an inference library built for it, ``BIONIC_MODEL`` a model; else it must refuse."""
    library = Path(os.environ.get("BIONIC_LIBRARY", "/nonexistent.so"))
    runner = BionicRunner(bionic.program(MACHINES["android-aarch64"]), library, tmp_path)
    model = tmp_path / "m.tflite"
    model.write_bytes(build_micro("conv_2d"))
    done = runner.run(models=[os.environ.get("BIONIC_MODEL", model)], **{**QUICK, "blocks": 2})
    assert done.of("hello", platform="android-aarch64"), done.stderr
    if library.exists():
        assert len(tags(ok(done))) > 1
    else:
        assert done.error()["where"] == "library"
