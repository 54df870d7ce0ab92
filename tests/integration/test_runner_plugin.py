"""The emulator plugin counts every instruction once."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from android_runner import build as script
from android_runner.tests.harness import SOURCES

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def plugin() -> Path:
    script.build()
    return script.DEFAULT_OUT / f"tflprof-counter-linux-{platform.machine()}.so"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("guest") / "loop"
    source = SOURCES / "tests" / "guest" / "loop.c"
    flags = ["--target=aarch64-linux-musl", "-static", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*script.zig_command(), "cc", *flags, str(source), "-o", str(program)], check=True)
    return program


def emulate(plugin: Path, arguments: str, *command: object) -> subprocess.CompletedProcess[str]:
    whole = ["qemu-aarch64", "-plugin", f"{plugin}{arguments}", *(str(part) for part in command)]
    return subprocess.run(whole, capture_output=True, text=True, timeout=120)


def test_a_round_of_two_instructions_counts_two(plugin: Path, guest: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"

    def cost(rounds: int) -> int:
        done = emulate(plugin, f",page={page}", guest, page, rounds)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    few, many = cost(1), cost(1_000_001)
    assert many - few == 2 * 1_000_000
    assert few < 50
    assert (cost(1), cost(1_000_001)) == (few, many)
    assert page.stat().st_size == 4096


@pytest.mark.parametrize("arguments", ["", ",page=/nonexistent/page", ",page=a,other=b"])
def test_a_plugin_that_cannot_count_does_not_start(
    plugin: Path, guest: Path, arguments: str, tmp_path: Path
) -> None:
    done = emulate(plugin, arguments, guest, tmp_path / "page", 1)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "tflprof counter plugin" in done.stderr
