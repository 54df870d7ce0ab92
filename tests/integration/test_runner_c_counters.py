"""Several counters in the same inferences, by readings that have numbers."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from android_runner import build
from android_runner.tests.harness import FAKE, FLAGS, SANITIZERS, SOURCES, Finished, Runner, compile_tflite

NAMES = ("instructions", "cycles", "dram_lines")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fake") / "libfake.so"
    sources = [str(source) for source in sorted(FAKE.glob("*.c"))]
    subprocess.run(["gcc", *FLAGS, "-shared", "-fPIC", *sources, "-o", str(path)], check=True)
    return path


@pytest.fixture
def runner(library: Path, tmp_path: Path) -> Runner:
    """The runner as it is shipped: one with sanitizers does not serve the library its clock."""
    build.build()
    return Runner(build.DEFAULT_OUT / f"tflprof-runner-linux-{platform.machine()}", library, tmp_path)


def count(
    runner: Runner, script: str, *lines: str, names: tuple[str, ...] = NAMES, **settings: object
) -> Finished:
    page = runner.folder / "page"
    page.write_bytes(bytes(4096))
    script = f"page={page};{script}"
    wanted = [f"counter={name}" for name in names]
    return runner.run(*wanted, *lines, script=script, mode="count", counter_page=page, **settings)


def test_any_two_numbers_tell_their_places(tmp_path: Path) -> None:
    program = tmp_path / "numbers"
    sources = [SOURCES / "tests" / "numbers" / "main.c", SOURCES / "numbers.c"]
    subprocess.run(["gcc", *FLAGS, *SANITIZERS, *map(str, sources), "-o", str(program)], check=True)
    for seed in range(5):
        done = subprocess.run([str(program), str(seed), "100000"], capture_output=True, text=True)
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_every_event_has_every_counter(runner: Runner) -> None:
    done = count(runner, "steps=100:6400:3,50:40:0,7:88:1")
    assert done.status == 0
    for variant in ("plain", "profiled"):
        found = done.blocks(v=variant, phase="steady")
        assert [(b["counter"], b["value"]) for b in found[:3]] == [
            ("instructions", [157]),
            ("cycles", [102]),
            ("dram_lines", [4]),
        ]
    profiled = done.blocks(v="profiled", phase="steady")[:3]
    events = {b["counter"]: b["events"][0] for b in profiled}
    assert events["instructions"] == [157, 100, 50, 7]
    assert events["dram_lines"] == [4, 3, 0, 1]
    # Whole cycles are cut from the 64ths counted so far, so that kernels make up their call.
    assert events["cycles"] == [102, 100, 0, 2]


def test_records_of_a_block_stand_together(runner: Runner) -> None:
    done = count(runner, "steps=5:640:0")
    blocks = done.blocks()
    for at in range(0, len(blocks), 3):
        assert [b["counter"] for b in blocks[at : at + 3]] == list(NAMES)
        assert len({(b["b"], b["t"], b["phase"], b["v"]) for b in blocks[at : at + 3]}) == 1
    assert [b["b"] for b in blocks[::3]] == list(range(len(blocks) // 3))
    assert [r["counter"] for r in done.of("init", v="plain")] == list(NAMES)
    assert [r["counter"] for r in done.of("clock")] == list(NAMES)


def test_a_structure_has_counts_of_the_first(runner: Runner) -> None:
    done = count(runner, "steps=5:640:0,6:640:0", names=("cycles", "instructions"))
    assert [(r["start"], r["elapsed"]) for r in done.of("structure")] == [([0, 0, 0], [20, 10, 10])]
    assert [b["counter"] for b in done.blocks()[:2]] == ["cycles", "instructions"]


def test_cycles_alone_are_whole_ones(runner: Runner) -> None:
    done = count(runner, "steps=5:640:0", names=("cycles",))
    assert {(b["counter"], *b["value"]) for b in done.blocks()} == {("cycles", 10)}
    assert all("counter" not in record for record in done.of("init"))


def test_a_time_that_is_no_difference_is_an_error(runner: Runner) -> None:
    done = count(runner, "steps=5:640:0,6:640:0,7:640:0;twice=1")
    assert (done.status, done.error()["where"]) == (3, "events")
    assert "is no difference of two readings of the clock" in done.error()["message"]
    assert "`Kernel`" in done.error()["message"]


@pytest.mark.parametrize(("asks", "status"), [(262_136, 0), (262_137, 3)])
def test_as_many_readings_as_there_are_numbers_are_an_error(runner: Runner, asks: int, status: int) -> None:
    # Seven others: where serving begins, around the run, around the call and at each of two kernels.
    done = count(runner, f"steps=5:640:0,6:640:0;asks={asks}", agree_ppm=1000)
    assert done.status == status
    if status:
        assert "read the clock 262144 times" in done.error()["message"]
    else:
        assert done.blocks(v="profiled", phase="steady")[0]["events"] == [[11, 5, 6]]


def test_with_one_counter_times_may_be_anything(runner: Runner) -> None:
    done = count(runner, "steps=5:640:0,6:640:0;twice=1", names=("instructions",))
    assert done.blocks(v="profiled")[0]["events"] == [[11, 5, 11]]


def test_every_event_of_an_interpreter_has_every_counter(tmp_path: Path) -> None:
    """Operators, kernels of a delegate, and the calls of subgraphs that are derived from them."""
    build.build()
    program = build.DEFAULT_OUT / f"tflprof-runner-linux-{platform.machine()}"
    script = "loop=1;measured=1;begun=2;nested=1;xnnpack=own"
    done = count(Runner(program, compile_tflite(tmp_path), tmp_path), script)
    assert done.status == 0
    (structure,) = done.of("structure")
    for at in range(0, len(done.blocks(v="profiled")), 3):
        instructions, cycles, lines = (b["events"][0] for b in done.blocks(v="profiled")[at : at + 3])
        assert len(instructions) == len(structure["events"]) > 15
        assert instructions == cycles == [10 * each for each in lines]
    tags = [tag for *_, tag in structure["events"]]
    loop = tags.index("WHILE")
    assert tags[loop + 1 : loop + 3] == ["Invoke", "LESS"]
    assert instructions[0] > instructions[loop] > instructions[loop + 1] == instructions[loop + 2] == 10
    assert structure["start"] == sorted(structure["start"]) or 0 in structure["start"][1:]


@pytest.mark.parametrize("name", NAMES)
def test_only_memory_may_stand_still(runner: Runner, name: str) -> None:
    steps = ":".join("0" if name == each else "6400" for each in NAMES)
    done = count(runner, f"steps={steps}")
    if name == "dram_lines":
        assert done.status == 0
        assert {value for b in done.blocks(counter=name) for value in b["value"]} == {0}
        assert done.of("clock", counter=name)[0]["tick"] is None
    else:
        assert f"the counter `{name}` stands still" in done.error()["message"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("counter=cycles", "counter=cycles"), "counter: `cycles` is there twice"),
        (("counter=cycles", "counter=instructions", "threads=2"), "several of `counter` need `threads=1`"),
        (("plain_max=5",), "`plain_max` needs `agree_ppm`"),
        (("agree_ppm=1000001",), "is not within 0 and 1000000"),
    ],
)
def test_options_that_do_not_fit(runner: Runner, lines: tuple[str, ...], told: str) -> None:
    page = runner.folder / "page"
    page.write_bytes(bytes(4096))
    done = runner.run(*lines, mode="count", counter_page=page)
    assert done.status == 2
    assert told in done.error()["message"]


# --- few inferences ---


def phases(done: Finished) -> list[tuple[str, str, int]]:
    assert done.status == 0
    return [(b["v"], b["phase"], *b["value"]) for b in done.blocks(counter="instructions")]


ONE = ("instructions",)


def test_the_second_inference_is_enough_if_it_agrees(runner: Runner) -> None:
    done = count(runner, "counts=100000,99950,5000,5001", names=ONE, agree_ppm=1000)
    assert phases(done) == [
        ("profiled", "first", 100_000),
        ("profiled", "steady", 99_950),
        ("plain", "first", 5000),
        ("plain", "steady", 5001),
    ]
    kinds = [r["r"] for r in done.records if r["r"] in ("memory", "init", "model", "block")]
    opening = ["memory", "init", "memory", "model", "block", "memory", "block"]
    assert kinds == [*opening, "init", "block", "block", "memory"]


def test_it_goes_on_until_two_agree(runner: Runner) -> None:
    done = count(runner, "counts=900,800,700,701", names=ONE, agree_ppm=2000, variants="plain")
    assert phases(done) == [
        ("plain", "first", 900),
        ("plain", "warmup", 800),
        ("plain", "warmup", 700),
        ("plain", "steady", 701),
    ]


def test_events_must_be_the_same_ones(runner: Runner) -> None:
    done = count(
        runner, "counts=900;alternate=1", names=ONE, agree_ppm=2000, variants="profiled", max_inferences=3
    )
    assert [phase for _, phase, _ in phases(done)] == ["first", "warmup", "warmup", "warmup"]


@pytest.mark.parametrize(("most", "variants"), [(899, {"profiled"}), (900, {"profiled", "plain"})])
def test_a_large_model_is_not_run_plain(runner: Runner, most: int, variants: set[str]) -> None:
    done = count(runner, "counts=900", names=ONE, agree_ppm=1000, plain_max=most)
    assert {variant for variant, _, _ in phases(done)} == variants


def test_two_models_one_after_the_other(runner: Runner) -> None:
    models = [runner.model("a"), runner.model("b")]
    done = count(runner, "counts=900", names=ONE, agree_ppm=1000, models=models)
    assert [(b["m"], b["v"]) for b in done.blocks(phase="steady")] == [
        (0, "profiled"),
        (0, "plain"),
        (1, "profiled"),
        (1, "plain"),
    ]
