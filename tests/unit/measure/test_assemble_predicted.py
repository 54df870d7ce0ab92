"""From counts of an emulated core to a profile of predicted times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.unit.measure.graphs import micro
from tests.unit.measure.scripted import INVOKE, ScriptedRunner, block, whole
from tflprof.errors import TargetError, UsageError
from tflprof.facts import Cpu, DeviceFacts
from tflprof.measure.assemble import assemble
from tflprof.measure.pipeline import measure
from tflprof.measure.predict import check_predictable
from tflprof.measure.schedule import Plan
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile, write_profile
from tflprof.runner.interface import RunRequest
from tflprof.runner.records import End, Event, Init, LoadedModel, Record, Structure
from tflprof.targets.anchors import Anchor, anchor_file, change_anchors
from tflprof.targets.cores import parse_cores
from tflprof.targets.cost_table import CoreCosts
from tflprof.targets.phone import Memory, load_phone

PLAN = Plan(max_seconds=20)
HERTZ = 2_000_000_000
COUNTS = {"instructions": 40_000_000, "cycles": 20_000_001, "dram_lines": 1000}
COSTS = CoreCosts("cortex-a73", "caches", HERTZ, 4, "", "c" * 64, 30.0, Memory(10.0, 100.0, None, {4: 20.0}))


@dataclass
class EmulatingRunner(ScriptedRunner):
    """A scripted runner that stands for a core whose costs are known."""

    known: CoreCosts = COSTS

    def costs(self, cpus: tuple[int, ...] | None) -> CoreCosts | None:
        return self.known


def script(_: int) -> list[Record | BaseException]:
    found: list[Record | BaseException] = [
        replace(r, events=(INVOKE, Event(8, 0, 0, 0, "Convolution (NHWC, F32) IGEMM")))
        if isinstance(r, Structure)
        else r
        for r in whole(0)
        if isinstance(r, LoadedModel | Structure)
    ]
    for name, count in COUNTS.items():
        found.append(replace(Init(0, "plain", "none", 0, 10 * count), counter=name))
    number = 0
    for phase in ("first", "steady", "steady"):
        for variant in ("profiled", "plain"):
            number += 1
            found += [block(variant, number, [count], phase, counter=name) for name, count in COUNTS.items()]
    return [*found, End("ok", len(found))]


def emulating(cost: str = "caches") -> EmulatingRunner:
    return EmulatingRunner(
        script,
        facts=DeviceFacts("pixel2", "emulated", "none", "none", cpus=(Cpu(0),)),
        counters=tuple(COUNTS),
        deterministic=True,
        provenance="predicted",
        cost=cost,
    )


def profiled(folder: Path, request: RunRequest | None = None, anchors: str = "auto") -> Profile:
    model = micro(folder, "conv_2d")
    asked = request or RunRequest((Path(model.path),))
    runner = emulating()
    outcome = measure(runner, replace(asked, threads=1), PLAN, lambda _: None)
    return assemble(model, runner, asked, PLAN, outcome, anchors=anchors)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_a_predicted_profile_says_so(tmp_path: Path) -> None:
    profile = profiled(tmp_path)
    meta, prediction = profile.meta, profile.meta.prediction
    assert (meta.unit, meta.provenance, meta.deterministic) == ("ns", "predicted", True)
    assert prediction is not None
    assert (prediction.core, prediction.hertz, prediction.scale) == ("cortex-a73", HERTZ, 1.0)
    assert (prediction.threads, prediction.mode, prediction.anchors) == (1, "caches", ())
    assert 0 < prediction.error < prediction.layer_error
    assert meta.clock.tick is None


def test_times_stand_beside_the_counts(tmp_path: Path) -> None:
    profile = profiled(tmp_path)
    table = profile.samples()
    assert set(table.counter) >= {"ns", *COUNTS}
    times = table[(table.counter == "ns") & (table.kind == "inference")]
    cycles = table[(table.counter == "cycles") & (table.kind == "inference")]
    columns = ["process", "block", "phase", "variant", "inference"]
    assert times[columns].to_numpy().tolist() == cycles[columns].to_numpy().tolist()
    assert set(times.value) == {10_000_001}
    assert table[(table.counter == "ns") & (table.kind == "init")].value.tolist() == [100_000_005]


def test_the_summary_adds_up_and_has_the_counts(tmp_path: Path) -> None:
    profile = profiled(tmp_path)
    summary = profile.summary
    assert summary.total.typical == 10_000_001
    assert sum(layer.estimate.typical or 0 for layer in summary.layers) + (
        summary.unattributed.typical or 0
    ) == pytest.approx(10_000_001)
    assert profile.counts is not None
    assert profile.counts.summary.total.typical == 40_000_000


def test_it_is_stored_and_read(tmp_path: Path) -> None:
    profile = profiled(tmp_path)
    write_profile(profile, tmp_path / "p.parquet")
    again = read_profile(tmp_path / "p.parquet")
    assert again.meta == profile.meta
    assert again.summary == profile.summary


def anchor(**changes: object) -> Anchor:
    made = Anchor(
        *("m", "a" * 64, "cortex-a73", HERTZ, 1, "caches", 12_000_000, 10_000_000, "c" * 64, "bench", "d")
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_anchors_scale_and_are_named(tmp_path: Path) -> None:
    change_anchors(anchor_file("pixel2"), "pixel2", lambda _: [anchor(element_type="float32")])
    found, bare = profiled(tmp_path), profiled(tmp_path, anchors="none")
    assert found.meta.prediction is not None
    assert bare.meta.prediction is not None
    assert found.summary.total.typical == 12_000_001
    assert bare.summary.total.typical == 10_000_001
    assert found.meta.prediction.scale == 1.2
    assert found.meta.prediction.anchors == ("m: 12.0 ms measured, 10.0 ms predicted (bench, d)",)
    assert found.meta.prediction.error < bare.meta.prediction.error


def test_an_anchor_that_is_out_of_date_is_told(tmp_path: Path) -> None:
    change_anchors(anchor_file("pixel2"), "pixel2", lambda _: [anchor(costs_sha256="d" * 64)])
    profile = profiled(tmp_path)
    assert profile.meta.prediction is not None
    assert profile.meta.prediction.scale == 1.0
    assert "calibrate pixel2 again" in profile.meta.conditions["prediction_notes"][0]


def test_four_threads(tmp_path: Path) -> None:
    alone = profiled(tmp_path)
    four = profiled(tmp_path, RunRequest((tmp_path / "conv_2d.tflite",), threads=4))
    assert four.meta.prediction is not None
    assert four.meta.prediction.threads == four.meta.options.threads == 4
    assert alone.summary.total.typical is not None
    assert four.summary.total.typical is not None
    assert alone.summary.total.typical / 4 < four.summary.total.typical < alone.summary.total.typical / 2
    gaps = [one.summary.unattributed.typical for one in (alone, four)]
    assert gaps[0] == pytest.approx(gaps[1], abs=2)
    assert four.layer_counts == alone.layer_counts


@pytest.mark.parametrize(
    ("runner", "request_", "kind", "why"),
    [
        (emulating(), RunRequest((), threads=3), UsageError, "3 threads cannot be predicted: 1 or 2 or 4"),
        (
            emulating(),
            RunRequest((), threads=2),
            TargetError,
            "no published speed of the memory with 2 cores",
        ),
        (emulating("cycles"), RunRequest((), threads=4), UsageError, "without caches and memory"),
        (emulating(), RunRequest((), threads=4, kernels="builtin"), UsageError, "with builtin kernels"),
    ],
)
def test_threads_that_are_not_modelled(
    runner: ScriptedRunner, request_: RunRequest, kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind, match=why):
        check_predictable(runner, request_)


@pytest.mark.parametrize(("cpus", "threads", "fits"), [("3,4", 4, False), ("3,4", 1, True), ("4-7", 4, True)])
def test_threads_on_two_kinds_of_cores(cpus: str, threads: int, fits: bool) -> None:
    class Pinned(EmulatingRunner):
        def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
            return parse_cores(core or "")

    runner = Pinned(script, facts=replace(emulating().facts, cpus=load_phone("pixel2").cpus), cost="caches")
    request = RunRequest((), core=cpus, threads=threads)
    if fits:
        check_predictable(runner, request)
        return
    with pytest.raises(UsageError, match="4 threads on different cores cannot be predicted: Kryo"):
        check_predictable(runner, request)


def test_anchors_need_a_prediction() -> None:
    with pytest.raises(UsageError, match="only predicted times"):
        check_predictable(emulating("instructions"), RunRequest(()), "lab.toml")
    check_predictable(emulating("instructions"), RunRequest((), threads=7))
