"""Compression of a model: what could be changed, which changes meet a budget, and making them."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tflprof.analysis.budget import parse_limit
from tflprof.compress.apply import apply_changes
from tflprof.compress.calibration import Calibration, load_calibration, random_calibration
from tflprof.compress.candidates import Candidate, Candidates
from tflprof.compress.costs import Costs, Overheads
from tflprof.compress.interface import Refusal, Subject
from tflprof.compress.methods import open_methods
from tflprof.compress.outcome import Circumstances, obstacles, written
from tflprof.compress.plan import Amount, Plan, check_model
from tflprof.compress.planner import MOST_ROUNDS, Planner, Wish
from tflprof.compress.proxies import Losses, LossMemory
from tflprof.errors import UsageError
from tflprof.files import check_writable, write_atomically
from tflprof.model.configs import layer_configs
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import Overheads as TableOverheads
from tflprof.runtimes.execute import Executor
from tflprof.runtimes.fetch import cache_directory
from tflprof.workflow.compress_bench import LiveBench
from tflprof.workflow.compress_evaluate import evaluate
from tflprof.workflow.progress import OnProgress, Progress
from tflprof.workflow.table_predict import check_table

SAMPLES = 64
"""Calibration samples on which losses are looked at."""

KEPT = ("core", "threads", "kernels", "cost")
"""Choices of how models are run that a plan keeps."""

LISTED_VERSION = 1

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
    remember: bool = True
    evaluate: str | None = None
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """What could be changed, each option alone, and why there is no more."""

    model: Model
    unit: str
    provenance: str
    before: float
    candidates: Sequence[Candidate]
    refusals: Sequence[Refusal]
    calibration: Calibration

    def document(self) -> dict[str, Any]:
        """As JSON-ready values (docs/compress.md)."""
        return {
            "schema_version": LISTED_VERSION,
            "kind": "compression-candidates",
            "model": {"path": self.model.path, "sha256": self.model.sha256},
            "unit": self.unit,
            "provenance": self.provenance,
            "before": self.before,
            "calibration": {"sha256": self.calibration.sha256, "source": self.calibration.source},
            "candidates": [_candidate(one) for one in self.candidates],
            "refusals": [asdict(one) for one in self.refusals],
        }


@dataclass(frozen=True)
class Planned:
    """A plan, with what holds the model back if it does not meet the budget; the rows are all that is known by now."""

    plan: Plan
    obstacles: Sequence[str]
    bench: LiveBench


def list_candidates(
    model: Path, options: CompressionOptions, *, losses: bool = True, on_progress: OnProgress | None = None
) -> Listed:
    """Every option of every method, alone: its latency by the table and its loss on the calibration data.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    tell = on_progress or _ignore
    with _opened(model, options, needs_data=False) as subject:
        bench = LiveBench(subject.model, options.table, options.how, tell)
        _check_table(bench, options)
        if not bench.is_known:
            bench.measure_before()
        costs = _costs(bench)
        candidates = Candidates(subject, open_methods(options.methods))
        judged = losses and subject.calibration.tells_quality
        memory = _memory(subject, options)
        looked = Losses(subject, candidates.methods, memory) if judged else None
        found = candidates.listed(costs, looked, _teller(tell))
        before = candidates.total(costs)
        return Listed(
            model=subject.model,
            unit=bench.unit,
            provenance=bench.stored.meta.provenance,
            before=before,
            candidates=found,
            refusals=candidates.refusals,
            calibration=subject.calibration,
        )


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "method": one.knob.method,
        "knob": one.knob.name,
        "layers": list(one.knob.layers),
        "option": one.option.label,
        "predicted": _finite(one.cost),
        "saved": _finite(one.saved),
        "loss": _finite(one.loss),
        "reason": one.reason or None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def plan_compression(
    model: Path, budget: str, options: CompressionOptions, *, on_progress: OnProgress | None = None
) -> Planned:
    """Choose changes that meet a budget of latency at the least loss.

    Args:
        model: path of the model.
        budget: in the target's unit, such as ``30ms`` or ``20Minst``.
        options: with what, and how.
        on_progress: called now and then.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    tell = on_progress or _ignore
    limit, unit = parse_budget(budget)
    with _opened(model, options, needs_data=True) as subject:
        bench = LiveBench(subject.model, options.table, options.how, tell)
        _check_table(bench, options)
        if options.rounds or not bench.is_known:
            bench.measure_before()
        unit = _unit_of(budget, unit, bench)
        bench.count_in(unit)
        candidates = Candidates(subject, open_methods(options.methods))
        losses = Losses(subject, candidates.methods, _memory(subject, options))
        costs = _costs(bench)
        planner = Planner(candidates, losses, costs, bench if options.rounds else None, _teller(tell))
        now = bench.before() or _by_table(candidates, costs)
        outcome = planner.plan(Wish(limit, options.rounds, options.trials), now)
        around = _circumstances(options, bench, budget, limit, now)
        plan = written(planner, outcome, around, bench.table)
        if options.evaluate is not None:
            plan = replace(plan, accuracy=_accuracy(options.evaluate, losses, plan))
        held = [] if plan.feasible else obstacles(plan.layers, candidates.refusals)
        return Planned(plan, held, bench)


def _accuracy(command: str, losses: Losses, plan: Plan) -> dict[str, float]:
    """What the user's command says of the model before and after."""
    old = Path(losses.subject.model.path)
    before = evaluate(command, old)
    if not plan.changes:
        return {"before": before, "after": before}
    with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
        new = Path(folder) / f"{old.stem}-compressed.tflite"
        new.write_bytes(losses.applied([planned.change for planned in plan.changes]).content)
        return {"before": before, "after": evaluate(command, new)}


