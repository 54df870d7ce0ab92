"""The plan: which changes make a model meet its budget. A readable JSON file, checked when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tflprof.compress.interface import Change
from tflprof.compress.planning.changes import check_change
from tflprof.compress.planning.fields import PLAN_KIND, PLAN_VERSION, Fields, changed, refuse
from tflprof.errors import UsageError
from tflprof.files import check_writable, write_atomically
from tflprof.model.graph import Model

MOST_BYTES = 64 << 20
"""A larger file is no plan."""


@dataclass(frozen=True)
class Amount:
    """A latency with its 95 % interval, in the plan's unit; ``measured``: false if it comes from a table."""

    value: float
    lo: float
    hi: float
    measured: bool = False


@dataclass(frozen=True)
class Planned:
    """A change with what it is expected to bring.

    Attributes:
        change: what is done.
        label: the option in words, such as ``rank 24``.
        gain: latency it saves, in the plan's unit, with the other changes made.
        loss: predicted loss of quality if it is made alone.
    """

    change: Change
    label: str
    gain: float
    loss: float


@dataclass(frozen=True)
class LayerCost:
    """What a layer of the original model costs before and after, by the table, in the plan's unit."""

    id: str
    op: str
    name: str
    before: float
    after: float
    changed: bool = False


@dataclass(frozen=True)
class Round:
    """One round of solving, applying and measuring; losses are divergences on the calibration data."""

    predicted: float
    obtained: float | None
    predicted_loss: float
    true_loss: float | None
    changes: int


@dataclass(frozen=True)
class Point:
    """A point of the Pareto front: latency and loss that are predicted, and how many changes."""

    cost: float
    loss: float
    changes: int


