"""The runner program against the protocol, with a scripted inference library and sanitizers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from android_runner.tests.harness import Record, Runner, compile_sanitized, finished


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return compile_sanitized(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def runner(binaries: tuple[Path, Path], tmp_path: Path) -> Runner:
    return Runner(*binaries, tmp_path)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


# --- what it is told ---


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"library": None}, "`library` is missing"),
        ({"threads": "two"}, "threads: `two` is not an integer"),
        ({"threads": 0}, "threads: `0` is not within 1 and 1024"),
        ({"threads": ""}, "threads: `` is empty"),
        ({"kernels": "fast"}, "kernels: `fast` is none of xnnpack, builtin, reference"),
        ({"mode": "guess"}, "mode: `guess` is none of time, count"),
        ({"mode": "count"}, "`mode=count` needs `counter_page`"),
        ({"counter": "joules"}, "counter: `joules` is none of"),
        ({"variants": "plain,fancy"}, "variants: `plain,fancy` holds a variant"),
        ({"variants": ","}, "variants: `,` names no variant"),
        ({"cpus": "1,x"}, "cpus: `1,x` holds something that is no CPU number"),
        ({"cpus": "1024"}, "cpus: `1024` holds something that is no CPU number"),
        ({"seconds": "nan"}, "seconds: `nan` is no number of seconds"),
        ({"seconds": "-1"}, "seconds: `-1` is no number of seconds"),
        ({"block_min": 9, "block_max": 5}, "`block_min` is more than `block_max`"),
        ({"shape": "image=1,0"}, "shape: `image=1,0` has a dimension that is no positive number"),
        ({"shape": "image=1,1,1,1,1,1,1,1,1"}, "has more than 8 dimensions"),
        ({"shape": "1,2"}, "shape: `1,2` is not NAME=DIMENSIONS"),
        ({"input": "=file"}, "input: `=file` is not NAME=FILE"),
        ({"shape": "imagine=1,4"}, "no model has an input named `imagine`"),
        ({"hwcap": "0xyz"}, "hwcap: `0xyz` is not a hexadecimal number"),
        ({"watch_stdin": "yes"}, "watch_stdin: `yes` is neither 0 nor 1"),
        ({"colour": "red"}, "unknown key `colour`"),
    ],
)
def test_a_bad_option_is_named(runner: Runner, settings: dict[str, object], message: str) -> None:
    done = runner.run(**settings)
    assert done.status == 2
    assert done.error()["where"] == "options"
    assert message in done.error()["message"]
    assert message in done.stderr


def test_a_bad_line_is_numbered(runner: Runner) -> None:
    path = runner.folder / "broken"
    path.write_text("# a comment\n\nlibrary\n")
    done = subprocess.run(runner.command(path), capture_output=True)
    records = finished(done.returncode, done.stdout, done.stderr)
    assert records.status == 2
    assert records.error()["message"] == "line 3: `library` is not key=value"


@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["/nonexistent/options"]])
def test_it_wants_one_readable_file(runner: Runner, arguments: list[str]) -> None:
    done = subprocess.run([runner.program, *arguments], capture_output=True)
    assert finished(done.returncode, done.stdout, done.stderr).error()["where"] == "options"
    assert done.returncode == 2


def test_too_many_models(runner: Runner) -> None:
    done = runner.run(models=[runner.model(name) for name in "abc"])
    assert (done.status, "one model too many" in done.error()["message"]) == (2, True)


def test_options_reach_the_library(runner: Runner) -> None:
    trace = runner.folder / "trace"
    runner.run(script=f"trace={trace}", kernels="builtin", threads=3, xnnpack_flags=5)
    told = lines(trace)
    assert told[:5] == [
        "runtime_options_string: enable_profiling = false",
        "error_reporter_mode = 2",
        'xnnpack: kernel_mode = "builtin"',
        "num_threads = 3",
        "flags = 5",
    ]
    assert "runtime_options_string: enable_profiling = true" in told


# --- what it writes, in which order ---


def kinds(records: list[Record]) -> list[str]:
    return [" ".join(str(r[key]) for key in ("r", "at", "v", "phase") if key in r) for r in records]


def test_order_of_records(runner: Runner) -> None:
    done = runner.run(blocks=2, warmup_ms=0)
    assert done.status == 0
    assert kinds(done.records) == [
        "hello",
        "clock",
        "affinity",
        "library",
        "memory start",
        "init plain",
        "memory init",
        "model",
        "block plain first",
        "memory first",
        "init profiled",
        "structure",
        "block profiled first",
        "block plain warmup",
        "block profiled warmup",
        "block plain steady",
        "block profiled steady",
        "memory end",
        "end",
    ]
    assert done.records[-1] == {"r": "end", "status": "ok", "records": len(done.records) - 1}
    assert [b["b"] for b in done.blocks()] == list(range(len(done.blocks())))
    assert [b["round"] for b in done.blocks(phase="steady")] == [0, 1]


def test_the_records_say_what_they_must(runner: Runner) -> None:
    done = runner.run(blocks=2)
    (hello,), (clock,), (library,), (model,) = (done.of(k) for k in ("hello", "clock", "library", "model"))
    assert hello == {**hello, "protocol": 1, "platform": f"linux-{os.uname().machine}"}
    assert clock["counter"] == "ns"
    assert clock["tick"] > 0
    assert library == {
        "r": "library",
        "path": str(runner.library),
        "api": "litert",
        "version": None,
        "build": None,
    }
    assert (model["signature"], model["signature_index"], model["subgraph"]) == ("one", 0, 0)
    assert model["inputs"] == [
        {"name": "image", "dtype": "float32", "shape": [1, 4], "bytes": 16, "source": "random"}
    ]
    # A quote is escaped, a byte that is no UTF-8 replaced.
    assert model["outputs"] == [
        {"name": 'scores "\N{REPLACEMENT CHARACTER}"', "dtype": "float32", "shape": [1, 3], "bytes": 12}
    ]
    assert all(m["peak_bytes"] >= m["current_bytes"] > 0 for m in done.of("memory"))
    for block in done.blocks():
        assert len(block["value"]) == len(block["core"]) > 0
        assert all(value > 0 for value in block["value"])


def test_the_second_signature(runner: Runner) -> None:
    (model,) = runner.run(signature="two").of("model")
    assert (model["signature"], model["signature_index"], model["subgraph"]) == ("two", 1, 1)
    missing = runner.run(signature="three")
    assert (missing.status, missing.error()["where"]) == (3, "signature")
    assert "no signature three" in missing.error()["message"]


def test_one_variant_only(runner: Runner) -> None:
    assert {b["v"] for b in runner.run(variants="plain").blocks()} == {"plain"}
    profiled = runner.run(variants="profiled")
    assert {b["v"] for b in profiled.blocks()} == {"profiled"}
    assert profiled.of("model")


def test_prints_of_the_library_stay_out(runner: Runner) -> None:
    done = runner.run(script="print=1")
    assert done.status == 0
    assert "a line of the library" in done.stderr


def test_a_path_that_is_no_utf8(runner: Runner) -> None:
    path = os.fsdecode(os.fsencode(runner.folder) + b"/\xff\xc3\xa9.tflite")
    Path(path).write_bytes(b"")
    (model,) = runner.run(models=[path]).of("model")
    assert model["path"] == f"{runner.folder}/\N{REPLACEMENT CHARACTER}é.tflite"


# --- what it runs ---


def test_blocks_are_sized_by_speed_within_bounds(runner: Runner) -> None:
    slow = runner.run(script="run_us=30000", block_ms=20, block_max=500, blocks=2)
    assert {len(b["value"]) for b in slow.blocks(phase="steady")} == {1}
    fast = runner.run(script="run_us=100", block_ms=50, block_max=500, blocks=2, warmup_ms=60)
    # At most what fits; far more than one, even on a machine that stumbles.
    assert all(10 < len(b["value"]) <= 500 for b in fast.blocks(phase="steady"))
    fewest = runner.run(script="run_us=2000", block_ms=1, block_min=3, blocks=2)
    assert {len(b["value"]) for b in fewest.blocks(phase="steady")} == {3}
    most = runner.run(block_ms=1000, block_max=4, blocks=2)
    assert {len(b["value"]) for b in most.blocks(phase="steady")} == {4}


def test_warm_up_is_long_enough_in_time_and_number(runner: Runner) -> None:
    done = runner.run(script="run_us=1000", warmup_ms=20, warmup_min=2, block_ms=5, variants="plain")
    assert sum(sum(b["value"]) for b in done.blocks(phase="warmup")) > 10e6
    done = runner.run(warmup_ms=0, warmup_min=7, block_ms=0, variants="plain")
    assert sum(len(b["value"]) for b in done.blocks(phase="warmup")) == 7


def test_discarded_inferences_run_but_are_not_recorded(runner: Runner) -> None:
    trace = runner.folder / "trace"
    done = runner.run(script=f"trace={trace}", discard=3, blocks=4, variants="plain")
    recorded = sum(len(b["value"]) for b in done.blocks())
    assert sum(line.startswith("run ") for line in lines(trace)) == recorded + 4 * 3


def test_short_inferences_fill_their_block_unrecorded(runner: Runner) -> None:
    trace = runner.folder / "trace"
    settings = {"fill": 1, "block_ms": 40, "block_max": 5, "blocks": 4, "seconds": 60}
    done = runner.run(script=f"run_us=200;trace={trace}", variants="plain", **settings)
    steady = done.blocks(phase="steady")
    assert [len(b["value"]) for b in steady] == [5] * 4
    recorded = sum(len(b["value"]) for b in done.blocks())
    assert sum(line.startswith("run ") for line in lines(trace)) > 2 * recorded


def test_profiled_blocks_have_a_limit_of_their_own(runner: Runner) -> None:
    done = runner.run(block_ms=100, block_max=9, profiled_max=2, fill=1, blocks=4, seconds=60)
    sizes = {b["v"]: len(b["value"]) for b in done.blocks(phase="steady")}
    assert sizes == {"plain": 9, "profiled": 2}


def test_profiled_rounds_come_every_so_often(runner: Runner) -> None:
    done = runner.run(blocks=6, profiled_every=2)
    assert [b["v"] for b in done.blocks(phase="steady")] == ["plain", "plain", "profiled"] * 2


def test_one_round_of_each_variant_always_runs(runner: Runner) -> None:
    done = runner.run(seconds=0, profiled_every=3)
    assert [b["v"] for b in done.blocks(phase="steady")] == ["plain"] * 3 + ["profiled"]


def test_two_models_alternate_in_an_order_the_seed_decides(runner: Runner) -> None:
    def order(seed: int) -> list[int]:
        models = [runner.model("a"), runner.model("b")]
        done = runner.run(models=models, seed=seed, seconds=60, blocks=20)
        rounds = [b["m"] for b in done.blocks(phase="steady")]
        assert all({rounds[i], rounds[i + 1]} == {0, 1} for i in range(0, 40, 2))
        assert [r["m"] for r in done.of("model")] == [0, 1]
        return rounds[::2]

    assert order(1) == order(1) != order(2)
    assert set(order(1)) == {0, 1}


# --- profiler events ---


def test_structures_are_numbered_when_first_seen(runner: Runner) -> None:
    done = runner.run(script="alternate=1;events=2", blocks=4)
    first, second = done.of("structure")
    assert (first["s"], second["s"]) == (0, 1)
    assert first["events"] == [
        [1, 0, 0, 0, "Invoke"],
        [8, 0, 0, 0, "Conv"],
        [8, 0, 1, 0, 'Conv, "odd"'],
        [2, 0, -1, 0, "node"],
    ]
    assert (first["start"], first["elapsed"]) == ([0, 0, 0, 100], [1000, 10, 20, 7])
    assert [e[4] for e in second["events"]] == ["Invoke", "Conv", 'Conv, "odd"', "Conv", "node"]
    sizes = {0: 4, 1: 5}
    known: set[int] = set()
    for record in done.records:
        known |= {record["s"]} if record["r"] == "structure" else set()
        if record["r"] == "block" and record["v"] == "profiled":
            assert set(record["structure"]) <= known
            assert [len(e) for e in record["events"]] == [sizes[s] for s in record["structure"]]


def test_two_models_do_not_share_structures(runner: Runner) -> None:
    done = runner.run(models=[runner.model("a"), runner.model("b")])
    assert [(r["m"], r["s"]) for r in done.of("structure")] == [(0, 0), (1, 1)]


@pytest.mark.parametrize("script", ["events=0", "profiler=none", "profiler=fail"])
def test_blocks_without_events(runner: Runner, script: str) -> None:
    done = runner.run(script=script)
    assert done.status == 0
    assert done.of("structure", s=0, events=[])
    assert all(events == [] for b in done.blocks(v="profiled") for events in b["events"])


# --- counting ---


def count(runner: Runner, script: str, **settings: object) -> list[tuple[str, list[int]]]:
    page = runner.folder / "page"
    page.write_bytes(bytes(4096))
    done = runner.run(script=f"page={page};{script}", mode="count", counter_page=page, **settings)
    assert done.status == 0
    assert all(b["counter"] == "instructions" and b["khz"] is None for b in done.blocks())
    assert all(m["peak_bytes"] is None for m in done.of("memory"))
    return [(b["phase"], b["value"]) for b in done.blocks()]


def test_counting_ends_when_two_agree(runner: Runner) -> None:
    counted = count(runner, "counts=900,52,51,50", variants="plain")
    assert counted == [
        ("first", [900]),
        ("warmup", [52]),
        ("warmup", [51]),
        ("steady", [50]),
        ("steady", [50]),
    ]


def test_events_must_agree_too(runner: Runner) -> None:
    # The first of the profiled runs is its `first`; the totals never change.
    phases = [phase for phase, _ in count(runner, "counts=5;settle=4", variants="profiled")]
    assert phases == ["first", "warmup", "warmup", "steady", "steady"]


def test_counting_gives_up(runner: Runner) -> None:
    numbers = ",".join(str(n) for n in range(1, 30))
    counted = count(runner, f"counts={numbers}", variants="plain", max_inferences=6)
    assert [phase for phase, _ in counted] == ["first"] + ["warmup"] * 6


def test_a_counter_that_stands_still_is_no_count(runner: Runner) -> None:
    page = runner.folder / "page"
    page.write_bytes(bytes(4096))
    done = runner.run(mode="count", counter_page=page, counter="cycles", script=f"page={page};counts=5")
    assert (done.status, done.error()["where"]) == (3, "counter_page")
    assert "the counter `cycles` stands still" in done.error()["message"]


def test_a_counter_page_too_small(runner: Runner) -> None:
    page = runner.folder / "page"
    page.write_bytes(bytes(8))
    done = runner.run(mode="count", counter_page=page)
    assert (done.status, done.error()["where"]) == (3, "counter_page")


# --- the rest of the options ---


def test_a_weight_cache_is_filled_and_found(runner: Runner) -> None:
    cache, trace = runner.folder / "cache", runner.folder / "trace"
    cache.write_bytes(b"of another model")
    models = [runner.model("a"), runner.model("b")]
    done = runner.run(script=f"trace={trace}", weight_cache=cache, models=models, variants="plain", blocks=1)
    assert [(r["m"], r["cache"]) for r in done.of("init")] == [
        (0, "cold"),
        (0, "warm"),
        (1, "cold"),
        (1, "warm"),
    ]
    assert not cache.exists()
    told = lines(trace)
    assert f'weight_cache_file_path = "{cache}"' in told
    assert f'weight_cache_file_path = "{cache}.1"' in told
    steps = [line for line in told if line in {"load", "compile", "discard", "unload"}]
    assert steps == ["load", "compile", "discard", "unload", "load", "compile"] * 2


def test_affinity_is_set_or_the_refusal_told(runner: Runner) -> None:
    cpu = min(os.sched_getaffinity(0))
    (affinity,) = runner.run(cpus=cpu).of("affinity")
    assert affinity == {"r": "affinity", "requested": [cpu], "allowed": [cpu], "error": None}
    refused = runner.run(cpus=1023)
    (affinity,) = refused.of("affinity")
    assert (affinity["requested"], affinity["error"]) == ([1023], "Invalid argument")
    assert set(affinity["allowed"]) == os.sched_getaffinity(0)
    assert refused.status == 0
