"""Whether a model has its profile already: of the same file, measured as it would be measured now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflprof.errors import ProfileError, TflprofError, UsageError
from tflprof.measure.schedule import Plan
from tflprof.model.element_type import element_type
from tflprof.model.graph import Model
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile
from tflprof.runtimes.library import find_runtime
from tflprof.targets.anchors import Basis, scale_for
from tflprof.targets.spec import TargetSpec, parse_target
from tflprof.workflow.plan import make_plan
from tflprof.workflow.profile import DEFAULT_ANCHORS, DEFAULT_COST, input_names
from tflprof.workflow.run_options import RunKeywords, RunOptions

_MAGIC = b"PAR1"


class ProfileKeywords(RunKeywords, total=False):
    """How models are profiled: the arguments of :func:`tflprof.profile_model` of the same names."""

    target: str
    max_seconds: float
    precision: float
    rate: float | None
    sustain: float | None
    pmu: bool


@dataclass(frozen=True)
class ProfileOptions(RunOptions):
    """Where and how models are profiled; see :func:`tflprof.profile_model`."""

    max_seconds: float = 60.0
    precision: float = 0.01
    rate: float | None = None
    sustain: float | None = None
    pmu: bool = False

    def plan(self) -> Plan:
        """How long and how precise. Raises UsageError."""
        return make_plan(self.max_seconds, self.precision, self.rate, self.sustain)

    def keywords_for(self, graph: Model) -> dict[str, Any]:
        """As arguments of :func:`tflprof.profile_model`, without what is for inputs that the model does not have."""
        known = input_names(graph, self.signature)
        inputs = {name: path for name, path in (self.inputs or {}).items() if name in known}
        shapes = {name: shape for name, shape in (self.input_shapes or {}).items() if name in known}
        return {**self.keywords(), "inputs": inputs, "input_shapes": shapes}


def stored_profile(
    path: Path, model: Model, keywords: Mapping[str, Any], phone: str | None
) -> tuple[Profile | None, str | None]:
    """The profile that a model has, if it need not be measured; else None, and why it is measured anew.

    Args:
        path: of the profile.
        model: as it is now.
        keywords: how it would be measured, all arguments of :func:`tflprof.profile_model`.
        phone: on which phone (:func:`wanted_phone`); None if that is not known, and for other targets.

    Raises:
        UsageError: the file is none that a batch may replace.
    """
    if not path.exists():
        return None, None
    if not _is_parquet(path):
        raise _foreign(path, "is no profile")
    try:
        profile = read_profile(path)
    except ProfileError as error:
        if "is damaged" in error.what or "not a readable Parquet file" in error.what:
            return None, "its profile was damaged"
        raise _foreign(path, "is no profile that this tflprof reads") from error
    why = next(_differences(profile, model, keywords, path, phone), None)
    return (profile, None) if why is None else (None, why)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            # An empty file is what a full disk or a crash of the system leaves.
            return file.read(len(_MAGIC)) in (_MAGIC, b"")
    except OSError as error:
        raise _foreign(path, f"cannot be read: {error.strerror or error}") from error


def _foreign(path: Path, what: str) -> UsageError:
    return UsageError(f"{path} {what}", "move it away, or replace it with --force")


def _differences(
    profile: Profile, model: Model, keywords: Mapping[str, Any], path: Path, phone: str | None
) -> Iterator[str]:
    """Why a profile does not stand for what would be measured now; nothing if it does."""
    meta = profile.meta
    if meta.model.sha256 != model.sha256:
        yield "the model has changed"
    if meta.kind != "samples" or meta.source not in ("native", "inprocess"):
        yield f"its profile comes from {meta.source}"
    if not meta.schedule.complete:
        yield "its profile was partial"
    yield from _other_target(meta, parse_target(keywords["target"]), phone)
    for name, has, wanted in _conditions(profile, keywords):
        if has != wanted:
            yield f"--{name.replace('_', '-')} was {_shown(has)}, and is {_shown(wanted)}"
    yield from _other_anchors(meta, model, keywords)
    yield from _other_setup(meta, keywords)
    yield from _other_runtime(meta, keywords)
    for name, file in keywords["inputs"].items():
        if Path(file).exists() and Path(file).stat().st_mtime > path.stat().st_mtime:
            yield f"the data of its input {name} have changed"


def _conditions(profile: Profile, keywords: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Options with what they were and what they are."""
    meta, options = profile.meta, profile.meta.options
    names = ("core", "threads", "kernels", "signature", "seed", "xnnpack_flags", "weight_cache", "rate")
    yield from ((name, getattr(options, name), keywords[name]) for name in names)
    if meta.target.kind == "emulated":
        mode = "instructions" if meta.prediction is None else meta.prediction.mode
        yield "cost", mode, keywords.get("cost") or DEFAULT_COST
    yield "input", dict(options.inputs), {name: str(Path(file)) for name, file in keywords["inputs"].items()}
    shapes = {name: tuple(shape) for name, shape in keywords["input_shapes"].items()}
    yield "input_shape", {name: tuple(shape) for name, shape in options.shapes.items()}, shapes
    if meta.deterministic:
        return
    sustained = meta.schedule.sustain_seconds
    yield "sustain", None if sustained is None else sustained / 60, keywords["sustain"]
    if keywords["sustain"] is None:
        yield "max_seconds", meta.schedule.max_seconds, keywords["max_seconds"]
        yield "precision", meta.schedule.precision, keywords["precision"]
    tried = profile.counters is not None or "pmu_error" in meta.conditions
    yield "pmu", tried, keywords["pmu"]


