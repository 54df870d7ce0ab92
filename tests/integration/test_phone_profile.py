"""``tflprof profile --target adb`` on the virtual phone, from the command to the page, and what it chooses to run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.phone import VirtualPhone
from tests.phone.product import Fault
from tests.unit.runtimes.elves import aar, elf
from tflprof.profile.store import read_profile
from tflprof.runtimes.library import find_runtime

STORE = "data/local/tmp/tflprof"


def tflprof(phone: VirtualPhone, *args: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tflprof", *map(str, args)],
        env={**os.environ, **phone.environment, **more},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def profile(phone: VirtualPhone, model: Path, *args: object, **more: str) -> subprocess.CompletedProcess[str]:
    command = ("profile", model, "--target", "adb", "--max-seconds", 2)
    return tflprof(phone, *command, *args, **more)


def stamps(phone: VirtualPhone) -> dict[str, int]:
    """When each file of the store was written."""
    folder = phone.root / STORE / "store"
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if not path.is_dir()}


def test_from_the_command_to_the_page(phone: VirtualPhone, small_network: Path, tmp_path: Path) -> None:
    output, page = tmp_path / "p.parquet", tmp_path / "p.html"
    first = profile(phone, small_network, "-o", output, "--html", page, "--json")
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert [layer["op"] for layer in document["layers"]].count("DEPTHWISE_CONV_2D") == 13
    assert sum(bool(layer["kernel"]) for layer in document["layers"]) == len(document["layers"])
    assert "Fully Connected" in page.read_text()

    meta = read_profile(output).meta
    assert (meta.target.kind, meta.target.name, meta.provenance) == ("adb", "Pixel 2", "measured")
    assert meta.options.cpus == (7,)  # the big core, without being asked
    assert meta.runtime["platform"] == "linux-aarch64"
    assert meta.conditions["device"]["start"]["runtime_mode"] == "glibc-bundle"
    codes = [finding.code for finding in meta.findings]
    assert "experimental-runtime" in codes
    assert "host-busy" not in codes or "pushed off its core" in str(meta.findings)
    assert "pin-failed" not in codes

    pushed = stamps(phone)
    assert len(pushed) >= 11  # the loader and seven libraries, LiteRT, the runner, the model
    assert [path.name for path in (phone.root / STORE).iterdir()] == ["store"]
    second = profile(phone, small_network)
    assert second.returncode == 0, second.stderr
    assert stamps(phone) == pushed


def test_the_public_interface(
    phone: VirtualPhone, small_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tflprof as package

    for name, value in phone.environment.items():
        monkeypatch.setenv(name, value)
    stages = []
    found = package.profile_model(
        small_network, target="adb", max_seconds=1, on_progress=lambda told: stages.append(told.stage)
    )
    assert found.summary.total.n > 0
    assert "pushing" in stages


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (elf("x86_64"), "is built for android-x86_64, Pixel 2 needs android-aarch64 or android-armv7"),
        (elf("x86_64", ["libc.so.6"]), "is built for linux-x86_64"),
        (aar({"jni/x86_64/libLiteRt.so": elf("x86_64")}), "is built for android-x86_64"),
        (b"\x7fELF", "is not a little-endian ELF file"),
    ],
)
def test_a_library_that_does_not_fit_is_not_pushed(
    fault: Fault, small_network: Path, tmp_path: Path, data: bytes, told: str
) -> None:
    library = tmp_path / "libLiteRt.so"
    library.write_bytes(data)
    done = profile(fault.phone, small_network, "--runtime", library)
    assert done.returncode == 3
    assert told in done.stderr
    assert not (fault.phone.root / STORE).exists()


def test_a_library_for_android_is_preferred_and_its_loader_missed_here(
    used: Fault, small_network: Path, tmp_path: Path
) -> None:
    """The virtual phone has no Android linker: that the Android runner was chosen shows in how it ends."""
    library = tmp_path / "libLiteRt.so"
    library.write_bytes(elf("aarch64"))
    caches = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    added = tflprof(used.phone, "runtimes", "add", library, **caches)
    assert "android-aarch64" in added.stdout, added.stderr
    done = profile(used.phone, small_network, **caches)
    assert done.returncode == 3
    assert "/system/bin/linker64" in done.stderr
    assert "internal error" not in done.stderr
    assert [path.name for path in (used.phone.root / STORE).iterdir()] == ["store"]


def test_a_linux_library_of_ones_own(used: Fault, small_network: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.so"
    shutil.copyfile(find_runtime("linux-aarch64").path, own)
    done = profile(used.phone, small_network, "--runtime", own, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runtime"]["version"] == "2.3.0"


def test_a_phone_on_which_nothing_runs(used: Fault, small_network: Path, tmp_path: Path) -> None:
    """A library that needs what no glibc of ours has."""
    library = tmp_path / "libLiteRt.so"
    library.write_bytes(elf("aarch64", ["libc.so.6", "libnothing.so.1"]))
    done = profile(used.phone, small_network, "--runtime", library)
    assert done.returncode == 3
    assert "its glibc loader does not run there" in done.stderr
    assert "tflprof runtimes fetch android" in done.stderr
    assert [path.name for path in (used.phone.root / STORE).iterdir()] == ["store"]


def test_a_board_without_a_fitting_glibc(used: Fault, small_network: Path, tmp_path: Path) -> None:
    """Without properties the phone is a Linux board; that its own loader is missing shows when the runner is tried."""
    used.phone.facts.write("phone/properties", "")
    output = tmp_path / "p.parquet"
    done = profile(used.phone, small_network, "-o", output)
    assert done.returncode == 0, done.stderr
    meta = read_profile(output).meta
    assert not meta.target.os.startswith("Android")
    assert meta.conditions["device"]["start"]["runtime_mode"] == "glibc-bundle"
    assert "experimental-runtime" not in [finding.code for finding in meta.findings]
