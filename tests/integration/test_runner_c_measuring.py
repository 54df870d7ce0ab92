"""What the runner notices around its inferences, the core's counters, and periodic runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from android_runner.tests.harness import Finished, Runner, compile_sanitized


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return compile_sanitized(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def runner(binaries: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.delenv("FAKE_PERF", raising=False)
    return Runner(*binaries, tmp_path)


# --- options ---


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chain": 2}, "chain: `2` is not within 0 and 1"),
        ({"pmu": "yes"}, "pmu: `yes` is not an integer"),
        ({"workers": -1}, "workers: `-1` is not within 0 and 1"),
        ({"period_us": 2_000_000_000}, "period_us: `2000000000` is not within 0 and 1000000000"),
        ({"mode": "count", "counter_page": "page", "period_us": 5}, "`period_us` needs `mode=time`"),
    ],
)
def test_a_bad_option_is_named(runner: Runner, settings: dict[str, object], message: str) -> None:
    done = runner.run(**settings)
    assert done.status == 2
    assert message in done.error()["message"]


def test_no_more_than_sixteen_thermal_zones(runner: Runner) -> None:
    zones = ["thermal=/dev/null"] * 17
    assert runner.run(*zones[:16], blocks=1).status == 0
    assert "is one thermal zone too many" in runner.run(*zones).error()["message"]


# --- conditions ---


def zone(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return f"thermal={path}"


def test_the_hottest_zone_is_told_and_zones_that_say_nothing_are_not(runner: Runner) -> None:
    zones = [
        zone(runner.folder, "cool", "31000\n"),
        zone(runner.folder, "hot", "47500\n"),
        zone(runner.folder, "off", "-274000\n"),
        zone(runner.folder, "broken", "2147483647\n"),
        zone(runner.folder, "text", "unknown\n"),
        f"thermal={runner.folder}/absent",
    ]
    done = runner.run(*zones, blocks=2)
    assert {(b["mc_before"], b["mc"]) for b in done.blocks()} == {(47500, 47500)}
    none = runner.run(*zones[2:], blocks=1)
    assert {(b["mc_before"], b["mc"]) for b in none.blocks()} == {(None, None)}


@pytest.mark.parametrize(
    ("text", "unit", "millicelsius"),
    [
        ("385", "*100", 38500),
        ("39", "*1000", 39000),
        ("38123", "*1", 38123),
        ("38123", "", 38123),
        ("0", "*100", 0),
        ("-1", "*100", None),
        ("2001", "*100", None),
        ("9223372036854775807", "*1000", None),
        ("-9223372036854775808", "*1000", None),
    ],
)
def test_zones_in_other_units(runner: Runner, text: str, unit: str, millicelsius: int | None) -> None:
    done = runner.run(zone(runner.folder, "coarse", f"{text}\n") + unit, blocks=1)
    assert {(b["mc_before"], b["mc"]) for b in done.blocks()} == {(millicelsius, millicelsius)}


@pytest.mark.parametrize("value", ["/zone*", "/zone*0", "/zone*1001", "/zone*-1", "/zone*x", "*100"])
def test_a_unit_that_is_none(runner: Runner, value: str) -> None:
    message = runner.run(f"thermal={value}").error()["message"]
    assert f"`{value}` is neither FILE nor FILE*UNIT with a unit within 1 and 1000" in message


def test_without_being_asked_nothing_is_measured(runner: Runner) -> None:
    done = runner.run(blocks=1)
    for block in done.blocks():
        assert {block[key] for key in ("mc", "mc_before", "chain_khz", "chain_khz_before", "missed")} == {
            None
        }
        assert not block.keys() & {"workers", "pmu"}
    assert done.of("pmu") == []


def test_a_chain_of_additions_tells_the_frequency(runner: Runner) -> None:
    done = runner.run(chain=1, blocks=2)
    seen = [b[key] for b in done.blocks() for key in ("chain_khz_before", "chain_khz")]
    # No core that this runs on is outside of these; an interrupted one looks slow.
    assert all(1_000 < khz < 10_000_000 for khz in seen)


def test_the_core_of_every_thread(runner: Runner) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    done = runner.run(workers=1, blocks=1, cpus=cpus[0])
    (pid,) = [record["pid"] for record in done.of("hello")]
    for block in done.blocks():
        assert [pid, cpus[0]] in block["workers"]
        assert {core for _, core in block["workers"]} <= set(cpus)


def test_counting_has_no_conditions(runner: Runner) -> None:
    page = runner.folder / "page"
    page.write_bytes(bytes(4096))
    hot = zone(runner.folder, "hot", "47500\n")
    counting = {"mode": "count", "counter_page": page, "chain": 1, "workers": 1, "pmu": 1}
    done = runner.run(hot, script=f"page={page};counts=9,5,5", **counting)
    assert done.status == 0
    assert all(b["mc"] is b["chain_khz"] is b["khz"] is None for b in done.blocks())
    assert not any("workers" in b or "pmu" in b for b in done.blocks())


# --- performance counters ---


def perf(runner: Runner, monkeypatch: pytest.MonkeyPatch, script: str | None, **settings: object) -> Finished:
    if script is not None:
        monkeypatch.setenv("FAKE_PERF", script)
    return runner.run(pmu=1, blocks=2, **settings)


def test_counters_are_read_around_every_inference(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    done = perf(runner, monkeypatch, "step=100")
    assert done.of("pmu") == [
        {"r": "pmu", "counters": ["cycles", "instructions", "cache_refills"], "error": None}
    ]
    for block in done.blocks():
        count = len(block["value"])
        assert block["pmu"] == {
            "cycles": [100] * count,
            "instructions": [200] * count,
            "cache_refills": [300] * count,
        }


def test_counters_of_several_threads_are_read_one_by_one(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = perf(runner, monkeypatch, "step=100", threads=2)
    # Three reads lie between two of one counter.
    assert {value for b in done.blocks() for values in b["pmu"].values() for value in values} == {300}


def test_a_counter_that_shares_its_place_is_unknown(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    done = perf(runner, monkeypatch, "idle=1")
    assert {value for b in done.blocks() for value in b["pmu"]["cycles"]} == {-1}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_reading_that_fails_makes_its_inferences_unknown(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    done = perf(runner, monkeypatch, "lose=5", threads=threads)
    seen = {value for b in done.blocks() for values in b["pmu"].values() for value in values}
    assert seen == ({-1, 100, 200, 300} if threads == 1 else {-1, 300})


def test_on_one_core_its_own_counters_are_taken(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    core = sorted(os.sched_getaffinity(0))[-1]
    done = perf(runner, monkeypatch, "kinds=1", cpus=core)
    assert done.of("pmu")[0]["error"] is None
    assert {value for b in done.blocks() for value in b["pmu"]["cycles"]} == {100}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_counters_of_another_kind_of_core_are_unknown_and_told(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = perf(runner, monkeypatch, "kinds=1;only=2")
    (state,) = done.of("pmu")
    assert "Invalid argument for cache_refills; " in state["error"]
    assert state["error"].endswith("not counting at the start: cycles, instructions")
    assert {value for b in done.blocks() for value in b["pmu"]["cycles"]} == {-1}


def test_a_missing_counter_is_left_out_and_named(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    done = perf(runner, monkeypatch, "only=2")
    (state,) = done.of("pmu")
    assert state["counters"] == ["cycles", "instructions"]
    assert state["error"].startswith("perf_event_open: Invalid argument for cache_refills")
    assert all(b["pmu"].keys() == {"cycles", "instructions"} for b in done.blocks())


@pytest.mark.parametrize(("number", "text"), [(13, "Permission denied"), (2, "No such file or directory")])
def test_refused_counters_do_not_end_the_run(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, number: int, text: str
) -> None:
    done = perf(runner, monkeypatch, f"refuse={number}")
    assert done.status == 0
    (state,) = done.of("pmu")
    assert state["counters"] == []
    assert state["error"].startswith(f"perf_event_open: {text} for cycles, instructions, cache_refills")
    level = Path("/proc/sys/kernel/perf_event_paranoid")
    if level.exists():
        assert state["error"].endswith(f"perf_event_paranoid is {int(level.read_text())}")
    assert not any("pmu" in block for block in done.blocks())


# --- periodic runs ---


def assert_paced(done: Finished, period_ns: int) -> None:
    """No two inferences within a period, but for a late wake-up of the first."""
    blocks = done.blocks()
    before = sum(len(block["value"]) for block in blocks[:-1])
    assert before > 3
    assert blocks[-1]["t"] - blocks[0]["t"] >= (before - 1) * period_ns


def test_inferences_begin_a_period_apart(runner: Runner) -> None:
    done = runner.run(period_us=5_000, blocks=8, seconds=9, block_ms=12, block_max=3, variants="plain")
    assert done.status == 0
    assert_paced(done, 5_000_000)
    assert all(b["missed"] is not None for b in done.blocks())


def test_an_inference_that_is_too_long_misses_deadlines_and_is_not_made_up_for(runner: Runner) -> None:
    done = runner.run(
        script="run_us=25000",
        period_us=10_000,
        blocks=6,
        block_ms=1,
        block_max=1,
        seconds=9,
        variants="plain",
    )
    # 25 ms from a release: the deadlines at 10 and 20 ms pass, at least, and the next release is that at 30.
    assert all(block["missed"] >= 2 for block in done.blocks())
    assert_paced(done, 30_000_000)


def test_the_warm_up_and_the_profiled_twin_are_periodic_too(runner: Runner) -> None:
    done = runner.run(period_us=4_000, blocks=4, seconds=9, block_ms=1, warmup_min=4, warmup_ms=1)
    assert {(b["phase"], b["v"]) for b in done.blocks()} >= {("warmup", "profiled"), ("steady", "profiled")}
    assert_paced(done, 4_000_000)


def test_a_clock_that_jumps_is_never_looked_at(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = runner.folder / "clocks"
    monkeypatch.setenv("FAKE_CLOCK", str(clocks))
    assert runner.run(chain=1, period_us=20_000, blocks=2, block_ms=1, block_max=1).status == 0
    assert set(clocks.read_text().split()) == {str(time.CLOCK_MONOTONIC)}


def test_a_long_wait_hears_the_end_of_standard_input(runner: Runner) -> None:
    process = runner.start(period_us=1_000_000_000, watch_stdin=1, seconds=3600)
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    out, _ = process.communicate(timeout=60)
    assert b'"status":"stopped"' in out.splitlines()[-1]
