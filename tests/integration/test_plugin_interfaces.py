"""The plugin for QEMU 9 and later, with a program in QEMU's place that has the interface's versions 2 and later."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from android_runner import build as script
from android_runner.tests.harness import SOURCES
from tests.integration.cost_model import PARTS, class_names, core_file
from tflprof.runner.binary import counter_plugin

NOP, HINT = "d503201f", "d5032e9f"
LOAD = "3dc00441"  # ldr q1, [x2, #16]


@pytest.fixture(scope="module")
def fake_qemu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script.build()
    program = tmp_path_factory.mktemp("qemu") / "fake_qemu"
    target = f"--target={platform.machine()}-linux-gnu.2.17"
    flags = [target, "-rdynamic", "-O1", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-ldl"]
    source = SOURCES / "tests" / "fake_qemu" / "main.c"
    subprocess.run([*script.zig_command(), "cc", str(source), *flags, "-o", str(program)], check=True)
    return program


def run(fake: Path, folder: Path, *arguments: object, more: str = "") -> subprocess.CompletedProcess[str]:
    command = [fake, counter_plugin(2).path, f"{folder / 'page'}{more}", *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_the_sum_of_all_processors_is_published_where_the_guest_announces_that_it_reads(
    version: int, fake_qemu: Path, tmp_path: Path
) -> None:
    done = run(fake_qemu, tmp_path, version, "aarch64", 3, NOP, HINT, NOP)
    assert done.stdout.split("\n")[:3] == ["3 0 0", "6 0 0", "9 0 0"], done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("version", [2, 4])
def test_nothing_is_published_elsewhere(version: int, fake_qemu: Path, tmp_path: Path) -> None:
    done = run(fake_qemu, tmp_path, version, "aarch64", 1, NOP, NOP)
    assert done.stdout == "0 0 0\n", done.stderr


@pytest.mark.parametrize("version", [2, 4])
def test_cycles_and_lines_of_memory_are_published_too(version: int, fake_qemu: Path, tmp_path: Path) -> None:
    """Three instructions at two a cycle; the line is read from memory once, however often it is loaded."""
    lines = {"caches": "1", "l1d": "32768 4", "l2": "65536 8", "dram_read": "100"}
    core = core_file(tmp_path, class_names(), lines)
    done = run(fake_qemu, tmp_path, version, "aarch64", 2, NOP, LOAD, HINT, more=f",core={core}")
    first, second = 1.5 + 100, 3 + 100
    assert done.stdout == f"3 {first * PARTS:g} 1\n6 {second * PARTS:g} 1\n", done.stderr


def test_a_wrong_core_file_is_no_start(fake_qemu: Path, tmp_path: Path) -> None:
    core = core_file(tmp_path, class_names(), {"colour": "red"})
    done = run(fake_qemu, tmp_path, 4, "aarch64", 1, HINT, more=f",core={core}")
    assert done.returncode == 1
    assert "unknown key `colour`" in done.stderr


def test_it_counts_for_arm64_only(fake_qemu: Path, tmp_path: Path) -> None:
    done = run(fake_qemu, tmp_path, 4, "arm", 1, HINT)
    assert done.returncode == 1
    assert "counts for aarch64, not for arm" in done.stderr
