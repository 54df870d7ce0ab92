"""The main job: profile a model on a target."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tflprof.errors import UsageError
from tflprof.measure.assemble import assemble
from tflprof.measure.interrupt import HeldSignals
from tflprof.measure.pipeline import OnProgress, Progress, measure
from tflprof.measure.predict import check_predictable, is_predicted
from tflprof.measure.schedule import Plan
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.spec import parse_target
from tflprof.workflow.plan import check_possible, make_plan, plain_limit
from tflprof.workflow.watched import WatchedRunner

KERNELS = ("xnnpack", "builtin", "reference")
MOST_THREADS = 1024
MOST_ELEMENTS = 2**31 - 1
"""Of one dimension: runtimes keep it in 32 bits."""
DEFAULT_TARGET = "emulated:pixel2"
COSTS = ("caches", "cycles", "instructions")
"""What an emulated core may give: times predicted with and without caches, or counts alone."""
DEFAULT_COST = "caches"
DEFAULT_ANCHORS = "auto"


class Interrupted(Exception):
    """A measurement was cut short after the first samples.

    Attributes:
        profile: what was gathered, marked as partial unless nothing was left to measure.
        cause: KeyboardInterrupt (Ctrl-C or SIGTERM), or the error that ended it.
    """

    def __init__(self, profile: Profile, cause: BaseException) -> None:
        super().__init__(f"the measurement was cut short: {cause or 'Ctrl-C'}")
        self.profile = profile
        self.cause = cause


def profile_model(
    model: str | os.PathLike[str],
    *,
    target: str = DEFAULT_TARGET,
    core: str | None = None,
    threads: int = 1,
    kernels: str = "xnnpack",
    signature: str | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    runtime: str | os.PathLike[str] | None = None,
    seed: int = 0,
    max_seconds: float = 60.0,
    precision: float = 0.01,
    xnnpack_flags: int | None = None,
    weight_cache: bool = False,
    rate: float | None = None,
    sustain: float | None = None,
    pmu: bool = False,
    setup: PhoneSetup | None = None,
    cost: str | None = None,
    anchors: str | None = None,
    on_progress: OnProgress | None = None,
) -> Profile:
    """Profile a model layer by layer.

    Args:
        model: path of a .tflite file.
        target: ``host``, ``interpreter``, ``emulated:PHONE`` or ``adb[:SERIAL]``.
        core: ``big``, ``little``, a CPU number, a mask such as ``0xf0``, a list such as ``4-7``, or None for
            the target's own choice.
        threads: of the inference library; on an emulated phone times of more than one are predicted from one.
        kernels: ``xnnpack``, ``builtin`` or ``reference``.
        signature: signature key; None for the first.
        inputs: files of raw little-endian bytes by input name; other inputs are random.
        input_shapes: shapes of inputs by name; other dynamic dimensions are 1.
        runtime: a library, or an archive (AAR) with one, to use instead of the target's usual one.
        seed: of random inputs and of the order of blocks.
        max_seconds: time budget, looked at between processes; ignored where counts are deterministic.
        precision: wanted relative half-width of the total's 95 % interval, at least 0.0025.
        xnnpack_flags: flags of the XNNPACK delegate, passed through.
        weight_cache: use an XNNPACK weight cache, fresh for every process.
        rate: begin so many inferences a second; None: each follows the last.
        sustain: minutes of an endurance run, in place of ``max_seconds`` and ``precision``.
        pmu: read the core's performance counters, too.
        setup: what is to be done to a phone before it measures, and undone afterwards.
        cost: of an emulated phone: ``caches`` (predicted times), ``cycles`` (no caches) or ``instructions`` (counts).
        anchors: measured times that predictions are scaled by: ``auto`` (of this phone and core), ``none``, or a file.
        on_progress: called now and then.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
        Interrupted: cut short by Ctrl-C, SIGTERM or a failure after the first samples; has the partial profile.
    """
    check_setup(target, setup)
    check_cost(target, cost, anchors)
    plan = make_plan(max_seconds, precision, rate, sustain)
    request = RunRequest(
        models=(Path(model),),
        signature=signature,
        kernels=kernels,
        threads=threads,
        xnnpack_flags=xnnpack_flags,
        weight_cache=weight_cache,
        core=core,
        inputs={name: Path(path) for name, path in (inputs or {}).items()},
        shapes={name: tuple(shape) for name, shape in (input_shapes or {}).items()},
        seed=seed,
        rate=rate,
        pmu=pmu,
    )
    library = Path(runtime) if runtime else None
    where = _Where(target, library, setup or PhoneSetup(), cost or DEFAULT_COST, anchors or DEFAULT_ANCHORS)
    return _profiled(request, plan, where, on_progress or _ignore)


@dataclass(frozen=True)
class _Where:
    """On what a model is run, and how times are predicted there."""

    target: str
    runtime: Path | None
    setup: PhoneSetup
    cost: str
    anchors: str

    def open(self, request: RunRequest, tell: OnProgress) -> Runner:
        """The runner."""
        phone = replace(self.setup, core=request.core, threads=request.threads)
        return open_runner(self.target, self.runtime, phone, lambda *what: tell(Progress(*what)), self.cost)


def _profiled(request: RunRequest, plan: Plan, where: _Where, tell: OnProgress) -> Profile:
    """Check what was asked for against the model, then measure it."""
    check_values(request)
    graph = read_model(request.models[0])
    check_names(graph, request)
    request = replace(request, plain_max=plain_limit(graph))
    watched = WatchedRunner(where.open(request, tell), [graph])
    return _whole(*_collect(graph, watched, request, plan, tell, where.anchors))


def _whole(profile: Profile, cause: BaseException | None) -> Profile:
    if cause is not None:
        raise Interrupted(profile, cause)
    return profile


def _collect(
    graph: Model, runner: Runner, request: RunRequest, plan: Plan, tell: OnProgress, anchors: str
) -> tuple[Profile, BaseException | None]:
    """Measure and assemble; the profile, and what cut it short. Signals wait until there is a profile."""
    with HeldSignals() as held:
        try:
            check_possible(runner, request, plan)
            check_predictable(runner, request, anchors)
            outcome = measure(runner, _emulated(runner, request), plan, tell)
            tell(Progress("attributing", None, f"{len(graph.ops())} layers"))
            profile = assemble(graph, runner, request, plan, outcome, anchors=anchors)
        finally:
            runner.close()
    return profile, outcome.cause or (KeyboardInterrupt() if held.received else None)


def _emulated(runner: Runner, request: RunRequest) -> RunRequest:
    """What is run for a request: times of several threads are predicted from the counts of one."""
    return replace(request, threads=1) if is_predicted(runner) else request


def check_setup(target: str, setup: PhoneSetup | None) -> None:
    """Raise UsageError if something is to be done to what is no phone."""
    if setup is not None and parse_target(target).kind != "adb":
        raise UsageError(f"{target} is no phone: nothing is to be done to it", "leave the setup out")


def check_cost(target: str, cost: str | None, anchors: str | None) -> None:
    """Raise UsageError for a cost model that there is not, or one where nothing is predicted."""
    if cost is not None and cost not in COSTS:
        raise UsageError(f"there is no cost model {cost!r}", f"choose one of {', '.join(COSTS)}")
    given = [name for name, value in (("--cost", cost), ("--anchors", anchors)) if value is not None]
    if given and parse_target(target).kind != "emulated":
        raise UsageError(
            f"{given[0]} is for emulated phones, and {target} measures time", f"leave {given[0]} out"
        )
    if cost == "instructions" and anchors not in (None, DEFAULT_ANCHORS, "none"):
        raise UsageError(
            f"--anchors {anchors}: --cost instructions counts, and predicts no times", "leave one of them out"
        )


def _ignore(_: Progress) -> None:
    """Progress nobody asked for."""


def check_values(request: RunRequest) -> None:
    """Raise UsageError for a number out of its range, or kernels that there are not."""
    if request.kernels not in KERNELS:
        raise UsageError(f"there are no kernels {request.kernels!r}", f"choose one of {', '.join(KERNELS)}")
    _within("threads", request.threads, 1, MOST_THREADS)
    _within("xnnpack-flags", request.xnnpack_flags or 0, 0, 2**32 - 1)
    for name, shape in request.shapes.items():
        if max(shape, default=1) > MOST_ELEMENTS:
            raise UsageError(
                f"--input-shape {name}={','.join(map(str, shape))}: a size is above {MOST_ELEMENTS}",
                "give sizes that the model can have (`tflprof inspect MODEL`)",
            )
    _within("seed", request.seed, 0, 2**63 - 1)


def check_names(model: Model, request: RunRequest) -> None:
    """Raise UsageError for a signature or an input that the model does not have."""
    keys = [signature.key for signature in model.signatures]
    if request.signature is not None and request.signature not in keys:
        raise UsageError(
            f"{model.path} has no signature {request.signature!r}",
            f"it has {', '.join(map(repr, keys))}" if keys else "it has none: leave --signature out",
        )
    known = input_names(model, request.signature)
    for option, names in (("--input", request.inputs), ("--input-shape", request.shapes)):
        for name in names:
            if name not in known:
                raise UsageError(
                    f"{option}: {model.path} has no input {name!r}", f"it has {', '.join(map(repr, known))}"
                )


def input_names(model: Model, key: str | None) -> list[str]:
    """Names of the inputs of a signature (the first, if ``key`` is None), or of the main subgraph without one."""
    chosen = next((s for s in model.signatures if key is None or s.key == key), None)
    if chosen is not None:
        return list(chosen.inputs)
    main = model.subgraphs[0]
    return [main.tensors[tensor].name for tensor in main.inputs]


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(
            f"--{name} must be from {least} to {most}, not {value}", f"give a number up to {most}"
        )