@dataclass(frozen=True)
class Plan:
    """Changes of a model that meet a budget, and all that they rest on.

    Attributes:
        model_path: where the model was when the plan was made.
        model_sha256: what it must be when the plan is applied.
        target: such as ``emulated:pixel2``.
        table: identity of the latency table: ``sha256``, and what its metadata says of target and runtime.
        unit: ``ns``, ``cycles`` or ``instructions``.
        provenance: of latencies: ``measured``, ``emulated`` or ``predicted``.
        budget_text: as it was written, such as ``30ms``.
        budget: in ``unit``.
        feasible: false if the budget is out of reach; the changes then are those of the best reachable.
        calibration: ``sha256``, ``source`` (``given`` or ``random``) and ``samples``; empty if none was needed.
        divergence: what losses are: ``probabilities``, ``logits``, ``values``, ``detections``, or empty without any.
        before: latency of the model as it is.
        after: predicted latency with all changes.
        loss: predicted loss with all changes.
        changes: in the order of application.
        layers: costs of all layers.
        rounds: how the plan came about.
        front: what other budgets would cost.
        notes: sentences to be heeded.
        how: further choices of how it was measured: core, threads, kernels.
        accuracy: ``before`` and ``after`` as the user's command says; empty without one.
    """

    model_path: str
    model_sha256: str
    target: str
    table: Mapping[str, Any]
    unit: str
    provenance: str
    budget_text: str
    budget: float
    feasible: bool
    calibration: Mapping[str, Any]
    divergence: str
    before: Amount
    after: Amount
    loss: float
    changes: tuple[Planned, ...]
    layers: tuple[LayerCost, ...] = ()
    rounds: tuple[Round, ...] = ()
    front: tuple[Point, ...] = ()
    notes: tuple[str, ...] = ()
    how: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON-ready values, which :func:`write_plan` writes and reports show."""
        return {
            "schema_version": PLAN_VERSION,
            "kind": PLAN_KIND,
            "model": {"path": self.model_path, "sha256": self.model_sha256},
            "target": self.target,
            "how": dict(self.how),
            "table": dict(self.table),
            "unit": self.unit,
            "provenance": self.provenance,
            "budget": {"text": self.budget_text, "value": self.budget, "feasible": self.feasible},
            "calibration": dict(self.calibration),
            "divergence": self.divergence,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "loss": self.loss,
            "accuracy": dict(self.accuracy),
            "changes": [_planned_document(each) for each in self.changes],
            "layers": [asdict(each) for each in self.layers],
            "rounds": [asdict(each) for each in self.rounds],
            "front": [asdict(each) for each in self.front],
            "notes": list(self.notes),
        }


def _planned_document(planned: Planned) -> dict[str, Any]:
    change = planned.change
    return {
        "method": change.method,
        "layers": list(change.layers),
        "parameters": dict(change.parameters),
        "label": planned.label,
        "gain": planned.gain,
        "loss": planned.loss,
    }


def write_plan(plan: Plan, path: Path, *, overwrite: bool = False) -> None:
    """Write a plan. Raises UsageError if ``path`` exists and is not to be overwritten."""
    check_writable(path, overwrite=overwrite)
    text = json.dumps(plan.document(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # Names of files may be no UTF-8.
    write_atomically(path, lambda part: part.write_bytes(text.encode("utf-8", "surrogateescape")))


def read_plan(path: Path) -> Plan:
    """Read a plan and check all that can be without its model. Raises UsageError naming what is wrong."""
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise UsageError(
            f"cannot read the plan {path}: {error.strerror}", "tflprof compress plan -o makes one"
        ) from error
    try:
        document = json.loads(raw.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise refuse(
            path, f"it is no JSON ({error})" if raw else "it is empty, or larger than a plan"
        ) from error
    return _plan(Fields.opened(path, document))


def check_model(plan: Plan, model: Model) -> None:
    """Raise UsageError if a plan is of another model, or names layers or sizes that there are not."""
    if plan.model_sha256 != model.sha256:
        raise changed(plan.model_sha256, model.path, model.sha256)
    known = {op.id for op in model.ops()}
    for planned in plan.changes:
        unknown = [layer for layer in planned.change.layers if layer not in known]
        if unknown:
            raise UsageError(
                f"the plan changes layer {unknown[0]!r} ({planned.change.method}), which {model.path} does not have",
                "was the plan edited? tflprof inspect MODEL lists the layers",
            )
        check_change(planned.change)


def _plan(top: Fields) -> Plan:
    budget, model = top.inside("budget"), top.inside("model")
    return Plan(
        model_path=model.text("path"),
        model_sha256=model.sha256("sha256"),
        target=top.text("target"),
        how=_how(top.inside("how")),
        table=top.mapping("table"),
        unit=top.one_of("unit", ("ns", "cycles", "instructions")),
        provenance=top.one_of("provenance", ("measured", "emulated", "predicted")),
        budget_text=budget.text("text"),
        budget=budget.number("value"),
        feasible=budget.truth("feasible"),
        calibration=_calibration(top.inside("calibration")),
        divergence=top.text("divergence"),
        before=_amount(top.inside("before")),
        after=_amount(top.inside("after")),
        loss=top.number("loss"),
        changes=_distinct(tuple(_planned(each) for each in top.items("changes")), top),
        layers=tuple(_layer(each) for each in top.items("layers")),
        rounds=tuple(_round(each) for each in top.items("rounds")),
        front=tuple(
            Point(each.number("cost"), each.number("loss"), each.whole("changes"))
            for each in top.items("front")
        ),
        notes=top.texts("notes"),
        accuracy=top.numbers("accuracy"),
    )


def _how(fields: Fields) -> Mapping[str, Any]:
    """Choices of how models are run: what is there has to be what can be asked for."""
    kinds = {
        **dict.fromkeys(("core", "kernels", "cost", "anchors", "runtime"), fields.text),
        **dict.fromkeys(("threads", "xnnpack_flags"), fields.count),
        "weight_cache": fields.truth,
    }
    return {
        name: kinds[name](name) if name in kinds and value is not None else value
        for name, value in fields.values.items()
    }


def _calibration(fields: Fields) -> Mapping[str, Any]:
    """The samples: what is there has to be of its kind; an empty object if none were needed."""
    kinds = {**dict.fromkeys(("sha256", "source", "place"), fields.text), "samples": fields.count}
    return {name: kinds[name](name) if name in kinds else value for name, value in fields.values.items()}


def _amount(fields: Fields) -> Amount:
    return Amount(fields.number("value"), fields.number("lo"), fields.number("hi"), fields.truth("measured"))


def _planned(fields: Fields) -> Planned:
    change = Change(fields.text("method"), fields.texts("layers"), fields.mapping("parameters"))
    return Planned(change, fields.text("label"), fields.number("gain"), fields.number("loss"))


def _distinct(changes: Sequence[Planned], fields: Fields) -> tuple[Planned, ...]:
    seen: set[str] = set()
    for each in changes:
        key = json.dumps(
            [each.change.method, each.change.layers, dict(each.change.parameters)], sort_keys=True
        )
        if key in seen:
            raise fields.wrong(
                "changes", f"{each.change.method} of {', '.join(each.change.layers)} stands twice"
            )
        seen.add(key)
    return tuple(changes)


def _layer(fields: Fields) -> LayerCost:
    return LayerCost(
        fields.text("id"),
        fields.text("op"),
        fields.text("name"),
        fields.number("before"),
        fields.number("after"),
        fields.truth("changed"),
    )


def _round(fields: Fields) -> Round:
    return Round(
        fields.number("predicted"),
        fields.number_or_none("obtained"),
        fields.number("predicted_loss"),
        fields.number_or_none("true_loss"),
        fields.whole("changes"),
    )