def _other_anchors(meta: ProfileMeta, model: Model, keywords: Mapping[str, Any]) -> Iterator[str]:
    """What predicted times were scaled by, and would be with the costs of then."""
    was, choice = meta.prediction, keywords.get("anchors") or DEFAULT_ANCHORS
    if was is not None and (keywords.get("cost") or DEFAULT_COST) == was.mode:
        basis = Basis(was.core, was.hertz, was.costs_sha256, was.mode)
        now = scale_for(meta.target.name, basis, choice, lambda: element_type(model)).scale
        if now != was.scale:
            yield f"its times were scaled by {was.scale:g}, and would be by {now:g}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{name}={each}" for name, each in value.items()) or None
    if value is None or isinstance(value, bool):
        return "given" if value else "not given"
    return str(value)


def _other_target(meta: ProfileMeta, spec: TargetSpec, phone: str | None) -> Iterator[str]:
    was = f"its profile is of {meta.target.kind}: {meta.target.name}"
    if meta.target.kind != spec.kind or (spec.kind == "emulated" and meta.target.name != spec.detail):
        yield was
    elif spec.kind == "adb":
        unit = ((meta.conditions.get("device") or {}).get("start") or {}).get("unit")
        if unit and phone and unit != phone:
            yield f"{was}, another one"


def wanted_phone(target: str) -> str | None:
    """What tells the phone that a target names from others; None if none is connected, and for other targets."""
    spec = parse_target(target)
    if spec.kind != "adb":
        return None
    from tflprof.targets.adb.client import AdbServer, choose_phone
    from tflprof.targets.adb.device import unit_of

    try:
        return unit_of(spec.detail or choose_phone(AdbServer().phones(), None).serial)
    except TflprofError:
        return None


def _other_setup(meta: ProfileMeta, keywords: Mapping[str, Any]) -> Iterator[str]:
    """What was done to a phone, as far as its profile tells."""
    start = (meta.conditions.get("device") or {}).get("start") or {}
    given, done = keywords["setup"], start.get("quiet")
    setup = given if given is not None and (given.changes_device or given.waits) else None
    if (setup is not None) != (done is not None):
        yield "other things were done to the phone before"
    elif setup is not None and done is not None:
        clocks = " ".join(done.get("done") or ())
        wanted = [f"governor {setup.governor}"] if setup.governor else []
        wanted += [f"frequency {setup.frequency_khz}"] if setup.frequency_khz else []
        if any(each not in clocks for each in wanted) or ("governor " in clocks) != (
            setup.governor is not None
        ):
            yield "the phone's clocks were set otherwise"


def _other_runtime(meta: ProfileMeta, keywords: Mapping[str, Any]) -> Iterator[str]:
    given, platform = keywords["runtime"], meta.runtime.get("platform")
    if platform is None or (given is None and meta.target.kind == "adb"):
        return  # which of several libraries a phone takes is found out by trying
    try:
        sha256 = _library(str(platform), None if given is None else str(given))
    except TflprofError:
        # Without one nothing can be measured either: what is there stands.
        return
    if sha256 != meta.runtime.get("sha256"):
        yield "the inference library is another"


def _library(platform: str, given: str | None) -> str:
    return find_runtime(platform, None if given is None else Path(given)).sha256
