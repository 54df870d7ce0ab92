"""What compare_models looks at and when, what it keeps if it is cut short, what it refuses."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.measure.graphs import micro
from tests.unit.measure.paired import Phone, Script
from tests.unit.measure.scripted import lost
from tflprof import compare_profiles
from tflprof.analysis import paired
from tflprof.errors import ModelError, RunnerError, Untrusted, UsageError
from tflprof.runner.records import Affinity
from tflprof.workflow import pairs as workflow
from tflprof.workflow.compare import ComparisonInterrupted, LiveComparison, compare_models
from tflprof.workflow.progress import Progress


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    return Path(micro(tmp_path, "conv_2d").path), Path(micro(tmp_path, "softmax").path)


@pytest.fixture
def phone(models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Phone:
    """What every target is, here: B takes half as long again as A."""
    phone = Phone(slow=(models[1],))
    monkeypatch.setattr(workflow, "open_runner", lambda *_: phone)
    return phone


def needed(monkeypatch: pytest.MonkeyPatch, *answers: bool) -> None:
    """What the statistics say after each look."""
    left = list(answers)
    monkeypatch.setattr(paired, "more_needed", lambda _: left.pop(0))


def looks(found: LiveComparison | ComparisonInterrupted) -> tuple[int, ...]:
    assert found.a is not None
    assert found.b is not None
    assert found.a.meta.pairing is not None
    assert found.b.meta.pairing is not None
    assert found.a.meta.pairing.looks == found.b.meta.pairing.looks
    return found.a.meta.pairing.looks


def test_what_is_clear_needs_one_look(models: tuple[Path, Path], phone: Phone) -> None:
    told: list[Progress] = []
    live = compare_models(*models, target="host", on_progress=told.append)
    assert looks(live) == (paired.LOOKS[0],)
    assert len(phone.requests) == paired.LOOKS[0]
    assert (live.comparison.method, live.comparison.total.status) == ("paired", "slower")
    assert live.comparison.total.ratio == pytest.approx(1.5, abs=0.01)
    assert told[-1].stage == "comparing"
    assert "10 pairs" in told[-1].detail


def test_what_is_not_clear_is_looked_at_again(
    models: tuple[Path, Path], phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed(monkeypatch, True, False)
    live = compare_models(*models, target="host")
    assert looks(live) == paired.LOOKS[:2]
    assert live.comparison.pairs == len(phone.requests) == paired.LOOKS[1]
    assert live.comparison.looks == 2


def test_the_last_look_is_the_last(
    models: tuple[Path, Path], phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed(monkeypatch, True, True, True)
    live = compare_models(*models, target="host")
    assert looks(live) == paired.LOOKS
    assert len(phone.requests) == paired.LOOKS[-1]


def test_the_time_budget_ends_it_with_what_there_is(models: tuple[Path, Path], phone: Phone) -> None:
    live = compare_models(*models, target="host", max_seconds=1e-9)
    assert looks(live) == (1,)
    assert live.comparison.total.status == "inconclusive"
    assert live.a.meta.schedule.complete


@pytest.mark.parametrize(("last", "expected"), [(12, (10, 12)), (10, (10,)), (7, (7,))])
def test_a_runner_that_dies(
    models: tuple[Path, Path],
    phone: Phone,
    monkeypatch: pytest.MonkeyPatch,
    last: int,
    expected: tuple[int, ...],
) -> None:
    """What it gave is compared as far as it goes; looks that found nothing new are none."""
    needed(monkeypatch, True, True)
    phone.change = lambda number, records: records if number < last else [*records[:5], lost()]
    with pytest.raises(ComparisonInterrupted) as cut:
        compare_models(*models, target="host")
    assert isinstance(cut.value.cause, RunnerError)
    assert looks(cut.value) == expected
    assert cut.value.comparison is not None
    assert cut.value.comparison.pairs == last
    assert (cut.value.comparison.total.status == "inconclusive") == (last < paired.LOOKS[0])
    assert cut.value.a is not None
    assert not cut.value.a.meta.schedule.complete
    assert compare_profiles(cut.value.a, cut.value.b or cut.value.a) == cut.value.comparison


def test_a_signal_while_comparing_ends_it(
    models: tuple[Path, Path], phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signalled(_: object) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return True

    monkeypatch.setattr(paired, "more_needed", signalled)
    with pytest.raises(ComparisonInterrupted) as cut:
        compare_models(*models, target="host")
    assert isinstance(cut.value.cause, KeyboardInterrupt)
    assert cut.value.comparison is not None
    assert looks(cut.value)[0] == paired.LOOKS[0]
    assert len(phone.requests) <= paired.LOOKS[0] + 1


def test_nothing_is_kept_of_a_runner_that_cannot_begin(models: tuple[Path, Path], phone: Phone) -> None:
    phone.change = lambda _, records: [*records[:2], lost()]
    with pytest.raises(RunnerError):
        compare_models(*models, target="host")


def test_a_refusal_costs_no_samples(models: tuple[Path, Path], phone: Phone) -> None:
    def unpinned(_: int, records: Script) -> Script:
        return [records[0], Affinity((1,), (0,), "not allowed"), *records[1:]]

    phone.change = unpinned
    with pytest.raises(ComparisonInterrupted) as refused:
        compare_models(*models, target="host", require_trust=True)
    assert isinstance(refused.value.cause, Untrusted)
    assert "pin-failed" in refused.value.cause.what
    assert refused.value.comparison is None
    assert looks(refused.value) == (10,)
    assert refused.value.a is not None
    assert refused.value.a.meta.schedule.complete


def test_a_fault_in_comparing_costs_no_samples(
    models: tuple[Path, Path], phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tflprof.analysis.compare.compare_profiles", broken)
    with pytest.raises(ComparisonInterrupted) as cut:
        compare_models(*models, target="host")
    assert isinstance(cut.value.cause, ZeroDivisionError)
    assert cut.value.b is not None


def test_options_reach_the_sessions(models: tuple[Path, Path], phone: Phone) -> None:
    options: dict[str, Any] = {
        "threads": 2,
        "kernels": "builtin",
        "core": "big",
        "seed": 7,
        "weight_cache": True,
    }
    compare_models(*models, target="host", xnnpack_flags=4, **options)
    request = phone.requests[0]
    assert {name: getattr(request, name) for name in options} == options
    assert request.xnnpack_flags == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 0.0}, "--threshold"),
        ({"threshold": 1.0}, "--threshold"),
        ({"max_seconds": 0.0}, "--max-seconds"),
        ({"threads": 0}, "--threads"),
        ({"kernels": "gpu"}, "gpu"),
        ({"input_shapes": {"nothing_like_it": (1,)}}, "nothing_like_it"),
        ({"signature": "other"}, "other"),
    ],
)
def test_what_no_run_can_serve_is_refused_before_any(
    models: tuple[Path, Path], phone: Phone, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        compare_models(*models, target="host", **options)
    assert said in refused.value.what
    assert phone.requests == []


def test_a_second_model_that_cannot_be_read_is_found_before_the_first_is_measured(
    models: tuple[Path, Path], phone: Phone, tmp_path: Path
) -> None:
    (tmp_path / "junk.tflite").write_bytes(b"junk")
    for target in ("host", "emulated:pixel2"):
        with pytest.raises(ModelError, match=r"junk\.tflite"):
            compare_models(models[0], tmp_path / "junk.tflite", target=target)
    assert phone.requests == []


def test_a_shape_may_be_of_one_model_only(phone: Phone, tmp_path: Path) -> None:
    dynamic, other = micro(tmp_path, "dynamic_batch"), micro(tmp_path, "softmax")
    entry = dynamic.subgraphs[0]
    name = entry.tensors[entry.inputs[0]].name
    renamed = other.subgraphs[0].tensors[other.subgraphs[0].inputs[0]].name
    shape = (2, *entry.tensors[entry.inputs[0]].shape[1:])
    compare_models(dynamic.path, other.path, target="host", input_shapes={name: shape})
    assert phone.requests[0].shapes == {name: shape}
    assert name
    assert renamed


def test_loading_in_turns_changes_no_result(models: tuple[Path, Path], phone: Phone) -> None:
    forth = compare_models(*models, target="host").comparison
    back = compare_models(*reversed(models), target="host").comparison
    assert forth.total.ratio == pytest.approx(1 / (back.total.ratio or 1), rel=1e-3)
    assert replace(forth.total, status="faster").status == back.total.status
