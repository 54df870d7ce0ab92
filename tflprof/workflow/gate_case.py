"""A case of the gate before anything is measured: what it names is read, and its budgets are checked against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflprof.analysis.subject import check_limits
from tflprof.analysis.verdicts import Limit
from tflprof.errors import UsageError
from tflprof.files import check_writable
from tflprof.model.graph import Model
from tflprof.profile.meta import LayerInfo, ProfileMeta
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile
from tflprof.targets.spec import DEFAULT_TARGET, parse_target
from tflprof.workflow.compare import is_profile
from tflprof.workflow.plan import make_plan
from tflprof.workflow.run_options import RunOptions, checked

_NOT_IN_PAIRS = ("precision", "rate")


@dataclass(frozen=True)
class CaseSpec:
    """One model on one target, and what is demanded of it.

    Attributes:
        model: a .tflite file, which is measured, or a profile.
        limits: the budgets.
        target: where the model is measured.
        baseline: a profile; or a .tflite file, which is then measured together with the model.
        name: of the case; None: that of the model, and the target.
        options: further arguments of :func:`tflprof.profile_model`; with a model as baseline, of
            :func:`tflprof.compare_models`.
    """

    model: Path
    limits: tuple[Limit, ...] = ()
    target: str = DEFAULT_TARGET
    baseline: Path | None = None
    name: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name, or one made of the model's and the target's."""
        return self.name or f"{self.model.stem} on {self.target}"


@dataclass(frozen=True)
class Prepared:
    """A case that can be measured and judged.

    Attributes:
        profile: the one that is judged; None if it is measured.
        baseline: the stored one; None without, or if it is measured.
        paired: the baseline is a model.
    """

    spec: CaseSpec
    profile: Profile | None
    baseline: Profile | None
    paired: bool

    @property
    def title(self) -> str:
        """Name of the case; a stored profile's target is its own."""
        if self.spec.name is None and self.profile is not None:
            return self.spec.model.stem
        return self.spec.title

    @property
    def target(self) -> str | None:
        """Where it is or was measured."""
        return self.profile.meta.target.name if self.profile is not None else self.spec.target


def prepare(spec: CaseSpec, *, update: bool) -> Prepared:
    """Read what a case names and check its budgets; ``update``: the baseline is going to be replaced.

    Raises:
        UsageError, ModelError, ProfileError: it cannot be judged as it is asked for.
        TargetError: there is no such target.
    """
    update = update and spec.baseline is not None
    profile = read_profile(spec.model) if is_profile(spec.model) else None
    units = _units_of(profile.meta) if profile else _units_on(spec)
    paired = spec.baseline is not None and spec.baseline.is_file() and not is_profile(spec.baseline)
    if update:
        _check_update(spec, profile, paired=paired)
    baseline = None if paired else _baseline(spec, update=update)
    if not spec.limits and not update:
        raise UsageError(
            f"{spec.title}: there is nothing to judge it by", "give a --budget, such as 30ms, or a --baseline"
        )
    before: tuple[LayerInfo, ...] | None = baseline.meta.model.layers if baseline else None
    if profile is not None:
        if paired:
            raise UsageError(
                f"{spec.title}: the baseline {spec.baseline} is a model, and {spec.model} is a profile",
                "give two models, which are measured together, or two profiles",
            )
        layers = profile.meta.model.layers
    else:
        graphs = _checked(spec, paired=paired)
        layers = _layers(graphs[-1])
        before = _layers(graphs[0]) if paired else before
    check_limits(spec.limits, layers, units, () if update and before is None else before)
    return Prepared(spec, profile, baseline, paired)


def _units_of(meta: ProfileMeta) -> tuple[str, ...]:
    """What the numbers of a profile are in, the main ones first."""
    return (meta.unit,) if meta.prediction is None else (meta.unit, "instructions")


def _units_on(spec: CaseSpec) -> tuple[str, ...]:
    """What a measurement's numbers will be in, the main ones first."""
    if parse_target(spec.target).kind != "emulated":
        return ("ns",)
    return ("instructions",) if spec.options.get("cost") == "instructions" else ("ns", "instructions")


def _checked(spec: CaseSpec, *, paired: bool) -> tuple[Model, Model]:
    """Baseline and model (twice the model without such a baseline), with options that both can be run with."""
    given = dict(spec.options)
    planned = {name: given.pop(name, None) for name in ("max_seconds", "precision", "rate")}
    seconds, precision = planned["max_seconds"], planned["precision"]
    if paired:
        for name in _NOT_IN_PAIRS:
            if planned[name] is not None:
                raise UsageError(
                    f"{spec.title}: --{name} is not for two models measured together",
                    "leave it out, or give a profile as the baseline",
                )
    make_plan(60.0 if seconds is None else seconds, precision or 0.01, planned["rate"], None)
    before = spec.baseline if paired and spec.baseline is not None else spec.model
    return checked(before, spec.model, RunOptions(spec.target, **given))


def _layers(model: Model) -> tuple[LayerInfo, ...]:
    """The layers of a model as far as budgets name them."""
    found = []
    for index, op in enumerate(model.ops()):
        tensors = model.subgraphs[op.subgraph].tensors
        outputs = tuple(tensors[tensor].name for tensor in op.outputs if tensor >= 0)
        found.append(LayerInfo(op.id, index, op.type, outputs[0] if outputs else "", outputs=outputs))
    return tuple(found)


def _baseline(spec: CaseSpec, *, update: bool) -> Profile | None:
    if spec.baseline is None:
        return None
    if not spec.baseline.exists():
        if update:
            return None
        raise UsageError(
            f"{spec.title}: the baseline {spec.baseline} does not exist",
            "make it with --update-baseline",
        )
    return read_profile(spec.baseline)


def _check_update(spec: CaseSpec, profile: Profile | None, *, paired: bool) -> None:
    if spec.baseline is None:
        raise UsageError(
            f"{spec.title}: there is no baseline to update", "name its place with --baseline FILE"
        )
    if profile is not None:
        raise UsageError(
            f"{spec.title}: a baseline is updated with what is measured now, and {spec.model} is a profile",
            "give the model, or copy the profile to the baseline's place",
        )
    if paired:
        raise UsageError(f"{spec.title}: the baseline {spec.baseline} is a model and is not replaced")
    check_writable(spec.baseline, overwrite=True)
