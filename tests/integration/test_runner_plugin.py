"""The emulator plugin counts every instruction once, in the installed emulator and in one that was built for us.

The build, from Debian's source package, is made once and kept in build/emulator.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from android_runner import build as script
from android_runner.tests.harness import SOURCES
from tests.integration.cost_model import PARTS, class_names, core_file
from tests.integration.test_emulated_counts import counts
from tests.integration.test_emulated_root import nothing_of_the_host_shows
from tests.integration.test_sessions import short
from tflprof.errors import EnvironmentFault, TargetError
from tflprof.model.build import build_network
from tflprof.runner.binary import counter_plugin
from tflprof.runner.open import open_runner
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.emulator import Emulator, check_emulator, find_emulator
from tflprof.targets.emulator_build import build_emulator

# The first test that needs it waits for a compiler.
pytestmark = [pytest.mark.emulated, pytest.mark.timeout(1800)]

PLACE = Path(__file__).resolve().parents[2] / "build" / "emulator"
OTHERS_FAULT = ("cannot fetch", "cannot install the tools")


@pytest.fixture(scope="module")
def installed() -> Emulator:
    script.build()
    found = shutil.which("qemu-aarch64")
    assert found, "there is no qemu-aarch64 on the PATH"
    try:
        return check_emulator(Path(found))
    except TargetError as error:
        pytest.skip(f"the installed one does not serve: {error.what}")


@pytest.fixture(scope="module")
def built() -> Emulator:
    script.build()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(PLACE))
        try:
            return check_emulator(build_emulator())
        except EnvironmentFault as error:
            if not error.what.startswith(OTHERS_FAULT):
                raise
            pytest.skip(f"the network is not what a build needs: {error.what}")


@pytest.fixture(scope="module", params=["installed", "built"])
def emulator(request: pytest.FixtureRequest) -> Emulator:
    found: Emulator = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guest")
    flags = ["--target=aarch64-linux-musl", "-static", "-O2", "-Wall", "-Wextra", "-Werror"]
    for source in (SOURCES / "tests" / "guest").glob("*.c"):
        command = [*script.zig_command(), "cc", *flags, str(source), "-o", str(folder / source.stem)]
        subprocess.run(command, check=True)
    return folder


def emulate(emulator: Emulator, arguments: str, *command: object) -> subprocess.CompletedProcess[str]:
    plugin = counter_plugin(emulator.plugin_api).path
    whole = [emulator.path, "-plugin", f"{plugin}{arguments}", *command]
    return subprocess.run([str(part) for part in whole], capture_output=True, text=True, timeout=120)


def test_the_built_one_is_debians_newest_and_is_found(
    built: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = json.loads((built.path.parent / "manifest.json").read_text("utf-8"))
    assert manifest["banner"] == built.banner
    assert manifest["source"]["version"] in built.banner
    assert built.plugin_api == 2
    monkeypatch.setenv("XDG_CACHE_HOME", str(PLACE))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TFLPROF_QEMU", raising=False)
    assert find_emulator() == built


def test_a_round_of_two_instructions_counts_two(emulator: Emulator, guest: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"

    def cost(rounds: int) -> int:
        done = emulate(emulator, f",page={page}", guest / "loop", page, rounds)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    few, many = cost(1), cost(1_000_001)
    assert many - few == 2 * 1_000_000
    assert few < 50
    assert (cost(1), cost(1_000_001)) == (few, many)
    assert page.stat().st_size == 4096


def stream(
    emulator: Emulator, guest: Path, folder: Path, passes: int, kib: int, lines: Mapping[str, str | None]
) -> tuple[int, float, int]:
    """Instructions, cycles and lines of memory of so many passes over so much memory."""
    costs = {"load_pair_simd_128": "1 4 load 2"}
    core = core_file(folder, class_names(), {"pipe": "load 1", **lines}, costs=costs)
    page = folder / "page"
    done = emulate(emulator, f",page={page},core={core}", guest / "stream", page, passes, kib << 10)
    assert done.returncode == 0, done.stderr
    instructions, cycles, memory = map(int, done.stdout.split())
    return instructions, cycles / PARTS, memory


CACHES = {"caches": "1", "l1d": "32768 4", "l2": "131072 8", "l2_hit": "10", "dram_read": "100"}


def test_a_loop_costs_what_its_pipes_take(emulator: Emulator, guest: Path, tmp_path: Path) -> None:
    """Two loads, each of which keeps the one pipe busy for two cycles, whichever emulator cuts them in pieces."""
    few, many = (stream(emulator, guest, tmp_path, passes, 16, {"caches": "0"}) for passes in (1, 11))
    rounds = 10 * 16 * 1024 // 64
    assert rounds * 4 <= many[0] - few[0] < rounds * 4 + 200
    assert rounds * 4 <= many[1] - few[1] < rounds * 4 + 200
    assert many[2] == 0


def test_what_caches_hold_is_there_and_what_they_do_not_is_fetched(
    emulator: Emulator, guest: Path, tmp_path: Path
) -> None:
    bare = stream(emulator, guest, tmp_path, 4, 16, {"caches": "0"})
    first = stream(emulator, guest, tmp_path, 4, 16, CACHES)
    assert first[0] == bare[0]
    assert first[1] - bare[1] < 2000
    in_second = stream(emulator, guest, tmp_path, 4, 64, CACHES)
    lines = 4 * 64 * 1024 // 64
    assert in_second[2] < 50
    assert in_second[1] - in_second[0] == pytest.approx(lines * 10, rel=0.02)
    in_memory = stream(emulator, guest, tmp_path, 4, 512, CACHES)
    lines = 4 * 512 * 1024 // 64
    assert in_memory[2] == pytest.approx(lines, rel=0.01)
    assert in_memory[1] - in_memory[0] == pytest.approx(lines * 100, rel=0.02)
    assert stream(emulator, guest, tmp_path, 4, 512, CACHES) == in_memory


def test_a_wrong_core_file_ends_the_emulation(emulator: Emulator, guest: Path, tmp_path: Path) -> None:
    core = core_file(tmp_path, class_names(), {"colour": "red"})
    done = emulate(emulator, f",page={tmp_path / 'page'},core={core}", guest / "loop", tmp_path / "page", 1)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "unknown key `colour`" in done.stderr


@pytest.mark.parametrize(
    "arguments", ["", ",page=/nonexistent/page", ",page=a,other=b", ",page=a,core=b,core=c"]
)
def test_a_plugin_that_cannot_count_does_not_start(
    emulator: Emulator, guest: Path, arguments: str, tmp_path: Path
) -> None:
    done = emulate(emulator, arguments, guest / "loop", tmp_path / "page", 1)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "tflprof counter plugin" in done.stderr


def test_instructions_of_several_threads_are_all_counted(
    built: Emulator, guest: Path, tmp_path: Path
) -> None:
    """With scoreboards; before them, additions at the same time may be lost."""
    page = tmp_path / "page"

    def cost(rounds: int) -> int:
        done = emulate(built, f",page={page}", guest / "threads", page, rounds)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    few, many = cost(1), cost(1_000_001)
    # Starting threads and waiting for them takes some thousand, not always as many.
    assert abs(many - few - 4 * 2 * 1_000_000) < 100_000


@pytest.mark.parametrize(
    ("target", "network", "dtype"),
    [("emulated:pixel2", "mobilenet_v1", "float32"), ("emulated:rpi5", "mobilenet_v2", "int8")],
)
def test_both_count_the_same_instructions(
    target: str,
    network: str,
    dtype: str,
    installed: Emulator,
    built: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(build_network(network, size=32, width=0.25, dtype=dtype))
    seen = {}
    for emulator in (installed, built):
        monkeypatch.setenv("TFLPROF_QEMU", str(emulator.path))
        opened = open_runner(target, cost="instructions")
        seen[emulator.banner] = counts(opened, short(model))
        assert counts(opened, short(model)) == seen[emulator.banner]
        opened.close()
    assert seen[installed.banner] == seen[built.banner]


def test_which_one_counted_is_told_and_the_plugin_is_the_same(
    installed: Emulator, built: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for emulator in (installed, built):
        monkeypatch.setenv("TFLPROF_QEMU", str(emulator.path))
        device = EmulatedDevice("pixel2", counter_plugin)
        device.close()
        told.append(dict(device.facts.details))
    assert [details.pop("emulator") for details in told] == [installed.banner, built.banner]
    assert told[0] == told[1]


def test_nothing_of_the_host_shows_in_the_built_one_and_memory_is_where_it_was(
    built: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts may follow addresses, and left alone QEMU 10 takes those that the host's kernel draws."""
    monkeypatch.setenv("TFLPROF_QEMU", str(built.path))
    places = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        traced = nothing_of_the_host_shows("pixel2", tmp_path / name)
        places.append(re.findall(r" mmap\(.* = (0x[0-9a-f]+)", traced))
    assert len(places[0]) > 10
    assert places[0] == places[1]
