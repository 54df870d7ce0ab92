"""Whether a plan holds what it promised: old and new model measured together, and their outputs compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tflprof.compress.apply import Applied, apply_changes
from tflprof.compress.fidelity import Fidelity, Reference
from tflprof.compress.interface import Subject
from tflprof.compress.methods import open_methods
from tflprof.compress.planning.outcome import quality_doubts
from tflprof.compress.planning.plan import Plan, check_model
from tflprof.errors import ModelError
from tflprof.model.configs import layer_configs
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.runtimes.execute import Executor
from tflprof.workflow.compare import LiveComparison, compare_models
from tflprof.workflow.compress_bench import amount_of
from tflprof.workflow.compress_evaluate import evaluate
from tflprof.workflow.compress_subject import KEPT, calibration_of_plan, kernels_of_plan
from tflprof.workflow.progress import OnProgress

VERIFIED_VERSION = 1
WITHIN = 0.03
"""How far an obtained latency may be from the predicted one for the plan to have held."""


@dataclass(frozen=True)
class VerifiedLayer:
    """A layer of the original with what was predicted and obtained, in the plan's unit; None: no row of its own."""

    id: str
    op: str
    name: str
    before_predicted: float | None
    before_obtained: float | None
    after_predicted: float | None
    after_obtained: float | None
    changed: bool


@dataclass(frozen=True)
class Verified:
    """A plan held against measurement.

    Attributes:
        before, after: obtained latencies with their intervals.
        holds: whether the obtained latency is within 3 % of the predicted one, or its interval reaches there.
        meets_budget: whether it is within the budget.
        accuracy: ``before`` and ``after`` as the user's command says; empty without one.
    """

    plan: Plan
    model: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    holds: bool
    meets_budget: bool
    layers: tuple[VerifiedLayer, ...]
    fidelity: Fidelity
    samples: int
    accuracy: Mapping[str, float]
    notes: tuple[str, ...]
    comparison: LiveComparison

    def document(self) -> dict[str, Any]:
        """As JSON-ready values (docs/compress.md)."""
        plan = self.plan
        predicted = plan.after.value
        return {
            "schema_version": VERIFIED_VERSION,
            "kind": "compression-verified",
            "model": self.model,
            "target": plan.target,
            "unit": plan.unit,
            "provenance": plan.provenance,
            "budget": {"text": plan.budget_text, "value": plan.budget, "met": self.meets_budget},
            "before": {"predicted": plan.before.value, **self.before},
            "after": {"predicted": predicted, **self.after},
            "error": self.after["value"] / predicted - 1 if predicted else None,
            "holds": self.holds,
            "loss": {"predicted": plan.loss, "kind": plan.divergence},
            "fidelity": asdict(self.fidelity) | {"samples": self.samples},
            "accuracy": dict(self.accuracy),
            "layers": [asdict(layer) for layer in self.layers],
            "notes": list(self.notes),
        }


def verify_plan(
    plan: Plan,
    old: Path,
    new: Path,
    *,
    calibration: Path | None = None,
    command: str | None = None,
    max_seconds: float = 120.0,
    on_progress: OnProgress | None = None,
) -> Verified:
    """Measure both models together, and compare with what the plan predicted.

    Args:
        plan: the plan.
        old: the model that it was made for.
        new: the model with the changes made.
        calibration: other samples than those of the plan.
        command: evaluates a model, see :func:`tflprof.workflow.compress_evaluate.evaluate`.
        max_seconds: time budget where time is measured.
        on_progress: called now and then.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    graph, changed = read_model(old), read_model(new)
    check_model(plan, graph)
    notes: list[str] = []
    with Executor() as executor:
        samples = calibration_of_plan(plan, graph, calibration)
        subject = Subject(graph, layer_configs(graph, kernels_of_plan(plan)), samples, executor)
        applied = _applied(plan, subject, new, changed, notes)
        reference = Reference(executor, graph, samples)
        fidelity = reference.fidelity(new)
    notes += quality_doubts(samples, reference)
    accuracy = {"before": evaluate(command, old), "after": evaluate(command, new)} if command else {}
    live = compare_models(old, new, **_how(plan), max_seconds=max_seconds, on_progress=on_progress)
    before, after = amount_of(live.a, plan.unit), amount_of(live.b, plan.unit)
    near = (1 - WITHIN) * plan.after.value, (1 + WITHIN) * plan.after.value
    return Verified(
        plan=plan,
        model=str(new),
        before={"value": before.value, "lo": before.lo, "hi": before.hi},
        after={"value": after.value, "lo": after.lo, "hi": after.hi},
        holds=near[0] <= after.value <= near[1]
        if _is_exact(live.b)
        else after.hi >= near[0] and after.lo <= near[1],
        meets_budget=after.value <= plan.budget,
        layers=_layers(plan, live, applied),
        fidelity=fidelity,
        samples=len(samples.samples),
        accuracy=accuracy,
        notes=tuple(notes),
        comparison=live,
    )


def _how(plan: Plan) -> dict[str, Any]:
    return {"target": plan.target, **{key: plan.how[key] for key in KEPT if key in plan.how}}


def _is_exact(profile: Profile) -> bool:
    return profile.meta.deterministic


def _applied(plan: Plan, subject: Subject, new: Path, changed: Model, notes: list[str]) -> Applied | None:
    """The changes made again, which tells the original layer of each new one; None if the file is another."""
    if not plan.changes:
        content = Path(subject.model.path).read_bytes()
        ids = {graph.index: [op.id for op in graph.ops] for graph in subject.model.subgraphs}
        applied = Applied(content, ids)
    else:
        changes = [planned.change for planned in plan.changes]
        methods = open_methods(sorted({change.method for change in changes}))
        applied = apply_changes(subject, changes, methods)
    if applied.content == new.read_bytes():
        return applied
    notes.append(f"{new} is not byte for byte what the plan makes of the model")
    return applied if len(applied.ids[0]) == len(changed.subgraphs[0].ops) else None


def _layers(plan: Plan, live: LiveComparison, applied: Applied | None) -> tuple[VerifiedLayer, ...]:
    before = _obtained(live.a, plan.unit, None)
    after = {} if applied is None else _obtained(live.b, plan.unit, applied)
    return tuple(
        VerifiedLayer(
            layer.id,
            layer.op,
            layer.name,
            layer.before,
            before.get(layer.id),
            layer.after,
            after.get(layer.id),
            layer.changed,
        )
        for layer in plan.layers
    )


def _obtained(profile: Profile, unit: str, applied: Applied | None) -> dict[str, float]:
    """What layers of the original take, by id; those whose kernels are another's are left out."""
    source = profile.counts if unit == "instructions" and profile.meta.unit != unit else profile
    if source is None:
        raise ModelError(f"the profile has no {unit}")
    found: dict[str, float] = {}
    for layer in source.modelled.summary.layers:
        if layer.estimate.typical is None:
            continue
        name = layer.info.id if applied is None else _name(applied, layer.info.id)
        found[name] = found.get(name, 0.0) + layer.estimate.typical
    return found


def _name(applied: Applied, op_id: str) -> str:
    original = applied.original(op_id)
    return original if original.partition("/")[2].isdigit() else "+"
