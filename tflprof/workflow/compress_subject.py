"""A model opened for compression: its layers, samples and methods, and what a table says of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflprof.compress.calibration import Calibration, load_calibration, random_calibration
from tflprof.compress.interface import Subject
from tflprof.compress.methods import open_methods
from tflprof.compress.planning.costs import Costs, Overheads
from tflprof.compress.planning.plan import Plan
from tflprof.compress.planning.planner import MOST_ROUNDS
from tflprof.compress.planning.proxies import LossMemory
from tflprof.errors import UsageError
from tflprof.model.configs import layer_configs
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import Overheads as TableOverheads
from tflprof.runtimes.execute import Executor
from tflprof.runtimes.fetch import cache_directory
from tflprof.workflow.compress_bench import LiveBench
from tflprof.workflow.progress import OnProgress, Progress
from tflprof.workflow.table_predict import check_table

SAMPLES = 64
"""Calibration samples on which losses are looked at."""

KEPT = ("core", "threads", "kernels", "cost", "anchors", "runtime", "xnnpack_flags", "weight_cache")
"""Choices of how models are run that a plan keeps."""

DEFAULT_METHODS = ("clean_up", "prune", "low_rank")
"""What plans choose from unless told: methods that keep the model's inputs, outputs and element types."""


@dataclass(frozen=True)
class CompressionOptions:
    """How a model is to be compressed.

    Attributes:
        table: path of a latency table; None: it is made on the way.
        methods: names of methods.
        calibration: folder or .npz of samples; None: random ones, if ``random`` allows it.
        random: whether random samples will do, which say nothing about quality.
        samples: most samples on which losses are looked at.
        rounds: how often a result is measured and the plan corrected; 0: nothing is measured.
        trials: combinations that are run per round to see what they lose together.
        remember: whether losses are kept in the user's cache.
        solver: ``milp``, or ``netadapt`` for the greedy way alone.
        update: whether rows that are measured are added to the table's file at once.
        evaluate: a command that tells a model's accuracy.
        how: arguments of :func:`tflprof.profile_model`, the target among them.
    """

    table: Path | None = None
    methods: Sequence[str] = DEFAULT_METHODS
    calibration: Path | None = None
    random: bool = False
    samples: int = SAMPLES
    rounds: int = MOST_ROUNDS
    trials: int = 8
    solver: str = "milp"
    update: bool = False
    remember: bool = True
    evaluate: str | None = None
    how: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def opened(model: Path, options: CompressionOptions, *, needs_data: bool) -> Iterator[Subject]:
    """A model with its layers and samples, and an executor for as long as the context lasts.

    Raises UsageError or ModelError for what cannot be compressed, or compressed so.
    """
    open_methods(options.methods)
    graph = read_model(model)
    layers = layer_configs(graph, str(options.how.get("kernels", "xnnpack")))
    if options.calibration is not None:
        calibration = load_calibration(options.calibration, graph).first(options.samples)
    elif options.random or not needs_data:
        calibration = random_calibration(graph, min(options.samples, 16))
    else:
        raise UsageError(
            "without calibration data nothing is known of what changes lose",
            "give samples with --calibration DIR|FILE.npz, or --random-calibration to plan by latency alone",
        )
    with Executor() as executor:
        yield Subject(graph, layers, calibration, executor)


def check_conditions(bench: LiveBench, options: CompressionOptions) -> None:
    """Raise Untrusted before anything is measured if the table is seen to hold elsewhere."""
    if bench.is_known:
        known = ("target", "core", "threads", "kernels", "cost", "runtime")
        asked = {name: options.how.get(name) for name in known}
        check_table(bench.stored.meta, {name: value for name, value in asked.items() if value is not None})


def costs_of(bench: LiveBench) -> Costs:
    """What configurations cost by the bench's table, in the bench's unit."""
    meta = bench.table.meta
    instructions = bench.unit == "instructions" and meta.unit != "instructions"
    over: TableOverheads | None = meta.overheads.instructions if instructions else meta.overheads
    own = Overheads() if over is None else Overheads(over.model, over.part, over.layer)
    return Costs(bench.table, own, instructions=instructions)


def memory_of(subject: Subject, options: CompressionOptions) -> LossMemory:
    """Losses that were found before, in the user's cache."""
    folder = None
    if options.remember:
        with contextlib.suppress(RuntimeError):  # nobody's home
            folder = cache_directory().parent / "losses"
    return LossMemory(folder, subject.model.sha256, subject.calibration.sha256)


def calibration_of_plan(plan: Plan, model: Model, given: Path | None = None) -> Calibration:
    """The samples a plan was made on. Raises UsageError if they are gone or are others by now."""
    count = plan.calibration.get("samples") or SAMPLES
    if plan.calibration.get("source") == "random" and given is None:
        return random_calibration(model, count)
    if given is None and not plan.calibration.get("place"):
        raise UsageError(
            "the plan does not say where its calibration data are",
            "give them with --calibration DIR|FILE.npz",
        )
    place = given or Path(plan.calibration["place"])
    found = load_calibration(place, model).first(count)
    if found.sha256 != plan.calibration.get("sha256") and given is None:
        raise UsageError(
            f"the calibration data {place} are not those that the plan was made on",
            "bring those back, or give others with --calibration, or plan anew",
        )
    return found


def kernels_of_plan(plan: Plan) -> str:
    """The kernels that a plan's layers were read for."""
    return str(plan.how.get("kernels", "xnnpack"))


def teller(tell: OnProgress) -> Any:
    """Progress of the planner as progress of the workflow."""
    return lambda stage, share, detail: tell(Progress(stage, share, detail))


def ignore(_: Progress) -> None:
    """Progress nobody asked for."""
