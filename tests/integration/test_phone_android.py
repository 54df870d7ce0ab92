"""``tflprof profile --target adb`` with a library for Android: the Android runner, on the virtual phone.

The phone has no bionic. It is given stand-ins, and a library that calls itself one for Android and brings the
official one for Linux along: all of tflprof's own parts are those that a real phone would get.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from android_runner.tests import bionic
from tests.integration.test_phone_profile import profile
from tests.phone.product import Fault
from tflprof.profile.store import read_profile
from tflprof.runtimes.library import find_runtime

MACHINE = bionic.MACHINES["android-aarch64"]
LITERT, TFLITE = "libLiteRt.so", "libtensorflowlite_c.so"
# Where the phone's loader looks, and the place of the same length where the stand-ins are.
USUAL, OURS = b"/usr/apex/arch64-linux-gnu/", b"/phone/bionic-libraries-64/"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-ins for bionic's libraries; the official library, and the scripted one of TensorFlow Lite."""
    folder = bionic.compile_shim(MACHINE, tmp_path_factory.mktemp("bionic") / "libraries")
    shutil.copy(find_runtime("linux-aarch64").path, folder / LITERT)
    bionic.compile_tflite(MACHINE, folder)
    return folder


def for_android(libraries: Path, name: str, folder: Path) -> Path:
    """A library for Android that has nothing of its own and brings one of those along."""
    source = folder / "empty.c"
    source.write_text("int nothing;\n")
    needed = [str(libraries / one) for one in (name, "libc.so")]
    flags = ("-nostdlib", "-Wl,--no-as-needed", *needed)
    return bionic.compile_library(MACHINE, [source], folder / name, *flags)


@pytest.fixture
def android(used: Fault, libraries: Path) -> Fault:
    """A phone on which Android's programs run."""
    root = used.phone.root
    loader = (root / "apex/ld.so").read_bytes()
    assert USUAL in loader
    shutil.copytree(libraries, root / OURS.decode().strip("/"))
    linker = root / "phone/linker64"
    linker.write_bytes(loader.replace(USUAL, OURS))
    linker.chmod(0o755)
    return used


def test_a_phone_runs_its_own_kind_of_runner(
    android: Fault, libraries: Path, small_network: Path, tmp_path: Path
) -> None:
    library = for_android(libraries, LITERT, tmp_path)
    output = tmp_path / "p.parquet"
    done = profile(android.phone, small_network, "--runtime", library, "-o", output, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert all(layer["kernel"] for layer in document["layers"])
    meta = read_profile(output).meta
    assert meta.runtime["platform"] == "android-aarch64"
    assert meta.conditions["device"]["start"]["runtime_mode"] == "android"
    assert meta.options.cpus == (7,)
    assert "experimental-runtime" not in {finding.code for finding in meta.findings}


def test_a_library_of_tensorflow_lite(
    android: Fault, libraries: Path, small_network: Path, tmp_path: Path
) -> None:
    """The scripted one: it tells two kernels and an operator, whatever the network."""
    library = for_android(libraries, TFLITE, tmp_path)
    output = tmp_path / "p.parquet"
    done = profile(android.phone, small_network, "--runtime", library, "-o", output, "--json")
    assert done.returncode == 0, done.stderr
    profiled = read_profile(output)
    assert profiled.meta.runtime["platform"] == "android-aarch64"
    assert profiled.meta.conditions["device"]["start"]["runtime_mode"] == "android"
    assert profiled.summary.total.n > 0
    tags = {event.tag for one in profiled.meta.alignment.structures for event in one.events}
    assert tags == {"Invoke", "Kernel 0 of 2", "Kernel 1 of 2", "SOFTMAX"}
