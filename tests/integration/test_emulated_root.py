"""What an emulated program asks the system for, by the emulator's own trace: nothing of the host shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from android_runner import build
from tflprof.model.build import build_network
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import Affinity, Block
from tflprof.runtimes.library import find_runtime
from tflprof.targets.emulated import EmulatedDevice

pytestmark = pytest.mark.emulated

# Where the loader looks before it finds a library in the same directory, and what qemu asks the host about
# by itself; no host has them with arm64 content in them.
HARMLESS = re.compile(r"/lib/aarch64-linux-gnu/(tls|atomics|aarch64|glibc-hwcaps)\b.*")


@pytest.mark.parametrize(
    ("phone", "cost"), [("pixel2", "caches"), ("rpi4", "instructions"), ("rpi5", "caches")]
)
def test_every_path_exists_in_the_phones_tree(phone: str, cost: str, tmp_path: Path) -> None:
    nothing_of_the_host_shows(phone, tmp_path, cost)


def nothing_of_the_host_shows(phone: str, tmp_path: Path, cost: str = "caches") -> str:
    """Every path that a run asks for is in the phone's tree, by the trace of the emulator that is found; the trace."""
    model, trace = tmp_path / "model.tflite", tmp_path / "trace"
    model.write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    device = EmulatedDevice(phone, counter_plugin, cost, ("-strace", "-D", str(trace)))
    runner = NativeRunner(device, find_runtime("linux-aarch64"), runner_binary("linux-aarch64"))
    session = runner.start(RunRequest((model,), threads=2 if phone == "rpi4" else 1, max_inferences=3))
    records = list(session.records())
    session.close()
    traced = trace.read_text("utf-8", "replace")
    asked = set(re.findall(r'"(/[^"]*)"', traced))
    outside = {path for path in asked if not (device.root / path[1:]).exists()}
    runner.close()
    assert any(path.startswith("/sys/devices/system/cpu/cpu3/") for path in asked)
    assert {path for path in outside if not path.startswith("/tflprof/")} <= {
        path for path in outside if HARMLESS.fullmatch(path)
    }
    assert not device.root.exists()
    (affinity,) = (record for record in records if isinstance(record, Affinity))
    assert {core for record in records if isinstance(record, Block) for core in record.core} == set(
        affinity.allowed
    )
    return traced


def test_what_counts_when_profiles_are_compared() -> None:
    device = EmulatedDevice("pixel2", counter_plugin)
    device.close()
    details = device.facts.details
    assert details["plugin_sources_sha256"] == build.plugin_id()
    assert "qemu-aarch64 version" in details["emulator"]
    assert set(details) == {
        "emulator",
        "emulated_cpu",
        "plugin_sources_sha256",
        "guest_libraries_sha256",
        "phone_sha256",
    }
