"""The contract every runner keeps, whatever it runs on: one suite over all of them."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.phone import AdbServer, VirtualPhone
from tflprof.errors import ModelError, RunnerError, UsageError
from tflprof.model.build import build_micro, build_network
from tflprof.model.build.layers import Network
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import (
    Affinity,
    Block,
    Clock,
    End,
    Failure,
    Hello,
    Init,
    Library,
    LoadedModel,
    Memory,
    Record,
    Structure,
)

EMULATED = [pytest.param(f"emulated:{phone}", marks=pytest.mark.emulated) for phone in ("pixel2", "rpi4")]
# A virtual phone behind the real adb server, with a daemon of today and one from before Android 7.
PHONES = [pytest.param(f"adb {kind}", marks=pytest.mark.emulated) for kind in ("today", "old")]
TARGETS = ["host", "interpreter", *EMULATED, *PHONES]


@pytest.fixture(scope="module", params=TARGETS)
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    if not request.param.startswith("adb "):
        opened = open_runner(request.param, cost="instructions")
        yield opened
        opened.close()
        return
    options = {"shell_v2": False, "crlf": True, "noise": "* welcome *\n"} if "old" in request.param else {}
    server: AdbServer = request.getfixturevalue("adb_server")
    with VirtualPhone(server=server, **options) as phone, pytest.MonkeyPatch.context() as patch:
        for name, value in phone.environment.items():
            if "AD" in name:  # adb's and Android's own: what was fetched stays where it is
                patch.setenv(name, value)
        opened = open_runner(f"adb:{phone.serial}")
        yield opened
        opened.close()
        assert not phone.processes()
        assert [name for name in phone.files() if "/run-" in name] == []


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    contents = {
        "network": build_network("mobilenet_v1", size=32, width=0.25),
        "other": build_network("mobilenet_v1", size=32, width=0.25, dtype="int8"),
        "two_signatures": build_micro("two_signatures"),
        "dynamic": build_micro("dynamic_batch"),
        "strange": build_micro("detection").replace(
            b"TFLite_Detection_PostProcess", b"NobodyEverHeardOfThisOp_Yet_"
        ),
        "text": text_model(),
        "broken": b"TFL3 is not enough",
    }
    for name, content in contents.items():
        (directory / f"{name}.tflite").write_bytes(content)
    return directory


def text_model() -> bytes:
    net = Network("a string input")
    words = net.input("words", (1,), "string")
    return net.finish(net.apply("RESHAPE", [words, net.ints("shape", [1])], "output", (1,), like=words))


def short(*models: Path) -> RunRequest:
    return RunRequest(models, seconds=0.01, warmup_ms=2, block_ms=2, block_max=50)


def run(runner: Runner, request: RunRequest) -> list[Record]:
    session = runner.start(request)
    try:
        return list(session.records())
    finally:
        session.close()


def run_to_failure(runner: Runner, request: RunRequest) -> tuple[list[Record], RunnerError]:
    session = runner.start(request)
    records: list[Record] = []
    try:
        with pytest.raises(RunnerError) as caught:
            records.extend(session.records())  # extend keeps what came before the error
    finally:
        session.close()
    return records, caught.value


def blocks(records: list[Record], variant: str | None = None, phase: str | None = None) -> list[Block]:
    found = [record for record in records if isinstance(record, Block)]
    return [item for item in found if variant in (None, item.v) and phase in (None, item.phase)]


# What a session says, and in which order


def test_the_order_of_records(runner: Runner, models: Path) -> None:
    records = run(runner, short(models / "network.tflite"))
    assert [type(record) for record in records[:4]] == [Hello, Clock, Affinity, Library]
    begun = [record for record in records[4:] if not isinstance(record, Structure)]
    opening = [Memory, Init, Memory, LoadedModel, Block, Memory, Init, Block]
    assert [type(record) for record in begun[:8]] == opening
    phases = [item.phase for item in blocks(records)]
    ranks = [("first", "warmup", "steady").index(phase) for phase in phases]
    if runner.counters[0] == "ns":
        assert ranks == sorted(ranks)
    assert set(phases) >= {"first", "steady"}
    assert records[-1] == End("ok", len(records) - 1)


def test_who_speaks(runner: Runner, models: Path) -> None:
    records = run(runner, short(models / "network.tflite"))
    hello, clock = records[0], records[1]
    assert isinstance(hello, Hello)
    assert isinstance(clock, Clock)
    assert hello.platform == runner.runtime["platform"]
    assert hello.build == runner.build
    assert clock.counter == runner.counters[0]
    assert clock.tick > 0
    assert all(item.counter == runner.counters[0] for item in blocks(records))


def test_the_model_is_described(runner: Runner, models: Path) -> None:
    path = models / "network.tflite"
    records = run(runner, short(path))
    (model,) = (record for record in records if isinstance(record, LoadedModel))
    (image,) = model.inputs
    assert model.path == str(path)
    assert (model.m, model.signature, model.signature_index, model.subgraph) == (0, "serving_default", 0, 0)
    assert (image.dtype, image.shape, image.bytes, image.source) == (
        "float32",
        (1, 32, 32, 3),
        12288,
        "random",
    )
    assert [(port.shape, port.bytes) for port in model.outputs] == [((1, 1001), 4004)]


def test_structures_exist_and_fit(runner: Runner, models: Path) -> None:
    records = run(runner, short(models / "network.tflite"))
    known: dict[int, Structure] = {}
    for record in records:
        if isinstance(record, Structure):
            assert len(record.events) == len(record.start) == len(record.elapsed)
            known[record.s] = record
        if isinstance(record, Block) and record.v == "profiled":
            assert len(record.value) == len(record.core) == len(record.structure) == len(record.events)
            for number, events in zip(record.structure, record.events, strict=True):
                assert len(events) == len(known[number].events)
    assert known


def test_kernels_do_not_exceed_their_call(runner: Runner, models: Path) -> None:
    records = run(runner, short(models / "network.tflite"))
    structures = {record.s: record for record in records if isinstance(record, Structure)}
    tick = next(record.tick for record in records if isinstance(record, Clock))
    for item in blocks(records, "profiled"):
        for value, number, elapsed in zip(item.value, item.structure, item.events, strict=True):
            events = structures[number].events
            kernels = [took for event, took in zip(events, elapsed, strict=True) if event.type == 8]
            (invoke,) = (took for event, took in zip(events, elapsed, strict=True) if event.tag == "Invoke")
            rounding = tick if runner.source == "inprocess" else 0
            assert len(kernels) > 28
            assert sum(kernels) <= invoke + rounding * len(kernels)
            assert invoke <= value + rounding


def test_two_models_take_turns(runner: Runner, models: Path) -> None:
    records = run(runner, short(models / "network.tflite", models / "other.tflite"))
    steady = blocks(records, phase="steady")
    assert {item.m for item in steady} == {0, 1}
    assert {(item.m, item.v) for item in blocks(records, phase="first")} == {
        (model, variant) for model in (0, 1) for variant in ("plain", "profiled")
    }


@pytest.mark.parametrize("variant", ["plain", "profiled"])
def test_one_variant(runner: Runner, models: Path, variant: str) -> None:
    records = run(runner, replace(short(models / "network.tflite"), variants=(variant,)))
    assert {item.v for item in blocks(records)} == {variant}
    assert blocks(records, phase="steady")


@pytest.mark.parametrize("kernels", ["builtin", "reference"])
def test_other_kernels(runner: Runner, models: Path, kernels: str) -> None:
    records = run(runner, replace(short(models / "network.tflite"), kernels=kernels))
    (structure, *_) = (record for record in records if isinstance(record, Structure))
    assert sum(event.type == 2 for event in structure.events) > 28


def test_a_weight_cache_makes_two_inits(runner: Runner, models: Path) -> None:
    request = replace(short(models / "network.tflite"), weight_cache=True)
    records = run(runner, request)
    inits = [(record.v, record.cache) for record in records if isinstance(record, Init)]
    assert inits == [("plain", "cold"), ("plain", "warm"), ("profiled", "warm")]


# Inputs, shapes, signatures


def test_an_input_from_a_file(runner: Runner, models: Path, tmp_path: Path) -> None:
    path = tmp_path / "image=1.bin"
    path.write_bytes(struct.pack("<3072f", *([0.5] * 3072)))
    records = run(runner, replace(short(models / "network.tflite"), inputs={"input": path}))
    (model,) = (record for record in records if isinstance(record, LoadedModel))
    assert model.inputs[0].source == "file"


@pytest.mark.parametrize(("size", "word"), [(12287, "shorter"), (12289, "longer")])
def test_an_input_of_the_wrong_size(
    runner: Runner, models: Path, tmp_path: Path, size: int, word: str
) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(bytes(size))
    _, error = run_to_failure(runner, replace(short(models / "network.tflite"), inputs={"input": path}))
    assert str(path) in error.what
    assert f"{word} than the 12288 bytes of input" in error.what


def test_a_wrong_input_name(runner: Runner, models: Path, tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(bytes(4))
    _, error = run_to_failure(runner, replace(short(models / "network.tflite"), inputs={"picture": path}))
    assert "no model has an input named `picture`" in error.what
    assert error.hint


def test_a_dynamic_dimension_is_1_or_as_asked(runner: Runner, models: Path) -> None:
    for shapes, batch in (({}, 1), ({"input": (3, 16)}, 3)):
        records = run(runner, replace(short(models / "dynamic.tflite"), shapes=shapes))
        (model,) = (record for record in records if isinstance(record, LoadedModel))
        assert model.inputs[0].shape == (batch, 16)
        assert model.outputs[0].shape == (batch, 4)


def test_an_impossible_shape(runner: Runner, models: Path) -> None:
    _, error = run_to_failure(runner, replace(short(models / "dynamic.tflite"), shapes={"input": (3, 5, 7)}))
    assert "shape" in error.what


def test_a_signature_is_chosen(runner: Runner, models: Path) -> None:
    records = run(runner, replace(short(models / "two_signatures.tflite"), signature="double"))
    (model,) = (record for record in records if isinstance(record, LoadedModel))
    assert (model.signature, model.subgraph) == ("double", 1)
    assert [port.name for port in model.inputs] == ["x"]


# Failures


def test_an_unknown_signature(runner: Runner, models: Path) -> None:
    path = models / "two_signatures.tflite"
    records, error = run_to_failure(runner, replace(short(path), signature="triple"))
    assert f"{path} has no signature triple" in error.what
    assert isinstance(records[-2], Failure)
    assert records[-1] == End("error", len(records) - 1)
    assert records[-2].where == "signature"
    assert records[-2].model == 0


def test_a_string_input_is_refused_by_name(runner: Runner, models: Path) -> None:
    _, error = run_to_failure(runner, short(models / "text.tflite"))
    assert "words" in error.what
    assert "string" in error.what


def test_a_broken_file(runner: Runner, models: Path) -> None:
    records, error = run_to_failure(runner, short(models / "broken.tflite"))
    assert "load" in error.what
    assert records[-1] == End("error", len(records) - 1)


def test_an_unknown_custom_operator(runner: Runner, models: Path) -> None:
    _, error = run_to_failure(runner, short(models / "strange.tflite"))
    assert "NobodyEverHeardOfThisOp_Yet_" in error.what


def test_a_missing_model(runner: Runner, models: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no model file .*missing\.tflite"):
        runner.start(short(models / "missing.tflite"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kernels": "fast"}, "fast"),
        ({"variants": ("fancy",)}, "fancy"),
        ({"threads": 0}, "0 threads"),
        ({"models": ()}, "one or two models"),
        ({"signature": "a\nmodel=/etc/passwd"}, "control characters"),
        ({"shapes": {"input": (0, 2)}}, "every dimension"),
    ],
)
def test_impossible_requests(runner: Runner, models: Path, change: dict[str, object], told: str) -> None:
    request = replace(short(models / "network.tflite"), **change)
    with pytest.raises(UsageError, match=told):
        runner.start(request)


# Stopping


def test_stop_ends_with_stopped(runner: Runner, models: Path) -> None:
    request = replace(short(models / "network.tflite"), seconds=60.0, warmup_ms=20_000, max_inferences=1000)
    session = runner.start(request)
    records: list[Record] = []
    for record in session.records():
        records.append(record)
        if isinstance(record, Block):
            session.stop()
            session.stop()
    session.close()
    assert records[-1] == End("stopped", len(records) - 1)
    assert blocks(records)


def test_close_in_the_middle_leaves_nothing(
    runner: Runner, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    session = runner.start(replace(short(models / "network.tflite"), seconds=60.0, weight_cache=True))
    hello = next(session.records())
    assert isinstance(hello, Hello)
    session.close()
    session.close()
    assert list(tmp_path.iterdir()) == []
    # A phone has numbers of its own: there it is looked at when all is done.
    assert hello.pid == os.getpid() or runner.facts.kind == "adb" or not running(hello.pid)


def running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


# Cores


def test_cores(runner: Runner, models: Path) -> None:
    before = os.sched_getaffinity(0)
    cpus = runner.cpus_for("big", 1)
    assert cpus is not None
    records = run(runner, replace(short(models / "network.tflite"), core="big"))
    (affinity,) = (record for record in records if isinstance(record, Affinity))
    assert affinity.allowed == cpus
    assert {core for item in blocks(records) for core in item.core} == set(cpus)
    assert os.sched_getaffinity(0) == before
    with pytest.raises(UsageError, match="there is no core 'huge'"):
        runner.cpus_for("huge", 1)
