"""From records to a profile: costs of the shapes that ran, and what may not be claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.measure.graphs import micro
from tests.unit.measure.scripted import ScriptedRunner, block, whole
from tflprof.measure.assemble import assemble
from tflprof.measure.pipeline import Outcome, measure, relative_half_width
from tflprof.measure.schedule import Plan
from tflprof.profile.profile import Profile
from tflprof.runner.interface import RunRequest
from tflprof.runner.records import Affinity, Block, Clock, End, LoadedModel, Port, Record, Structure

PLAN = Plan(max_seconds=20)


def outcome_of(runner: ScriptedRunner, path: str) -> tuple[Outcome, RunRequest]:
    request = RunRequest((Path(path),))
    return measure(runner, request, PLAN, lambda _: None), request


def assembled(tmp_path: Path, shape: tuple[int, ...], script: list[Record | BaseException]) -> Profile:
    model = micro(tmp_path, "conv_2d")
    port = Port("input", "float32", shape, 4)

    def told(_: int) -> list[Record | BaseException]:
        return [replace(r, inputs=(port,)) if isinstance(r, LoadedModel) else r for r in script]

    runner = ScriptedRunner(told)
    outcome, request = outcome_of(runner, model.path)
    return assemble(model, runner, request, PLAN, outcome)


def stored_shape(tmp_path: Path) -> tuple[int, ...]:
    entry = micro(tmp_path, "conv_2d").subgraphs[0]
    return entry.tensors[entry.inputs[0]].shape


def test_costs_are_known_for_the_shapes_of_the_file(tmp_path: Path) -> None:
    profile = assembled(tmp_path, stored_shape(tmp_path), whole(0))
    assert all(layer.macs for layer in profile.meta.model.layers)


def test_costs_are_unknown_for_other_shapes(tmp_path: Path) -> None:
    _, *rest = stored_shape(tmp_path)
    profile = assembled(tmp_path, (8, *rest), whole(0))
    assert [layer.macs for layer in profile.meta.model.layers] == [None]
    assert profile.meta.model.layers[0].parameters


@pytest.mark.parametrize(
    ("key", "told", "subgraph"), [("double", None, 1), ("serving_default", None, 0), ("double", 0, 0)]
)
def test_a_signature_whose_subgraph_the_runtime_does_not_tell(
    tmp_path: Path, key: str, told: int | None, subgraph: int
) -> None:
    model = micro(tmp_path, "two_signatures")

    def script(number: int) -> list[Record | BaseException]:
        return [
            replace(r, signature=key, subgraph=told) if isinstance(r, LoadedModel) else r
            for r in whole(number)
        ]

    runner = ScriptedRunner(script)
    outcome, request = outcome_of(runner, model.path)
    assert assemble(model, runner, request, PLAN, outcome).meta.model.subgraph == subgraph


def test_a_dynamic_batch_that_ran_as_stored_has_costs(tmp_path: Path) -> None:
    model = micro(tmp_path, "dynamic_batch")
    runner = ScriptedRunner(whole)
    outcome, request = outcome_of(runner, model.path)
    assert outcome.collector.model is not None
    profile = assemble(model, runner, request, PLAN, replace(outcome))
    assert profile.meta.model.layers


def test_a_narrowed_pin_taints(tmp_path: Path) -> None:
    script = [Affinity((0, 1), (0,), None), *whole(0)]
    profile = assembled(tmp_path, stored_shape(tmp_path), script)
    assert profile.meta.verdict == "tainted"
    assert "CPU 1" in next(f.message for f in profile.meta.findings if f.code == "pin-failed")


@pytest.mark.parametrize(("values", "floor"), [([100, 90, 90], 0.0), ([100, 90, 91, 90], None)])
def test_counts_that_never_agreed_have_no_noise_floor(
    tmp_path: Path, values: list[int], floor: float | None
) -> None:
    model = micro(tmp_path, "softmax")
    steady = floor is not None
    opening = [r for r in whole(0) if isinstance(r, Clock | LoadedModel | Structure)]
    blocks = [
        block(variant, i, [v], "steady" if steady and i else "warmup", counter="instructions")
        for variant in ("plain", "profiled")
        for i, v in enumerate(values)
    ]
    runner = ScriptedRunner(
        lambda _: [*opening, *blocks, End("ok", 9)],
        counters=("instructions",),
        deterministic=True,
        provenance="emulated",
    )
    outcome, request = outcome_of(runner, model.path)
    assert assemble(model, runner, request, PLAN, outcome).meta.noise_floor.total == floor


def slowed(number: int) -> list[Record | BaseException]:
    """A session in which the clock falls in one of eight plain blocks, and that block takes twice as long."""
    found: list[Record | BaseException] = []
    for record in whole(number):
        if isinstance(record, Block):
            slow = record.v == "plain" and record.b == 3
            values = tuple(value * 2 for value in record.value) if slow else record.value
            khz = 1_000_000 if slow else 2_000_000
            found.append(replace(record, khz=khz, khz_before=khz, value=values))
        else:
            found.append(record)
    return found


def wandering(number: int) -> list[Record | BaseException]:
    """As above, and one inference of another block runs on another core and takes three times as long."""
    found: list[Record | BaseException] = [Affinity((1,), (1,), None)]
    for record in slowed(number):
        if isinstance(record, Block) and record.v == "plain" and record.b == 5:
            first, *rest = record.value
            other, *cores = record.core
            found.append(replace(record, value=(3 * first, *rest), core=(other + 1, *cores)))
        else:
            found.append(record)
    return found


@pytest.mark.parametrize("rate", [None, 10.0])
@pytest.mark.parametrize("script", [slowed, wandering, lambda number: slowed(number * (number % 3))])
def test_a_look_sees_what_the_result_rests_on(
    tmp_path: Path, script: Callable[[int], list[Record | BaseException]], rate: float | None
) -> None:
    model = micro(tmp_path, "conv_2d")

    def noisy(number: int) -> list[Record | BaseException]:
        return [
            replace(r, value=tuple(v + 90_000 * (number % 5) for v in r.value)) if isinstance(r, Block) else r
            for r in script(number)
        ]

    runner = ScriptedRunner(noisy)
    request = RunRequest((Path(model.path),), rate=rate)
    outcome = measure(runner, request, PLAN, lambda _: None)
    assert outcome.reached
    width = relative_half_width(outcome.collector, outcome.looks, as_it_is=rate is not None)
    total = assemble(model, runner, request, PLAN, outcome).summary.total
    assert total.lo is not None
    assert total.hi is not None
    assert total.typical
    assert (total.hi - total.lo) / 2 / total.typical == pytest.approx(width)


@pytest.mark.parametrize("rate", [None, 10.0])
def test_a_periodic_run_keeps_the_slow_blocks_it_is_to_show(tmp_path: Path, rate: float | None) -> None:
    model = micro(tmp_path, "conv_2d")
    runner = ScriptedRunner(slowed)
    request = RunRequest((Path(model.path),), rate=rate)
    profile = assemble(model, runner, request, PLAN, measure(runner, request, PLAN, lambda _: None))
    steady = profile.samples().query("kind == 'inference' and phase == 'steady' and variant == 'plain'")
    assert steady.tainted.any() == (rate is None)
    assert profile.summary.total.n == len(steady) - steady.tainted.sum()


@pytest.mark.parametrize(("rate", "needed"), [(None, None), (1.0, 230), (10.0, 32), (100.0, None)])
def test_the_time_budget_that_a_rate_needs_is_told(
    tmp_path: Path, rate: float | None, needed: int | None
) -> None:
    model = micro(tmp_path, "conv_2d")
    runner = ScriptedRunner(whole)
    request = RunRequest((Path(model.path),), rate=rate)
    profile = assemble(model, runner, request, PLAN, measure(runner, request, PLAN, lambda _: None))
    assert profile.meta.conditions.get("seconds_needed") == needed
