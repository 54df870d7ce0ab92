"""From the planner's decision to the plan that is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tflprof.compress.interface import Refusal, Subject
from tflprof.compress.planning.plan import Amount, LayerCost, Plan, Planned, Point
from tflprof.compress.planning.variants import Choice, Variant, label

if TYPE_CHECKING:
    from tflprof.analysis.latency_table import LatencyTable
    from tflprof.compress.calibration import Calibration
    from tflprof.compress.fidelity import Reference
    from tflprof.compress.planning.planner import Outcome, Planner

_RANDOM = "the calibration data are random: losses say nothing about quality"
_NOTHING_FOUND = "the detector finds no box in any calibration sample: losses say nothing about quality"
SHOWN_OBSTACLES = 5


@dataclass(frozen=True)
class Circumstances:
    """What a plan rests on beyond what the planner decided; fields as those of ``planning.plan.Plan``."""

    target: str
    table: Mapping[str, Any]
    unit: str
    provenance: str
    budget_text: str
    budget: float
    before: Amount
    how: Mapping[str, Any]
    points: int = 12


def written(planner: Planner, outcome: Outcome, around: Circumstances, table: LatencyTable) -> Plan:
    """The plan of a decision."""
    subject, variant = planner.losses.subject, outcome.variant
    none = (0,) * len(variant.space.knobs)
    choices = outcome.choice.choices if outcome.choice is not None else none
    # Nothing that was measured differs from the model as it is.
    after = around.before if outcome.choice is None else _after(planner, outcome, table, around.unit)
    # Who stops planning does not wait for what other budgets would cost.
    wants_front = outcome.choice is not None and outcome.stopped is None
    front = planner.front(outcome, around.points) if wants_front else []
    return Plan(
        model_path=subject.model.path,
        model_sha256=subject.model.sha256,
        target=around.target,
        table=around.table,
        unit=around.unit,
        provenance=around.provenance,
        budget_text=around.budget_text,
        budget=around.budget,
        feasible=outcome.feasible,
        calibration=_calibration(subject),
        divergence=planner.losses.reference.kind if outcome.choice is not None else "",
        before=around.before,
        after=after,
        loss=_finite(outcome.true_loss if outcome.true_loss is not None else 0.0),
        changes=_planned(planner, variant, outcome, choices),
        layers=_layers(planner, variant, choices, outcome.ratio),
        rounds=tuple(replace(each, true_loss=_finite_or_none(each.true_loss)) for each in outcome.rounds),
        front=tuple(_point(planner, one, outcome.ratio) for one in front),
        notes=tuple(_notes(planner, outcome, around)),
        how=around.how,
    )


def obstacles(layers: Sequence[LayerCost], refusals: Sequence[Refusal]) -> list[str]:
    """What holds a model back: the layers that still cost most, with why there is nothing to be done."""
    total = sum(layer.after for layer in layers) or 1.0
    reasons: dict[str, list[str]] = {}
    for refusal in refusals:
        for layer in refusal.layers:
            reasons.setdefault(layer, []).append(f"{refusal.method}: {refusal.reason}")
    dearest = sorted(layers, key=lambda layer: -layer.after)[:SHOWN_OBSTACLES]
    return [
        _obstacle(layer, layer.after / total, reasons.get(layer.id, []))
        for layer in dearest
        if layer.after > 0
    ]


def _obstacle(layer: LayerCost, share: float, reasons: Sequence[str]) -> str:
    kept = list(dict.fromkeys(reasons))[:2]
    why = (
        "; ".join(kept)
        if kept
        else "already at its cheapest option"
        if layer.changed
        else "no option is cheaper"
    )
    return f"{layer.id} {layer.op} still takes {share:.0%} ({why})"


def _after(planner: Planner, outcome: Outcome, table: LatencyTable, unit: str) -> Amount:
    assert outcome.choice is not None
    value = outcome.choice.cost * outcome.ratio
    lo, hi = (value, value)
    if unit == table.meta.unit:
        found = table.predict_layers(_as_layers(planner, outcome.variant, outcome.choice.choices))
        if found.total and found.interval is not None:
            lo, hi = (value * side / found.total for side in found.interval)
    return Amount(value, lo, hi, measured=False)


def _as_layers(planner: Planner, variant: Variant, choices: Sequence[int]) -> list[Any]:
    """What runs as layers that a table can be asked about."""
    like = planner.candidates.subject.layers[0]
    return [
        replace(like, id=f"{layer}.{place}", config=config, first=first, uncosted=None)
        for layer, runs in variant.runs(choices).items()
        for place, (config, first) in enumerate(runs)
    ]


def _calibration(subject: Subject) -> dict[str, Any]:
    data = subject.calibration
    return {"sha256": data.sha256, "source": data.source, "samples": len(data), "place": data.place}


def _planned(
    planner: Planner, variant: Variant, outcome: Outcome, choices: Sequence[int]
) -> tuple[Planned, ...]:
    if outcome.choice is None:
        return ()
    alone = variant.losses_alone(choices, guessed=outcome.stopped is not None)
    gains = _gains(planner, variant, outcome.choice)
    return tuple(
        Planned(
            option.change,
            option.label,
            gains[knob.name] * outcome.ratio,
            _finite(alone.get(label(knob), 0.0)),
        )
        for knob, option in variant.changes(choices)
        if option.change is not None
    )


def _gains(planner: Planner, variant: Variant, choice: Choice) -> dict[str, float]:
    """What each change saves, by knob, with the others made."""
    found = {}
    for number, (knob, taken) in enumerate(zip(variant.space.knobs, choice.choices, strict=True)):
        if taken:
            without = [*choice.choices[:number], 0, *choice.choices[number + 1 :]]
            found[knob.name] = variant.priced.cost(without) - choice.cost
    if variant.outer is not None:
        plain = planner.variants[0].priced.cost(choice.choices)
        found[variant.outer[0].name] = plain - choice.cost
    return {name: gain if math.isfinite(gain) else 0.0 for name, gain in found.items()}


def _layers(
    planner: Planner, variant: Variant, choices: Sequence[int], ratio: float
) -> tuple[LayerCost, ...]:
    plain = planner.variants[0] if planner.variants else variant
    before, after = plain.runs((0,) * len(plain.space.knobs)), variant.runs(choices)

    def cost(layer: str, runs: Mapping[str, Any]) -> float:
        values = (planner.costs.of(*run) for run in runs.get(layer, ()))
        return ratio * sum(value for value in values if math.isfinite(value))

    found = [
        LayerCost(
            one.id,
            one.config.op,
            one.name,
            cost(one.id, before),
            cost(one.id, after),
            changed=_keys(before.get(one.id, ())) != _keys(after.get(one.id, ())),
        )
        for one in planner.candidates.subject.layers
    ]
    if "+" in after:
        found.append(LayerCost("+", "QUANTIZE", "where precisions meet", 0.0, cost("+", after), changed=True))
    return tuple(found)


def _keys(runs: Sequence[Any]) -> list[str]:
    return [config.key for config, _ in runs]


def _point(planner: Planner, choice: Choice, ratio: float) -> Point:
    return Point(choice.cost * ratio, _finite(choice.loss), len(planner.changes(choice)))


def _notes(planner: Planner, outcome: Outcome, around: Circumstances) -> list[str]:
    notes = list(dict.fromkeys(outcome.notes))
    if outcome.choice is not None:
        notes += quality_doubts(planner.losses.subject.calibration, planner.losses.reference)
    reached = outcome.obtained.hi if outcome.obtained is not None else 0.0
    if around.provenance == "measured" and outcome.feasible and reached > around.budget:
        notes.append("the interval of the result reaches above the budget: measure longer to be sure")
    if outcome.choice is None:
        notes.append("the model meets the budget as it is: nothing is changed")
    elif not outcome.rounds or outcome.rounds[-1].obtained is None:
        notes.append("nothing was measured: latencies are the table's")
    return notes


def quality_doubts(calibration: Calibration, reference: Reference) -> list[str]:
    """Notes on what losses on some data cannot tell."""
    return [
        *([] if calibration.tells_quality else [_RANDOM]),
        *([_NOTHING_FOUND] if reference.finds_nothing else []),
    ]


def _finite(loss: float) -> float:
    return loss if math.isfinite(loss) else 1e300


def _finite_or_none(loss: float | None) -> float | None:
    return loss if loss is not None and math.isfinite(loss) else None