def apply_plan(
    plan: Plan, model: Path, output: Path, *, overwrite: bool = False, calibration: Path | None = None
) -> None:
    """Make the changes of a plan and write the new model; ``calibration``: other samples than those of the plan.

    Raises:
        UsageError: the plan is of another model, or names what there is not; the output exists.
        ModelError: the model has parts that cannot be kept.
    """
    check_writable(output, overwrite=overwrite)
    graph = read_model(model)
    check_model(plan, graph)
    if not plan.changes:
        write_atomically(output, lambda part: part.write_bytes(model.read_bytes()))
        return
    changes = [planned.change for planned in plan.changes]
    methods = open_methods(sorted({change.method for change in changes}))
    with Executor() as executor:
        subject = Subject(
            graph, layer_configs(graph), calibration_of_plan(plan, graph, calibration), executor
        )
        content = apply_changes(subject, changes, methods).content
    write_atomically(output, lambda part: part.write_bytes(content))


def calibration_of_plan(plan: Plan, model: Model, given: Path | None = None) -> Calibration:
    """The samples a plan was made on. Raises UsageError if they are gone or are others by now."""
    count = int(plan.calibration.get("samples") or SAMPLES)
    if plan.calibration.get("source") == "random" and given is None:
        return random_calibration(model, count)
    place = given or Path(str(plan.calibration.get("place", "")))
    found = load_calibration(place, model).first(count)
    if found.sha256 != plan.calibration.get("sha256") and given is None:
        raise UsageError(
            f"the calibration data {place} are not those that the plan was made on",
            "bring those back, or give others with --calibration, or plan anew",
        )
    return found


def parse_budget(text: str) -> tuple[float, str]:
    """Value and unit of a budget: ``ns``, ``cycles``, ``instructions`` or ``count``. Raises UsageError for others."""
    limit = parse_limit(text)
    if limit.subject != "total" or limit.absolute is None or limit.unit == "bytes":
        raise UsageError(
            f"the budget {text!r} is no latency of the whole model",
            "such as --budget 30ms or --budget 20Minst",
        )
    return limit.absolute, str(limit.unit)


def _unit_of(text: str, unit: str, bench: LiveBench) -> str:
    """The unit that costs are to be in."""
    own = bench.stored.meta.unit
    has_counts = own == "instructions" or any(row.instructions is not None for row in bench.stored.rows)
    if unit == own or (unit == "count" and own != "ns"):
        return own
    if unit in ("instructions", "count") and has_counts:
        return "instructions"
    also = " and instructions" if has_counts and own == "ns" else ""
    raise UsageError(
        f"the budget {text!r} is in {unit}, and the table has {own}{also}",
        "give a time, such as 30ms" if own == "ns" else "give a number of instructions, such as 20Minst",
    )


@contextlib.contextmanager
def _opened(model: Path, options: CompressionOptions, *, needs_data: bool) -> Iterator[Subject]:
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


def _check_table(bench: LiveBench, options: CompressionOptions) -> None:
    """Raise Untrusted before anything is measured if the table is seen to hold elsewhere."""
    if bench.is_known:
        known = ("target", "core", "threads", "kernels", "cost", "runtime")
        asked = {name: options.how.get(name) for name in known}
        check_table(bench.stored.meta, {name: value for name, value in asked.items() if value is not None})


def _costs(bench: LiveBench) -> Costs:
    meta = bench.table.meta
    instructions = bench.unit == "instructions" and meta.unit != "instructions"
    over: TableOverheads | None = meta.overheads.instructions if instructions else meta.overheads
    own = Overheads() if over is None else Overheads(over.model, over.part, over.layer)
    return Costs(bench.table, own, instructions=instructions)


def _by_table(candidates: Candidates, costs: Costs) -> Amount:
    total = candidates.total(costs)
    return Amount(total, total, total, measured=False)


def _memory(subject: Subject, options: CompressionOptions) -> LossMemory:
    folder = cache_directory().parent / "losses" if options.remember else None
    return LossMemory(folder, subject.model.sha256, subject.calibration.sha256)


def _circumstances(
    options: CompressionOptions, bench: LiveBench, text: str, limit: float, before: Amount
) -> Circumstances:
    meta = bench.stored.meta
    table = {
        "path": None if options.table is None else str(options.table),
        "target": f"{meta.target.kind}:{meta.target.name}",
        "runtime": dict(meta.runtime),
        "kernels": meta.kernels,
        "threads": meta.threads,
        "rows": len(bench.stored.rows),
    }
    how = {key: value for key, value in options.how.items() if key in KEPT and value is not None}
    target = str(options.how.get("target", ""))
    return Circumstances(target, table, bench.unit, meta.provenance, text, limit, before, how)


def _teller(tell: OnProgress) -> Any:
    return lambda stage, share, detail: tell(Progress(stage, share, detail))


def _ignore(_: Progress) -> None:
    """Progress nobody asked for."""
