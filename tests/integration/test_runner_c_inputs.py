"""What the runner puts into a model, with a scripted inference library and sanitizers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from android_runner.tests.harness import Runner, compile_sanitized


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return compile_sanitized(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def runner(binaries: tuple[Path, Path], tmp_path: Path) -> Runner:
    return Runner(*binaries, tmp_path)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_dynamic_dimensions_become_one_or_what_is_asked(runner: Runner) -> None:
    (model,) = runner.run(script="dims=-1,4").of("model")
    assert (model["inputs"][0]["shape"], model["outputs"][0]["shape"]) == ([1, 4], [1, 3])
    (model,) = runner.run("shape=image=5,4", script="dims=-1,4").of("model")
    assert (model["inputs"][0]["shape"], model["outputs"][0]["shape"]) == ([5, 4], [5, 3])
    assert model["outputs"][0]["bytes"] == 5 * 3 * 4


def test_a_static_input_is_resized_only_when_asked(runner: Runner) -> None:
    trace = runner.folder / "trace"
    runner.run("shape=image=1,4", script=f"trace={trace}")
    assert not any("resize" in line for line in lines(trace))
    (model,) = runner.run("shape=image=2,4", script=f"trace={trace}").of("model")
    assert model["inputs"][0]["shape"] == [2, 4]
    assert "not strict: resize" in lines(trace)


@pytest.mark.parametrize(
    ("number", "name"), [(5, "string"), (14, "resource"), (15, "variant"), (99, "unknown")]
)
def test_types_nobody_can_fill_are_refused_by_name(runner: Runner, number: int, name: str) -> None:
    done = runner.run(script=f"type={number}")
    assert done.status == 3
    assert f"input image is of type {name} ({number})" in done.error()["message"]


def draws(seed: int, count: int) -> list[int]:
    mask, numbers = 2**64 - 1, []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        mixed = ((seed ^ seed >> 30) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & mask
        numbers.append(mixed ^ mixed >> 31)
    return numbers


def as_bfloat16(values: np.ndarray) -> bytes:
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()


def expected_input(kind: str, numbers: list[int]) -> bytes:
    real = np.array([(u >> 40) / 2**24 * 2 - 1 for u in numbers])
    if kind == "bfloat16":
        return as_bfloat16(real)
    if kind in {"float16", "float32", "float64"}:
        return real.astype(np.dtype(kind)).tobytes()
    if kind in {"int32", "int64", "uint32", "uint64"}:
        return np.array([u % 10 for u in numbers]).astype(kind).tobytes()
    if kind == "bool":
        return bytes(u & 1 for u in numbers)
    width = np.dtype(kind).itemsize
    return b"".join(struct.pack("<Q", u)[:width] for u in numbers)


TYPES = {
    "float32": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9, "float16": 10,
    "float64": 11, "uint64": 13, "uint32": 16, "uint16": 17, "bfloat16": 19,
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
def test_random_inputs_are_those_of_the_protocol(runner: Runner, kind: str) -> None:
    dump = runner.folder / "dump"
    done = runner.run(script=f"type={TYPES[kind]};dims=1,500;dump={dump}", seed=7)
    assert done.of("model")[0]["inputs"][0]["dtype"] == kind
    assert dump.read_bytes() == expected_input(kind, draws(7 * 1000003, 500))


@pytest.mark.parametrize(("kind", "number", "per_byte"), [("int4", 18, 2), ("int2", 20, 4), ("uint4", 21, 2)])
def test_small_integers_are_random_bytes(runner: Runner, kind: str, number: int, per_byte: int) -> None:
    dump = runner.folder / "dump"
    runner.run(script=f"type={number};dims=1,101;dump={dump}")
    size = -(-101 // per_byte)
    assert dump.read_bytes() == bytes(u & 0xFF for u in draws(0, size))


def test_complex_numbers_take_two_draws(runner: Runner) -> None:
    dump = runner.folder / "dump"
    runner.run(script=f"type=8;dims=1,10;dump={dump}")
    assert dump.read_bytes() == expected_input("float32", draws(0, 20))


def test_an_input_from_a_file(runner: Runner) -> None:
    given, dump = runner.folder / "given", runner.folder / "dump"
    given.write_bytes(bytes(range(16)))
    done = runner.run(f"input=image={given}", script=f"dump={dump}")
    assert dump.read_bytes() == given.read_bytes()
    assert done.of("model")[0]["inputs"][0]["source"] == "file"


@pytest.mark.parametrize(
    ("size", "message"),
    [(15, "is shorter than the 16 bytes"), (17, "is longer than the 16 bytes"), (None, "No such file")],
)
def test_an_input_file_must_fit(runner: Runner, size: int | None, message: str) -> None:
    given = runner.folder / "given"
    if size is not None:
        given.write_bytes(bytes(size))
    done = runner.run(f"input=image={given}")
    assert (done.status, done.error()["where"]) == (3, "input")
    assert message in done.error()["message"]
