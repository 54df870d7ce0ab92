"""The plan's file: written, read, and refused by name if it is not what it should be."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tflprof.compress.interface import Change
from tflprof.compress.planning.plan import (
    Amount,
    LayerCost,
    Plan,
    Planned,
    Point,
    Round,
    check_model,
    read_plan,
    write_plan,
)
from tflprof.errors import TflprofError, UsageError
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.workflow.compress_subject import calibration_of_plan, kernels_of_plan

PLAN = Plan(
    model_path="m.tflite",
    model_sha256="ab" * 32,
    target="emulated:pixel2",
    table={"path": None, "target": "emulated:pixel2"},
    unit="ns",
    provenance="predicted",
    budget_text="30ms",
    budget=3e7,
    feasible=True,
    calibration={"sha256": "cd" * 32, "source": "given", "samples": 8, "place": "x.npz"},
    divergence="logits",
    before=Amount(4e7, 3e7, 5e7, measured=True),
    after=Amount(2.9e7, 2e7, 4e7),
    loss=0.01,
    changes=(Planned(Change("low_rank", ("0/3",), {"form": "svd", "ranks": [16]}), "rank 16", 1.1e7, 0.008),),
    layers=(LayerCost("0/3", "CONV_2D", "conv", 2e7, 1e7, changed=True),),
    rounds=(Round(2.8e7, 2.9e7, 0.009, None, 1),),
    front=(Point(4e7, 0.0, 0), Point(2.9e7, 0.01, 1)),
    notes=("a note",),
    accuracy={"before": 0.9, "after": 0.89},
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_plan(PLAN, path)
    assert read_plan(path) == PLAN
    first = path.read_bytes()
    write_plan(PLAN, path, overwrite=True)
    assert path.read_bytes() == first
    with pytest.raises(UsageError, match="exists"):
        write_plan(PLAN, path)


def test_the_model_may_have_any_name(tmp_path: Path) -> None:
    odd = replace(PLAN, model_path=os.fsdecode(b"m\xff.tflite"))
    write_plan(odd, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == odd


def edited(tmp_path: Path, **values: Any) -> Path:
    path = tmp_path / "edited.json"
    document = PLAN.document()
    for place, value in values.items():
        *ways, last = place.split("__")
        inside: Any = document
        for way in ways:
            inside = inside[int(way) if way.isdigit() else way]
        inside[last] = value
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"kind": "profile"}, "does not say"),
        ({"schema_version": 2}, "version 2"),
        ({"schema_version": "1"}, "schema_version"),
        ({"model__sha256": "abc"}, "model.sha256"),
        ({"budget__value": "30ms"}, "budget.value"),
        ({"budget__feasible": 1}, "budget.feasible"),
        ({"unit": "days"}, "unit"),
        ({"changes": {}}, "changes"),
        ({"changes__0__layers": ["0/3", 4]}, r"changes\[0\].layers"),
        ({"changes__0__gain": True}, r"changes\[0\].gain"),
        ({"changes": [PLAN.document()["changes"][0]] * 2}, "stands twice"),
        ({"rounds__0__changes": 1.5}, r"rounds\[0\].changes"),
        ({"loss": 1e400}, "loss"),
        ({"notes": "one"}, "notes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_plan(edited(tmp_path, **values))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1]", b"{", b"[" * 100_000])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"plan\.json"):
        read_plan(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_plan(tmp_path / "missing.json")


def test_a_model_that_changed_is_refused() -> None:
    ops = (SimpleNamespace(id="0/3"),)
    same: Any = SimpleNamespace(path="m.tflite", sha256="ab" * 32, ops=lambda: ops)
    other: Any = SimpleNamespace(path="m.tflite", sha256="ef" * 32, ops=lambda: ops)
    empty: Any = SimpleNamespace(path="m.tflite", sha256="ab" * 32, ops=lambda: ())
    check_model(PLAN, same)
    with pytest.raises(UsageError, match="another model"):
        check_model(PLAN, other)
    with pytest.raises(UsageError, match="'0/3'"):
        check_model(PLAN, empty)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            Change("low_rank", ("0/0",), {"form": "lu", "ranks": [8]}),
            "form of low_rank in 0/0 cannot be 'lu'",
        ),
        (Change("low_rank", ("0/0",), {"form": "svd", "ranks": []}), "ranks"),
        (Change("low_rank", ("0/0",), {"form": "tucker", "ranks": [8]}), "two"),
        (Change("low_rank", ("0/0",), {"ranks": [8]}), "has no 'form'"),
        (Change("prune", ("0/0",), {"group": "0/0", "keep": 0}), "keep"),
        (Change("resolution", ("0/0",), {"height": 10**30, "width": 8}), "height"),
        (Change("resolution", ("0/0",), {"height": True, "width": 8}), "height"),
        (Change("quantise", ("0/0",), {"scheme": "int3"}), "int3"),
        (Change("nms", ("0/0",), {"settings": 3}), "settings"),
        (Change("nms", (), {"settings": {}}), "names no layer"),
    ],
)
def test_changes_that_no_method_makes_are_refused(change: Change, why: str) -> None:
    model = read_model(build_micro("conv_2d_1x1"))
    plan = replace(PLAN, model_sha256=model.sha256, changes=(Planned(change, "", 0.0, 0.0),))
    with pytest.raises(UsageError, match=why):
        check_model(plan, model)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"calibration__samples": "8"}, "calibration.samples"),
        ({"calibration__samples": -1}, "calibration.samples"),
        ({"calibration__place": None}, "calibration.place"),
        ({"how__threads": "2"}, "how.threads"),
        ({"how__kernels": 3}, "how.kernels"),
    ],
)
def test_what_samples_and_runs_are_is_checked(tmp_path: Path, values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_plan(edited(tmp_path, **values))


def test_samples_that_the_plan_does_not_name_are_asked_for() -> None:
    model = read_model(build_micro("conv_2d_1x1"))
    for data in ({}, {"samples": 8, "place": ""}):
        with pytest.raises(UsageError, match="where its calibration data are") as caught:
            calibration_of_plan(replace(PLAN, calibration=data), model)
        assert "--calibration" in str(caught.value.hint)
    assert len(calibration_of_plan(replace(PLAN, calibration={"source": "random", "samples": 3}), model)) == 3


def test_layers_are_read_for_the_kernels_of_the_plan() -> None:
    assert kernels_of_plan(PLAN) == "xnnpack"
    assert kernels_of_plan(replace(PLAN, how={"kernels": "builtin"})) == "builtin"


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["prune", "nms", "quantise", "0/0", "svd", "tucker", "random", ""]),
    st.lists(st.integers(-9, 99), max_size=3),
    st.dictionaries(st.sampled_from(["x", "keep", "ranks"]), st.integers(), max_size=2),
)
MODEL = read_model(build_micro("conv_2d_1x1"))
CHANGES = (
    Change("low_rank", ("0/0",), {"form": "svd", "ranks": [8], "weighting": "plain"}),
    Change("prune", ("0/0",), {"group": "0/0", "keep": 8, "of": 16, "criterion": "l1"}),
    Change("clean_up", ("0/0",), {"kind": "reshape", "gone": ["0/0"], "reads": [1, 4]}),
    Change("resolution", ("0/0",), {"height": 32, "width": 32}),
    Change("quantise", ("0/0",), {"scheme": "int8", "ranges": "full", "clamps": {}}),
    Change("nms", ("0/0",), {"settings": {"nms_score_threshold": 0.3}}),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document as what holds it and the key."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    found = [(value, key) for key in keys]
    return found + [
        each for key in keys if isinstance(value[key], dict | list) for each in places(value[key])
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_an_edited_plan_is_good_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    planned = tuple(Planned(change, "", 0.0, 0.0) for change in CHANGES)
    how = {"threads": 1, "kernels": "xnnpack", "core": None}
    whole = replace(PLAN, model_sha256=MODEL.sha256, changes=planned, how=how)
    document = json.loads(json.dumps(whole.document()))
    for _ in range(data.draw(st.integers(1, 3))):
        inside, key = data.draw(st.sampled_from(places(document)))
        if data.draw(st.booleans()):
            inside[key] = data.draw(ODD)
        elif isinstance(inside, dict):
            inside.pop(key, None)
        else:
            inside[:] = inside[:key] * data.draw(st.integers(0, 2))
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    with contextlib.suppress(TflprofError):
        found = read_plan(path)
        check_model(found, MODEL)
        calibration_of_plan(found, MODEL)
        assert found.calibration["source"] == "random"  # the file is not there
